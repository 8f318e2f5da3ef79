"""What a bench is told: where to report to, how much to do, where to keep what waits."""

from __future__ import annotations

import argparse
import tempfile
from typing import NamedTuple


class Given(NamedTuple):
    """Arguments of `moescope.init`, and the number."""

    address: str | None
    mode: str
    spool: str
    count: int
    #: The process of the collector, 0 for none here.
    collector: int

    @property
    def where(self) -> dict[str, str | None]:
        return {"address": self.address, "mode": self.mode, "spool": self.spool}


def given(counted: str, count: int) -> Given:
    """
    Args:
        counted: what the number says; `count` of them by default.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", help="HOST:PORT of a collector; without one nothing is sent")
    parser.add_argument("--spool", help="folder for what waits (default: a temporary one)")
    parser.add_argument(f"--{counted}", type=int, default=count, dest="count")
    parser.add_argument(
        "--collector", type=int, default=0, help="process id of a collector on this machine: it stands still while steps are timed"
    )
    options = parser.parse_args()
    spool = options.spool or tempfile.mkdtemp(prefix="moescope-bench-")
    return Given(options.address, "online" if options.address else "offline", spool, options.count, options.collector)
