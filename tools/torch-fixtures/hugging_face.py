"""MoE blocks of released models, as Hugging Face transformers computes them: forward, losses, every gradient, bias updates.

T tokens, D width, E experts, K choices, F hidden width of one expert. Weights are turned into the layouts of packages/trainer:
routers [D, E], experts [E, D, 2F] (gate, then up) and [E, F, D].
"""

import torch
from torch import nn
from transformers import DeepseekV3Config, DeepseekV4Config, LongcatFlashConfig, MixtralConfig, OlmoeConfig, Qwen3MoeConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE, DeepseekV3TopkRouter
from transformers.models.deepseek_v4.modeling_deepseek_v4 import DeepseekV4TopKRouter
from transformers.models.longcat_flash.modeling_longcat_flash import LongcatFlashMoE
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock, load_balancing_loss_func
from transformers.models.olmoe.modeling_olmoe import OlmoeSparseMoeBlock
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeSparseMoeBlock
from transformers.models.switch_transformers.modeling_switch_transformers import router_z_loss_func

from fixture import hot, randoms, require_clear_choice

T, D, F = 24, 16, 12
MODEL = dict(hidden_size=D, experts_implementation="eager")
BALANCE, Z = 0.5, 0.1  # large, so that the losses are seen in the gradients beside the block's output
UPDATES, SPEED = 10, 0.02


def softmax_blocks() -> dict:
    """Blocks whose gates are softmax over all experts, with their load-balancing loss."""
    sizes = dict(**MODEL, num_experts_per_tok=2)
    qwen = dict(**sizes, moe_intermediate_size=F, num_experts=8)
    olmoe = dict(**sizes, intermediate_size=F, num_experts=8)
    blocks = {
        "mixtral": (MixtralSparseMoeBlock(MixtralConfig(**sizes, intermediate_size=F, num_local_experts=8)), True),
        "qwen3-moe": (Qwen3MoeSparseMoeBlock(Qwen3MoeConfig(**qwen, norm_topk_prob=True)), True),
        "qwen3-moe, gates as they are": (Qwen3MoeSparseMoeBlock(Qwen3MoeConfig(**qwen, norm_topk_prob=False)), False),
        "olmoe": (OlmoeSparseMoeBlock(OlmoeConfig(**olmoe, norm_topk_prob=False)), False),
    }
    return {
        name: softmax_block(block, normalise, seed)
        for seed, (name, (block, normalise)) in enumerate(blocks.items(), start=1)
    }


def softmax_block(block: nn.Module, normalise: bool, seed: int) -> dict:
    draw = randoms(seed)
    fill(block, draw)
    x_TD = draw(T, D).requires_grad_()
    direction_TD = draw(T, D)
    logits_TE, weights_TK, experts_TK = block.gate(x_TD)
    require_clear_choice(type(block).__name__, logits_TE, 2)
    y_TD = block(x_TD.unsqueeze(0)).squeeze(0)
    balance = load_balancing_loss_func((logits_TE,), 8, 2)
    z = router_z_loss_func(logits_TE.unsqueeze(0))
    loss = (y_TD * direction_TD).sum() + BALANCE * balance + Z * z
    loss.backward()
    # The losses of the model as a whole, which pools its layers: a second router on the same tokens stands for a second layer.
    second_DE = draw(D, 8, scale=D**-0.5)
    second_TE = x_TD @ second_DE
    require_clear_choice("second layer", second_TE, 2)
    return {
        "options": {"experts": 8, "topK": 2, "gate": "softmax", "normaliseGates": normalise},
        "coefficients": {"balance": BALANCE, "z": Z},
        "x_TD": x_TD,
        "direction_TD": direction_TD,
        "weights": {"router_DE": block.gate.weight.T, **expert_weights(block.experts)},
        "expected": {
            "gates_TE": dense(weights_TK, experts_TK, 8),
            "counts_E": counts(experts_TK, 8),
            "y_TD": y_TD,
            "balance": balance,
            "z": z,
            "loss": loss,
            "gradients": {
                "x_TD": x_TD.grad,
                "router_DE": block.gate.weight.grad.T,
                **expert_gradients(block.experts),
            },
        },
        "secondLayer": {
            "router_DE": second_DE,
            "balance": load_balancing_loss_func((second_TE,), 8, 2),
            "pooled": load_balancing_loss_func((logits_TE, second_TE), 8, 2),
        },
    }


