"""A tiny Qwen3-MoE, batches of two categories, and the true counts of a step."""

from __future__ import annotations

import copy

import torch
import transformers
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

transformers.logging.set_verbosity_error()

EXPERTS, TOP_K, LAYERS, CATEGORIES = 8, 2, 2, ["code", "docs"]


def model(seed: int = 0) -> Qwen3MoeForCausalLM:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    config = Qwen3MoeConfig(
        vocab_size=64, hidden_size=16, intermediate_size=16, moe_intermediate_size=8, num_hidden_layers=LAYERS, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, num_experts=EXPERTS, num_experts_per_tok=TOP_K,
    )  # fmt: skip
    made = Qwen3MoeForCausalLM(config).train()
    made.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return made


def batch(seed: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Inputs for the model, and a category for each sample. The second sample is padded by as many tokens as its seed says."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(0, 64, (4, 10), generator=generator)
    mask = torch.ones_like(tokens)
    mask[1, 4 + seed % 5 :] = 0
    inputs = dict(input_ids=tokens, attention_mask=mask, labels=tokens.masked_fill(mask == 0, -100))
    return inputs, torch.randint(0, 2, (4,), generator=generator)


class Truth:
    """Counts with a copy of the model that has no hooks of moescope, from the inputs of its routers: [C, LAYERS, EXPERTS]."""

    def __init__(self, of: Qwen3MoeForCausalLM) -> None:
        self.plain = copy.deepcopy(of).eval()
        self.plain.gradient_checkpointing_disable()
        self.plain.__dict__.pop("forward", None)  # TRL puts one there that calls the model that was copied
        for module in self.plain.modules():
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
        self.inputs: list[torch.Tensor] = []
        for layer in self.plain.model.layers:
            layer.mlp.gate.register_forward_pre_hook(lambda _, args: self.inputs.append(args[0].reshape(-1, args[0].shape[-1])))

    @torch.no_grad()
    def counts(self, of: Qwen3MoeForCausalLM, inputs: dict[str, torch.Tensor], category: torch.Tensor) -> torch.Tensor:
        whole = {name: value.full_tensor() if hasattr(value, "full_tensor") else value for name, value in of.state_dict().items()}
        self.plain.load_state_dict(whole)
        self.inputs.clear()
        # With a cache, transformers would not see from the positions where packed samples begin.
        self.plain(**inputs, use_cache=False)
        mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])).bool()
        labels = torch.where(mask, category[:, None], -1).reshape(-1)
        found = torch.zeros(2, LAYERS, EXPERTS, dtype=torch.int64)
        for layer, hidden in enumerate(self.inputs):
            logits = hidden @ self.plain.model.layers[layer].mlp.gate.weight.t()
            chosen = logits.argsort(dim=-1, descending=True)[:, :TOP_K]
            for number in (0, 1):
                found[number, layer] = torch.bincount(chosen[labels == number].reshape(-1), minlength=EXPERTS)
        return found
