"""Eight ranks of a machine that report steps of DeepSeek-V3's size through one sender. Prints one line of JSON.

    local_ranks.py [--address HOST:PORT] [--steps N] [--spool FOLDER]

Each rank is a process that logs counts, gate mass, probabilities and bias of 58 layers of 256 experts in three categories.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from given import Given, given

import moescope

RANKS, LAYERS, EXPERTS, TOP_K, TOKENS = 8, 58, 256, 8, 16_384
CATEGORIES = ["code", "docs", "maths"]
SHARES = (0.5, 0.3, 0.2)


def main() -> None:
    asked = given("steps", 10)
    if "LOCAL_RANK" in os.environ:
        report(asked, int(os.environ["LOCAL_RANK"]))
        return
    before = time.perf_counter()
    run = f"bench-{os.getpid()}"
    environment = {**os.environ, "MOESCOPE_RUN_ID": run, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *sys.argv[1:], "--spool", asked.spool]
    ranks = [subprocess.Popen(command, env={**environment, "LOCAL_RANK": str(rank)}) for rank in range(RANKS)]
    sender, most = 0.0, 0
    while any(rank.poll() is None for rank in ranks):
        for process in _senders(asked.spool):
            sender, most = max(sender, _processor_seconds(process)), max(most, _resident(process))
        time.sleep(0.05)
    seconds = time.perf_counter() - before
    failed = [rank.returncode for rank in ranks if rank.returncode]
    print(
        json.dumps(
            {
                "run": run,
                "steps": asked.count,
                "ranks": RANKS,
                "seconds": seconds,
                "senderCpu": sender,
                "senderBytes": most,
                "failed": failed,
            }
        )
    )


def report(asked: Given, rank: int) -> None:
    random = np.random.default_rng(rank)
    popularity = random.lognormal(0, 0.5, (LAYERS, EXPERTS))
    popularity /= popularity.sum(axis=1, keepdims=True)
    run = moescope.init(**asked.where, name="bench", categories=CATEGORIES, rank=rank, ranks=RANKS)
    for step in range(asked.count):
        floats = random.random((3, LAYERS, EXPERTS), np.float32)
        for layer in range(LAYERS):
            for category, share in enumerate(SHARES):
                counts = random.multinomial(int(TOKENS * share) * TOP_K, popularity[layer])
                beside = {"selection_bias": floats[0, layer], "gate_mass": floats[1, layer], "mean_probability": floats[2, layer]}
                run.log_counts(layer, counts, category=category, top_k=TOP_K, **(beside if category == 0 else {}))
        run.step(step, loss=1.0)
    stored = run.finish(seconds=300)
    assert stored or asked.address is None, "not everything was stored within five minutes"
    assert run.dropped == 0, f"{run.dropped} steps were dropped"


def _senders(spool: str) -> list[pathlib.Path]:
    """Processes in /proc that send spools below this folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile
        if any(b"moescope.sender" in part for part in command) and any(part.startswith(spool.encode()) for part in command):
            found.append(process)
    return found


def _processor_seconds(process: pathlib.Path) -> float:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: pathlib.Path) -> int:
    try:
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()
