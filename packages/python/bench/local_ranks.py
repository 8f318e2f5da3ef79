"""Eight ranks of a machine that report steps of DeepSeek-V3's size through one sender. Prints one line of JSON.

    local_ranks.py ADDRESS STEPS SPOOL

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

import moescope

RANKS, LAYERS, EXPERTS, TOP_K, TOKENS = 8, 58, 256, 8, 16_384
CATEGORIES = ["code", "docs", "maths"]
SHARES = (0.5, 0.3, 0.2)


def main() -> None:
    address, steps, spool = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if len(sys.argv) > 4:
        report(address, steps, spool, int(sys.argv[4]))
        return
    before = time.perf_counter()
    run = f"bench-{os.getpid()}"
    environment = {**os.environ, "MOESCOPE_RUN_ID": run, "OMP_NUM_THREADS": "1"}
    ranks = [subprocess.Popen([sys.executable, __file__, *sys.argv[1:4], str(rank)], env=environment) for rank in range(RANKS)]
    sender, most = 0.0, 0
    while any(rank.poll() is None for rank in ranks):
        for process in _senders(spool):
            sender, most = max(sender, _processor_seconds(process)), max(most, _resident(process))
        time.sleep(0.05)
    seconds = time.perf_counter() - before
    failed = [rank.returncode for rank in ranks if rank.returncode]
    print(
        json.dumps(
            {"run": run, "steps": steps, "ranks": RANKS, "seconds": seconds, "senderCpu": sender, "senderBytes": most, "failed": failed}
        )
    )


def report(address: str, steps: int, spool: str, rank: int) -> None:
    random = np.random.default_rng(rank)
    popularity = random.lognormal(0, 0.5, (LAYERS, EXPERTS))
    popularity /= popularity.sum(axis=1, keepdims=True)
    run = moescope.init(address, name="bench", categories=CATEGORIES, spool=spool, rank=rank, ranks=RANKS)
    for step in range(steps):
        floats = random.random((3, LAYERS, EXPERTS), np.float32)
        for layer in range(LAYERS):
            for category, share in enumerate(SHARES):
                counts = random.multinomial(int(TOKENS * share) * TOP_K, popularity[layer])
                beside = {"selection_bias": floats[0, layer], "gate_mass": floats[1, layer], "mean_probability": floats[2, layer]}
                run.log_counts(layer, counts, category=category, top_k=TOP_K, **(beside if category == 0 else {}))
        run.step(step, loss=1.0)
    assert run.finish(seconds=300), "not everything was stored within five minutes"
    assert run.dropped == 0, f"{run.dropped} steps were dropped"


def _senders(spool: str) -> list[pathlib.Path]:
    """Processes in /proc that send spools below this folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile
        if b"moescope.sender" in command and any(part.startswith(spool.encode()) for part in command):
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
