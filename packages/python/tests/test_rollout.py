"""What an inference engine chose beside what the trainer chooses: held against sets of Python, slot by slot."""

from __future__ import annotations

import collections
import copy
import os

import collector
import numpy as np
import pytest
import qwen
import spooled
import torch
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

import moescope
from moescope import rollout
from moescope.encode import MoeLayer
from moescope.rollout_forward import agreement
from moescope.routers import Choice


def steps_by_split(tmp_path, protobuf) -> dict[int, list]:
    found = collections.defaultdict(list)
    for step in spooled.read(tmp_path, protobuf)[1]:
        found[step.split].append(step)
    return found


def scalars_of(step) -> dict[str, float]:
    return {scalar.name: scalar.value for scalar in step.scalars}


def distinct(generator: np.random.Generator, *shape: int, experts: int) -> np.ndarray:
    """[..., k] experts, none twice in a row."""
    return generator.random((*shape[:-1], experts)).argsort(-1)[..., : shape[-1]]


def truth_of(routed, trainer, mask, filler, experts):
    """By sets: counts [L, E], what was left out, and for each layer overlap and share of tokens that differ."""
    sequences, positions, layers, top_k = routed.shape
    counts, sentinels, fillers = np.zeros((layers, experts), int), 0, 0
    shared, differing, tokens = np.zeros(layers, int), np.zeros(layers, int), np.zeros(layers, int)
    for b, layer in np.ndindex(sequences, layers):
        kept = [s for s in range(positions) if mask[b, s]]
        for s in kept:
            slot = routed[b, s, layer].tolist()
            if filler and s == kept[-1]:
                fillers += 1
            elif -1 in slot:
                sentinels += 1
            elif len(set(slot)) < top_k:
                fillers += 1
            else:
                for expert in slot:
                    counts[layer, expert] += 1
                ours = set(trainer[b, s, layer].tolist())
                shared[layer] += len(ours & set(slot))
                differing[layer] += ours != set(slot)
                tokens[layer] += 1
    return counts, sentinels, fillers, shared, differing, tokens


