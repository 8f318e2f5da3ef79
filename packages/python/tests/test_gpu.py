"""On a GPU: counts are exact, nothing waits for the device, whatever compiles or replays the model.

Skipped where there is none. With MOESCOPE_TEST_DEVICE=cpu what does not need one runs there, to try these tests themselves.
"""

from __future__ import annotations

import contextlib
import os

import pytest
import qwen
import spooled
import torch
from toy import LAYERS, TOP_K, WIDTH, Toy, true_counts

import moescope
from moescope.attach import AttachError

DEVICE = os.environ.get("MOESCOPE_TEST_DEVICE", "cuda")
if DEVICE == "cuda" and not torch.cuda.is_available():
    pytest.skip("no GPU", allow_module_level=True)
on_a_gpu = pytest.mark.skipif(DEVICE != "cuda", reason="no GPU")
STEPS, CATEGORIES = 6, ["code", "docs"]


@pytest.fixture(autouse=True)
def fresh():
    torch.manual_seed(0)
    torch.compiler.reset()


def batch(seed: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens [2, 12, WIDTH] and a category for each sample, on the device."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(2, 12, WIDTH, generator=generator).to(DEVICE, dtype).requires_grad_()
    return tokens, torch.randint(0, 2, (2,), generator=generator).to(DEVICE)


def truth(model: Toy, tokens: torch.Tensor, category: torch.Tensor) -> list:
    """Counts of a step, [C, LAYERS, EXPERTS]."""
    return [true_counts(model, tokens, (category == number)[:, None].expand(2, 12)).tolist() for number in range(2)]


def by_category(step) -> list:
    """Counts of a step as it was spooled, [C, layers, experts]."""
    found = torch.zeros(2, len(step.histograms), len(step.histograms[0].categories[0].counts), dtype=torch.int64)
    for layer, histogram in enumerate(step.histograms):
        for routing in histogram.categories:
            found[routing.category, layer] = torch.tensor(list(routing.counts))
    return found.tolist()


@contextlib.contextmanager
def nothing_waits():
    """An operation of this thread that waits for the device is an error inside."""
    if DEVICE != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def train(run: moescope.Run, model: Toy, called=None, dtype: torch.dtype = torch.float32) -> tuple[list, list[float]]:
    """Returns what `STEPS` steps should have: counts and losses. Only run.step() is watched for waiting."""
    called, optimizer = model if called is None else called, torch.optim.SGD(model.parameters(), 0.1)
    expected, losses = [], []
    for number in range(STEPS):
        tokens, category = batch(number, dtype)
        expected.append(truth(model, tokens, category))
        with run.tokens(category=category):
            loss = called(tokens)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        with nothing_waits():
            run.step(number, loss=loss, learning_rate=0.1)
    assert not run.finish()
    return expected, losses


def begin(tmp_path, model: torch.nn.Module) -> moescope.Run:
    run = moescope.init(mode="offline", spool=tmp_path, categories=CATEGORIES)
    run.attach(model)
    return run


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_counts_and_losses_come_whole_through_pinned_memory(tmp_path, protobuf, dtype):
    model = Toy().to(DEVICE, dtype)
    expected, losses = train(begin(tmp_path, model), model, dtype=dtype)
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected
    assert [dict((scalar.name, scalar.value) for scalar in step.scalars)["loss"] for step in steps] == losses


@pytest.mark.parametrize("checkpointing", [None, "non-reentrant"])
@pytest.mark.parametrize("mode", ["eager", "inductor"])
def test_recomputed_and_compiled_forwards_count_once(tmp_path, protobuf, mode, checkpointing):
    model = Toy(checkpointing).to(DEVICE)
    run = begin(tmp_path, model)
    expected, _ = train(run, model, torch.compile(model) if mode == "inductor" else model)
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected


def test_cuda_graphs_count_right_or_say_that_they_cannot(tmp_path, protobuf):
    model = Toy().to(DEVICE)
    run = begin(tmp_path, model)
    try:
        expected, _ = train(run, model, torch.compile(model, mode="reduce-overhead"))
    except AttachError as error:
        assert "CUDA graph" in str(error)
        run.finish()
        return
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected


def test_a_model_that_is_moved_after_attach_is_counted_where_it_computes(tmp_path, protobuf):
    model = Toy()
    run = begin(tmp_path, model)
    expected, _ = train(run, model.to(DEVICE))
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected


def test_a_qwen3_moe_with_padding(tmp_path, protobuf):
    model = qwen.model().to(DEVICE)
    reference = qwen.Truth(model)
    run, expected = begin(tmp_path, model), []
    for number in range(3):
        inputs, category = qwen.batch(number)
        inputs, category = {name: value.to(DEVICE) for name, value in inputs.items()}, category.to(DEVICE)
        expected.append(reference.counts(model, inputs, category).tolist())
        with run.tokens(category=category):
            loss = model(**inputs).loss
        loss.backward()
        with nothing_waits():
            run.step(number, loss=loss)
    assert not run.finish()
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected


def test_a_whole_step_waits_for_nothing_while_earlier_steps_still_run(tmp_path, protobuf):
    """The device is kept busy before each forward, so that the host is steps ahead of it when it asks for their copies."""
    model = Toy().to(DEVICE)
    run = begin(tmp_path, model)
    batches = [batch(number) for number in range(STEPS)]
    expected = [truth(model, *each) for each in batches]  # the weights stay as they are
    ran = []
    for number, (tokens, category) in enumerate(batches):
        # The first forward of a router looks once at its indices, and so waits.
        with nothing_waits() if number else contextlib.nullcontext():
            if DEVICE == "cuda":
                torch.cuda._sleep(50_000_000)
            with run.tokens(category=category):
                loss = model(tokens)
            loss.backward()
            run.step(number, loss=loss)
        if DEVICE == "cuda":
            ran.append(torch.cuda.Event())
            ran[-1].record()
    still_running = [not event.query() for event in ran]
    assert not run.finish()
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [by_category(step) for step in steps] == expected
    assert DEVICE != "cuda" or sum(still_running) >= 2, "the host was not ahead, so this proved nothing: make the device sleep longer"


@on_a_gpu
def test_step_that_waits_would_be_seen():
    """The watch itself: reading a number of the device is an error under it."""
    number = torch.zeros(1, device=DEVICE)
    with nothing_waits(), pytest.raises(RuntimeError, match="synchroniz"):
        number.item()


@on_a_gpu
def test_the_host_memory_of_a_step_is_pinned_and_used_again():
    from moescope.attach import attached_counter
    from moescope.tally import Snapshots

    model = Toy().to(DEVICE)
    counter, snapshots = attached_counter(model, (), 1), Snapshots()
    tokens, _ = batch(0)
    model(tokens).backward()
    first = counter.taken(snapshots)
    assert first.event is not None and first.tally.ints.is_pinned() and first.tally.floats.is_pinned()
    assert first.wait().chosen.sum() == LAYERS * 24 * TOP_K
    snapshots.give_back(first)
    assert counter.taken(snapshots).tally is first.tally
