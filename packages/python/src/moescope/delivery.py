"""Brings the messages of one spool to a collector, each until it is acknowledged, over as many streams as it takes.

The rules stand in packages/proto/README.md. Runs in the sender's process alone, which is where grpc is imported.
"""

from __future__ import annotations

import random
import threading

import grpc

from .spool import SpoolReader
from .stream import GREETING_SECONDS, Lost, Refused, Stream, Target

#: Statuses that trying again cannot change.
_FINAL = {
    getattr(grpc.StatusCode, name)
    for name in ("FAILED_PRECONDITION", "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED")
}
#: Streams in a row without one acknowledgement that something exhausted, or another stream of the same rank replaced.
_MOST_FRUITLESS = 8


class Delivery:
    def __init__(self, spool: SpoolReader, target: Target) -> None:
        self.spool, self.target = spool, target
        self.acknowledged = 0
        self.rejected = 0
        self.done = False
        self.away = False
        self.stopping = threading.Event()
        self._fruitless = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=spool.folder.name)
        self._thread.start()

    def stop(self) -> None:
        """Leaves what is not acknowledged in the spool."""
        self.stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        pause = 0.05
        while not self.done and not self.stopping.is_set():
            before = self.acknowledged
            try:
                Stream(self).run()
                self.done = True
                self.spool.remove()
            except Refused as refusal:
                self._refuse(str(refusal))
            except Lost as loss:
                self._say_away(str(loss))
                pause = 0.05 if self.acknowledged > before else min(5.0, 2 * pause)
                # At most a random half less, so that trainers do not all come back at one moment.
                self.stopping.wait(pause * random.uniform(0.5, 1))

    def _refuse(self, reason: str) -> None:
        # Said before it is marked: the trainer stops listening at the mark.
        self.target.notice(f"the collector at {self.target.address} refuses this run: {reason}. Messages stay in {self.spool.folder}")
        self.spool.refuse(reason)
        self.done = True

    def _say_away(self, reason: str) -> None:
        if not self.away and not self.stopping.is_set():
            self.target.notice(f"the collector at {self.target.address} is away ({reason}); steps wait until it is back")
        self.away = True

    def back(self) -> None:
        if self.away:
            self.target.notice(f"the collector at {self.target.address} is back")
        self.away = False

    def acknowledge(self, sequence: int) -> None:
        if sequence > self.acknowledged:
            self.acknowledged = sequence
            self._fruitless = 0
            self.spool.acknowledge(sequence)

    def reject(self, sequence: int, reason: str) -> None:
        self.rejected += 1
        if self.rejected == 1:
            self.target.notice(f"the collector rejects message {sequence}: {reason}; later rejections are only counted")

    def judge(self, error: grpc.RpcError, greeted: bool) -> Exception:
        """What the end of a stream means."""
        code, details = error.code(), error.details() or "it ended the stream"
        if code == grpc.StatusCode.CANCELLED and not greeted:
            details = f"no answer within {GREETING_SECONDS:.0f} s"
        if code == grpc.StatusCode.ABORTED and self.acknowledged == 0:
            # The other may have stored the numbers that this one would go on after: what is here can no longer be told apart.
            self.spool.forget_greeting()
            return Refused(
                "another process reports the same run, rank and attempt; give each job a run id of its own, each process its "
                "rank, or a restart the next attempt (MOESCOPE_ATTEMPT)"
            )
        fruitless = code == grpc.StatusCode.ABORTED or (code == grpc.StatusCode.RESOURCE_EXHAUSTED and greeted)
        self._fruitless += fruitless
        if code in _FINAL or self._fruitless >= _MOST_FRUITLESS:
            return Refused(details)
        return Lost(details)
