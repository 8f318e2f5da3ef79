"""Every script of examples/python runs, and what it reports is stored."""

from __future__ import annotations

import subprocess
import sys

import collector
import pytest

EXAMPLES = collector.REPOSITORY / "examples/python"

pytestmark = pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")


def test_qwen3_moe(tmp_path):
    lab = collector.Collector(tmp_path / "data")
    try:
        command = [sys.executable, str(EXAMPLES / "qwen3_moe.py"), lab.address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "counting 4 MoE layers, 16 experts, top-2, no bias, Qwen3MoeTopKRouter" in done.stderr
        (summary,) = lab.get("runs")["runs"]
        assert (summary["state"], summary["lastStep"], summary["run"]["categories"]) == ("FINISHED", 59, ["code", "docs"])
        for bucket in lab.history(summary["run"]["id"]):
            for layer in bucket["layers"]:
                assert sum(load["tokens"] for load in layer["categories"]) == 8 * 128
                assert all(sum(load["counts"]) == 2 * load["tokens"] for load in layer["categories"])
        assert summary["loss"] < 4
    finally:
        lab.stop()
