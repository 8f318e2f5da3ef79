"""What cannot be counted stops the training loop at once, with an error that says which router or module and what to do."""

from __future__ import annotations

import collector
import pytest
import qwen
import torch
from torch.nn.functional import linear

import moescope

NAMES = "model.layers.0.mlp.gate, model.layers.1.mlp.gate"


@pytest.fixture
def run(tmp_path):
    begun = moescope.init(mode="offline", spool=tmp_path / "spool")
    yield begun
    begun.finish()


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch.compiler.reset()


def error_of(run: moescope.Run, forward, steps: int = 2) -> str:
    """What `run.step` raises at the latest when the first step after `steps` of them ends."""
    for step in range(steps):
        forward(step)
        run.step(step)
    collector.until(lambda: run._reporter.failure is not None, what="an error")
    with pytest.raises(moescope.AttachError) as raised:
        run.step(steps)
    return str(raised.value)


@pytest.mark.parametrize("compiled", ["whole", "whole, attached", "module", "blocks"])
def test_a_model_that_was_compiled_and_called_before(run, compiled):
    model = qwen.model()
    model.config.use_cache = False
    called = torch.compile(model, backend="eager") if compiled.startswith("whole") else model
    for module in {"module": [model], "blocks": model.model.layers}.get(compiled, []):
        module.compile(backend="eager")
    inputs, _ = qwen.batch(0)
    called(**inputs).loss.backward()
    run.attach(called if compiled == "whole, attached" else model)
    message = error_of(run, lambda step: called(**inputs).loss.backward())
    prefix = "_orig_mod." if compiled == "whole, attached" else ""
    assert f"no router chose anything in the first two steps ({prefix}{NAMES.replace(', ', ', ' + prefix)})" in message
    assert "compiled and called before attach: attach first, or call torch.compiler.reset()" in message


def test_a_graph_from_before_that_is_used_again_later(run):
    """It is of another batch size; graphs of the sizes that come first are made with hooks."""
    model = qwen.model()
    model.config.use_cache = False
    called = torch.compile(model, backend="eager", dynamic=False)
    inputs, _ = qwen.batch(0)
    called(**inputs).loss.backward()
    run.attach(model)
    fewer = {name: value[:2] for name, value in inputs.items()}
    message = error_of(run, lambda step: called(**(inputs if step == 3 else fewer)).loss.backward(), steps=4)
    assert f"no router chose anything in step 3 ({NAMES})" in message


@pytest.mark.parametrize("around", ["all", "one"])
def test_a_kernel_that_goes_around_routers(run, around):
    """As MegaBlocks' forward of a block does: it takes the router's weight and chooses by itself."""
    model = qwen.model()

    def fused(block):
        def forward(hidden):
            flat = hidden.reshape(-1, hidden.shape[-1])
            weights, indices = linear(flat, block.gate.weight).softmax(-1).topk(qwen.TOP_K)
            return block.experts(flat, indices, weights).reshape(hidden.shape)

        return forward

    for layer in model.model.layers[: None if around == "all" else 1]:
        layer.mlp.forward = fused(layer.mlp)
    run.attach(model)
    message = error_of(run, lambda step: model(**qwen.batch(step)[0]).loss.backward())
    if around == "all":
        assert f"({NAMES})" in message
        assert "a fused kernel goes around the routers: build the model without use_kernels" in message
    else:
        assert message.startswith("1 of 2 routers chose nothing in the first two steps: model.layers.0.mlp.gate.")
        assert "run.attach(model, skip=[...])" in message


def test_a_wrapper_that_is_not_what_the_loop_calls(run):
    model = qwen.model()
    run.attach(torch.nn.Sequential(model))
    message = error_of(run, lambda step: model(**qwen.batch(step)[0]).loss.backward())
    assert "the module given to attach was not called in the first two steps" in message
    assert "Attach the one that the train loop calls" in message


def test_a_model_in_evaluation_mode(run):
    model = qwen.model().eval()
    run.attach(model)
    message = error_of(run, lambda step: model(**qwen.batch(step)[0]).loss.backward())
    assert "was not called in the first two steps, in training mode and with gradients" in message
