"""The training process never waits longer than its bound, and never dies of telemetry. The bounds are tenths of what is asked here,
so that a busy machine does not fail."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time

import collector
import pytest
import spooled
import torch
from test_run import senders_of
from toy import Toy, batch, true_counts

import moescope
from moescope.encode import Outcome


@pytest.fixture(autouse=True)
def no_sender_stays(tmp_path):
    yield
    for sender in senders_of(tmp_path):
        os.kill(sender, signal.SIGKILL)


class Disk:
    """A file whose disk hangs: a write waits in the kernel until `go_on`."""

    def __init__(self, file):
        self.file = file
        self.gate, self.opener = os.pipe()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, frame):
        os.read(self.gate, 1)
        return self.file.write(frame)

    def go_on(self):
        os.close(self.opener)


def test_a_disk_that_hangs_costs_a_fifth_of_a_second_a_step(tmp_path, protobuf, capfd):
    run = moescope.init(mode="offline", spool=tmp_path)
    spool, longest = run._reporter._spool, 0.0
    run.step(0)
    collector.until(lambda: spool.last == 1, what="the first step")
    spool._file = disk = Disk(spool._file)
    for step in range(1, 81):
        began = time.monotonic()
        run.step(step)
        longest = max(longest, time.monotonic() - began)
    assert longest < 2
    began = time.monotonic()
    assert not run.finish(seconds=0.3)
    assert time.monotonic() - began < 3
    # 64 wait, and one is being written.
    assert run.dropped == 80 - 65
    disk.go_on()
    run._reporter.finish(Outcome.FINISHED, "", 30)
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [step.step for step in steps] == list(range(66))
    assert capfd.readouterr().err.count("steps are being dropped: the thread that writes steps does not keep up") == 1


def test_steps_that_come_faster_than_they_are_written_wait_for_their_turn(tmp_path, protobuf):
    """As where counts of a file are handed over in a loop."""
    run = moescope.init(mode="offline", spool=tmp_path)
    spool = run._reporter._spool
    plain = spool.append
    spool.append = lambda message_of: time.sleep(0.004) or plain(message_of)
    for step in range(300):
        run.step(step)
    run.finish(seconds=30)
    assert run.dropped == 0
    _, steps, _ = spooled.read(tmp_path, protobuf)
    assert [step.step for step in steps] == list(range(300))


def test_finish_ends_in_time_when_the_collector_takes_connections_and_says_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        run = moescope.init(f"127.0.0.1:{silent.getsockname()[1]}", spool=tmp_path)
        run.step(0)
        with silent.accept()[0]:
            began = time.monotonic()
            assert not run.finish(seconds=0.5)
            assert time.monotonic() - began < 5


@pytest.mark.parametrize("online", [False, True])
def test_training_goes_on_when_the_spool_is_removed(tmp_path, capfd, online):
    run = moescope.init("127.0.0.1:9", mode="online" if online else "offline", spool=tmp_path / "spool")
    model = Toy()
    run.attach(model)
    for step in range(6):
        if step == 3:
            collector.until(lambda: run._reporter._spool.last == 3, what="three steps")
            shutil.rmtree(run._reporter.folder)
        model(batch(step)).backward()
        run.step(step)
    began = time.monotonic()
    assert not run.finish(seconds=20)
    assert time.monotonic() - began < 5
    assert run.dropped == 4
    said = capfd.readouterr().err
    assert said.count(f"steps are being dropped: {run._reporter.folder} was removed; training goes on") == 1


class Samples(torch.utils.data.Dataset):
    """Samples that are made with the run at hand, and ended with it, as code that is shared with the trainer may do."""

    def __init__(self, run: moescope.Run) -> None:
        self.run = run

    def __len__(self):
        return 8

    def __getitem__(self, place):
        assert self.run.id
        self.run.log_counts(0, [9], top_k=1)
        self.run.step(1000 + place)
        if place % 4 == 3:
            self.run.finish()
        return batch(place)[0].detach()


@pytest.mark.parametrize("persistent", [False, True])
def test_forked_workers_of_a_data_loader_report_and_end_nothing(tmp_path, protobuf, persistent):
    """They hold the run, exit, and run what is registered for the exit."""
    run, model = moescope.init(mode="offline", spool=tmp_path), Toy()
    run.attach(model)
    loader = torch.utils.data.DataLoader(
        Samples(run), batch_size=4, num_workers=2, multiprocessing_context="fork", persistent_workers=persistent
    )
    expected, step = [], 0
    for _ in range(2):
        for x in loader:
            x.requires_grad_()
            expected.append(true_counts(model, x).tolist())
            model(x).backward()
            run.step(step)
            step += 1
        assert not list(tmp_path.rglob("ended"))
    del loader
    run.finish()
    _, steps, ends = spooled.read(tmp_path, protobuf)
    assert [step.step for step in steps] == [0, 1, 2, 3]
    assert [spooled.counts(step).tolist() for step in steps] == expected
    assert [end.sequence for end in ends] == [5]
