"""Published balancing formulas in plain torch, in double precision: inputs, values, and gradients for the inputs.

T tokens, E experts, K choices, D width, F hidden width of one expert. Where a formula has public code, the form of that code is taken
and named; coefficients are 1 unless a case says otherwise.
"""

import torch
from torch.distributions import Normal

from fixture import hot, randoms, require_clear_choice

T, E, K, D, F = 24, 8, 2, 16, 12
UPDATES = 10
double = torch.float64


def drawn(seed: int):
    return randoms(seed, double)


def top_k(scores_TE: torch.Tensor, k: int = K) -> torch.Tensor:
    """0/1 [T, E], a constant."""
    return hot(scores_TE.topk(k, dim=-1).indices, scores_TE.shape[1], double)


def with_gradients(inputs: dict, value: torch.Tensor, **more) -> dict:
    """A case: `inputs`, and the value with its gradient for each of them."""
    gradients = torch.autograd.grad(value, list(inputs.values()), retain_graph=True)
    return {"inputs": inputs, "value": value, "gradients": dict(zip(inputs, gradients)), **more}


def switch_loss(probabilities_TE: torch.Tensor, chosen_TE: torch.Tensor) -> torch.Tensor:
    """Megatron-LM `switch_load_balancing_loss_func`: E · Σ f P, normalised by K."""
    tokens, experts = probabilities_TE.shape
    k = chosen_TE[0].sum()
    return (probabilities_TE.sum(0) * chosen_TE.sum(0)).sum() * experts / (k * tokens * tokens)


def balance_losses() -> dict:
    """The auxiliary loss over the batch, over micro-batches, and over sequences; four stretches of six tokens."""
    logits_TE = drawn(21)(T, E).requires_grad_()
    require_clear_choice("balance losses", logits_TE, K)
    chosen_TE = top_k(logits_TE)
    softmax_TE, sigmoid_TE = logits_TE.softmax(-1), logits_TE.sigmoid()
    shares_TE = sigmoid_TE / sigmoid_TE.sum(-1, keepdim=True)
    stretch = T // 4

    def over_stretches(probabilities_TE):
        pairs = zip(probabilities_TE.split(stretch), chosen_TE.split(stretch))
        return torch.stack([switch_loss(p, chosen) for p, chosen in pairs]).mean()

    # Counts of the whole batch beside the probabilities of each micro-batch: what arXiv 2501.11873 does on every rank.
    f_E = chosen_TE.mean(0) / K
    synchronised = torch.stack([E * (f_E * p.mean(0)).sum() for p in softmax_TE.split(stretch)]).mean()
    inputs = {"logits_TE": logits_TE}
    return {
        "global, softmax": with_gradients(inputs, switch_loss(softmax_TE, chosen_TE), gate="softmax", groups=1),
        "global, counts synchronised": with_gradients(inputs, synchronised, gate="softmax", groups=1),
        "micro-batches, softmax": with_gradients(inputs, over_stretches(softmax_TE), gate="softmax", groups=4),
        # DeepSeek-V3, arXiv 2412.19437 eq. 17-20: scores divided by their sum over all experts.
        "sequences, sigmoid": with_gradients(inputs, over_stretches(shares_TE), gate="sigmoid", groups=4),
        "global, sigmoid": with_gradients(inputs, switch_loss(shares_TE, chosen_TE), gate="sigmoid", groups=1),
    }


def noisy_top_k() -> dict:
    """Shazeer 2017 (arXiv 1701.06538) as tensor2tensor's expert_utils: noise, importance and load losses. ε is an input."""
    draw = drawn(22)
    clean_TE, raw_TE, normal_TE = draw(T, E).requires_grad_(), draw(T, E).requires_grad_(), draw(T, E)
    scale_TE = torch.nn.functional.softplus(raw_TE) + 1e-2
    noisy_TE = clean_TE + normal_TE * scale_TE
    require_clear_choice("noisy top-k", noisy_TE, K)
    require_clear_choice("noisy top-k", noisy_TE, K + 1)
    chosen_TE = top_k(noisy_TE)
    gates_TE = noisy_TE.masked_fill(chosen_TE == 0, float("-inf")).softmax(-1)
    importance = variation_squared(gates_TE.sum(0))
    # `_prob_in_top_k`: thresholds are values of top_k, so gradients flow through them too.
    highest = noisy_TE.topk(K + 1, dim=-1).values
    threshold_TE = torch.where(chosen_TE == 1, highest[:, K:], highest[:, K - 1 : K])
    chance_TE = Normal(0, 1).cdf((clean_TE - threshold_TE) / scale_TE)
    load = variation_squared(chance_TE.sum(0))
    inputs = {"clean_TE": clean_TE, "raw_TE": raw_TE}
    return {
        "importance": with_gradients(inputs, importance, normal_TE=normal_TE, gates_TE=gates_TE),
        "load": with_gradients(inputs, load, normal_TE=normal_TE, chance_TE=chance_TE),
    }