@st.composite
def batches(draw):
    """Choices of an engine and a trainer, with padding (anything in its slots), sentinels, filler, and an order that means nothing."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    sequences, positions, layers = (draw(st.integers(1, most)) for most in (3, 6, 3))
    experts = draw(st.integers(2, 9))
    top_k = draw(st.integers(1, experts))
    trainer = distinct(generator, sequences, positions, layers, top_k, experts=experts)
    routed = distinct(generator, sequences, positions, layers, top_k, experts=experts)
    same = generator.random((sequences, positions, layers)) < 0.6
    routed[same] = generator.permuted(trainer, axis=-1)[same]
    routed[generator.random(same.shape) < 0.1] = 0
    routed[generator.random(routed.shape) < 0.05] = -1
    mask = generator.random((sequences, positions)) < draw(st.sampled_from([0.5, 1.0]))
    routed[~mask] = draw(st.sampled_from([0, 99, -7]))
    return routed, trainer, mask, draw(st.booleans()), experts


@settings(max_examples=200, deadline=None)
@given(batches(), st.sampled_from([np.int16, np.int64, "torch"]))
def test_counts_and_agreement_are_those_of_sets(batch, kind):
    routed, trainer, mask, filler, experts = batch
    given_routed = torch.from_numpy(routed) if kind == "torch" else routed.astype(kind)
    read = rollout.read(given_routed, None, mask=mask, filler=filler, experts=experts)
    ours = rollout.read(trainer, None, mask=mask, filler=False, experts=experts)
    sums = rollout.Rollouts()
    sums.count(read, np.zeros(mask.size, np.int64))
    sums.compare_all(read, ours)
    counts, sentinels, fillers, shared, differing, tokens = truth_of(routed, trainer, mask, filler, experts)
    for layer, (described, histogram) in enumerate(sums.routed()):
        assert described == MoeLayer(layer, experts, routed.shape[-1])
        found = [(list(of.counts), of.tokens, of.assignments) for of in histogram.categories]
        expected = [(counts[layer].tolist(), tokens[layer], counts[layer].sum())] if tokens[layer] else []
        assert found == expected
    scalars = sums.scalars()
    assert (scalars.pop("rollout/sentinels"), scalars.pop("rollout/filler")) == (sentinels, fillers)
    expected = {}
    for name, at in [("", slice(None)), *((f"/{layer}", layer) for layer in range(len(counts)))]:
        if of := int(np.sum(tokens[at])):
            expected[f"rollout/overlap{name}"] = np.sum(shared[at]) / (of * routed.shape[-1])
            expected[f"rollout/differ{name}"] = np.sum(differing[at]) / of
    assert scalars == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(batches(), st.booleans())
def test_on_the_device_agreement_is_the_same(batch, as_mask):
    routed, trainer, mask, filler, experts = batch
    read = rollout.read(routed, None, mask=mask, filler=filler, experts=experts)
    top_k = routed.shape[-1]
    for layer in range(len(read.layers)):
        ours_TK = trainer[:, :, layer].reshape(-1, top_k)
        chosen = torch.from_numpy(ours_TK)
        hot = torch.zeros(len(ours_TK), experts, dtype=torch.bool).scatter_(1, chosen, True)
        found = agreement(
            torch.from_numpy(read.chosen[layer].copy()),
            Choice(None, hot) if as_mask else Choice(chosen),
            torch.from_numpy(read.counted[layer]),
        )
        assert found.tolist() == rollout.agreement(read.chosen[layer], ours_TK, read.counted[layer]).tolist()


def test_a_mask_may_give_a_token_more_experts_than_the_engine_did():
    hot = torch.tensor([[True, True, True, False], [True, True, False, False]])
    found = agreement(torch.tensor([[0, 1], [1, 0]]), Choice(None, hot), torch.tensor([True, True]))
    assert found.tolist() == [4, 5, 1]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_physical_ids_become_the_experts_that_they_are_replicas_of(seed, by_layer):
    generator = np.random.default_rng(seed)
    logical = distinct(generator, 2, 5, 3, 2, experts=4)
    logical[generator.random(logical.shape) < 0.1] = -1
    tables = np.stack([generator.permutation(np.arange(12) % 4) for _ in range(3 if by_layer else 1)])
    physical = logical.copy()
    for place, expert in np.ndenumerate(logical):
        if expert >= 0:
            physical[place] = generator.choice(np.flatnonzero(tables[place[2] if by_layer else 0] == expert))
    expected = rollout.read(logical, None, experts=4)
    found = rollout.read(physical, None, experts=4, physical_to_logical=tables if by_layer else tables[0])
    assert (found.counted == expected.counted).all()
    assert (found.chosen[found.counted] == expected.chosen[expected.counted]).all()


@pytest.mark.parametrize(("routed", "options", "message"), [
    (np.zeros((2, 3)), {}, "routed_experts is of float64: must be integers"),
    (np.zeros((2, 3), int), {}, r"routed_experts has the shape \(2, 3\): must be \[B, S, L, k\] or \[T, L, k\]"),
    ([[[[8, 1]], [[0, 0]]]], {}, r"routed_experts has \[8, 1\] in layer 0: must be from 0 to 7, or -1. Physical ids"),
    ([[[[-2, 1]], [[0, 0]]]], {}, r"routed_experts has \[-2, 1\] in layer 0: must be from 0 to 7, or -1"),
    ([[[2**40, 1]]], {}, r"routed_experts has \[1099511627776, 1\] in layer 0"),
    ([[[0, 1]]], dict(experts=None), "experts is missing: must be given where no model is attached"),
    ([[[0, 1]]], dict(mask=[1, 1]), r"mask has the shape \(2,\): must be \(1, 1\), one for each token"),
    ([[[0, 9]]], dict(physical_to_logical=[0, 1, 2]), "has the physical id 9: must be below 3, the length of the map"),
    ([[[0, 1]]], dict(physical_to_logical=[[0], [1]]), r"physical_to_logical has the shape \(2, 1\): must be \[P\] or \[1, P\]"),
    ([[[0, 1]]], dict(layers=[MoeLayer(1, 8, 2), MoeLayer(2, 8, 2)]), "has 1 layers: must be 2, one for each router, or all blocks, 3 at"),
    ([[[0, 1]]], dict(layers=[MoeLayer(4, 8, 3)]), "has 2 experts for each token: must be 3, as layer 4 chooses"),
])  # fmt: skip
def test_what_does_not_fit_is_named(routed, options, message):
    with pytest.raises(ValueError, match=message):
        rollout.read(routed, **{**dict(layers=None, experts=8), **options})


def test_dense_blocks_are_left_out():
    routed = np.stack([np.zeros((4, 2), int), [[0, 1], [2, 3], [4, 5], [6, 7]], np.zeros((4, 2), int), [[7, 6], [5, 4], [3, 2], [1, 0]]], 1)
    layers = [MoeLayer(1, 8, 2), MoeLayer(3, 8, 2)]
    assert (rollout.read(routed, layers).chosen == rollout.read(routed[:, [1, 3]], layers).chosen).all()


def engine_of(model: torch.nn.Module, noise: float) -> torch.nn.Module:
    """The same weights but for a little noise in the routers, as another engine's arithmetic would have it."""
    engine = copy.deepcopy(model).eval()
    generator = torch.Generator().manual_seed(3)
    for name, parameter in engine.named_parameters():
        if "mlp.gate" in name:
            parameter.data += noise * torch.randn(parameter.shape, generator=generator)
    return engine


