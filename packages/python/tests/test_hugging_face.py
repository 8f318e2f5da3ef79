"""Every architecture of transformers that has a router of a different make, as a tiny random model.

The truth is what the model did with torch: its calls of topk and argmax are spied on, and where it draws its choice, what its experts
were given. moescope reads what routers return.
"""

from __future__ import annotations

import pytest
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from moescope.attach import attached_counter, describe, find_routers
from moescope.histograms import histograms_of
from moescope.tally import Snapshots

transformers.logging.set_verbosity_error()

BASE = dict(
    vocab_size=64, hidden_size=32, intermediate_size=32, moe_intermediate_size=16, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=8, pad_token_id=0,
)  # fmt: skip
LATENT = dict(q_lora_rank=8, kv_lora_rank=8, qk_rope_head_dim=4, qk_nope_head_dim=4, v_head_dim=8, num_key_value_heads=4, head_dim=4)
GROUPS = dict(n_routed_experts=8, num_experts_per_tok=2, n_group=2, topk_group=1, n_shared_experts=1, first_k_dense_replace=0)
LINEAR = dict(
    linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
    layer_types=["full_attention", "full_attention"],
)  # fmt: skip
ENCODER_DECODER = dict(d_model=32, d_kv=8, d_ff=32, num_heads=4, num_experts=4, decoder_start_token_id=0)
EIGHT, LOCAL = dict(num_experts=8, num_experts_per_tok=2), dict(num_local_experts=8, num_experts_per_tok=2)
CONFIGURATIONS = {
    "mixtral": LOCAL,
    "qwen2_moe": {**EIGHT, "shared_expert_intermediate_size": 16},
    "qwen3_moe": EIGHT,
    "qwen3_next": {**EIGHT, "shared_expert_intermediate_size": 16, **LINEAR},
    "olmoe": EIGHT,
    "deepseek_v2": {**GROUPS, **LATENT, "n_group": 1},
    "deepseek_v3": {**GROUPS, **LATENT},
    "gpt_oss": LOCAL,
    "glm4_moe": GROUPS,
    "glm4_moe_lite": {**GROUPS, **LATENT, "n_group": 1},
    "minimax_m2": {**LOCAL, "rotary_dim": 8},
    "granitemoe": LOCAL,
    "phimoe": LOCAL,
    "ernie4_5_moe": dict(moe_num_experts=8, moe_k=2, moe_layer_start_index=0, moe_num_shared_experts=1),
    "dots1": GROUPS,
    "hunyuan_v1_moe": dict(num_experts=8, moe_topk=2),
    "longcat_flash": {
        **LATENT, "num_layers": 2, "num_hidden_layers": 4, "n_routed_experts": 8, "zero_expert_num": 4, "moe_topk": 2,
        "ffn_hidden_size": 32, "expert_ffn_hidden_size": 16,
    },
    "llama4_text": dict(num_local_experts=8, num_experts_per_tok=2, intermediate_size_mlp=32, interleave_moe_layer_step=1),
    "jetmoe": {**LOCAL, "kv_channels": 8},
    "dbrx": dict(
        d_model=32, n_heads=4, n_layers=2, vocab_size=64, attn_config=dict(kv_n_heads=2, clip_qkv=8, rope_theta=10000.0),
        ffn_config=dict(ffn_hidden_size=32, moe_num_experts=8, moe_top_k=2),
    ),
    "switch_transformers": dict(
        **ENCODER_DECODER, vocab_size=64, num_layers=2, num_decoder_layers=2, num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1, expert_capacity=4, router_jitter_noise=0.0,
    ),
    "nllb-moe": dict(
        **ENCODER_DECODER, vocab_size=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
        encoder_ffn_dim=32, decoder_ffn_dim=32, encoder_sparse_step=1, decoder_sparse_step=1, expert_capacity=6,
        second_expert_policy="all", moe_token_dropout=0.0,
    ),
}  # fmt: skip


BIASED = {"deepseek_v3", "glm4_moe", "glm4_moe_lite", "minimax_m2", "ernie4_5_moe", "dots1", "longcat_flash"}


