"""Routers of other frameworks, alone, in settings that test_frameworks_train.py does not have: see requirements-frameworks.txt."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from moescope.attach import attached_counter, describe
from moescope.histograms import histograms_of, layers_of
from moescope.routers import Reading, reader
from moescope.tally import Snapshots

WIDTH, EXPERTS, TOP_K = 16, 8, 2


class Model(torch.nn.Module):
    """A block around each router, as frameworks have it."""

    def __init__(self, routers, blocks=torch.nn.Module):
        super().__init__()
        self.layers = torch.nn.ModuleList(blocks() for _ in routers)
        for block, router in zip(self.layers, routers, strict=True):
            block.router = router

    def forward(self, *args):
        return [block.router(*args) for block in self.layers]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def routed(model, *args):
    """The routers, what they return, and the histograms."""
    counter = attached_counter(model, (), 1)
    outputs = model(*args)
    tally = Snapshots().take(counter.total).wait()
    return counter.routers, outputs, histograms_of(counter.routers, tally), layers_of(counter.routers, tally)


def counted(indices):
    return torch.bincount(indices.reshape(-1), minlength=EXPERTS).tolist()


@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_torchtitan(score):
    moe = pytest.importorskip("torchtitan.models.common.moe")
    linear = pytest.importorskip("torchtitan.models.common.linear")
    gate = linear.Linear.Config(in_features=WIDTH, out_features=EXPERTS, bias=False)
    config = moe.TokenChoiceTopKRouter.Config(num_experts=EXPERTS, gate=gate, top_k=TOP_K, score_func=score)
    model = Model([config.build(), config.build()])
    for block in model.layers:
        torch.nn.init.normal_(block.router.gate.weight)
        block.register_buffer("expert_bias_E", torch.linspace(0, 0.5, EXPERTS))
    x = torch.randn(2, 5, WIDTH)
    routers, outputs, histograms, _ = routed(model, x, model.layers[0].expert_bias_E)
    assert describe(routers) == "2 MoE layers, 8 experts, top-2, selection bias, TokenChoiceTopKRouter"
    for histogram, (weights, indices, scores) in zip(histograms, outputs, strict=True):
        assert histogram.categories[0].counts.tolist() == counted(indices)
        assert sum(histogram.gate_mass) == pytest.approx(float(weights.detach().sum()), rel=1e-5)
        normalised = (scores / scores.sum(-1, keepdim=True)).reshape(-1, EXPERTS).mean(0)
        np.testing.assert_allclose(histogram.mean_probability, normalised.detach(), rtol=1e-5)
        np.testing.assert_allclose(histogram.selection_bias, model.layers[0].expert_bias_E)


def test_megatron():
    """Its `forward` moves weights to a GPU; here it gets logits."""
    module = pytest.importorskip("megatron.core.transformer.moe.router")
    configuration = pytest.importorskip("megatron.core.transformer.transformer_config")
    config = configuration.TransformerConfig(
        num_layers=1, hidden_size=WIDTH, num_attention_heads=2, num_moe_experts=EXPERTS, moe_router_topk=TOP_K,
        moe_router_load_balancing_type="none", use_cpu_initialization=True, add_bias_linear=False,
    )  # fmt: skip
    alone = types.SimpleNamespace(size=lambda: 1, rank=lambda: 0)
    groups = types.SimpleNamespace(tp=alone, cp=alone, tp_cp=alone, tp_dp_cp=alone)
    router = module.TopKRouter(config, pg_collection=groups)
    router.gating = lambda x: x @ router.weight.t().to(x.dtype)
    routers, ((probabilities, mask),), (histogram,), (layer,) = routed(Model([router]), torch.randn(5, 2, WIDTH))
    assert describe(routers) == "1 MoE layer, 8 experts, top-2, no bias, TopKRouter"
    (routing,) = histogram.categories
    assert routing.counts.tolist() == mask.sum(0).tolist()
    assert (routing.tokens, routing.assignments, layer.top_k) == (10, 20, 0)
    np.testing.assert_allclose(histogram.gate_mass, probabilities.sum(0).detach(), rtol=1e-5)


def test_olmo_core():
    module = pytest.importorskip("olmo_core.nn.moe.router")
    router = module.MoELinearRouter(d_model=WIDTH, num_experts=EXPERTS, top_k=TOP_K, bias_gamma=0.1)
    torch.nn.init.normal_(router.weight)
    routers, ((weights, indices, *_),), (histogram,), _ = routed(Model([router]), torch.randn(2, 5, WIDTH))
    assert describe(routers) == "1 MoE layer, 8 experts, top-2, selection bias, MoELinearRouter"
    assert histogram.categories[0].counts.tolist() == counted(indices)
    assert sum(histogram.gate_mass) == pytest.approx(float(weights.detach().sum()), rel=1e-5)


@pytest.mark.parametrize(("corrected", "of_logits"), [(False, False), (False, True), (True, True)])
def test_automodel(corrected, of_logits):
    """A bias of its logits, as GPT-OSS has, is no selection bias."""
    layers = pytest.importorskip("nemo_automodel.components.moe.layers")
    config = pytest.importorskip("nemo_automodel.components.moe.config").MoEConfig(
        n_routed_experts=EXPERTS, n_shared_experts=0, n_activated_experts=TOP_K, n_expert_groups=2, n_limited_groups=1, train_gate=True,
        gate_bias_update_factor=1e-3 if corrected else 0.0, aux_loss_coeff=0.0, score_func="sigmoid", route_scale=2.5, dim=WIDTH,
        inter_dim=WIDTH, moe_inter_dim=WIDTH, norm_topk_prob=True, router_bias=of_logits, dtype=torch.float32,
    )  # fmt: skip
    gate = layers.Gate(config)
    torch.nn.init.normal_(gate.weight)
    if of_logits:
        torch.nn.init.normal_(gate.bias)
    x = torch.randn(10, WIDTH)
    routers, ((weights, indices, _),), (histogram,), _ = routed(Model([gate]), x, torch.ones(10, dtype=torch.bool), None)
    assert describe(routers) == f"1 MoE layer, 8 experts, top-2, {'selection' if corrected else 'no'} bias, Gate"
    assert histogram.categories[0].counts.tolist() == counted(indices)
    assert sum(histogram.gate_mass) == pytest.approx(float(weights.detach().sum()), rel=1e-5)


class Gate(torch.nn.Module):
    """Shaped as the gate of DeepSeek's own inference code: (weights, indices), and a bias that chooses alone."""

    def __init__(self):
        super().__init__()
        self.topk = TOP_K
        self.weight = torch.nn.Parameter(torch.randn(EXPERTS, WIDTH))
        self.bias = torch.nn.Parameter(torch.linspace(0, 1, EXPERTS))

    def forward(self, x):
        scores = (x @ self.weight.t()).sigmoid()
        indices = torch.topk(scores + self.bias, self.topk, dim=-1)[1]
        return scores.gather(1, indices), indices


