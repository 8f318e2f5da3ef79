"""The transformer of packages/trainer/src/model in PyTorch, from its recipes and start values; in double precision.

B sequences of S positions, T = B · S tokens, D width, E experts, K choices, F hidden width of one expert.
"""

import torch
import torch.nn.functional as F

from fixture import hot


class Transformer:
    """Parameters by the names of the trainer, and the selection bias of every MoE layer."""

    def __init__(self, options: dict, parameters: dict[str, torch.Tensor]):
        self.options = options
        self.parameters = {name: values.double().requires_grad_() for name, values in parameters.items()}
        self.moe_layers = range(options["denseLayers"], options["layers"])
        self.biases = {layer: torch.zeros(options["experts"], dtype=torch.float64) for layer in self.moe_layers}

    def forward(self, tokens_BS: torch.Tensor) -> tuple[torch.Tensor, list["Routing"]]:
        """Logits [B, S, V], and what the router of each MoE layer did."""
        get, routings = self.parameters.__getitem__, []
        x_BSD = get("embedding")[tokens_BS]
        for layer in range(self.options["layers"]):
            own = lambda name: get(f"block{layer}.{name}")
            qkv = norm(x_BSD, own("attention.norm")) @ own("attention.qkv")
            x_BSD = x_BSD + attention(qkv, self.options["heads"]) @ own("attention.out")
            normed = norm(x_BSD, own("feedforward.norm"))
            if layer not in self.moe_layers:
                x_BSD = x_BSD + swiglu(normed, own("dense.in")[0], own("dense.out")[0])
                continue
            routing = Routing(normed.flatten(0, 1) @ own("router"), self.biases[layer], self.options)
            routings.append(routing)
            y_TD = run_experts(normed.flatten(0, 1), routing.gates_TE, own("experts.in"), own("experts.out"))
            x_BSD = x_BSD + y_TD.view_as(x_BSD)
            if self.options["sharedExperts"] > 0:
                x_BSD = x_BSD + swiglu(normed, own("shared.in")[0], own("shared.out")[0])
        return norm(x_BSD, get("norm")) @ get("head"), routings


class Routing:
    """Scores, choice and gate weights of one layer; the bias counts in the choice alone."""

    def __init__(self, logits_TE: torch.Tensor, bias_E: torch.Tensor, options: dict):
        k = options["topK"]
        scores_TE = logits_TE.sigmoid() if options["gate"] == "sigmoid" else logits_TE.softmax(-1)
        selection_TE, group_margin = within_groups(scores_TE.detach() + bias_E, options)
        highest = selection_TE.topk(k + 1, dim=-1)
        self.logits_TE = logits_TE
        self.probabilities_TE = scores_TE / scores_TE.sum(-1, keepdim=True)
        self.chosen_TE = hot(highest.indices[:, :k], options["experts"], torch.float64)
        self.preferred_TE = hot(scores_TE.topk(k, dim=-1).indices, options["experts"], torch.float64)
        gates_TE = scores_TE * self.chosen_TE
        if options["normaliseGates"]:
            gates_TE = gates_TE / gates_TE.sum(-1, keepdim=True)
        self.gates_TE = gates_TE * options["gateScale"]
        # By how much the nearest of all choices was made.
        self.margin = min((highest.values[:, k - 1] - highest.values[:, k]).min().item(), group_margin)

    @property
    def counts_E(self) -> torch.Tensor:
        return self.chosen_TE.sum(0)


def within_groups(scores_TE: torch.Tensor, options: dict) -> tuple[torch.Tensor, float]:
    """−∞ outside the groups with the highest sum of their two best; and by how much the nearest of those choices was made."""
    groups, kept = options["groups"], options["groupsKept"]
    if groups == kept:
        return scores_TE, float("inf")
    by_group_TGS = scores_TE.view(len(scores_TE), groups, -1)
    sums_TG = by_group_TGS.topk(2, dim=-1).values.sum(-1)
    best = sums_TG.topk(kept + 1, dim=-1)
    open_TG = hot(best.indices[:, :kept], groups).bool()
    limited = by_group_TGS.masked_fill(~open_TG.unsqueeze(-1), float("-inf")).view_as(scores_TE)
    return limited, (best.values[:, kept - 1] - best.values[:, kept]).min().item()


def norm(x: torch.Tensor, gain_D: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, gain_D.shape, gain_D, eps=1e-6)


def swiglu(x: torch.Tensor, w_in_D2F: torch.Tensor, w_out_FD: torch.Tensor) -> torch.Tensor:
    gate, up = (x @ w_in_D2F).chunk(2, dim=-1)
    return (F.silu(gate) * up) @ w_out_FD


def run_experts(x_TD, gates_TE, w_in_ED2F, w_out_EFD) -> torch.Tensor:
    y_TD = torch.zeros_like(x_TD)
    for expert in range(gates_TE.shape[1]):
        tokens = gates_TE[:, expert].nonzero().squeeze(1)
        answers = swiglu(x_TD[tokens], w_in_ED2F[expert], w_out_EFD[expert])
        y_TD = y_TD.index_add(0, tokens, answers * gates_TE[tokens, expert, None])
    return y_TD


def attention(qkv_BS3D: torch.Tensor, heads: int) -> torch.Tensor:
    batch, positions, _ = qkv_BS3D.shape
    q, k, v = (part.view(batch, positions, heads, -1).transpose(1, 2) for part in qkv_BS3D.chunk(3, dim=-1))
    out = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True)
    return out.transpose(1, 2).flatten(2)


def rotate(x_BHSW: torch.Tensor) -> torch.Tensor:
    """Rotary positions; columns j and j + W/2 turn together by position · 10000^(−2j/W)."""
    positions, half = x_BHSW.shape[-2], x_BHSW.shape[-1] // 2
    speeds = 10_000.0 ** (-torch.arange(half, dtype=x_BHSW.dtype) / half)
    angles = torch.arange(positions, dtype=x_BHSW.dtype)[:, None] * speeds
    a, b = x_BHSW.chunk(2, dim=-1)
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], dim=-1)
