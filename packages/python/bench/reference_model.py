"""The reference model of the benches in PyTorch: a decoder with attention by rotated positions and SwiGLU experts, dropless, as small as
trains on a CPU. Its router is a module, as in every framework."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

LAYERS, WIDTH, HEADS, EXPERTS, TOP_K, HIDDEN, VOCABULARY = 6, 256, 4, 16, 2, 256, 256
SAMPLES, LENGTH = 16, 128


class TopKRouter(nn.Module):
    def __init__(self, width: int = WIDTH, experts: int = EXPERTS, top_k: int = TOP_K) -> None:
        super().__init__()
        self.top_k, self.num_experts = top_k, experts
        self.weight = nn.Parameter(torch.randn(experts, width) * width**-0.5)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = F.linear(tokens, self.weight)
        weights, indices = logits.softmax(-1).topk(self.top_k, -1)
        return logits, weights / weights.sum(-1, keepdim=True), indices


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.router = TopKRouter()
        self.up, self.gate, self.down = (
            nn.Parameter(torch.randn(EXPERTS, rows, columns) * rows**-0.5)
            for rows, columns in ((WIDTH, HIDDEN), (WIDTH, HIDDEN), (HIDDEN, WIDTH))
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, WIDTH)
        _, weights, indices = self.router(tokens)
        order = indices.reshape(-1).argsort(stable=True)
        sizes = torch.bincount(indices.reshape(-1), minlength=EXPERTS).tolist()
        token = order // TOP_K
        parts = tokens[token].split(sizes)
        made = [(F.silu(part @ self.gate[e]) * (part @ self.up[e])) @ self.down[e] for e, part in enumerate(parts)]
        weighted = torch.cat(made) * weights.reshape(-1)[order, None]
        return torch.zeros_like(tokens).index_add(0, token, weighted).view_as(x)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(WIDTH) for _ in range(2))
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.experts = Experts()

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        samples, length, _ = x.shape
        query, key, value = self.qkv(self.norms[0](x)).view(samples, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        query, key = (part * cosine + _rotated(part) * sine for part in (query, key))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(samples, length, WIDTH))
        return x + self.experts(self.norms[1](x))


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.RMSNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        width = WIDTH // HEADS
        angles = torch.outer(torch.arange(LENGTH), 1e4 ** (-torch.arange(0, width, 2) / width)).repeat(1, 2)
        self.register_buffer("cosine", angles.cos())
        self.register_buffer("sine", angles.sin())

    def forward(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy of each next token. tokens: [SAMPLES, LENGTH + 1]."""
        x = self.embedding(tokens[:, :-1])
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), tokens[:, 1:].flatten())


def _rotated(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat([-second, first], -1)