def test_gates_of_deepseek():
    routers, outputs, histograms, _ = routed(Model([Gate(), Gate()]), torch.randn(10, WIDTH))
    assert describe(routers) == "2 MoE layers, 8 experts, top-2, selection bias, Gate"
    for histogram, (_, indices) in zip(histograms, outputs, strict=True):
        assert histogram.categories[0].counts.tolist() == counted(indices)
        np.testing.assert_allclose(histogram.selection_bias, np.linspace(0, 1, EXPERTS), rtol=1e-6)


@given(st.integers(1, 20), st.integers(1, 4), st.integers(0, 12), st.integers(0, 2**31))
def test_dropped_choices_of_deepspeed_are_dealt_to_their_experts(tokens, k, capacity, seed):
    """Shaped as the output of its gate: which places were dropped is told, of which experts only for all tokens together."""
    chance = np.random.default_rng(seed)
    chosen = np.array([chance.permutation(EXPERTS)[:k] for _ in range(tokens)])
    dropped = np.zeros_like(chosen, bool)
    for expert in range(EXPERTS):
        places = np.argwhere(chosen == expert)
        for place in chance.permutation(places)[capacity:]:
            dropped[tuple(place)] = True
    told = torch.from_numpy(np.where(dropped, -1, chosen).T.astype(np.int32))
    counts = torch.from_numpy(np.bincount(chosen.ravel(), minlength=EXPERTS))
    outputs = (torch.zeros(()), torch.tensor(capacity), EXPERTS, told, torch.zeros_like(told), torch.rand(k, tokens), counts)
    choice = reader("TopKGate", Reading("gate", EXPERTS, k, ""))(outputs)
    assert choice.carried.tolist() == (~dropped).tolist()
    assert choice.indices[choice.carried].tolist() == chosen[~dropped].tolist()
    assert choice.indices[~choice.carried].sort().values.tolist() == sorted(chosen[dropped].tolist())
    assert torch.equal(choice.weights, outputs[5].t())


def test_a_gate_of_an_older_deepspeed_is_an_error():
    gate = reader("TopKGate", Reading("layers.0.gate", EXPERTS, TOP_K, ""))
    with pytest.raises(TypeError, match=r"layers.0.gate returned 4 outputs: expected the 7 that DeepSpeed 0.19 has"):
        gate((torch.zeros(()), torch.zeros(3, EXPERTS, 2), torch.zeros(3, EXPERTS, 2).bool(), torch.zeros(EXPERTS)))
