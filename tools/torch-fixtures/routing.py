"""Ways to route and to balance that were published later, in plain torch and double precision, as `formulas.py` has the others.

T tokens, E experts, K choices.
"""

import torch

from fixture import require_clear_choice
from formulas import E, K, T, drawn, switch_loss, top_k, with_gradients

SEQUENCES = 4


def first_choice_loss() -> dict:
    """GShard, arXiv 2006.16668 algorithm 1: f of first choices alone, over the batch and over sequences."""
    logits_TE = drawn(41)(T, E).requires_grad_()
    require_clear_choice("first choices", logits_TE, 1)
    first_TE, p_TE = top_k(logits_TE, 1), logits_TE.softmax(-1)
    pairs = zip(p_TE.split(T // SEQUENCES), first_TE.split(T // SEQUENCES))
    of_sequences = torch.stack([switch_loss(p, first) for p, first in pairs]).mean()
    # As printed there: (1/E) Σ (c_e / S) m_e.
    printed = (first_TE.sum(0) / T * p_TE.mean(0)).mean()
    inputs = {"logits_TE": logits_TE}
    return {
        "batch": with_gradients(inputs, printed * E**2, groups=1),
        "sequences": with_gradients(inputs, of_sequences, groups=SEQUENCES),
    }


def all_cases() -> dict:
    return {
        "topK": K,
        "sequences": SEQUENCES,
        "firstChoiceLoss": first_choice_loss(),
    }
