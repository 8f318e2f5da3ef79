"""Counts are exact: compilers, checkpointing, accumulation, padding, categories, evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy import EXPERTS, LAYERS, TOP_K, TopKRouter, Toy, batch, true_counts

from moescope.attach import AttachError, attached_counter
from moescope.histograms import histograms_of
from moescope.tally import Snapshots


def taken(counter) -> list:
    return histograms_of(counter.routers, Snapshots().take(counter.total).wait())


def counts_of(counter) -> torch.Tensor:
    """[LAYERS, EXPERTS] of one step, all categories together."""
    rows = [sum(routing.counts for routing in histogram.categories) for histogram in taken(counter)]
    return torch.from_numpy(np.stack(rows))


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.compiler.reset()


@pytest.mark.parametrize("checkpointing", [None, "reentrant", "non-reentrant"])
@pytest.mark.parametrize("compiled", ["no", "wrapper", "wrapper, attached", "module", "blocks"])
def test_every_choice_counts_once_however_the_model_runs(checkpointing, compiled):
    model = Toy(checkpointing)
    called = torch.compile(model, backend="aot_eager") if compiled.startswith("wrapper") else model
    counter = attached_counter(called if compiled == "wrapper, attached" else model, (), 1)
    if compiled == "module":
        model.compile(backend="aot_eager")
    if compiled == "blocks":
        for block in model.layers:
            block.compile(backend="aot_eager")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step in range(3):
        expected = torch.zeros(LAYERS, EXPERTS, dtype=torch.int64)
        for micro_batch in range(2):
            x = batch(10 * step + micro_batch)
            expected += true_counts(model, x)
            called(x).backward()
        optimizer.step()
        optimizer.zero_grad()
        assert counts_of(counter).tolist() == expected.tolist()


@pytest.mark.parametrize("checkpointing", [None, "non-reentrant"])
def test_categories_in_one_graph_for_batches_of_any_length(checkpointing):
    model = Toy(checkpointing)
    counter = attached_counter(model, (), 3)
    called = torch.compile(model, backend="aot_eager", fullgraph=True)
    for step, length in enumerate((12, 12, 7, 20)):
        x, category = batch(step, length=length), (torch.arange(length) % 3).expand(2, length)
        expected = [true_counts(model, x, category == chosen) for chosen in range(3)]
        with counter.labelled(category, None):
            called(x).backward()
        for layer, histogram in enumerate(taken(counter)):
            assert [routing.counts.tolist() for routing in histogram.categories] == [of[layer].tolist() for of in expected]


@pytest.mark.parametrize("compiled", [False, True])
def test_padding_is_not_counted(compiled):
    model = Toy("non-reentrant")
    counter = attached_counter(model, (), 1)
    called = torch.compile(model, backend="aot_eager") if compiled else model
    for step in range(3):
        x, mask = batch(step), torch.ones(2, 12, dtype=torch.int64)
        mask[0, 5 + step :] = 0
        expected = true_counts(model, x, mask)
        called(x, attention_mask=mask).backward()
        assert counts_of(counter).tolist() == expected.tolist()
        with counter.labelled(None, mask == 0):
            called(x).backward()
        assert (counts_of(counter) + expected).tolist() == true_counts(model, x).tolist()


def test_categories_of_samples_tokens_and_batches():
    model = Toy()
    counter = attached_counter(model, (), 2)
    x, mask = batch(0), torch.ones(2, 12, dtype=torch.int64)
    mask[1, 4:] = 0
    halves = [true_counts(model, x, torch.tensor([[category == 0], [category == 1]]).expand(2, 12) * mask) for category in (0, 1)]
    by_token = torch.tensor([[0] * 12, [1] * 4 + [-1] * 8])
    for category, given in ((torch.tensor([0, 1]), mask), ([0, 1], mask), (by_token, mask), (by_token, None)):
        with counter.labelled(category, given):
            model(x).backward()
        for layer, histogram in enumerate(taken(counter)):
            assert [routing.category for routing in histogram.categories] == [0, 1]
            assert [routing.tokens for routing in histogram.categories] == [12, 4]
            assert [routing.counts.tolist() for routing in histogram.categories] == [half[layer].tolist() for half in halves]
    with counter.labelled(1, None):
        model(x).backward()
    assert [[routing.category for routing in histogram.categories] for histogram in taken(counter)] == [[1]] * LAYERS


def test_more_categories_keep_what_is_counted():
    model = Toy()
    counter = attached_counter(model, (), 1)
    first, second = batch(0), batch(1)
    model(first).backward()
    counter.grow(3)
    with counter.labelled(2, None):
        model(second).backward()
    for layer, histogram in enumerate(taken(counter)):
        assert [(r.category, r.counts.tolist()) for r in histogram.categories] == [
            (0, true_counts(model, first)[layer].tolist()),
            (2, true_counts(model, second)[layer].tolist()),
        ]


def test_evaluation_between_micro_batches_is_left_out():
    model = Toy()
    counter = attached_counter(model, (), 1)
    expected = true_counts(model, batch(0)) + true_counts(model, batch(3))
    model(batch(0)).backward()
    model.eval()
    model(batch(1))
    model.train()
    with torch.no_grad():
        model(batch(2))
    with torch.inference_mode():
        model(batch(2))
    counter.paused = True
    model(batch(4)).backward()
    counter.paused = False
    model(batch(3)).backward()
    assert counts_of(counter).tolist() == expected.tolist()


def test_evaluation_first_in_inference_mode_does_not_break_training():
    model = Toy()
    counter = attached_counter(model, (), 1)
    with torch.inference_mode():
        model.eval()(batch(1))
    model.train()(batch(0)).backward()
    assert counts_of(counter).tolist() == true_counts(model, batch(0)).tolist()


def test_a_forward_that_fails_counts_nothing():
    model = Toy()
    counter = attached_counter(model, (), 1)
    with pytest.raises(RuntimeError):
        model(torch.zeros(1, 2, 3))
    model.layers[2].router.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        model(batch(0))
    model.layers[2].router._forward_pre_hooks.clear()
    model(batch(1)).backward()
    assert counts_of(counter).tolist() == true_counts(model, batch(1)).tolist()


@pytest.mark.parametrize("frozen", ["routers", "all but the last block"])
def test_frozen_layers_count(frozen):
    model = Toy("reentrant")
    counter = attached_counter(model, (), 1)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("router" not in name if frozen == "routers" else name.startswith("layers.2."))
    expected = true_counts(model, batch(0))
    model(batch(0)).backward()
    assert counts_of(counter).tolist() == expected.tolist()


def test_a_model_that_begins_on_the_meta_device():
    with torch.device("meta"):
        model = Toy()
    counter = attached_counter(model, (), 1)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    expected = true_counts(model, batch(0))
    model(batch(0)).backward()
    assert counts_of(counter).tolist() == expected.tolist()


def test_gate_mass_and_mean_probability():
    class MixtralTopKRouter(TopKRouter):
        """Of a name whose scores are known."""

    model = Toy()
    model.layers[0].router = MixtralTopKRouter()
    x, mask = batch(0), torch.ones(2, 12)
    mask[0, 6:] = 0
    counter = attached_counter(model, (), 1)
    model(x, attention_mask=mask).backward()
    kept = x[mask.bool()]
    logits = kept @ model.layers[0].router.weight.t()
    values, indices = logits.softmax(-1).topk(TOP_K)
    mass = torch.zeros(EXPERTS).index_add_(0, indices.reshape(-1), values.reshape(-1))
    first = taken(counter)[0]
    np.testing.assert_allclose(first.gate_mass, mass.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(first.mean_probability, logits.softmax(-1).mean(0).detach().numpy(), rtol=1e-5)


def test_the_bias_is_the_one_that_the_step_was_routed_with():
    model = Toy()
    model.layers[1].expert_bias = torch.arange(EXPERTS) / 8
    counter = attached_counter(model, (), 1)
    model(batch(0)).backward()
    model.layers[1].expert_bias = model.layers[1].expert_bias + 1
    with torch.no_grad():
        model(batch(0))
    biases = [histogram.selection_bias for histogram in taken(counter)]
    assert biases[0] is None and biases[2] is None
    assert biases[1].tolist() == [expert / 8 for expert in range(EXPERTS)]


def test_labels_that_do_not_fit_the_tokens_are_refused():
    model = Toy()
    counter = attached_counter(model, (), 1)
    with counter.labelled(None, torch.ones(2, 5)), pytest.raises(ValueError, match=r"layers.0.router got 24 tokens.*has 10 entries"):
        model(batch(0))


def test_labels_of_padded_samples_are_not_stretched():
    model = Toy()
    counter = attached_counter(model, (), 2)
    with counter.labelled([0, 1], torch.ones(2, 6)), pytest.raises(ValueError, match=r"got 24 tokens.*has 12 entries"):
        model(batch(0))


def test_a_mask_that_is_not_given_by_name_is_found():
    model = Toy()
    counter = attached_counter(model, (), 1)
    mask = torch.tensor([[1] * 12, [1] * 3 + [0] * 9])
    model(batch(0), mask).backward()
    assert counts_of(counter).tolist() == true_counts(model, batch(0), mask).tolist()


def test_histograms_stay_when_the_memory_of_their_step_is_used_again():
    model = Toy()
    counter, snapshots = attached_counter(model, (), 1), Snapshots()
    model(batch(0)).backward()
    first = snapshots.take(counter.total)
    histograms = histograms_of(counter.routers, first.wait())
    snapshots.give_back(first)
    model(batch(1)).backward()
    assert snapshots.take(counter.total).tally is first.tally
    assert [h.categories[0].counts.tolist() for h in histograms] == true_counts(model, batch(0)).tolist()


def test_a_dense_model_has_no_router():
    with pytest.raises(AttachError, match="no router found in Sequential with 1 modules"):
        attached_counter(torch.nn.Sequential(torch.nn.Linear(8, 8)), (), 1)


def test_a_router_that_returns_no_choice_says_so():
    model = Toy()
    attached_counter(model, (), 1)
    model.layers[0].router.forward = lambda x: x.reshape(-1, x.shape[-1]) @ model.layers[0].router.weight.t()
    with pytest.raises(
        TypeError, match=r"layers.0.router \(TopKRouter\) returned \(24, 8\) torch.float32: expected integers with 2 columns"
    ):
        model(batch(0))


@pytest.mark.parametrize(
    ("shift", "found"), [(5, r"experts \d to \d+: must be from 0 to 7"), (-3, r"experts -\d to \d: must be from 0 to 7")]
)
def test_indices_that_are_no_experts_are_refused(shift, found):
    class Physical(TopKRouter):
        """Numbers replicas of experts, as engines do that serve."""

        def forward(self, x):
            logits, values, indices = super().forward(x)
            return logits, values, indices + shift

    Physical.__name__ = "PhysicalRouter"
    model = Toy()
    model.layers[1].router = Physical()
    attached_counter(model, (), 3)
    with pytest.raises(ValueError, match=f"router layers.1.router chose {found}"):
        model(batch(0))
