"""Who this process is in its job, from arguments and the environment. Nothing here talks to other processes."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODES = ("online", "offline", "disabled")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def mode_of(asked: str | None, environment: Mapping[str, str]) -> str:
    mode = asked or environment.get("MOESCOPE_MODE") or "online"
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}: must be one of {', '.join(MODES)}")
    return mode


def rank_and_ranks(environment: Mapping[str, str]) -> tuple[int, int]:
    """From torch.distributed where it is in use, else from what torchrun, or Slurm's srun, sets."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    for rank, ranks in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")):
        if rank in environment and ranks in environment:
            return int(environment[rank]), int(environment[ranks])
    return 0, 1


def attempt_of(environment: Mapping[str, str]) -> int:
    """How often the job was started again. Where Slurm and torchrun both restart, each job of Slurm has a thousand for torchrun's."""
    if "MOESCOPE_ATTEMPT" in environment:
        return int(environment["MOESCOPE_ATTEMPT"])
    slurm = int(environment.get("SLURM_RESTART_COUNT") or 0)
    if "TORCHELASTIC_RESTART_COUNT" not in environment:
        return slurm
    return 1000 * slurm + int(environment["TORCHELASTIC_RESTART_COUNT"])


@dataclass(frozen=True)
class Resumed:
    """What a checkpoint says of the run that wrote it; empty without one."""

    run: str = ""
    attempt: int = -1
    tokens: int = 0


def resumed(state: Mapping[str, Any] | None) -> Resumed:
    """
    Raises:
        ValueError: when `state` is not what `run.state_dict()` gives.
    """
    if not state:
        return Resumed()
    kinds = {"run": str, "attempt": int, "tokens": int}
    if any(not isinstance(state.get(name), kind) for name, kind in kinds.items()):
        raise ValueError(f"resume is {dict(state)!r}: must be what run.state_dict() gave, with {', '.join(kinds)}")
    return Resumed(**{name: state[name] for name in kinds})


def run_id_of(asked: str | None, name: str, ranks: int, environment: Mapping[str, str]) -> str:
    """The same in every process of a job, and in no other job.

    Raises:
        ValueError: when the id is not one, or when the processes have nothing to tell their job by.
    """
    chosen = asked or environment.get("MOESCOPE_RUN_ID") or f"{_readable(name)}-{_job(ranks, environment)}"
    if not _RUN_ID.fullmatch(chosen):
        raise ValueError(f"run id is {chosen!r}: must be 1 to 128 letters, digits, '.', '_' and '-', the first a letter or digit")
    return chosen


def _job(ranks: int, environment: Mapping[str, str]) -> str:
    if ranks == 1:
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    if environment.get("LOCAL_WORLD_SIZE") == str(ranks):
        # All processes are children of one torchrun, which lives on when it starts them again, perhaps on another MASTER_PORT.
        return _digest(socket.gethostname(), str(os.getppid()), _started(os.getppid()))
    # A job that Slurm queues again keeps its id, while its job steps count from 0 again.
    slurm = f"{environment['SLURM_JOB_ID']}.{environment.get('SLURM_STEP_ID')}" if "SLURM_JOB_ID" in environment else None
    job = slurm or environment.get("MASTER_PORT")
    if job is None:
        raise ValueError(f"the {ranks} processes of this job have nothing in common to name the run by: set MOESCOPE_RUN_ID")
    return _digest(environment.get("TORCHELASTIC_RUN_ID", ""), environment.get("MASTER_ADDR", ""), job)


def _started(process: int) -> str:
    """When a process was started, in ticks since the system was; process ids are used again."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _readable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:80] or "run"