def variation_squared(x_E: torch.Tensor) -> torch.Tensor:
    return x_E.var(correction=0) / (x_E.mean() ** 2 + 1e-10)


def sinkhorn() -> dict:
    """Megatron-LM `sinkhorn`; top-K of the plan is the choice."""
    logits_TE = drawn(23)(T, E)
    cost_TE = logits_TE.exp()
    d0_T, d1_E, error = torch.ones(T, dtype=double), torch.ones(E, dtype=double), 1e9
    while error > 1e-4:
        d0_T = 1 / (T * ((d1_E * cost_TE).sum(1) + 1e-8))
        previous_E, d1_E = d1_E, 1 / (E * ((d0_T[:, None] * cost_TE).sum(0) + 1e-8))
        error = (previous_E - d1_E).abs().mean()
    plan_TE = d1_E * cost_TE * d0_T[:, None]
    require_clear_choice("sinkhorn", plan_TE * T, K)
    return {"logits_TE": logits_TE, "plan_TE": plan_TE, "chosen_TE": top_k(plan_TE)}


def expert_choice() -> dict:
    """arXiv 2202.09368 eq. 1: each expert takes its T · K / E best tokens by softmax over experts."""
    scores_TE = drawn(24)(T, E).softmax(-1)
    each = T * K // E
    require_clear_choice("expert choice", scores_TE.T, each)
    return {"scores_TE": scores_TE, "chosen_TE": top_k(scores_TE.T, each).T}


def orthogonality() -> dict:
    """SimBal, Σ |RᵀR − I| (arXiv 2506.14038), and ERNIE 4.5, mean (R̂ᵀR̂ − I)² over columns of length 1 (PaddleFormers)."""
    router_DE = drawn(25)(D, E, scale=D**-0.5).requires_grad_()
    unit_DE = router_DE / router_DE.norm(dim=0)
    eye_EE = torch.eye(E, dtype=double)
    inputs = {"router_DE": router_DE}
    return {
        "simbal": with_gradients(inputs, (router_DE.T @ router_DE - eye_EE).abs().sum()),
        "ernie": with_gradients(inputs, (unit_DE.T @ unit_DE - eye_EE).square().mean()),
    }


def coupling() -> dict:
    """ERC, arXiv 2512.23447: (1/E²) Σ_i Σ_{j≠i} max(M_ij − α M_ii, 0) + max(M_ji − α M_ii, 0). δ is an input."""
    draw = drawn(26)
    router_DE = draw(D, E, scale=D**-0.5).requires_grad_()
    gate_EDF = draw(E, D, F, scale=D**-0.5).requires_grad_()
    noise_ED = 1 + 0.3 * (2 * Normal(0, 1).cdf(draw(E, D)).float().double() - 1)
    slack = 0.8
    m_EE = torch.einsum("id,jdf->ijf", router_DE.T * noise_ED, gate_EDF).norm(dim=-1)
    total = torch.zeros((), dtype=double)
    for i in range(E):
        for j in range(E):
            if i != j:
                total = total + (m_EE[i, j] - slack * m_EE[i, i]).relu() + (m_EE[j, i] - slack * m_EE[i, i]).relu()
    inputs = {"router_DE": router_DE, "gate_EDF": gate_EDF}
    return with_gradients(inputs, total / E**2, noise_ED=noise_ED, slack=slack)


