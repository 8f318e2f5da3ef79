"""One stream to a collector: says Hello, sends what is not acknowledged, reads the answers.

Runs in the sender's process alone, which is where grpc is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from .answers import Acknowledgement, Reason, Rejection, read_answer

if TYPE_CHECKING:
    from .delivery import Delivery

_METHOD = "/moescope.v1.Collector/Report"
_MESSAGE_BYTES = "moescope-message-bytes"
#: Seconds between looks for new messages; they are sent together.
_LOOK_EVERY = 0.1
#: Seconds without an answer to the Hello after which another stream is opened.
GREETING_SECONDS = 30.0


class Refused(Exception):
    """The collector will never take this spool from this program."""


class Lost(Exception):
    """The stream is of no more use; another may be."""


@dataclass(frozen=True)
class Target:
    channel: grpc.Channel
    address: str
    token: str | None
    #: Told, in one line, what a person should know.
    notice: Callable[[str], None]


class Stream:
    """One stream: a thread of grpc's takes what `_requests` yields, and `run` reads the answers."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery, self._spool = delivery, delivery.spool
        self._changed = threading.Condition()
        self._over = False
        self._waits_for_hello = True
        self._next = 0
        self._held = 0
        self._finished = False
        self._message_bytes = float("inf")

    def run(self) -> None:
        """Returns when everything is acknowledged and nothing more will come.

        Raises:
            Lost, Refused
        """
        while (hello := self._spool.hello()) is None:
            if self._spool.complete():
                return
            if self._delivery.stopping.wait(_LOOK_EVERY):
                raise Lost("stopped")
        report = self._delivery.target.channel.stream_stream(_METHOD)
        token = self._delivery.target.token
        call = report(self._requests(hello), metadata=[("authorization", f"Bearer {token}")] if token else None)
        watch = threading.Timer(GREETING_SECONDS, self._give_up_greeting, [call])
        watch.daemon = True
        watch.start()
        try:
            for answer in call:
                self._receive(answer, call)
        except grpc.RpcError as error:
            raise self._delivery.judge(error, self._next > 0) from error
        except ValueError as error:
            raise Lost(str(error)) from error
        finally:
            watch.cancel()
            self._end()
            call.cancel()
        if not self._finished:
            raise Lost("it ended the stream")

    def _give_up_greeting(self, call: Any) -> None:
        if self._next == 0:
            call.cancel()

    def _requests(self, hello: bytes) -> Iterator[bytes]:
        yield hello
        while self._wait_for(lambda: not self._waits_for_hello):
            for sequence, message, newest in self._new_messages(hello):
                if newest != hello or len(message) > self._message_bytes:
                    # Said again only when all before is answered, so that the next acknowledgement is the Hello's.
                    if not self._wait_for(lambda: self._held >= self._next - 1):
                        return
                    if newest == hello:
                        self._leave_out(sequence, message)
                    hello = newest
                    self._waits_for_hello = True
                    yield hello
                    break
                self._next = sequence + 1
                yield message
            else:
                if self._finished or self._over or self._delivery.stopping.wait(_LOOK_EVERY):
                    return

    def _new_messages(self, hello: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Messages to send, each with the Hello that must have been said before it."""
        complete = self._spool.complete()
        for sequence, message in self._spool.messages(self._next):
            # Read after the message: a Hello is replaced before messages that need it.
            yield sequence, message, self._spool.hello() or hello
        with self._changed:
            self._finished = complete and self._held >= self._next - 1

    def _leave_out(self, sequence: int, message: bytes) -> None:
        self._delivery.reject(sequence, f"it has {len(message)} bytes, and the collector takes {self._message_bytes:.0f}")
        self._delivery.acknowledge(sequence)

    def _receive(self, answer: bytes, call: Any) -> None:
        read = read_answer(answer)
        with self._changed:
            if isinstance(read, Acknowledgement):
                if self._waits_for_hello:
                    self._message_bytes = _most_bytes(call.initial_metadata())
                    self._begin(read.sequence)
                self._held = max(self._held, read.sequence)
                self._delivery.acknowledge(min(read.sequence, self._next - 1))
            elif isinstance(read, Rejection):
                self._reject(read)
            self._changed.notify_all()

    def _begin(self, durable: int) -> None:
        """`durable`: the collector holds everything up to this number."""
        if durable and not self._spool.greeted:
            raise Refused(
                f"it already holds {durable} messages of this run, rank and attempt from another process; "
                "give the run another id, or the next attempt (MOESCOPE_ATTEMPT)"
            )
        self._spool.mark_greeted()
        self._delivery.back()
        self._next = max(durable, self._delivery.acknowledged) + 1
        self._held = max(self._held, self._next - 1)
        self._waits_for_hello = False

    def _reject(self, rejection: Rejection) -> None:
        if self._waits_for_hello and rejection.sequence == 0:
            raise Refused(rejection.message)
        if rejection.reason == Reason.OUT_OF_ORDER:
            raise Lost(rejection.message)
        self._delivery.reject(rejection.sequence, rejection.message)

    def _wait_for(self, condition: Callable[[], bool]) -> bool:
        """False when the stream is over."""
        with self._changed:
            while not self._over and not condition():
                self._changed.wait(_LOOK_EVERY)
                if self._delivery.stopping.is_set():
                    return False
            return not self._over

    def _end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()


def _most_bytes(metadata: Sequence[Any]) -> float:
    said = next((value for key, value in metadata if key == _MESSAGE_BYTES), None)
    return float(said) if said and str(said).isdigit() else float("inf")
