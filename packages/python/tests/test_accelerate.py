"""The tracker in loops of an Accelerator that accumulates, pads and evaluates in between: alone, and in two gloo processes."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import collector
import pytest
import qwen
import torch
from accelerate import PartialState
from test_collector import stored

from moescope.integrations.accelerate import MoescopeTracker

HERE = pathlib.Path(__file__).resolve().parent
UPDATES, ACCUMULATED = 4, 2

LOOP = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import torch, qwen
from accelerate import Accelerator
from moescope.integrations.accelerate import MoescopeTracker

address, out = sys.argv[1:]
tracker = MoescopeTracker(address, spool=out, categories=qwen.CATEGORIES, run_id="accelerated", config={{"mine": 1}})
accelerator = Accelerator(cpu=True, log_with=tracker, gradient_accumulation_steps={ACCUMULATED})
accelerator.init_trackers("project", config={{"learning_rate": 1e-2}})
plain = qwen.model()
truth = qwen.Truth(plain)
# Each process takes every second one: a loader of an Accelerator hands whole batches round.
seeds = range({UPDATES} * {ACCUMULATED} * accelerator.num_processes)
loader = torch.utils.data.DataLoader([dict(seed=seed) for seed in seeds], batch_size=1)
model, optimizer, loader = accelerator.prepare(plain, torch.optim.AdamW(plain.parameters(), 1e-2), loader)
tracker.attach(model, optimizer)
expected, losses = [torch.zeros(2, qwen.LAYERS, qwen.EXPERTS, dtype=torch.int64)], []
for place, row in enumerate(loader):
    inputs, category = qwen.batch(int(row["seed"]))
    expected[-1] += truth.counts(plain, inputs, category)
    with accelerator.accumulate(model), tracker.tracker.tokens(category=category):
        loss = model(**inputs).loss
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
    if accelerator.sync_gradients:
        expected.append(torch.zeros_like(expected[0]))
        model.eval()
        with torch.no_grad():
            model(**inputs)
        model.train()
        if place != len(loader) - 1:
            losses.append(loss.item())
            accelerator.log({{"loss": loss, "note": "a text"}}, step=place)
torch.save((torch.stack(expected[:-1]), losses), f"{{out}}.{{accelerator.process_index}}")
if not accelerator.is_main_process:
    tracker.finish()
accelerator.end_training()
assert tracker.tracker.finish(seconds=60)
"""


@pytest.fixture
def lab(tmp_path):
    started = collector.Collector(tmp_path / "data")
    yield started
    started.stop()


@pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
@pytest.mark.parametrize("processes", [1, 2])
def test_every_update_of_every_process_arrives(lab, tmp_path, processes):
    script, out = tmp_path / "loop.py", tmp_path / "spool"
    script.write_text(LOOP)
    launched = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--standalone"] if processes > 1 else []
    command = [sys.executable, *launched, str(script), lab.address, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    saved = [torch.load(f"{out}.{rank}") for rank in range(processes)]
    expected = sum(counts for counts, _ in saved)
    assert torch.stack(stored(lab, "accelerated", ranks=processes)).tolist() == expected.tolist()
    (summary,) = lab.get("runs")["runs"]
    joined = {"learning_rate": 1e-2} if processes == 1 else {}
    assert json.loads(summary["run"]["configJson"]) == {"mine": 1, **joined}
    logged = [{scalar["name"]: scalar["last"] for scalar in bucket["scalars"]} for bucket in lab.history("accelerated")]
    assert [scalars.get("loss") for scalars in logged] == [*saved[0][1], None]


def test_a_config_that_comes_too_late_is_an_error(tmp_path):
    PartialState(cpu=True)
    tracker = MoescopeTracker(mode="offline", spool=tmp_path)
    tracker.store_init_configuration({"learning_rate": 1e-2})
    tracker.tracker.finish()
    with pytest.raises(RuntimeError, match=r"call accelerator.init_trackers before tracker.attach"):
        tracker.store_init_configuration({"learning_rate": 1e-2})


def test_an_optimizer_of_deepspeed_is_refused(tmp_path):
    class ZeRO(torch.optim.SGD):
        pass

    ZeRO.__module__ = "deepspeed.runtime.zero.stage_1_and_2"
    tracker = MoescopeTracker(mode="offline", spool=tmp_path)
    model = qwen.model()
    with pytest.raises(ValueError, match=r"steps in its engine: call moescope.init, run.attach and run.step yourself"):
        tracker.attach(model, ZeRO(model.parameters(), 1e-2))
    tracker.finish()
