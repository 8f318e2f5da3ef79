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


def drop_by_gate() -> dict:
    """Megatron-LM `apply_router_token_dropping`, drop policy "probs": an expert keeps the gates that are highest in its column."""
    logits_TE = drawn(42)(T, E)
    chosen_TE = top_k(logits_TE)
    gates_TE = logits_TE.masked_fill(chosen_TE == 0, float("-inf")).softmax(-1)
    capacity = 4
    require_clear_choice("drop by gate", gates_TE.T + 1e-3 * drawn(43)(E, T).abs() * (gates_TE.T == 0), capacity)
    kept_TE = chosen_TE * top_k(gates_TE.T, capacity).T
    return {"logits_TE": logits_TE, "capacity": capacity, "chosen_TE": chosen_TE, "kept_TE": kept_TE}


def all_cases() -> dict:
    return {
        "topK": K,
        "sequences": SEQUENCES,
        "firstChoiceLoss": first_choice_loss(),
        "dropByGate": drop_by_gate(),
    }
