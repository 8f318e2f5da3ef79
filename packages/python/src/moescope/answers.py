"""Reads what a collector answers: acknowledgements and rejections, each with a checksum."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import IntEnum

from .encode import CHECKSUM_TAG
from .wire import fields


class Reason(IntEnum):
    """Why a message is refused; packages/proto/README.md says of each what to do."""

    REASON_UNSPECIFIED, UNKNOWN_RUN, UNKNOWN_LAYER, WRONG_EXPERTS, UNKNOWN_CATEGORY = range(5)
    COUNTS_DO_NOT_ADD_UP, OUT_OF_ORDER, MALFORMED, DESCRIPTION_CONFLICT, EXPIRED = range(5, 10)


@dataclass(frozen=True)
class Acknowledgement:
    run: str
    rank: int
    attempt: int
    #: Everything up to this number is stored, or was rejected.
    sequence: int


@dataclass(frozen=True)
class Rejection:
    run: str
    rank: int
    attempt: int
    #: 0 for a Hello.
    sequence: int
    #: A Reason, or the number of one that this version does not know.
    reason: int
    message: str


def read_answer(answer: bytes) -> Acknowledgement | Rejection | None:
    """None for an answer of a kind that is not known here, which a newer collector may have.

    Raises:
        ValueError: when the answer was damaged on the way.
    """
    body, end = answer[:-5], answer[-5:]
    if len(end) < 5 or end[0] != CHECKSUM_TAG or int.from_bytes(end[1:], "little") != zlib.crc32(body):
        raise ValueError(f"an answer of {len(answer)} bytes was damaged on the way: its checksum is wrong or missing")
    read: Acknowledgement | Rejection | None = None
    for number, value in fields(body):
        if number == 1 and isinstance(value, bytes):
            read = Acknowledgement(*_whose(found := dict(fields(value))), _number(found, 4))
        elif number == 2 and isinstance(value, bytes):
            found = dict(fields(value))
            read = Rejection(*_whose(found), _number(found, 4), _number(found, 5), _text(found, 6))
    return read


def _whose(found: dict[int, int | bytes]) -> tuple[str, int, int]:
    return _text(found, 1), _number(found, 2), _number(found, 3)


def _number(found: dict[int, int | bytes], field: int) -> int:
    value = found.get(field, 0)
    if isinstance(value, bytes):
        raise ValueError(f"field {field} of an answer has {len(value)} bytes: must be a number")
    return value


def _text(found: dict[int, int | bytes], field: int) -> str:
    value = found.get(field, b"")
    if not isinstance(value, bytes):
        raise ValueError(f"field {field} of an answer is {value}: must be a text")
    return value.decode("utf-8", "replace")
