"""The queue between a trainer and its sender: files that the trainer appends messages to, and the sender reads and removes.

A spool is a folder: `hello` is the newest Hello, `*.frames` hold messages in order, each file named after its first sequence number,
`owner` is locked as long as the trainer lives, and `ended` is there once nothing more will come. The sender adds `greeted` when a
collector has taken the Hello, and `refused` with the reason when one never will. Files are not synced: a process that is killed loses
nothing that was appended, a power cut may.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

from .frames import message_of

#: In a folder of spools: locked by the process that sends them, and what it has to say.
LOCK, LOG = ".sender", ".sender.log"
#: Size at which a file is closed and the next one begun.
FILE_BYTES = 8 * 2**20
#: Little-endian: bytes of the message, CRC-32 of all that follows, sequence number.
_HEADER = struct.Struct("<IIQ")
_SEQUENCE = struct.Struct("<Q")


class Spool:
    """The trainer's side."""

    def __init__(self, directory: Path, label: str, limit: int, file_bytes: int = FILE_BYTES) -> None:
        """
        Args:
            directory: where spools lie; this one makes a folder of its own in it.
            limit: bytes that it may have on disk.
        """
        self.folder = directory / f"{label}-{secrets.token_hex(3)}"
        self.last = 0
        self._limit, self._file_bytes = limit, file_bytes
        self._file: IO[bytes] | None = None
        # Prepared under a name that no sender looks at, so that whoever sees the folder finds its owner alive.
        hidden = directory / f".{self.folder.name}"
        hidden.mkdir(parents=True)
        self._owner = (hidden / "owner").open("wb")
        fcntl.lockf(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(self.folder)

    def say_hello(self, hello: bytes) -> None:
        """Replaces what is said ahead of the messages. Before messages that need it are appended."""
        (self.folder / "hello.new").write_bytes(hello)
        (self.folder / "hello.new").rename(self.folder / "hello")

    def append(self, message_of: Callable[[int], bytes]) -> bool:
        """Adds the message that `message_of` makes of the next sequence number.

        Returns:
            False when the spool is full, or the disk: the message is lost, and its number goes to the next one.
        """
        message = message_of(self.last + 1)
        checked = _SEQUENCE.pack(self.last + 1) + message
        frame = struct.pack("<II", len(message), zlib.crc32(checked)) + checked
        try:
            if self._bytes() + len(frame) > self._limit:
                raise OSError("the spool is full")
            self._write(frame)
        except OSError:
            self._begin_another_file()
            return False
        self.last += 1
        return True

    def end(self) -> None:
        """Nothing more will come. The folder is the sender's to remove."""
        if self._file is not None:
            self._file.close()
        # On a full disk the lock alone tells.
        with contextlib.suppress(OSError):
            (self.folder / "ended").touch()
        self._owner.close()

    def _write(self, frame: bytes) -> None:
        if self._file is not None and self._file.tell() >= self._file_bytes:
            self._file.close()
            self._file = None
        if self._file is None:
            self._file = (self.folder / f"{self.last + 1:016d}.frames").open("wb", buffering=0)
        if os.fstat(self._file.fileno()).st_nlink == 0:
            raise OSError("the file was removed")
        before = self._file.tell()
        try:
            if self._file.write(frame) != len(frame):
                raise OSError("the disk took a part of the message")
        except OSError:
            self._file.truncate(before)
            self._file.seek(before)
            raise

    def _begin_another_file(self) -> None:
        """Of a full spool: what the sender has delivered can be removed then, which leaves the newest file alone."""
        if self._file is None or self._file.tell() == 0:
            return
        with contextlib.suppress(OSError):
            another = (self.folder / f"{self.last + 1:016d}.frames").open("wb", buffering=0)
            self._file.close()
            self._file = another

    def _bytes(self) -> int:
        return sum(entry.stat().st_size for entry in self.folder.glob("*.frames") if entry.exists())


class SpoolReader:
    """The sender's side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: File and place where the last reading stopped, and the sequence number that follows there.
        self._stopped: tuple[Path, int, int] | None = None

    def hello(self) -> bytes | None:
        """None as long as the trainer has not said which layers it has."""
        return _read_if_there(self.folder / "hello")

    @property
    def greeted(self) -> bool:
        return (self.folder / "greeted").exists()

    def mark_greeted(self) -> None:
        (self.folder / "greeted").touch()

    def forget_greeting(self) -> None:
        (self.folder / "greeted").unlink(missing_ok=True)

    def refuse(self, reason: str) -> None:
        (self.folder / "refused").write_text(f"{reason}\n")

    def try_again(self) -> None:
        """Forgets a refusal: the reason may be mended, a token for example."""
        (self.folder / "refused").unlink(missing_ok=True)

    @property
    def refused(self) -> bool:
        return (self.folder / "refused").exists()

    def complete(self) -> bool:
        """Whether nothing more will be appended. To be asked before `messages`."""
        return (self.folder / "ended").exists() or not is_locked(self.folder / "owner")

    def messages(self, following: int) -> Iterator[tuple[int, bytes]]:
        """The messages from sequence number `following` on that are whole so far, with their numbers."""
        files = self._files()
        for place, (_, path) in enumerate(files):
            if place + 1 < len(files) and files[place + 1][0] <= following:
                continue
            for sequence, message in self._frames(path, following):
                yield sequence, message
                following = sequence + 1

    def acknowledge(self, sequence: int) -> None:
        """Removes the files in which every message is acknowledged, except the newest, which the trainer writes."""
        files = self._files()
        for (_, path), (following, _) in pairwise(files):
            if following <= sequence + 1:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self.folder.glob("*.frames"))

    def _frames(self, path: Path, following: int) -> Iterator[tuple[int, bytes]]:
        """Goes on where the last reading of this file stopped, unless that was beyond `following`."""
        stopped = self._stopped
        start = stopped[1] if stopped is not None and stopped[0] == path and stopped[2] <= following else 0
        with path.open("rb") as file:
            file.seek(start)
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                size, checksum, sequence = _HEADER.unpack(header)
                message = file.read(size)
                if len(message) < size or zlib.crc32(_SEQUENCE.pack(sequence) + message) != checksum:
                    return
                self._stopped = path, file.tell(), sequence + 1
                if sequence >= following:
                    yield sequence, message_of(message, sequence)


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock. Not to be asked of a file that this process has locked: it would let go of it."""
    try:
        with path.open("rb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def spools_in(directory: Path) -> list[Path]:
    """Folders of spools, those that are still being made left out."""
    if not directory.is_dir():
        return []
    return sorted(Path(entry.path) for entry in os.scandir(directory) if entry.is_dir() and not entry.name.startswith("."))
