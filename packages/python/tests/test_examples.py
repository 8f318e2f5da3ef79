"""Every script of examples/python runs as its first lines say, and the collector has what it printed."""

from __future__ import annotations

import ast
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import collector
import pytest

FOLDER = collector.REPOSITORY / "examples/python"
FILES = sorted(FOLDER.glob("*.py"))
SCRIPTS = [path for path in FILES if "__main__" in path.read_text()]
#: What may be absent, because it takes hundreds of megabytes that nothing else needs.
OPTIONAL = {"jax", "optax"}
PROGRAMS = {"python": [sys.executable], "torchrun": [sys.executable, "-m", "torch.distributed.run"]}
LAST_LINE = re.compile(r"(\d+) steps, (\d+) tokens, loss (\d+\.\d\d)(?:, (\d+) assignments dropped)?")
STEPS = 6


def imports_of(script: pathlib.Path) -> set[str]:
    """Names of the modules that it imports, without what comes after a dot."""
    nodes = list(ast.walk(ast.parse(script.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def command_of(script: pathlib.Path) -> list[str]:
    """The line of its docstring that says how to run it, for the programs of this interpreter."""
    lines = (ast.get_docstring(ast.parse(script.read_text())) or "").splitlines()
    (line,) = [line.partition("#")[0].split() for line in lines if f"examples/python/{script.name}" in line]
    assert line.pop() == f"examples/python/{script.name}"
    return [*PROGRAMS[line[0]], *line[1:], str(script)]


def test_what_is_no_script_is_imported_by_one():
    imported = set().union(*map(imports_of, SCRIPTS))
    assert [path.name for path in FILES if path not in SCRIPTS and path.stem not in imported] == []


@pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_collector_has_what_the_script_printed(script, tmp_path):
    absent = sorted(name for name in OPTIONAL & imports_of(script) if importlib.util.find_spec(name) is None)
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}; see requirements-frameworks.txt")
    lab = collector.Collector(tmp_path / "data")
    try:
        command, environment = command_of(script), {**os.environ, "STEPS": str(STEPS), "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*command, lab.address], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        printed = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
        assert printed is not None, done.stdout
        steps, tokens, loss, dropped = printed.groups()
        (summary,) = lab.get("runs")["runs"]
        assert (summary["state"], summary["run"]["categories"]) == ("FINISHED", ["code", "docs"])
        assert (summary["steps"], summary["run"]["plannedSteps"], int(steps)) == (STEPS, STEPS, STEPS)
        buckets = lab.history(summary["run"]["id"])
        assert [(bucket["firstStep"], bucket["steps"]) for bucket in buckets] == [(step, 1) for step in range(STEPS)]
        (ranks,) = {bucket["ranks"] for bucket in buckets}
        assert str(ranks) == (command[command.index("--nproc-per-node") + 1] if "--nproc-per-node" in command else "1")
        (last,) = [scalar for scalar in buckets[-1]["scalars"] if scalar["name"] == "loss"]
        assert f"{last['first']:.2f}" == loss  # of rank 0
        described = summary["run"]["layers"]
        loads = [load for bucket in buckets for layer in bucket["layers"] for load in layer["categories"]]
        assert sum(sum(load["counts"]) for load in loads) == int(tokens) * sum(layer["topK"] for layer in described)
        assert sum(load["tokens"] for load in loads) == int(tokens) * len(described)
        assert sum(load["dropped"] for load in loads) == int(dropped or 0)
        assert {load["category"] for load in loads} == {0, 1}
        assert summary["tokens"] == int(tokens)
    finally:
        lab.stop()
