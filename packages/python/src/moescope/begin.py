"""Begins a run: puts together who this process is, where its messages wait, and what sends them."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import limits, settings
from .encode import Identity, RunDescription
from .labels import CategoryNames
from .reporter import Collector, Reporter
from .run import Run


def init(
    address: str | None = None,
    *,
    name: str | None = None,
    strategy: str = "",
    config: Mapping[str, Any] | None = None,
    categories: Sequence[str] = ("all",),
    run_id: str | None = None,
    recipe: str = "",
    seed: int = 0,
    tags: Sequence[str] = (),
    code_version: str = "",
    planned_steps: int = 0,
    rank: int | None = None,
    ranks: int | None = None,
    attempt: int | None = None,
    resume: Mapping[str, Any] | None = None,
    mode: str | None = None,
    spool: str | os.PathLike[str] | None = None,
    spool_bytes: int = 2**30,
    token: str | None = None,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
) -> Run:
    """Begins to report a run. To be called in every process of a job, after torch.distributed is initialised where it is used.

    Args:
        address: host:port of the collector's gRPC side; MOESCOPE_ADDRESS, then 127.0.0.1:4681 when absent.
        name: for people; the name of the script when absent.
        strategy: how the load of the experts is balanced, such as "auxiliary-loss"; groups runs that are compared.
        config: anything that json takes; what it does not take is written as its text.
        categories: names that numbers given to `tokens` stand for. Names that come later are appended.
        run_id: MOESCOPE_RUN_ID when absent, else the same in every process of a job and new for each job.
        rank, ranks: this process and how many report; of torch.distributed, torchrun or Slurm when absent. Processes that route the
            same tokens, as in tensor parallelism, must not all report.
        attempt: counts restarts of a run under one id; from torchrun and Slurm, or MOESCOPE_ATTEMPT, when absent.
        resume: what `run.state_dict()` gave for the checkpoint that training goes on from. The run goes on under its id, as the next
            attempt, and counts its tokens on; under another id it is a new run with that one as its parent. Nothing when None or empty.
        mode: "online", "offline" (messages stay in the spool for `moescope sync`) or "disabled"; MOESCOPE_MODE when absent.
        spool: folder where messages wait until they are acknowledged; MOESCOPE_SPOOL, then moescope-spool when absent.
        spool_bytes: what they may take of the disk. Beyond it steps are dropped, counted, and it is said once.
        token: shown to the collector; MOESCOPE_TOKEN when absent. Not written anywhere.
        ca, cert, key: paths of PEM files. `ca` turns TLS on; the others are for a collector that asks for a certificate.

    Raises:
        ValueError: when an argument or a variable of the environment is not what it must be; the message says what.
    """
    environment = os.environ
    names = CategoryNames(categories)
    if settings.mode_of(mode, environment) == "disabled":
        return Run(None, names, _say_nothing)
    known_rank, known_ranks = settings.rank_and_ranks(environment) if rank is None or ranks is None else (rank, ranks)
    rank, ranks = known_rank if rank is None else rank, known_ranks if ranks is None else ranks
    before = settings.resumed(resume)
    name = name or Path(sys.argv[0]).stem or "run"
    chosen = settings.run_id_of(run_id or environment.get("MOESCOPE_RUN_ID") or before.run, name, ranks, environment)
    goes_on = chosen == before.run
    if attempt is None:
        attempt = max(settings.attempt_of(environment), before.attempt + 1 if goes_on else 0)
    identity = Identity(chosen, rank, attempt)
    described = RunDescription(
        id=identity.run,
        name=limits.text("name", name, limits.NAME),
        config_json=limits.text("config as JSON", json.dumps(config or {}, default=str), limits.CONFIG),
        recipe=limits.text("recipe", recipe, limits.NAME),
        strategy=limits.text("strategy", strategy, limits.NAME),
        seed=seed,
        ranks=ranks,
        code_version=limits.text("code_version", code_version, limits.NAME),
        tags=limits.texts("tags", tags, limits.TAGS, limits.TAG),
        started_at=1e3 * time.time(),
        planned_steps=planned_steps,
        parent="" if goes_on else before.run,
    )
    online = settings.mode_of(mode, environment) == "online"
    at = address or environment.get("MOESCOPE_ADDRESS") or "127.0.0.1:4681"
    collector = Collector(at, token, ca, cert, key) if online else None
    directory = Path(spool or environment.get("MOESCOPE_SPOOL") or "moescope-spool") / identity.run / socket.gethostname()
    say = _say if rank == 0 else _say_nothing
    warn = _say if rank == 0 else partial(_say_of, rank)
    reporter = Reporter(described, identity, directory.absolute(), spool_bytes, collector, warn)
    say(f"run {identity.run} reports to {at}" if online else f"run {identity.run} waits in {reporter.folder} for `moescope sync`")
    return Run(reporter, names, say, ranks, at if online else "", before.tokens)


def _say(line: str) -> None:
    print(f"moescope: {line}", file=sys.stderr, flush=True)


def _say_of(rank: int, line: str) -> None:
    _say(f"rank {rank}: {line}")


def _say_nothing(line: str) -> None:
    pass
