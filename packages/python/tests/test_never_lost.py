"""Whatever is killed, full, wrong or doubled: each step that reached the spool is stored once, exactly, and training goes on.

MOESCOPE_KILLS says how often each process is killed, 3 times by default; MOESCOPE_SEED repeats the moments of a run that failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import subprocess
import sys
from typing import Any

import collector
import pytest
import trainer
from test_run import senders_of

pytestmark = pytest.mark.skipif(not collector.available(), reason="the collector is not built: see test_collector.py")
KILLS = int(os.environ.get("MOESCOPE_KILLS", 3))
TRAINER = pathlib.Path(trainer.__file__)


@pytest.fixture
def lab(tmp_path):
    started = collector.Collector(tmp_path / "data")
    yield started
    started.stop()


@pytest.fixture
def chance():
    seed = int(os.environ.get("MOESCOPE_SEED") or secrets.randbelow(10**9))
    print(f"MOESCOPE_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(autouse=True)
def no_sender_stays(tmp_path):
    yield
    for sender in senders_of(tmp_path):
        os.kill(sender, signal.SIGKILL)


class Trainer:
    """A process of trainer.py."""

    def __init__(self, folder: pathlib.Path, address: str, run: str, job: str, before: tuple[str, ...] = (), **settings: Any) -> None:
        init = dict(address=address, run_id=run, spool=str(folder / "spool"), **settings.pop("init", {}))
        self.job, self.first = job, settings.get("first", 0)
        self.ledger, self.said = folder / f"ledger-{job}", folder / f"said-{job}"
        told = json.dumps(dict(init=init, job=job, ledger=str(self.ledger), **settings))
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*before, sys.executable, str(TRAINER), told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
                start_new_session=True,
            )  # fmt: skip

    def grant(self, steps: int) -> None:
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()

    def take(self, steps: int) -> None:
        self.grant(steps)
        self.process.stdout.readline()

    @property
    def noted(self) -> int:
        """Steps that are in the spool; one more may be, of which that is not noted yet."""
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    def end(self) -> int:
        self.process.stdin.close()
        return self.process.wait(200)

    def kill(self, by: int = signal.SIGKILL) -> int:
        os.killpg(self.process.pid, by)
        return self.process.wait(200)


def stored(lab: collector.Collector, run: str, attempt: int | None = None) -> list[dict[str, Any]]:
    """The steps of a run, one bucket for each."""
    chosen = "" if attempt is None else f"&attempt={attempt}"
    buckets = lab.get(f"runs/{run}/history?layers=all&points=2000{chosen}")["buckets"]
    assert all((bucket["steps"], bucket["ranks"]) == (1, 1) for bucket in buckets)
    return buckets


def is_of(bucket: dict[str, Any], job: str) -> bool:
    """Whether a step is stored with the counts that this job gave it, and no others."""
    step = bucket["firstStep"]
    found = {layer["layer"]: layer["categories"] for layer in bucket["layers"]}
    return list(found) == list(range(trainer.LAYERS)) and all(
        [(load["category"], load["counts"]) for load in categories] == [(step % 2, trainer.counts(job, step, layer).tolist())]
        for layer, categories in found.items()
    )


def check(lab: collector.Collector, run: str, job: str, steps: range, attempt: int | None = None) -> None:
    buckets = stored(lab, run, attempt)
    assert [bucket["firstStep"] for bucket in buckets] == list(steps)
    assert [bucket["firstStep"] for bucket in buckets if not is_of(bucket, job)] == []


def waiting(folder: pathlib.Path) -> bool:
    """Whether any spool is left."""
    try:
        return bool(list((folder / "spool").rglob("owner")))
    except FileNotFoundError:  # one was removed meanwhile
        return waiting(folder)


def state(lab: collector.Collector, run: str) -> str:
    return next((found["state"] for found in lab.get("runs").get("runs", []) if found["run"]["id"] == run), "")


@pytest.mark.parametrize("killed", ["sender", "collector"])
def test_what_carries_messages_is_killed(lab, tmp_path, chance, killed):
    training = Trainer(tmp_path, lab.address, f"killed-{killed}", "a")
    steps = 0
    for _ in range(KILLS):
        granted = chance.randrange(1, 40)
        until = training.noted + chance.randrange(granted + 1)
        training.grant(granted)
        collector.until(lambda: training.noted >= until, what="steps")  # noqa: B023
        if killed == "collector":
            lab.kill()
            lab.start()
        else:
            os.kill(collector.until(lambda: next(senders_of(tmp_path), None), what="a sender"), signal.SIGKILL)
        steps += granted
        training.process.stdout.readline()
    assert training.end() == 0, training.said.read_text()
    check(lab, f"killed-{killed}", "a", range(steps))
    assert state(lab, f"killed-{killed}") == "FINISHED"
    assert "dropped" not in training.said.read_text()


def test_trainers_are_killed_and_go_on_from_a_checkpoint_as_the_next_attempt(lab, tmp_path, chance):
    """Every attempt keeps what it sent; at each step the run shows the newest attempt that has got there."""
    first, shown = 0, {}
    for attempt in range(KILLS + 1):
        training = Trainer(tmp_path, lab.address, "again", f"attempt {attempt}", init=dict(attempt=attempt), first=first)
        if attempt == KILLS:
            training.take(7)
            assert training.end() == 0, training.said.read_text()
            steps = 7
        else:
            training.grant(60)
            until = chance.randrange(1, 60)
            collector.until(lambda: training.noted >= until, what="steps")  # noqa: B023
            assert training.kill() == -signal.SIGKILL
            collector.until(lambda: not waiting(tmp_path), what="everything delivered")
            steps = len(stored(lab, "again", attempt))
            assert training.noted <= steps <= training.noted + 1
        check(lab, "again", training.job, range(first, first + steps), attempt)
        shown = {step: job for step, job in shown.items() if step < first} | dict.fromkeys(range(first, first + steps), training.job)
        first = chance.randrange(first, first + steps + 1)
    buckets = stored(lab, "again")
    assert [bucket["firstStep"] for bucket in buckets] == sorted(shown)
    assert all(is_of(bucket, shown[bucket["firstStep"]]) for bucket in buckets)
    assert state(lab, "again") == "FINISHED"


def test_offline_then_a_sync_that_is_killed(lab, tmp_path, chance):
    sync = [sys.executable, "-m", "moescope", "sync", str(tmp_path / "spool"), "--address", lab.address]
    for number in range(KILLS):
        training = Trainer(tmp_path, lab.address, f"later-{number}", f"{number}", init=dict(mode="offline"))
        training.take(300)
        assert training.end() == 1
        with subprocess.Popen(sync) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 1.5))
            process.kill()
        if waiting(tmp_path):
            assert subprocess.run(sync, timeout=120).returncode == 0
        check(lab, f"later-{number}", f"{number}", range(300))
        assert state(lab, f"later-{number}") == "FINISHED"


def test_ctrl_c_ends_the_run_as_stopped_with_everything_delivered(lab, tmp_path):
    training = Trainer(tmp_path, lab.address, "stopped", "a")
    training.take(50)
    assert training.kill(signal.SIGINT) == -signal.SIGINT
    assert state(lab, "stopped") == "STOPPED"
    check(lab, "stopped", "a", range(50))
    collector.until(lambda: not list(senders_of(tmp_path)), what="the end of the sender")


@pytest.mark.parametrize("clock", range(2))
def test_a_clock_that_jumps_by_years(lab, tmp_path, clock):
    training = Trainer(tmp_path, lab.address, "clock", "a", clock=clock)
    training.take(40)
    assert training.end() == 0, training.said.read_text()
    check(lab, "clock", "a", range(40))
    assert state(lab, "clock") == "FINISHED"
    assert "reject" not in training.said.read_text()


def private_mounts() -> bool:
    return shutil.which("unshare") is not None and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def test_a_disk_that_is_full_until_the_collector_is_back(lab, tmp_path):
    if not private_mounts():
        pytest.skip("a small disk needs unshare -m, which is not allowed here")
    (tmp_path / "spool").mkdir()
    script = 'mount -t tmpfs -o size=128k none "$0" && exec "$@"'
    lab.kill()
    training = Trainer(tmp_path, lab.address, "full", "a", before=("unshare", "-m", "sh", "-c", script, str(tmp_path / "spool")))
    training.take(1500)
    collector.until(lambda: "being dropped" in training.said.read_text(), what="a full disk")
    filled = training.noted
    assert 0 < filled < 1400
    lab.start()
    collector.until(lambda: state(lab, "full") and len(stored(lab, "full")) == filled, what="delivery of what fitted")
    training.take(100)
    assert training.end() == 0, training.said.read_text()
    buckets = stored(lab, "full")
    assert len(buckets) == training.noted - 1  # the end of the run is noted too
    assert [bucket["firstStep"] for bucket in buckets[-90:]] == list(range(1510, 1600))
    assert all(is_of(bucket, "a") for bucket in buckets)
    said = training.said.read_text()
    assert said.count("steps are being dropped") == 1
    assert f"{1600 - len(buckets)} steps were dropped" in said


@pytest.mark.parametrize("together", [False, True])
def test_two_jobs_with_one_id_are_never_mixed(lab, tmp_path, together):
    """The same rank and attempt, each with a spool of its own, as on two machines. A job whose steps are stored goes on; of two that
    begin at one moment one does, or none. The others are told."""
    for number in range(KILLS):
        run, folders = f"twice-{number}", [tmp_path / f"{job}-{number}" for job in "ab"]
        for folder in folders:
            folder.mkdir()
        first, second = jobs = [Trainer(folder, lab.address, run, folder.name, seconds=20) for folder in folders]
        first.grant(50)
        if not together:
            collector.until(lambda: held(lab, run) == 50, what="the first job's steps")  # noqa: B023
        second.grant(50)
        if not together:
            collector.until(lambda: "refuses this run" in second.said.read_text(), what="a line for the second job")  # noqa: B023
            first.grant(10)
        codes = [job.end() for job in jobs]
        assert codes in ([[0, 1], [1, 0], [1, 1]] if together else [[0, 1]])
        for job, code in zip(jobs, codes, strict=True):
            assert ("refuses this run" in job.said.read_text()) == (code == 1)
        buckets = stored(lab, run)
        (owner,) = [job.job for job in jobs if is_of(buckets[0], job.job)]
        check(lab, run, owner, range(len(buckets)))
        assert all(
            code == 1 or (job.job == owner and len(buckets) == (50 if together else 60)) for job, code in zip(jobs, codes, strict=True)
        )


def held(lab: collector.Collector, run: str) -> int:
    return next((found["steps"] for found in lab.get("runs").get("runs", []) if found["run"]["id"] == run), 0)
