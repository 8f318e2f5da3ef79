"""The process that sends the spools of a machine's ranks: `python -m moescope.sender DIRECTORY --address HOST:PORT`.

gRPC lives here and never in a trainer, whose data loaders fork. It outlives trainers: what they left is delivered, then it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import grpc

from .delivery import Delivery
from .spool import LOCK, LOG, SpoolReader, is_locked, spools_in
from .stream import Target

_LOOK_EVERY = 0.25
#: Seconds that it goes on trying to reach a collector after the last trainer has gone. `moescope sync` sends what is left.
LINGER_SECONDS = 600.0
#: An answer has some hundred bytes; a larger one is of a length that was damaged on the way.
_OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", 65_536),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m moescope.sender", description=__doc__)
    parser.add_argument("directory", type=Path)
    add_collector_options(parser)
    options = parser.parse_args(arguments)
    # Training goes first, and Ctrl-C is for the trainer.
    with contextlib.suppress(OSError):
        os.nice(5)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with sole_sender(options.directory) as alone:
        if alone:
            with open_channel(options.address, options.ca, options.cert, options.key) as channel:
                deliver(options.directory, Target(channel, options.address, os.environ.get("MOESCOPE_TOKEN"), write_line), LINGER_SECONDS)
    return 0


def add_collector_options(parser: argparse.ArgumentParser) -> None:
    address = os.environ.get("MOESCOPE_ADDRESS") or "127.0.0.1:4681"
    parser.add_argument("--address", default=address, help="HOST:PORT of the collector's gRPC side (default: %(default)s)")
    parser.add_argument("--ca", help="PEM file with the authority of the collector's certificate; turns TLS on")
    parser.add_argument("--cert", help="PEM file with the certificate of this machine, for a collector that asks for one")
    parser.add_argument("--key", help="PEM file with its key")


def open_channel(address: str, ca: str | None, cert: str | None, key: str | None) -> grpc.Channel:
    if not (ca or cert or key):
        return grpc.insecure_channel(address, _OPTIONS)
    texts = [Path(path).read_bytes() if path else None for path in (ca, key, cert)]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*texts), _OPTIONS)


@contextlib.contextmanager
def sole_sender(directory: Path) -> Iterator[bool]:
    """False when another process sends the spools of this folder. It waits a second for one that only looks."""
    for _ in range(20):
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / LOCK).open("wb") as file:
            if _lock(file, directory / LOCK):
                yield True
                _tidy(directory)
                return
        time.sleep(0.05)
    yield False


def _lock(file: IO[bytes], path: Path) -> bool:
    """Only the lock of the file that lies there now counts: an earlier sender may have removed the one that was opened."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _tidy(directory: Path) -> None:
    """Leaves nothing behind where everything was sent."""
    if not spools_in(directory):
        (directory / LOG).unlink(missing_ok=True)
        (directory / LOCK).unlink()
        with contextlib.suppress(OSError):
            directory.rmdir()
            directory.parent.rmdir()


def deliver(directory: Path, target: Target, linger: float) -> list[Path]:
    """Sends every spool in `directory`, and those that come, until none is left to send or to wait for.

    Args:
        linger: seconds to go on after the last trainer has gone.

    Returns:
        Folders of spools that could not be sent.
    """
    deliveries: dict[Path, Delivery] = {}
    last_alive = time.monotonic()
    while True:
        for folder in spools_in(directory):
            if folder not in deliveries and not SpoolReader(folder).refused:
                deliveries[folder] = Delivery(SpoolReader(folder), target)
        unsent = [folder for folder, delivery in deliveries.items() if not delivery.done]
        if not unsent:
            break
        if any(is_locked(folder / "owner") for folder in unsent):
            last_alive = time.monotonic()
        if time.monotonic() - last_alive > linger:
            break
        time.sleep(_LOOK_EVERY)
    for delivery in deliveries.values():
        delivery.stop()
    return [folder for folder in deliveries if folder.exists()]


_writing = threading.Lock()


def write_line(line: str) -> None:
    """Lost where the disk of the log is full: delivering goes on, and makes room."""
    with _writing, contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