def made(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    own = CONFIGURATIONS[kind]
    config = AutoConfig.for_model(kind, **(own if kind in ("dbrx", "switch_transformers", "nllb-moe") else {**BASE, **own}))
    of = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = of.from_config(config).train()
    # Weights that are all alike, or biases that are all zero, would choose the same experts for every token.
    with torch.no_grad():
        for router in find_routers(model):
            for parameter in router.module.parameters():
                parameter.normal_()
            if router.bias is not None:
                router.bias().normal_(std=0.1)
    return model


def inputs(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    tokens = torch.randint(1, 64, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(tokens)
    mask[0, 6:] = 0
    if not model.config.is_encoder_decoder:
        return dict(input_ids=tokens, attention_mask=mask, labels=tokens.masked_fill(mask == 0, -100))
    return dict(input_ids=tokens, attention_mask=mask, decoder_input_ids=tokens[:, :7], labels=tokens[:, :7].contiguous())


class Chosen:
    """While it is entered: the [T, K] choices of every router, as the model made them."""

    def __init__(self, model: torch.nn.Module, kind: str) -> None:
        self.model, self.kind = model, kind
        self.choices: dict[str, torch.Tensor] = {}
        self.calls: list[torch.Tensor] = []

    def __enter__(self):
        self.handles, self.spied = [], []
        for router in find_routers(self.model):
            block = self.model.get_submodule(router.name.rpartition(".")[0])
            # Blocks choose for some routers; JetMoE's attention is asked by another way than forward.
            around = router.module if self.kind == "jetmoe" else block
            self.handles.append(around.register_forward_pre_hook(lambda *_: self.calls.clear(), prepend=True))
            self.handles.append(around.register_forward_hook(self._end(router)))
            if self.kind == "phimoe":
                self.handles.append(block.experts.register_forward_pre_hook(lambda _, args: self.calls.append(args[1])))
        for owner, name in ((torch, "topk"), (torch.Tensor, "topk"), (torch, "argmax")):
            self._spy(owner, name)
        return self

    def __exit__(self, *_):
        for owner, name, original in self.spied:
            setattr(owner, name, original)
        for handle in self.handles:
            handle.remove()

    def _spy(self, owner, name):
        original = getattr(owner, name)
        self.spied.append((owner, name, original))

        def spy(*args, **kwargs):
            result = original(*args, **kwargs)
            self.calls.append(result if isinstance(result, torch.Tensor) else result[1])
            return result

        setattr(owner, name, spy)

    def _end(self, router):
        def end(module, args, output):
            if self.kind in ("switch_transformers", "nllb-moe"):
                chosen = torch.stack([part.reshape(-1) for part in self.calls[: router.layer.top_k]], dim=1)
            else:
                chosen = next(part for part in reversed(self.calls) if part.ndim == 2 and part.shape[-1] == router.layer.top_k)
            self.choices[router.name] = chosen.clone()

        return end


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_counts_are_the_choices_that_the_model_made(kind):
    model = made(kind)
    batch = inputs(model)
    with Chosen(model, kind) as truth:
        counter = attached_counter(model, (), 1)
        loss = model(**batch).loss
    loss.backward()
    histograms = {histogram.layer: histogram for histogram in histograms_of(counter.routers, Snapshots().take(counter.total).wait())}
    assert len(histograms) == len(counter.routers) >= 1, describe(counter.routers)
    for router in counter.routers:
        chosen = truth.choices[router.name]
        kept = batch["attention_mask"].reshape(-1).bool()
        if router.stream == "decoder":
            kept = torch.ones(14, dtype=torch.bool)
        expected = torch.bincount(chosen[kept].reshape(-1), minlength=router.layer.experts)
        (routing,) = histograms[router.layer.index].categories
        assert routing.counts.tolist() == expected.tolist(), router.name
        assert routing.tokens == int(kept.sum())
        assert expected.count_nonzero() > 1
        assert (router.bias is not None) == (kind in BIASED)
        if router.bias is not None:
            assert histograms[router.layer.index].selection_bias.tolist() == router.bias().reshape(-1).tolist()
        assert (histograms[router.layer.index].gate_mass is None) == (kind == "dbrx")


@pytest.mark.parametrize("kind", ["switch_transformers", "longcat_flash", "jetmoe"])
def test_a_wrapper_around_the_model_changes_nothing(kind):
    model = made(kind)
    plain, wrapped = find_routers(model), find_routers(torch.nn.Sequential(model))
    assert [(router.layer, router.stream) for router in wrapped] == [(router.layer, router.stream) for router in plain]
    assert {router.stream for router in plain} == ({"", "decoder"} if kind == "switch_transformers" else {""})
    assert {router.layer.identity_experts for router in plain} == ({4} if kind == "longcat_flash" else {0})
    assert {router.layer.group for router in plain} == {
        "switch_transformers": {"encoder", "decoder"}, "longcat_flash": {""}, "jetmoe": {"self_attention.experts", "mlp"},
    }[kind]  # fmt: skip
    assert len({router.layer.index for router in plain}) == len(plain)


def test_a_router_that_is_left_out_is_not_replaced_by_its_block():
    model = made("llama4_text")
    first, *others = [router.name for router in find_routers(model)]
    assert [router.name for router in find_routers(model, skip=[first])] == others


@pytest.mark.parametrize("kind", ["switch_transformers", "nllb-moe"])
def test_dropped_are_the_choices_that_no_expert_carried_out(kind):
    model, carried = made(kind), {}
    batch = inputs(model)
    batch["attention_mask"] = torch.ones_like(batch["attention_mask"])
    counter = attached_counter(model, (), 1)
    for router in counter.routers:

        def keep(module, args, output, name=router.name):
            weights = output[0] if kind == "switch_transformers" else output[1]
            carried[name] = (weights.reshape(-1, weights.shape[-1]) > 0).sum(0)

        router.module.register_forward_hook(keep)
    model(**batch).loss.backward()
    histograms = {histogram.layer: histogram for histogram in histograms_of(counter.routers, Snapshots().take(counter.total).wait())}
    lost = 0
    for router in counter.routers:
        (routing,) = histograms[router.layer.index].categories
        dropped = 0 if routing.dropped_counts is None else routing.dropped_counts
        assert (routing.counts - dropped).tolist() == carried[router.name].tolist()
        lost += int(dropped.sum()) if routing.dropped_counts is not None else 0
    assert lost > 0