def deepseek_v3() -> dict:
    """16 experts in 4 groups of which 2 are kept, 4 choices, one shared expert, gates times 2.5, a bias on the choice."""
    draw = randoms(11)
    config = DeepseekV3Config(
        **MODEL,
        moe_intermediate_size=F,
        n_routed_experts=16,
        n_shared_experts=1,
        num_experts_per_tok=4,
        n_group=4,
        topk_group=2,
        norm_topk_prob=True,
        routed_scaling_factor=2.5,
    )
    block = DeepseekV3MoE(config)
    fill(block, draw)
    block.gate.e_score_correction_bias.copy_(draw(16, scale=0.2))
    case = biased_block(
        block,
        block.gate,
        draw,
        {
            "experts": 16,
            "topK": 4,
            "gate": "sigmoid",
            "normaliseGates": True,
            "gateScale": 2.5,
            "groups": 4,
            "groupsKept": 2,
        },
    )
    shared = block.shared_experts
    both = lambda of: torch.cat([of(shared.gate_proj.weight).T, of(shared.up_proj.weight).T], dim=1).unsqueeze(0)
    weights = {"sharedIn": both(lambda w: w), "sharedOut": shared.down_proj.weight.T.unsqueeze(0)}
    gradients = {"sharedIn": both(lambda w: w.grad), "sharedOut": shared.down_proj.weight.grad.T.unsqueeze(0)}
    case["weights"] |= {**expert_weights(block.experts), **weights}
    case["expected"]["gradients"] |= {**expert_gradients(block.experts), **gradients}
    return case


def deepseek_v4() -> dict:
    """The router alone, √softplus gates. Its loss is Σ gates ⊙ direction."""
    draw = randoms(12)
    config = DeepseekV4Config(
        **MODEL,
        n_routed_experts=16,
        num_experts_per_tok=4,
        scoring_func="sqrtsoftplus",
        routed_scaling_factor=1.5,
    )
    router = DeepseekV4TopKRouter(config)
    fill(router, draw)
    router.e_score_correction_bias.copy_(draw(16, scale=0.2))
    x_TD, direction_TE = draw(T, D).requires_grad_(), draw(T, 16)
    logits_TE, weights_TK, experts_TK = router(x_TD)
    require_clear_choice("deepseek-v4", router.score_fn(logits_TE) + router.e_score_correction_bias, 4)
    gates_TE = dense(weights_TK, experts_TK, 16)
    loss = (gates_TE * direction_TE).sum()
    loss.backward()
    return {
        "options": {"experts": 16, "topK": 4, "gate": "sqrt-softplus", "normaliseGates": True, "gateScale": 1.5},
        "bias_E": router.e_score_correction_bias,
        "x_TD": x_TD,
        "direction_TE": direction_TE,
        "weights": {"router_DE": router.weight.T},
        "expected": {
            "gates_TE": gates_TE,
            "counts_E": counts(experts_TK, 16),
            "loss": loss,
            "gradients": {"x_TD": x_TD.grad, "router_DE": router.weight.grad.T},
        },
    }


def longcat_flash() -> dict:
    """8 working and 4 identity experts, softmax over all, gates as they are times a scale, a bias on the choice."""
    draw = randoms(13)
    config = LongcatFlashConfig(
        **MODEL,
        expert_ffn_hidden_size=F,
        n_routed_experts=8,
        zero_expert_num=4,
        moe_topk=4,
        num_experts_per_tok=4,
        routed_scaling_factor=1.5,
    )
    block = LongcatFlashMoE(config)
    fill(block, draw)
    block.router.e_score_correction_bias.copy_(draw(12, scale=0.02))
    options = {
        "experts": 12,
        "identityExperts": 4,
        "topK": 4,
        "gate": "softmax",
        "normaliseGates": False,
        "gateScale": 1.5,
    }
    case = biased_block(block, block.router, draw, options)
    # The module holds input weights for its identity experts too, and never reads them.
    case["weights"] |= {name: tensor[:8] for name, tensor in expert_weights(block.experts).items()}
    case["expected"]["gradients"] |= {name: tensor[:8] for name, tensor in expert_gradients(block.experts).items()}
    return case


