"""A trainer without torch, whose truth anyone can compute: `trainer.py SETTINGS`, a JSON object.

It takes as many steps as it is told on standard input, a number a line, and finishes its run at the end of that.
Exit code 0: everything is stored. `ledger` gets a byte for each step once that is in the spool.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS, EXPERTS, TOP_K = 2, 8, 2
CATEGORIES = ["code", "docs"]


def counts(job: str, step: int, layer: int) -> NDArray[np.int64]:
    """[E], of the category step % 2. `job` tells runs, and attempts of a run, apart."""
    tokens = np.random.default_rng([*job.encode(), step, layer]).integers(0, 100, EXPERTS)
    return np.asarray(tokens + tokens[::-1], np.int64)


def jumping(seed: int) -> None:
    """From now on the clock of this process jumps by years, also between two looks at it."""
    chance, real = random.Random(seed), time.time
    time.time = lambda: max(0.0, real() + chance.choice([-60, -10, -1, 0, 1, 10, 80]) * 3.15e7)


def main(settings: dict[str, Any]) -> int:
    import moescope

    if "clock" in settings:
        jumping(settings["clock"])
    run = moescope.init(**settings["init"], categories=CATEGORIES)
    spool = run._reporter._spool
    ledger = open(settings["ledger"], "ab", buffering=0)  # noqa: SIM115
    append = spool.append

    def noted(message_of):
        kept = append(message_of)
        if kept:
            ledger.write(b".")
        return kept

    spool.append = noted
    step = settings.get("first", 0)
    for line in sys.stdin:
        for _ in range(int(line)):
            for layer in range(LAYERS):
                run.log_counts(layer, counts(settings["job"], step, layer), top_k=TOP_K, category=step % 2)
            run.step(step, loss=step / 7)
            step += 1
            # A trainer that computes leaves the other thread time; without that, steps would be dropped on a busy machine.
            while run._reporter._queue.qsize() > 32:
                time.sleep(0.001)
        print(step, flush=True)
    return 0 if run.finish(seconds=settings.get("seconds", 120)) else 1


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1])))
