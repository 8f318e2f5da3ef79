"""Takes steps from the training thread, and spools them on a thread of its own. Keeps the sender running.

The training thread hands over what it has and goes on; it never waits for a device, a disk or a collector.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from . import encode
from .encode import Identity, MoeLayer, Outcome, RunDescription, Step
from .errors import AttachError
from .frames import content_of
from .spool import LOCK, LOG, Spool, is_locked
from .table import StepTable

#: Steps that wait to be written. The thread needs some milliseconds for one, so only a disk that hangs fills this.
_QUEUED_STEPS = 64
#: Seconds that the training thread waits when that many wait, before the step is dropped: so long when none of them is written meanwhile,
#: and at most so long when some are, as where counts are handed over faster than a disk takes them.
_PATIENCE, _MOST_PATIENCE = 0.2, 2.0
#: Seconds between looks at whether the sender lives, and between starts of one.
_LOOK_EVERY, _START_EVERY = 0.5, 2.0


@dataclass(frozen=True)
class Collector:
    address: str
    token: str | None = None
    #: Paths of PEM files.
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Made:
    """A step as it is sent, its histograms beside it, and what it needs the run to have described."""

    step: Step
    table: StepTable
    layers: Sequence[MoeLayer]
    categories: Sequence[str]


class Reporter:
    def __init__(
        self, run: RunDescription, whose: Identity, directory: Path, limit: int, collector: Collector | None, notice: Callable[[str], None]
    ) -> None:
        """
        Args:
            directory: where spools lie; those of this run and machine share a sender and a folder in it.
            limit: bytes that messages may have on disk.
            collector: None to leave the messages in the spool.
        """
        self.run, self._whose, self._notice = run, whose, notice
        self.dropped = 0
        #: Steps that were taken to be written.
        self._written = 0
        self.failure: AttachError | None = None
        self._sender = None if collector is None else Sender(directory, collector, notice)
        self._spool = Spool(directory, f"rank-{whose.rank:05d}.attempt-{whose.attempt}", limit)
        # Of the standard library's queues the one whose `put` lets no other thread run: the training thread goes on at once.
        self._queue: queue.SimpleQueue[Callable[[], Made | None] | None] = queue.SimpleQueue()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, daemon=True, name="moescope")
        self._thread.start()

    @property
    def folder(self) -> Path:
        return self._spool.folder

    def give(self, make: Callable[[], Made | None]) -> None:
        """`make` is called on the other thread; it may wait for the device.

        Raises:
            AttachError: when an earlier `make` did.
        """
        if os.getpid() != self._process:
            return  # a fork, of a data loader for example, has neither the thread nor the spool
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        self._wait_for_room()
        if self._is_full():
            self._drop("the thread that writes steps does not keep up")
        else:
            self._queue.put(make)

    @property
    def attempt(self) -> int:
        return self._whose.attempt

    def wait_until_written(self) -> None:
        """Until what was given so far is made and written, or given up; not for the collector."""
        written = threading.Event()

        def mark() -> None:
            written.set()

        self._queue.put(mark)
        while self._thread.is_alive() and not written.wait(_LOOK_EVERY):
            pass

    def finish(self, outcome: Outcome, reason: str, seconds: float) -> bool:
        """Waits until everything is acknowledged, but no longer than `seconds`.

        Returns:
            Whether everything is acknowledged.
        """
        if os.getpid() != self._process:
            return False
        deadline = time.monotonic() + seconds
        self._queue.put(None)
        self._thread.join(max(0, deadline - time.monotonic()))
        if self._thread.is_alive():
            return False
        if self.failure is not None:
            self._notice(str(self.failure))
        ended = self._append_end(outcome, reason, deadline)
        self._spool.end()
        if self._sender is None:
            return False
        while self.folder.exists() and not self._refused() and time.monotonic() < deadline:
            self._sender.keep_running()
            time.sleep(0.02)
        self._sender.relay()
        return ended and not self.folder.exists()

    def _append_end(self, outcome: Outcome, reason: str, deadline: float) -> bool:
        """A full spool may take it once the sender has delivered some of what is there."""

        def end(sequence: int) -> bytes:
            return encode.run_end(self._whose, sequence, outcome, reason, 1e3 * time.time())

        while not (appended := self._spool.append(end)) and self._sender is not None and time.monotonic() < deadline:
            if not self.folder.exists():
                break
            self._sender.keep_running()
            time.sleep(0.02)
        if not appended:
            self._drop("the end of the run does not fit into the spool")
        return appended

    def _wait_for_room(self) -> None:
        deadline = time.monotonic() + _MOST_PATIENCE
        while self._is_full() and time.monotonic() < deadline:
            before = self._written
            time.sleep(_PATIENCE)
            if self._written == before:
                return

    def _is_full(self) -> bool:
        return self._queue.qsize() >= _QUEUED_STEPS

    def _work(self) -> None:
        while True:
            if self._sender is not None and self._refused():
                self._sender.relay()
            elif self._sender is not None:
                self._sender.keep_running()
            try:
                make = self._queue.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                continue
            if make is None:
                return
            self._written += 1
            try:
                made = make()
                if made is not None:
                    self._send(made)
            except AttachError as error:
                self.failure = error
            except Exception as error:
                self._drop(f"{type(error).__name__}: {error}")

    def _send(self, made: Made) -> None:
        described = replace(self.run, layers=tuple(made.layers), categories=tuple(made.categories))
        if described != self.run or self._spool.last == 0:
            self._spool.say_hello(encode.hello(described, self._whose.rank, self._whose.attempt))
            self.run = described
        self._append(content_of(self._whose, made.step, made.table))

    def _append(self, message_of: Callable[[int], bytes]) -> None:
        if not self._spool.append(message_of):
            self._drop(f"the spool {self.folder} is full, or its disk is" if self.folder.exists() else f"{self.folder} was removed")

    def _drop(self, why: str) -> None:
        self.dropped += 1
        if self.dropped == 1:
            self._notice(f"steps are being dropped: {why}; training goes on")

    def _refused(self) -> bool:
        return (self.folder / "refused").exists()


class Sender:
    """The process that sends what lies in a folder of spools; ranks of a machine share one."""

    def __init__(self, directory: Path, collector: Collector, notice: Callable[[str], None]) -> None:
        if importlib.util.find_spec("grpc") is None:
            raise ModuleNotFoundError("sending needs grpcio: pip install 'moescope[send]', or set MOESCOPE_MODE=offline")
        self._directory, self._notice = directory, notice
        options = {"--address": collector.address, "--ca": collector.ca, "--cert": collector.cert, "--key": collector.key}
        given = [part for name, value in options.items() if value for part in (name, value)]
        # Found where it is here: the trainer may have put that on its path by hand.
        start = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); from moescope.sender import main; sys.exit(main())"
        self._command = [sys.executable, "-c", start, str(directory), *given]
        self._environment = {**os.environ, **({"MOESCOPE_TOKEN": collector.token} if collector.token else {})}
        self._process: subprocess.Popen[Any] | None = None
        self._said: IO[str] | None = None
        self._looked = self._started = float("-inf")

    def keep_running(self) -> None:
        """Starts a sender where none is, and passes on what it says. Looks twice a second at most."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        self.relay()
        ended = self._process is None or self._process.poll() is not None
        if ended and now - self._started >= _START_EVERY and not is_locked(self._directory / LOCK):
            self._started = now
            try:
                self._start()
            except OSError as error:
                self._notice(f"no sender could be started: {error}; steps wait in {self._directory}")

    def relay(self) -> None:
        """A line of the sender may come in two parts; it is short, so that is rare and does no harm."""
        for line in self._said or ():
            self._notice(line.strip())

    def _start(self) -> None:
        """It writes into a file: with this process's stderr, a pipe behind that would stay open until the last message is sent."""
        log = self._directory / LOG
        with log.open("a") as file:
            if self._said is None:
                self._said = log.open()
                self._said.seek(0, os.SEEK_END)
            # A session of its own: Ctrl-C in the terminal, and the end of the trainer's, leave it running.
            options: dict[str, Any] = dict(stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
            self._process = subprocess.Popen(self._command, env=self._environment, **options)