def biased_block(block: nn.Module, router: nn.Module, draw, options: dict) -> dict:
    weight = router.weight if hasattr(router, "weight") else router.classifier.weight
    x_TD = draw(T, D).requires_grad_()
    direction_TD = draw(T, D)
    logits_TE, weights_TK, experts_TK = router(x_TD)
    scores_TE = logits_TE.sigmoid() if options["gate"] == "sigmoid" else logits_TE.softmax(-1)
    require_clear_groups(type(block).__name__, scores_TE + router.e_score_correction_bias, options)
    y_TD = block(x_TD.unsqueeze(0)).squeeze(0)
    loss = (y_TD * direction_TD).sum() + Z * router_z_loss_func(logits_TE.unsqueeze(0))
    loss.backward()
    return {
        "options": options,
        "coefficients": {"balance": 0, "z": Z},
        "bias_E": router.e_score_correction_bias,
        "x_TD": x_TD,
        "direction_TD": direction_TD,
        "weights": {"router_DE": weight.T},
        "expected": {
            "gates_TE": dense(weights_TK, experts_TK, options["experts"]),
            "counts_E": counts(experts_TK, options["experts"]),
            "y_TD": y_TD,
            "z": router_z_loss_func(logits_TE.unsqueeze(0)),
            "loss": loss,
            "gradients": {"x_TD": x_TD.grad, "router_DE": weight.grad.T},
        },
    }


@torch.no_grad()
def deepseek_v3_updates() -> dict:
    """The bias of a DeepSeek-V3 router after each of ten batches: b ← b + u · sign(mean n − n), arXiv 2412.19437 §2.1.2."""
    draw = randoms(14)
    config = DeepseekV3Config(
        **MODEL, n_routed_experts=16, num_experts_per_tok=4, n_group=4, topk_group=2, routed_scaling_factor=1.0
    )
    router = DeepseekV3TopkRouter(config)
    fill(router, draw)
    options = {"experts": 16, "topK": 4, "gate": "sigmoid", "normaliseGates": True, "groups": 4, "groupsKept": 2}
    batches, counted, biases = [], [], []
    for _ in range(UPDATES):
        x_TD = draw(T, D)
        logits_TE, _, experts_TK = router(x_TD)
        require_clear_groups("updates", logits_TE.sigmoid() + router.e_score_correction_bias, options)
        n_E = counts(experts_TK, 16).float()
        router.e_score_correction_bias += SPEED * (n_E.mean() - n_E).sign()
        batches.append(x_TD)
        counted.append(n_E.int())
        biases.append(router.e_score_correction_bias.clone())
    return {
        "options": options,
        "speed": SPEED,
        "router_DE": router.weight.T,
        "batches": batches,
        "expected": {"counts": counted, "biases": biases},
    }


def require_clear_groups(name: str, scores_TE: torch.Tensor, options: dict) -> None:
    """Neither the choice of groups nor that of experts among them may hang on rounding."""
    groups, kept = options.get("groups", 1), options.get("groupsKept", 1)
    if groups > kept:
        by_group_TGS = scores_TE.view(T, groups, -1)
        best_TG = by_group_TGS.topk(2, dim=-1).values.sum(-1)
        require_clear_choice(name, best_TG, kept)
        open_TG = hot(best_TG.topk(kept, dim=-1).indices, groups).bool()
        scores_TE = by_group_TGS.masked_fill(~open_TG.unsqueeze(-1), float("-inf")).view(T, -1)
    require_clear_choice(name, scores_TE, options["topK"])


def fill(module: nn.Module, draw) -> None:
    """Every weight normal, with the variance that keeps that of its input; all of them are [..., out, in]."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(draw(*weight.shape, scale=weight.shape[-1] ** -0.5))


def expert_weights(experts: nn.Module) -> dict:
    return {
        "wIn_ED2F": experts.gate_up_proj.transpose(1, 2),
        "wOut_EFD": experts.down_proj.transpose(1, 2),
    }


def expert_gradients(experts: nn.Module) -> dict:
    return {
        "wIn_ED2F": experts.gate_up_proj.grad.transpose(1, 2),
        "wOut_EFD": experts.down_proj.grad.transpose(1, 2),
    }


def dense(weights_TK: torch.Tensor, experts_TK: torch.Tensor, experts: int) -> torch.Tensor:
    return torch.zeros(len(weights_TK), experts).scatter(1, experts_TK, weights_TK)


def counts(experts_TK: torch.Tensor, experts: int) -> torch.Tensor:
    return hot(experts_TK, experts).sum(0).int()


def all_cases() -> dict:
    return {
        "blocks": {**softmax_blocks(), "deepseek-v3": deepseek_v3(), "longcat-flash": longcat_flash()},
        "routers": {"deepseek-v4": deepseek_v4()},
        "updates": {"deepseek-v3": deepseek_v3_updates()},
    }
