"""From a training loop to the collector's API and back: nothing is lost and nothing doubled, whatever is killed in between."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys

import collector
import pytest
import qwen
import torch

import moescope

pytestmark = pytest.mark.skipif(
    not collector.available(), reason="the collector is not built: npm ci && npx nx build @moescope/cli in the repository's root"
)


@pytest.fixture
def lab(tmp_path):
    started = collector.Collector(tmp_path / "data")
    yield started
    started.stop()


def train(run: moescope.Run, steps: int, between=lambda step: None) -> list[torch.Tensor]:
    """Returns the true counts of each step, [C, LAYERS, EXPERTS]."""
    model = qwen.model()
    truth = qwen.Truth(model)
    run.attach(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    expected = []
    for step in range(steps):
        total = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
        for micro_batch in range(2):
            inputs, category = qwen.batch(2 * step + micro_batch)
            total += truth.counts(model, inputs, category)
            with run.tokens(category=category, mask=inputs["attention_mask"]):
                loss = model(**inputs).loss
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        run.step(step, loss=loss, learning_rate=1e-2)
        expected.append(total)
        between(step)
    return expected


def stored(lab: collector.Collector, run: str, ranks: int = 1) -> list[torch.Tensor]:
    """Counts of each step, as the API gives them."""
    steps = []
    for place, bucket in enumerate(lab.history(run)):
        assert (bucket["firstStep"], bucket["steps"], bucket["ranks"]) == (place, 1, ranks)
        counts = torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)
        for layer in bucket["layers"]:
            for load in layer["categories"]:
                counts[load["category"], layer["layer"]] = torch.tensor(load["counts"])
        steps.append(counts)
    return steps


def test_a_run_is_stored_as_it_was(lab, tmp_path, capfd):
    run = moescope.init(
        lab.address, name="tiny qwen", strategy="auxiliary-loss", config={"lr": 1e-2}, categories=qwen.CATEGORIES, spool=tmp_path / "spool"
    )
    expected = train(run, 20)
    assert run.finish(seconds=60)
    assert torch.stack(stored(lab, run.id)).tolist() == torch.stack(expected).tolist()
    (summary,) = lab.get("runs")["runs"]
    described = summary["run"]
    assert (described["name"], described["strategy"], described["configJson"]) == ("tiny qwen", "auxiliary-loss", '{"lr": 0.01}')
    assert (described["categories"], summary["state"]) == (qwen.CATEGORIES, "FINISHED")
    assert summary["tokens"] == sum(int(counts[:, 0].sum()) for counts in expected) // qwen.TOP_K
    assert "counting 2 MoE layers, 8 experts, top-2, no bias, Qwen3MoeTopKRouter" in capfd.readouterr().err
    collector.until(lambda: not list((tmp_path / "spool").iterdir()), what="an empty folder of spools")


@pytest.mark.parametrize("seed", range(3))
def test_sender_and_collector_are_killed_at_random(lab, tmp_path, seed):
    chance = random.Random(seed)
    kills = {chance.randrange(40): kind for kind in ("sender", "collector", "sender", "collector")}
    run = moescope.init(lab.address, categories=qwen.CATEGORIES, spool=tmp_path / "spool", run_id=f"killed-{seed}")

    def sender() -> int | None:
        process = run._reporter._sender._process
        return process.pid if process is not None and process.poll() is None else None

    def between(step: int) -> None:
        if kills.get(step) == "sender":
            os.kill(collector.until(sender, what="a sender"), signal.SIGKILL)
        elif kills.get(step) == "collector":
            lab.kill()
            lab.start()

    expected = train(run, 40, between)
    assert run.finish(seconds=120)
    assert torch.stack(stored(lab, run.id)).tolist() == torch.stack(expected).tolist()


def test_a_package_that_a_script_has_put_on_its_path_by_hand_sends_too(lab, tmp_path):
    source = pathlib.Path(moescope.__file__).parents[1]
    text = f"""
import sys
sys.path.insert(0, {str(source)!r})
import moescope
run = moescope.init({lab.address!r}, run_id="by-hand", spool={str(tmp_path / "spool")!r})
run.log_counts(0, [3, 1], top_k=1)
run.step(0)
assert run.finish(seconds=60)
"""
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", text], check=True, timeout=120, env=without)
    (summary,) = [each for each in lab.get("runs")["runs"] if each["run"]["id"] == "by-hand"]
    assert summary["steps"] == 1