def phi_balancing() -> dict:
    """arXiv 2605.15403: ⟨p̄, ∇φ(m)⟩ for a given m, and m ← (1 − η) m + η p̄ after it."""
    draw = drawn(27)
    logits_TE = draw(T, E).requires_grad_()
    mean_E = draw(E).softmax(-1).float().double()
    p_TE = logits_TE.softmax(-1)
    rate = 0.25
    after_E = (1 - rate) * mean_E + rate * p_TE.mean(0)
    more = dict(mean_E=mean_E, rate=rate, after_E=after_E)
    inputs = {"logits_TE": logits_TE}
    return {
        "entropy": with_gradients(inputs, (p_TE.mean(0) * (1 + mean_E.log())).sum(), **more),
        "euclidean": with_gradients(inputs, (p_TE.mean(0) * mean_E).sum(), **more),
    }


def quantile_balancing() -> dict:
    """Megatron-LM `qb_dual_update`, kexue.fm 11619: three batches one after another; each β less its mean before it is used."""
    draw = drawn(28)
    beta_E = torch.zeros(E, dtype=double)
    batches = []
    for _ in range(3):
        scores_TE = draw(T, E).sigmoid().float().double()
        alpha_T1 = (scores_TE - beta_E).topk(K + 1, dim=1).values[:, -1:]
        raw_E = (scores_TE - alpha_T1).topk(T * K // E + 1, dim=0).values[-1]
        batches.append({"scores_TE": scores_TE, "before_E": beta_E, "raw_E": raw_E, "after_E": raw_E - raw_E.mean()})
        beta_E = raw_E - raw_E.mean()
    return {"batches": batches}


def bias_updates() -> dict:
    """Bias after each of ten updates from the same ten counts, for every rule; `speed` as each case says."""
    generator = torch.Generator().manual_seed(29)
    popularity_E = torch.rand(E, generator=generator)
    draws = [torch.multinomial(popularity_E, T * K, replacement=True, generator=generator) for _ in range(UPDATES)]
    loads = [torch.bincount(draw, minlength=E) for draw in draws]

    def after_each(rule, start=0.0):
        bias_E, all_biases = torch.full((E,), start, dtype=double), []
        for n_E in loads:
            bias_E = bias_E + rule(n_E.double())
            all_biases.append(bias_E)
        return all_biases

    violation = lambda n_E: (n_E.mean() - n_E) / n_E.mean()

    def by_rms(n_E):
        excess_E = n_E / n_E.sum() - 1 / E
        return -0.001 * excess_E / excess_E.square().mean().sqrt()

    velocity_E = torch.zeros(E, dtype=double)

    def smebu(n_E):
        nonlocal velocity_E
        move_E = 5e-4 * torch.tanh(2 * violation(n_E))
        velocity_E = 0.5 * velocity_E + 0.5 * (move_E - move_E.mean())
        return velocity_E

    def longcat(n_E):
        working = (torch.arange(E) < 6).double()
        return 0.01 * (0.75 / 6 - n_E / n_E.sum()) * working

    return {
        "loads": loads,
        "rules": {
            # arXiv 2408.15664 algorithm 1, and its proportional variant on relative violations.
            "sign": {"speed": 0.001, "biases": after_each(lambda n_E: 0.001 * violation(n_E).sign())},
            "proportional": {"speed": 0.001, "biases": after_each(lambda n_E: 0.001 * violation(n_E))},
            # Its eq. 5: scores are multiplied by a bias that starts at 1.
            "multiplicative": {"speed": 0.001, "biases": after_each(lambda n_E: 0.001 * violation(n_E).sign(), 1.0)},
            # Jianlin Su, kexue.fm 10757: b ← b − α (F − Q) / RMS(F − Q).
            "rms": {"speed": 0.001, "biases": after_each(by_rms)},
        },
        # arXiv 2602.17004: λ = 5e-4, κ = 2, β = 0.5.
        "smebu": {"biases": after_each(smebu)},
        # arXiv 2509.01322: six working and two identity experts, three quarters of the choices for the working ones.
        "longcat": {"speed": 0.01, "working": 6, "workingShare": 0.75, "biases": after_each(longcat)},
    }


def all_cases() -> dict:
    return {
        "topK": K,
        "balanceLosses": balance_losses(),
        "noisyTopK": noisy_top_k(),
        "sinkhorn": sinkhorn(),
        "expertChoice": expert_choice(),
        "orthogonality": orthogonality(),
        "coupling": coupling(),
        "phiBalancing": phi_balancing(),
        "quantileBalancing": quantile_balancing(),
        "biasUpdates": bias_updates(),
    }
