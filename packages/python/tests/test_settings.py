"""Who a process is, from what torchrun and Slurm set."""

from __future__ import annotations

import pytest

from moescope.settings import attempt_of, rank_and_ranks, run_id_of

TORCHRUN = dict(RANK="5", WORLD_SIZE="8", LOCAL_WORLD_SIZE="8", TORCHELASTIC_RUN_ID="none", MASTER_ADDR="a", MASTER_PORT="1")


@pytest.mark.parametrize(("environment", "expected"), [
    ({}, (0, 1)),
    (TORCHRUN, (5, 8)),
    (dict(SLURM_PROCID="3", SLURM_STEP_NUM_TASKS="4"), (3, 4)),
    (dict(SLURM_PROCID="0", SLURM_NTASKS="4"), (0, 1)),
    ({**TORCHRUN, "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"}, (5, 8)),
])  # fmt: skip
def test_ranks(environment, expected):
    assert rank_and_ranks(environment) == expected


@pytest.mark.parametrize(("environment", "expected"), [
    ({}, 0),
    (dict(TORCHELASTIC_RESTART_COUNT="2"), 2),
    (dict(SLURM_RESTART_COUNT="3"), 3),
    (dict(SLURM_RESTART_COUNT="3", TORCHELASTIC_RESTART_COUNT="1"), 3001),
    (dict(MOESCOPE_ATTEMPT="9", TORCHELASTIC_RESTART_COUNT="1"), 9),
])  # fmt: skip
def test_attempts(environment, expected):
    assert attempt_of(environment) == expected


def test_processes_of_a_job_share_an_id_and_other_jobs_have_another():
    nodes = {**TORCHRUN, "LOCAL_WORLD_SIZE": "4"}
    ids = {run_id_of(None, "my run!", 8, {**nodes, "RANK": str(rank)}) for rank in range(8)}
    (one,) = ids
    assert one.startswith("my-run-")
    assert run_id_of(None, "my run!", 8, {**nodes, "MASTER_PORT": "2"}) != one
    slurm = {**nodes, "SLURM_JOB_ID": "77"}
    assert run_id_of(None, "x", 8, slurm) == run_id_of(None, "x", 8, {**slurm, "MASTER_PORT": "2"})
    # On one machine a restart by the same torchrun may come with another port.
    assert run_id_of(None, "x", 8, TORCHRUN) == run_id_of(None, "x", 8, {**TORCHRUN, "MASTER_PORT": "2"})
    assert run_id_of(None, "x", 1, {}) != run_id_of(None, "x", 1, {})
    assert run_id_of(None, "x", 8, {**TORCHRUN, "MOESCOPE_RUN_ID": "mine"}) == "mine"
    with pytest.raises(ValueError, match="the 8 processes of this job have nothing in common"):
        run_id_of(None, "x", 8, {})
