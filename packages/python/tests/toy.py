"""A small MoE model of our own, and its choices counted without hooks: a plain copy runs the same tokens, one call at a time."""

from __future__ import annotations

import copy

import torch
from torch.utils.checkpoint import checkpoint

WIDTH, EXPERTS, TOP_K, LAYERS = 16, 8, 2, 3


class TopKRouter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.top_k, self.num_experts = TOP_K, EXPERTS
        self.weight = torch.nn.Parameter(torch.randn(EXPERTS, WIDTH))

    def forward(self, x):
        logits = x.reshape(-1, WIDTH) @ self.weight.t()
        values, indices = logits.softmax(-1).topk(TOP_K, dim=-1)
        return logits, values, indices


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.router = TopKRouter()
        self.experts = torch.nn.Parameter(torch.randn(EXPERTS, WIDTH, WIDTH) * 0.1)

    def forward(self, x):
        logits, values, indices = self.router(x)
        gates = torch.zeros_like(logits).scatter(-1, indices, values)
        flat = x.reshape(-1, WIDTH)
        return x + torch.einsum("te,ted->td", gates, torch.einsum("td,edf->tef", flat, self.experts)).reshape(x.shape)


class Toy(torch.nn.Module):
    """checkpointing: None, "reentrant" or "non-reentrant"."""

    def __init__(self, checkpointing=None):
        super().__init__()
        self.layers = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.checkpointing = checkpointing

    def forward(self, x, attention_mask=None):
        for block in self.layers:
            if self.checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=self.checkpointing == "reentrant")
            else:
                x = block(x)
        return x.square().mean()


def true_counts(model: Toy, x: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
    """[LAYERS, EXPERTS] choices for the tokens of x [B, S, WIDTH] that `keep` [B, S] says."""
    plain = copy.deepcopy(model).eval()
    for module in plain.modules():
        module._forward_hooks.clear()
        module._forward_pre_hooks.clear()
    counts = torch.zeros(LAYERS, EXPERTS, dtype=torch.int64)
    kept = torch.ones(x.shape[:-1], dtype=torch.bool) if keep is None else keep.bool()
    with torch.no_grad():
        for layer, block in enumerate(plain.layers):
            _, _, indices = block.router(x)
            counts[layer] = torch.bincount(indices[kept.reshape(-1)].reshape(-1), minlength=EXPERTS)
            x = block(x)
    return counts


def batch(seed: int, samples: int = 2, length: int = 12) -> torch.Tensor:
    return torch.randn(samples, length, WIDTH, generator=torch.Generator().manual_seed(seed)).requires_grad_()
