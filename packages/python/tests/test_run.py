"""What a training script meets: modes, errors that say what to do, bounds that hold."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import spooled
import torch
from toy import EXPERTS, LAYERS, Toy, batch, true_counts

import moescope


def python(text: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", text]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **environment})


def test_import_brings_neither_torch_nor_grpc():
    done = python("import sys, moescope; print([name for name in ('torch', 'grpc', 'transformers') if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_disabled_does_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MOESCOPE_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    run = moescope.init("nowhere:1")
    model = Toy()
    run.attach(model)
    with run.tokens(category="code"), run.evaluate():
        model(batch(0)).backward()
    run.log_counts(0, [1])
    run.step(0, loss=1.0)
    assert run.finish()
    assert not any(module._forward_hooks for module in model.modules())
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""


def test_steps_with_scalars_of_all_kinds(offline, tmp_path, protobuf):
    run = offline(categories=["all"], config={"path": tmp_path, "layers": 3}, tags=["a"], seed=5)
    model = Toy()
    run.attach(model)
    expected = [true_counts(model, batch(step)).tolist() for step in range(3)]
    for step in range(3):
        loss = model(batch(step))
        loss.backward()
        with run.evaluate():
            model(batch(9)).backward()
        run.step(step, loss=loss, learning_rate=0.5, nothing=None, wrong=torch.tensor(math.nan), whole=np.int64(7))
        with torch.no_grad():
            loss.zero_()
    run.finish("stopped", "enough")
    hello, steps, (end,) = spooled.read(tmp_path, protobuf)
    assert [spooled.counts(step).tolist() for step in steps] == expected
    assert [step.tokens for step in steps] == [24, 48, 72]
    scalars = [{scalar.name: scalar.value for scalar in step.scalars} for step in steps]
    assert all(set(of) == {"loss", "learning_rate", "wrong", "whole"} and of["loss"] > 0 and math.isnan(of["wrong"]) for of in scalars)
    assert [(layer.index, layer.experts, layer.top_k) for layer in hello.run.layers] == [(layer, EXPERTS, 2) for layer in range(LAYERS)]
    assert (hello.run.config_json, list(hello.run.tags), hello.run.seed) == (f'{{"path": "{tmp_path}", "layers": 3}}', ["a"], 5)
    assert (end.outcome, end.reason, end.sequence) == (2, "enough", 4)


@pytest.mark.parametrize(("argument", "message"), [
    (dict(mode="on"), "mode is 'on': must be one of online, offline, disabled"),
    (dict(run_id="a/b"), "run id is 'a/b': must be 1 to 128 letters"),
    (dict(categories=["a", "a"]), "categories are .*: must be a list of at least one name, all different"),
    (dict(categories="code"), "categories are 'code': must be a list"),
    (dict(categories=["a", ""]), "one of categories is '': must have 1 to 256 characters"),
    (dict(name="n" * 1025), r"name is 'n+… \(1025 characters\): must have 0 to 1024 characters"),
    (dict(name="🙂" * 513), r"\(1026 characters\): must have 0 to 1024"),
    (dict(config={"a": "b" * 2**20}), "config as JSON is .*: must have 0 to 1048576 characters"),
    (dict(tags=["t"] * 257), "tags are 257: must be at most 256"),
])  # fmt: skip
def test_arguments_are_checked(argument, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        moescope.init(**{"mode": "offline", "spool": tmp_path, **argument})


@pytest.mark.parametrize(("counts", "options", "message"), [
    ([1, 2], dict(top_k=2), r"counts add up to 3: must be top_k \(2\) x tokens"),
    ([1, -1], dict(top_k=1), r"counts is \[1, -1\]: must be one row of whole numbers"),
    ([1, 0.5], dict(top_k=1), "must be one row of whole numbers"),
    (np.array([2.0**24], np.float32), dict(top_k=1), "as float32, which cannot count that far exactly"),
    ([1, 2], dict(), "tokens is missing: must be given where top_k is 0"),
    ([1, 2], dict(top_k=1, dropped=[0, 3]), r"dropped is \[0, 3\]: must be at most counts"),
    ([1, 2], dict(top_k=1, gate_mass=[1]), r"gate_mass has the shape \(1,\): must be \(2,\)"),
    ([1, 2], dict(top_k=1, category=3), r"category is 3: must be below 1, as the categories are \['all'\]"),
])  # fmt: skip
def test_counts_that_do_not_fit_are_refused(offline, counts, options, message):
    with pytest.raises(ValueError, match=message):
        offline().log_counts(0, counts, **options)


def test_a_scalar_is_one_number(offline):
    run = offline()
    with pytest.raises(ValueError, match=r"loss has the shape \(2,\): must be one number"):
        run.step(0, loss=torch.zeros(2))
    with pytest.raises(ValueError, match="outcome is 'done': must be finished, stopped or failed"):
        run.finish("done")


def steps_until_error(run, forward, steps=200):
    with pytest.raises(moescope.AttachError) as raised:
        for step in range(steps):
            forward()
            run.step(step)
    return str(raised.value)


def test_a_model_that_was_compiled_and_called_before_is_an_error(offline):
    run, model = offline(), Toy()
    blocks = [torch.compile(block, backend="aot_eager") for block in model.layers]
    model.forward = lambda x: [x := block(x) for block in blocks][-1].sum()
    model(batch(0)).backward()
    run.attach(model)
    message = steps_until_error(run, lambda: model(batch(0)).backward())
    assert "no router chose anything in the first two steps (layers.0.router, layers.1.router, layers.2.router)" in message
    assert "compiled and called before attach" in message


def test_the_wrong_module_is_an_error(offline):
    run, model = offline(), Toy()
    run.attach(model)
    message = steps_until_error(run, lambda: model.forward(batch(0)).backward())
    assert "the module given to attach was not called in the first two steps" in message


def test_a_router_that_is_gone_around_is_named(offline):
    run, model = offline(), Toy()
    run.attach(model)
    model.layers[1].forward = lambda x: x
    message = steps_until_error(run, lambda: model(batch(0)).backward())
    assert message.startswith("1 of 3 routers chose nothing in the first two steps: layers.1.router.")


def test_routers_can_be_left_out(offline, capfd):
    run, model = offline(), Toy()
    run.attach(model, skip=["layers.1.router"])
    assert "counting 2 MoE layers" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="a run counts one model"):
        run.attach(model)


def test_a_full_spool_drops_steps_counts_them_and_says_so_once(tmp_path, capfd, protobuf):
    run = moescope.init(mode="offline", spool=tmp_path, spool_bytes=25_000)
    for step in range(50):
        run.log_counts(0, [1] * 200, top_k=1)
        run.step(step)
    run.finish()
    _, steps, ends = spooled.read(tmp_path, protobuf)
    assert 10 < len(steps) < 30
    assert run.dropped == 51 - len(steps) - len(ends)
    assert [step.sequence for step in steps] == list(range(1, len(steps) + 1))
    said = capfd.readouterr().err
    assert said.count("steps are being dropped") == 1
    assert f"{run.dropped} steps were dropped" in said


@pytest.mark.parametrize("before", [0, 1])
def test_a_fork_reports_nothing(offline, tmp_path, protobuf, before):
    run = offline()
    for step in range(before):
        run.step(step)
    child = os.fork()
    if child == 0:
        run.log_counts(0, [9], top_k=1)
        run.step(77)
        run.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not list(tmp_path.rglob("ended"))
    run.step(before)
    run.finish()
    _, steps, ends = spooled.read(tmp_path, protobuf)
    assert [step.step for step in steps] == list(range(before + 1))
    assert len(ends) == 1


@pytest.mark.parametrize(("ending", "outcome", "reason"), [
    ("", 1, ""),
    ("raise RuntimeError('out of memory')", 3, "RuntimeError: out of memory"),
    ("raise KeyboardInterrupt", 2, "interrupted"),
])  # fmt: skip
def test_a_script_that_does_not_finish_its_run_still_ends_it(tmp_path, protobuf, ending, outcome, reason):
    script = f"import moescope\nrun = moescope.init(spool={str(tmp_path)!r})\nrun.log_counts(0, [1], top_k=1)\nrun.step(0)\n{ending}"
    python(script, MOESCOPE_MODE="offline")
    _, _, (end,) = spooled.read(tmp_path, protobuf)
    assert end.outcome == outcome
    assert reason in end.reason


def test_finish_ends_within_its_bound_without_a_collector(tmp_path):
    timed = "import time, moescope; run = moescope.init('127.0.0.1:9', spool={!r}); run.step(0); began = time.monotonic()"
    done = python(timed.format(str(tmp_path)) + "; print(run.finish(seconds=0.5), time.monotonic() - began)", MOESCOPE_MODE="online")
    stored, seconds = done.stdout.split()
    assert stored == "False"
    assert float(seconds) < 2
    (sender,) = senders_of(tmp_path)
    os.kill(sender, 9)


def senders_of(directory):
    """Processes that send spools below a folder."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"/proc/{entry.name}/cmdline", "rb") as file:
                    line = file.read()
            except OSError:
                continue
            if b"moescope.sender" in line and str(directory).encode() in line:
                yield int(entry.name)


