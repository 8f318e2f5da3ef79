"""`run.also` with the real packages of trackers, read back from the files that they write. Each stays on this machine."""

from __future__ import annotations

import json
import pathlib
import sqlite3
import struct
import sys

import collector
import numpy as np
import pytest

import moescope
from moescope.trackers import Tracker

EXPERTS, LAYERS, STEPS = 6, (2, 7, 9), 5
ONE = np.array([1, *[0] * (EXPERTS - 1)])


@pytest.fixture
def fed(tmp_path):
    """Reports random counts and gives a tracker their summaries; returns those of each step, worked out here from the counts."""

    def feed(tracker, between=lambda step: None):
        chance = np.random.default_rng(0)
        run = moescope.init(mode="offline", spool=tmp_path / "spool", run_id="here")
        run.also(tracker)
        expected = []
        for step in range(STEPS):
            counts = {layer: chance.integers(0, 9, EXPERTS) * chance.integers(0, 2, EXPERTS) + ONE for layer in LAYERS}
            dropped = {layer: counts[layer] // 3 for layer in LAYERS}
            for layer in LAYERS:
                run.log_counts(layer, counts[layer], top_k=1, dropped=dropped[layer])
            run.step(step)
            expected.append(summary(counts, dropped))
            between(step)
        run.finish()
        return expected

    return feed


def summary(counts, dropped):
    violation = {layer: max(load) / (sum(load) / EXPERTS) - 1 for layer, load in counts.items()}
    worst = max(LAYERS, key=lambda layer: violation[layer])
    return {
        "moescope/max_violation": sum(violation.values()) / len(LAYERS),
        "moescope/worst_max_violation": violation[worst],
        "moescope/worst_layer": worst,
        "moescope/worst_expert": list(counts[worst]).index(max(counts[worst])),
        "moescope/dead_experts": sum(list(load).count(0) for load in counts.values()),
        "moescope/dropped_share": sum(map(sum, dropped.values())) / sum(map(sum, counts.values())),
    }


def same(found, expected):
    assert len(found) == len(expected) == STEPS
    for theirs, ours in zip(found, expected, strict=True):
        assert theirs == pytest.approx(ours, rel=1e-6)


def test_tensorboard(tmp_path, fed):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path / "board") as writer:
        expected = fed(writer)
    read = EventAccumulator(str(tmp_path / "board")).Reload()
    rows = [{name: read.Scalars(name)[step].value for name in read.Tags()["scalars"]} for step in range(STEPS)]
    same(rows, expected)
    assert [event.step for event in read.Scalars("moescope/max_violation")] == list(range(STEPS))
    (text,) = read.Tensors("moescope/run/text_summary")
    assert text.tensor_proto.string_val == [b"here"]


def test_mlflow(tmp_path, fed, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as begun:
        expected = fed(mlflow)
    (folder,) = (tmp_path / "runs").glob(f"*/{begun.info.run_id}")
    rows = [{} for _ in range(STEPS)]
    for file in (folder / "metrics/moescope").iterdir():
        for line in file.read_text().splitlines():
            _, value, step = line.split()
            rows[int(step)][f"moescope/{file.name}"] = float(value)
    same(rows, expected)
    assert (folder / "tags/moescope/run").read_text() == "here"


def test_trackio(tmp_path, fed, monkeypatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, name)  # it looks for its folder when it is imported
    trackio = pytest.importorskip("trackio")
    trackio.init(project="moescope", name="beside", embed=False, auto_log_cpu=False, auto_log_gpu=False)
    expected = fed(trackio)
    trackio.finish()
    with sqlite3.connect(tmp_path / "trackio/moescope.db") as store:
        first, *rows = [json.loads(row) for (row,) in store.execute("SELECT metrics FROM metrics ORDER BY id")]
    assert first == {"moescope/run": "here"}
    same(rows, [{**numbers, "moescope/step": step} for step, numbers in enumerate(expected)])


@pytest.fixture
def wandb(tmp_path):
    """The package with a run begun; its rows are read when the run has ended."""
    package = pytest.importorskip("wandb")
    settings = package.Settings(mode="offline", console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True)
    package.init(project="moescope", dir=tmp_path, settings=settings)
    yield package
    package.finish()


def rows_of_wandb(package, folder):
    package.finish()
    (file,) = folder.rglob("*.wandb")
    # Its own process writes on after finish.
    collector.until(lambda: any(record.HasField("exit") for record in records(file)), what="the end of wandb's file")
    return [row for record in records(file) if (row := of_history(record))]


def ours(rows):
    """What is not of the train loop, of rows that have some."""
    return [kept for row in rows if (kept := {name: value for name, value in row.items() if name != "loss"})]


def test_wandb(tmp_path, fed, wandb):
    """Its rows stay those of the train loop: the summaries of a step are in one that is logged after it."""
    expected = fed(wandb, lambda step: wandb.log({"loss": float(step)}))
    rows = rows_of_wandb(wandb, tmp_path)
    assert rows[0].pop("moescope/run") == "here"
    assert [row["loss"] for row in rows if "loss" in row] == list(range(STEPS))
    same(ours(rows), [{**numbers, "moescope/step": step} for step, numbers in enumerate(expected)])


@pytest.mark.parametrize("ready", [[0, 2, 0, 3, 0], [0, 0, 0, 0, 5], [5, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
def test_steps_that_are_ready_together_do_not_replace_each_other_in_wandb(tmp_path, wandb, ready):
    """ready: how many become ready before each row of the train loop."""
    tracker, steps = Tracker(wandb, "here"), iter(range(STEPS))
    for row, count in enumerate(ready):
        for _ in range(count):
            step = next(steps)
            tracker.put(step, {"moescope/dead_experts": 10.0 * step})
        tracker.flush()
        wandb.log({"loss": float(row)})
    tracker.flush(last=True)
    rows = rows_of_wandb(wandb, tmp_path)
    assert rows[0].pop("moescope/run") == "here"
    assert [row["loss"] for row in rows if "loss" in row] == list(range(len(ready)))
    same(ours(rows), [{"moescope/dead_experts": 10.0 * step, "moescope/step": step} for step in range(STEPS)])


def records(file: pathlib.Path):
    """Of a run's file: after seven bytes, records in the form of LevelDB's log, in pieces where they reach beyond a block."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole, block = file.read_bytes(), 7, b"", 32768
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        if at + 7 + length > len(data):
            return
        whole, at = whole + data[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):
            yield Record.FromString(whole)
            whole = b""


def of_history(record) -> dict[str, object]:
    items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
    return {name: value for name, value in items.items() if not name.startswith("_")}
