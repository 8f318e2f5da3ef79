"""Ways to route and to balance that were published later, in plain torch and double precision, as `formulas.py` has the others.

T tokens, E experts, K choices.
"""

import torch

from fixture import require_clear_choice
from formulas import E, K, T, drawn, switch_loss, top_k, with_gradients

SEQUENCES = 4
double = torch.float64


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


def quantile_histogram() -> dict:
    """torchtitan `QuantileBalancer`, Kimi K3 appendix D: three batches one after another."""
    draw = drawn(44)
    bins = 51
    bias_E = torch.zeros(E, dtype=double)
    batches = []
    for _ in range(3):
        scores_TE = draw(T, E).sigmoid().float().double()
        border_T1 = (scores_TE + bias_E).topk(K + 1, dim=-1).values[:, K:]
        low, width = bias_E.min() - 1, (bias_E.max() - bias_E.min() + 2) / bins
        place_TE = (border_T1 - scores_TE - low) / width
        require_clear_bins(place_TE)
        index_ET = place_TE.floor().long().clamp(0, bins - 1).T
        histogram_EN = torch.zeros(E, bins, dtype=torch.long).scatter_add_(1, index_ET, torch.ones_like(index_ET))
        target = T * K / E
        summed_EN = histogram_EN.cumsum(-1)
        bin_E1 = (summed_EN < -(-T * K // E)).sum(-1, keepdim=True)
        here_E = histogram_EN.gather(-1, bin_E1)[:, 0]
        before_E = summed_EN.gather(-1, bin_E1)[:, 0] - here_E
        quantile_E = bin_E1[:, 0] + (target - before_E) / here_E
        after_E = (quantile_E - quantile_E.mean()) * width
        batches.append({"scores_TE": scores_TE, "before_E": bias_E, "histogram_EN": histogram_EN, "after_E": after_E})
        bias_E = after_E.float().double()
    return {"bins": bins, "batches": batches}


def require_clear_bins(place_TE: torch.Tensor) -> None:
    """No required bias so close to the end of a bin that rounding could tip it; exact zeros."""
    margin = (place_TE - place_TE.round()).abs()
    if (margin < 1e-4).any():
        raise SystemExit(f"quantile histogram: a bin hangs on {margin.min():.1e} of its width; draw from another seed")


def expert_threshold() -> dict:
    """arXiv 2603.11535 and its code: choice by the thresholds of the batches before, then the average of the C-th highest logits."""
    draw = drawn(45)
    decay = 0.9
    average_E = torch.zeros(E, dtype=double)
    batches = []
    for step in range(4):
        logits_TE = draw(T, E)
        batch = {"logits_TE": logits_TE}
        if step > 0:
            threshold_E = average_E / (1 - decay**step)
            require_apart(logits_TE, threshold_E)
            batch |= {"threshold_E": threshold_E, "chosen_TE": (logits_TE >= threshold_E).to(double)}
        cutoff_E = logits_TE.T.topk(T * K // E, dim=1).values[:, -1]
        average_E = (decay * average_E + (1 - decay) * cutoff_E).float().double()
        batches.append(batch | {"cutoff_E": cutoff_E, "average_E": average_E})
    return {"decay": decay, "batches": batches}


def require_apart(logits_TE: torch.Tensor, threshold_E: torch.Tensor) -> None:
    margin = (logits_TE - threshold_E).abs().min().item()
    if margin < 1e-4:
        raise SystemExit(f"expert threshold: a choice hangs on {margin:.1e}, so rounding could tip it; draw from another seed")


def seq_top_k() -> dict:
    """arXiv 2511.06494, and Megatron-LM 6208 where a token has a most: the S · K best pairs of each sequence."""
    scores_TE = drawn(46)(T, E).softmax(-1).float().double()
    cases = []
    for most in (E, K + 1):
        border_T1 = scores_TE.topk(most, dim=-1).values[:, -1:]
        open_TE = scores_TE.masked_fill(scores_TE < border_T1, float("-inf"))
        pairs_BP = open_TE.reshape(SEQUENCES, -1)
        require_clear_choice("SeqTopK", pairs_BP * 10, T // SEQUENCES * K)
        cases.append({"most": most, "chosen_TE": top_k(pairs_BP, T // SEQUENCES * K).reshape(T, E)})
    return {"scores_TE": scores_TE, "cases": cases}


def bip() -> dict:
    """arXiv 2502.15451 algorithm 1: three batches one after another, each routed by the prices that it led to itself."""
    draw = drawn(47)
    iterations = 3
    q_E = torch.zeros(E, dtype=double)
    batches = []
    for _ in range(3):
        scores_TE = draw(T, E).sigmoid().float().double()
        batch = {"scores_TE": scores_TE, "before_E": q_E}
        for _ in range(iterations):
            p_T1 = (scores_TE - q_E).topk(K + 1, dim=1).values[:, -1:].clamp(min=0)
            q_E = (scores_TE - p_T1).topk(T * K // E + 1, dim=0).values[-1].clamp(min=0)
        q_E = q_E.float().double()
        batches.append(batch | {"after_E": q_E})
    return {"iterations": iterations, "batches": batches}


def all_cases() -> dict:
    return {
        "topK": K,
        "sequences": SEQUENCES,
        "firstChoiceLoss": first_choice_loss(),
        "dropByGate": drop_by_gate(),
        "quantileHistogram": quantile_histogram(),
        "expertThreshold": expert_threshold(),
        "seqTopK": seq_top_k(),
        "bip": bip(),
    }
