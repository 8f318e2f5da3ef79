"""Counts are exact under every backend of torch.compile, way of checkpointing, and way of compiling.

The suite runs the cases that have told something apart; MOESCOPE_WHOLE_MATRIX=1 runs all 108. The truth is that of toy.py and qwen.py:
a plain copy of the model, without hooks, checkpointing or compiler.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import counted
import pytest
import qwen
import torch
import toy

from moescope.attach import attached_counter

WHOLE = os.environ.get("MOESCOPE_WHOLE_MATRIX") == "1"
MODELS, BACKENDS = ("toy", "qwen3_moe"), ("eager", "aot_eager", "inductor")
CHECKPOINTING, COMPILED, FULLGRAPH = (None, "reentrant", "non-reentrant"), ("whole", "module", "blocks"), (False, True)
DECISIVE = [
    ("toy", "eager", "reentrant", "whole", True),
    ("toy", "eager", "non-reentrant", "module", False),
    ("toy", "inductor", "non-reentrant", "whole", True),
    ("toy", "inductor", None, "blocks", False),
    ("qwen3_moe", "aot_eager", "reentrant", "whole", True),
]


class Case(NamedTuple):
    model: torch.nn.Module
    blocks: torch.nn.ModuleList
    #: Of the seed of a micro-batch: its inputs, a category for each sample, and the true counts [C, L, E].
    batch: Callable[[int], tuple[dict[str, Any], torch.Tensor, torch.Tensor]]
    loss: Callable[[Any], torch.Tensor]


def of_toy(checkpointing: str | None) -> Case:
    model = toy.Toy(checkpointing)

    def batch(seed):
        x, category = toy.batch(seed), torch.tensor([seed % 2, 1])
        true = [toy.true_counts(model, x, (category == chosen)[:, None].expand(2, 12)) for chosen in (0, 1)]
        return dict(x=x), category, torch.stack(true)

    return Case(model, model.layers, batch, lambda output: output)


def of_qwen(checkpointing: str | None) -> Case:
    model = qwen.model()
    # Transformers warns of the cache in a checkpointed forward, and a warning breaks the graph.
    model.config.use_cache = False
    model.gradient_checkpointing_disable()
    if checkpointing is not None:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": checkpointing == "reentrant"})
    truth = qwen.Truth(model)

    def batch(seed):
        inputs, category = qwen.batch(seed)
        return inputs, category, truth.counts(model, inputs, category)

    return Case(model, model.model.layers, batch, lambda output: output.loss)


@pytest.fixture(autouse=True, scope="module")
def one_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.mark.parametrize(
    ("kind", "backend", "checkpointing", "compiled", "fullgraph"),
    list(product(MODELS, BACKENDS, CHECKPOINTING, COMPILED, FULLGRAPH)) if WHOLE else DECISIVE,
)
def test_every_choice_counts_once(kind, backend, checkpointing, compiled, fullgraph):
    if backend == "inductor" and not any(map(shutil.which, ("g++", "clang++"))):
        pytest.skip("inductor needs a C++ compiler: g++ or clang++")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.compiler.reset()
    case = of_toy(checkpointing) if kind == "toy" else of_qwen(checkpointing)
    counter = attached_counter(case.model, (), 2)
    called, options = case.model, dict(backend=backend, fullgraph=fullgraph)
    if compiled == "whole":
        called = torch.compile(case.model, **options)
    for module in {"whole": [], "module": [case.model], "blocks": case.blocks}[compiled]:
        module.compile(**options)
    optimizer = torch.optim.SGD(case.model.parameters(), 0.1)
    for step in range(3):
        expected = []
        for micro_batch in range(2):
            inputs, category, true = case.batch(10 * step + micro_batch)
            expected.append(true)
            with counter.labelled(category, None):
                loss = case.loss(called(**inputs))
            if step == 1 and (WHOLE or backend != "inductor"):  # compiles once more
                with torch.no_grad():
                    called(**case.batch(99)[0])
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        assert counted.step(counter).tolist() == sum(expected).tolist()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0, "nothing was compiled"


@pytest.mark.parametrize("checkpointing", CHECKPOINTING)
@pytest.mark.parametrize("biased", [False, True])
def test_layers_share_the_graphs_of_their_blocks(monkeypatch, checkpointing, biased):
    """Torch gives up after eight graphs of one function; hooks must not make one for each layer."""
    monkeypatch.setattr(toy, "LAYERS", 12)
    graphs = []
    for attached in (False, True):
        torch.manual_seed(0)
        torch.compiler.reset()
        torch._dynamo.utils.counters.clear()
        model = toy.Toy(checkpointing)
        for layer, block in enumerate(model.layers):
            if biased:
                block.expert_bias = torch.full((toy.EXPERTS,), float(layer))
            block.compile(backend="eager", fullgraph=True)
        counter = attached_counter(model, (), 2) if attached else None
        for step in range(2):
            x, mask = toy.batch(step), torch.ones(2, 12)
            mask[1, 7 + step :] = 0
            model(x, attention_mask=mask).backward()
            with torch.no_grad():
                model(x)
            if counter is not None:
                histograms = counted.histograms(counter)
                expected = toy.true_counts(model, x, mask)
                assert [histogram.categories[0].counts.tolist() for histogram in histograms] == expected.tolist()
                assert [histogram.selection_bias is None for histogram in histograms] == [not biased] * 12
                assert not biased or [histogram.selection_bias[0] for histogram in histograms] == list(range(12))
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    # One more for the forwards that have no labels.
    assert 0 < graphs[0] <= graphs[1] <= graphs[0] + 1