def choices_of(model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> np.ndarray:
    """[B, S, L, k], from the outputs of the routers."""
    chosen: list[torch.Tensor] = []
    handles = [layer.mlp.gate.register_forward_hook(lambda _, args, output: chosen.append(output[2])) for layer in model.model.layers]
    training = model.training
    with torch.no_grad():
        model.eval()(**inputs)
    model.train(training)
    for handle in handles:
        handle.remove()
    return torch.stack(chosen, 1).reshape(*inputs["input_ids"].shape, qwen.LAYERS, qwen.TOP_K).numpy()


def filled(routed: np.ndarray, mask: torch.Tensor) -> np.ndarray:
    """As verl hands it on: zeros for padding and for the last token of each sequence."""
    routed = routed.copy()
    routed[~mask.bool().numpy()] = 0
    for row, length in enumerate(mask.sum(1).tolist()):
        routed[row, length - 1] = 0
    return routed


def test_a_training_forward_is_compared_and_still_counted(offline, tmp_path, protobuf):
    model = qwen.model()
    truth, engine = qwen.Truth(model), engine_of(model, 0.005)
    run = offline(categories=qwen.CATEGORIES)
    run.attach(model)
    expected_counts, shared, differing, tokens = 0, np.zeros(qwen.LAYERS), np.zeros(qwen.LAYERS), np.zeros(qwen.LAYERS)
    counts = np.zeros((qwen.LAYERS, qwen.EXPERTS), int)
    for micro_batch in range(2):
        inputs, category = qwen.batch(micro_batch)
        routed = filled(choices_of(engine, inputs), inputs["attention_mask"])
        expected_counts += truth.counts(model, inputs, category)
        of = truth_of(routed, choices_of(model, inputs), inputs["attention_mask"].numpy(), True, qwen.EXPERTS)
        counts, shared, differing, tokens = counts + of[0], shared + of[3], differing + of[4], tokens + of[5]
        given_mask = inputs["attention_mask"]
        with run.tokens(category=category), run.rollout(routed, mask=given_mask, category=category):
            loss = model(**inputs).loss
            if micro_batch == 0:
                # Checkpointing computes the routers again.
                loss.backward()
    run.step(3, loss=loss)
    run.finish()
    steps = steps_by_split(tmp_path, protobuf)
    (train,), (rolled,) = steps[1], steps[4]
    assert spooled.counts(train).tolist() == expected_counts.sum(0).tolist()
    assert spooled.counts(rolled).tolist() == counts.tolist() and rolled.step == 3 and rolled.tokens == train.tokens
    assert {routing.category for histogram in rolled.histograms for routing in histogram.categories} == {0, 1}
    scalars = scalars_of(rolled)
    assert (scalars["rollout/sentinels"], scalars["rollout/filler"]) == (0, 2 * 4 * qwen.LAYERS)
    for layer in range(qwen.LAYERS):
        assert scalars[f"rollout/overlap/{layer}"] == pytest.approx(shared[layer] / (qwen.TOP_K * tokens[layer]))
        assert scalars[f"rollout/differ/{layer}"] == pytest.approx(differing[layer] / tokens[layer])
    assert scalars["rollout/overlap"] == pytest.approx(shared.sum() / (qwen.TOP_K * tokens.sum()))
    assert scalars["rollout/differ"] == pytest.approx(differing.sum() / tokens.sum())
    assert 0.5 < scalars["rollout/overlap"] < 1 and 0 < scalars["rollout/differ"] < 0.5


def test_packed_tokens_single_sequences_and_passes_without_gradients(offline, tmp_path, protobuf):
    """A forward of only those tokens that are no padding, and what vLLM returns: one slot less than the sequence has tokens."""
    model = qwen.model()
    run = offline()
    run.attach(model)
    inputs, _ = qwen.batch(0)
    mask = inputs["attention_mask"].bool()
    packed = dict(input_ids=inputs["input_ids"][mask][None])
    routed = np.full((*mask.shape, qwen.LAYERS, qwen.TOP_K), 99)
    routed[mask] = choices_of(model, packed)[0]
    with torch.no_grad(), run.rollout(routed, mask=mask, filler=False):
        model(**packed)
    alone = dict(input_ids=inputs["input_ids"][:1])
    with torch.no_grad(), run.rollout(choices_of(model, alone)[0, :-1]):
        model(**alone)
    run.step(0)
    run.finish()
    steps = steps_by_split(tmp_path, protobuf)
    (train,), (rolled,) = steps[1], steps[4]
    assert scalars_of(rolled)["rollout/overlap"] == 1 and not train.histograms
    tokens = [routing.tokens for histogram in rolled.histograms for routing in histogram.categories]
    assert tokens == [int(mask.sum()) + 9] * qwen.LAYERS


def test_forwards_that_cannot_be_compared_are_errors(offline):
    model = toy.Toy()
    run = offline()
    run.attach(model)
    routed = distinct(np.random.default_rng(0), 2, 12, toy.LAYERS, toy.TOP_K, experts=toy.EXPERTS)
    with pytest.raises(ValueError, match=r"got 36 tokens, but routed_experts has 24 slots, 24 of them not padding"), run.rollout(routed):
        model(toy.batch(0, 3))
    with pytest.raises(RuntimeError, match="a second forward inside"), run.rollout(routed):
        model(toy.batch(0))
        model(toy.batch(0))
    with pytest.raises(moescope.AttachError, match="no router ran inside"), run.rollout(routed):
        pass
    with pytest.raises(KeyError), run.rollout(routed):
        raise KeyError
    with pytest.raises(ValueError, match=r"trainer has \[9, 1\] in layer 0: must be from 0 to 7"):
        run.rollout(routed, trainer=np.where(np.arange(2) == 0, 9, np.ones_like(routed)))
    with pytest.raises(ValueError, match=r"category has 3 entries: must be 1, 2 \(one for each sequence\) or 24"):
        run.rollout(routed, category=[0, 0, 0])
    assert [len(module._forward_hooks) for module in model.modules() if isinstance(module, toy.TopKRouter)] == [1] * toy.LAYERS


def test_without_a_model_choices_of_both_are_handed_over(offline, tmp_path, protobuf):
    run = offline(categories=["code"])
    routed = distinct(np.random.default_rng(1), 5, 2, 3, experts=6)
    with run.rollout(routed, experts=6, category="docs", trainer=routed[..., ::-1]):
        pass
    run.step(0)
    run.finish()
    hello, _, _ = spooled.read(tmp_path, protobuf)
    (step,) = steps_by_split(tmp_path, protobuf)[4]
    assert (list(hello.run.categories), [layer.experts for layer in hello.run.layers]) == (["code", "docs"], [6, 6])
    assert scalars_of(step)["rollout/overlap"] == 1 and scalars_of(step)["rollout/differ"] == 0


def test_disabled_reads_nothing(monkeypatch):
    monkeypatch.setitem(os.environ, "MOESCOPE_MODE", "disabled")
    with moescope.init().rollout("anything"):
        pass


@pytest.mark.skipif(not collector.available(), reason="not built: npm ci && npx nx build @moescope/cli in the repository's root")
def test_the_collector_keeps_rollouts_apart(tmp_path):
    lab = collector.Collector(tmp_path / "data")
    try:
        model = qwen.model()
        engine = engine_of(model, 0.05)
        run = moescope.init(lab.address, spool=tmp_path / "spool")
        run.attach(model)
        expected = []
        for step in range(3):
            inputs, _ = qwen.batch(step)
            routed = filled(choices_of(engine, inputs), inputs["attention_mask"])
            expected.append(truth_of(routed, choices_of(model, inputs), inputs["attention_mask"].numpy(), True, qwen.EXPERTS))
            with run.rollout(routed, mask=inputs["attention_mask"]):
                model(**inputs).loss.backward()
            run.step(step)
        assert run.finish(seconds=60)
        buckets = lab.get(f"runs/{run.id}/history?split=rollout&layers=all&points=100")["buckets"]
        found = [[layer["categories"][0]["counts"] for layer in bucket["layers"]] for bucket in buckets]
        assert found == [of[0].tolist() for of in expected]
        for bucket, of in zip(buckets, expected, strict=True):
            overlap = {scalar["name"]: scalar["sum"] for scalar in bucket["scalars"]}["rollout/overlap/1"]
            assert overlap == pytest.approx(of[3][1] / of[5][1] / qwen.TOP_K)
        assert len(lab.history(run.id)) == 3
    finally:
        lab.stop()