def test_what_is_no_tracker_is_refused(offline):
    with pytest.raises(TypeError, match="is no tracker known here: expected log, log_metrics or add_scalar"):
        offline().also(object())


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ("first", 3, "")),
        ({"TORCHELASTIC_RESTART_COUNT": "7"}, ("first", 7, "")),
        ({"MOESCOPE_RUN_ID": "second"}, ("second", 0, "first")),
    ],
)
def test_a_checkpoint_goes_on_with_its_run_or_is_the_parent_of_another(tmp_path, monkeypatch, protobuf, environment, expected):
    first = moescope.init(mode="offline", spool=tmp_path / "first", run_id="first", attempt=2, ranks=4, rank=0)
    for step in range(3):
        first.log_counts(0, [6, 4], top_k=2)
        first.step(step)
    state = json.loads(json.dumps(first.state_dict()))
    first.finish()
    assert state == {"run": "first", "attempt": 2, "tokens": 3 * 5 * 4}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    again = moescope.init(mode="offline", spool=tmp_path / "again", resume=state, ranks=4, rank=0)
    again.log_counts(0, [6, 4], top_k=2)
    again.step(3)
    again.finish()
    hello, (step,), _ = spooled.read(tmp_path / "again", protobuf)
    assert (hello.run.id, hello.attempt, hello.run.parent) == expected
    assert step.tokens == 4 * 5 * 4


@pytest.mark.parametrize("state", [{"run": "first"}, {"run": 1, "attempt": 0, "tokens": 0}, {"run": "first", "attempt": None, "tokens": 0}])
def test_what_is_no_state_of_a_run_is_refused(tmp_path, state):
    with pytest.raises(ValueError, match=r"resume is .*: must be what run.state_dict\(\) gave"):
        moescope.init(mode="offline", spool=tmp_path, resume=state)


@pytest.mark.parametrize("before", [
    lambda run: run.log_counts(7, [2], top_k=1, category="new"),
    lambda run: run.rollout([[[0, 1]] * LAYERS], category="new"),
])  # fmt: skip
def test_a_category_that_came_first_with_something_else_is_counted_in_training(offline, tmp_path, protobuf, before):
    model = Toy()
    run = offline()
    run.attach(model)
    before(run)
    with run.tokens(category="new"):
        model(batch(0)).backward()
    run.step(0)
    run.finish()
    step = spooled.read(tmp_path, protobuf)[1][0]
    assert [[(of.category, of.tokens) for of in histogram.categories] for histogram in step.histograms][:LAYERS] == [[(1, 24)]] * LAYERS
