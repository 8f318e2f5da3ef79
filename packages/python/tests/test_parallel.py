"""Counts of many gloo ranks add up to the truth in the collector: pipeline stages, and batches of other sizes on every rank."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from itertools import zip_longest

import collector
import pytest
import torch

pytestmark = pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
RANK = pathlib.Path(__file__).with_name("rank.py")


@pytest.fixture
def lab(tmp_path):
    started = collector.Collector(tmp_path / "data")
    yield started
    started.stop()


@pytest.mark.parametrize(("ranks", "ways"), [(2, ["pipeline", "ddp"]), (4, ["ddp", "fsdp"])])
def test_ranks_add_up(lab, tmp_path, ranks, ways):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(ranks), "--master-port", "0", "--standalone"]
    arguments = [RANK, lab.address, tmp_path / "spool", *ways]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=400, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    for way in ways:
        ids, of_ranks = zip(*(torch.load(f"{tmp_path}/spool.{way}.{rank}") for rank in range(ranks)), strict=True)
        assert len(set(ids)) == 1
        check(lab, ids[0], list(zip_longest(*of_ranks)))


def check(lab: collector.Collector, run: str, steps: list[tuple[torch.Tensor | None, ...]]) -> None:
    """`steps`: of each the true counts [C, L, E] of every rank, None for a rank that has left."""
    history = lab.history(run)
    assert [(bucket["firstStep"], bucket["ranks"]) for bucket in history] == [
        (step, sum(counts is not None for counts in of_step)) for step, of_step in enumerate(steps)
    ]
    for bucket, of_step in zip(history, steps, strict=True):
        expected = sum(counts for counts in of_step if counts is not None)
        stored = torch.zeros_like(expected)
        for layer in bucket["layers"]:
            for load in layer["categories"]:
                stored[load["category"], layer["layer"]] = torch.tensor(load["counts"])
        assert stored.tolist() == expected.tolist()
