"""Where attention heads look: the share that goes to each class of tokens, and the scores by which kinds of heads are told apart.

The definitions are those of packages/metrics/src/head-category.ts and of the trainer's probes (packages/trainer/src/probe).

Shapes: B sequences × S positions (queries, then keys), H heads, C token classes. All results are means over the sequences.
Importing this module imports torch.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Positions that count as near, the query's own included.
LOCAL_WINDOW = 8


def repeat_period(positions: int) -> int:
    """Positions between a token and its repetition. Scores are means over the queries from here on, which have many keys to choose from."""
    return positions // 2


def shares_by_class(attention_BHSS: Tensor, class_BSC: Tensor) -> Tensor:
    """Share of the attention that goes to keys of each class, mean over all queries, [H, C]. A query's own position is a key too."""
    return torch.einsum("bhs,bsc->hc", attention_BHSS.mean(2), class_BSC) / attention_BHSS.shape[0]


def shares_of_uniform(class_BSC: Tensor) -> Tensor:
    """The same of a head that gives every position up to its own an equal share: what the text alone amounts to, [C]."""
    positions = class_BSC.shape[1]
    share_S = 1 / torch.arange(1, positions + 1, dtype=torch.float64)
    # A key is seen by its own query and by all later ones.
    received_S = share_S.flip(0).cumsum(0).flip(0) / positions
    return torch.einsum("s,bsc->c", received_S, class_BSC.double()) / class_BSC.shape[0]


def text_scores(attention_BHSS: Tensor) -> Tensor:
    """Previous token, first token, local and broad of each head on text, [H, 4]."""
    first = repeat_period(attention_BHSS.shape[-1])
    local_BH = torch.stack([_mass_at(attention_BHSS, offset) for offset in range(LOCAL_WINDOW)]).sum(0)
    sink_BH = attention_BHSS[:, :, first:, 0].mean(-1)
    return torch.stack([_mass_at(attention_BHSS, 1), sink_BH, local_BH, _evenness(attention_BHSS)], -1).mean(0)


def induction_scores(attention_BHSS: Tensor) -> Tensor:
    """On repeated sequences: attention to the token after the earlier occurrence of the query's own, [H] (arXiv 2209.11895)."""
    return _mass_at(attention_BHSS, repeat_period(attention_BHSS.shape[-1]) - 1).mean(0)


def _mass_at(attention_BHSS: Tensor, offset: int) -> Tensor:
    """[B, H], mean over the queries of the second half of the attention to the key `offset` positions before."""
    positions = attention_BHSS.shape[-1]
    first = repeat_period(positions)
    given = attention_BHSS.diagonal(-offset, -2, -1)[..., max(first - offset, 0) :]
    return given.sum(-1) / (positions - first)


def _evenness(attention_BHSS: Tensor) -> Tensor:
    """[B, H], entropy of each query's attention divided by the highest that it can have, mean over the queries of the second half."""
    positions = attention_BHSS.shape[-1]
    first = repeat_period(positions)
    entropy_BHQ: Tensor = torch.special.entr(attention_BHSS[:, :, first:]).sum(-1)
    return (entropy_BHQ / torch.arange(first + 1, positions + 1, device=entropy_BHQ.device).log()).mean(-1)
