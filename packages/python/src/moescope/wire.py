"""The protobuf wire format, as far as moescope's messages need it: what numbers, strings and arrays look like as bytes.

Written by hand: generated code and the protobuf runtime of another version break each other's imports, and a trainer has
enough packages that bring their own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

#: Whole numbers beyond this are refused by the collector: JavaScript and JSON round them.
LARGEST_WHOLE = 2**53 - 1


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(field: int, kind: int) -> bytes:
    return varint(field << 3 | kind)


def delimited(field: int, body: bytes) -> bytes:
    """A message, a string or an array: always written, even when empty."""
    return tag(field, LENGTH) + varint(len(body)) + body


def unsigned(field: int, value: int, largest: int = LARGEST_WHOLE) -> bytes:
    """A whole number; nothing for 0, as proto3 has it.

    Raises:
        ValueError: when the value is negative or above `largest`.
    """
    if not 0 <= value <= largest:
        raise ValueError(f"field {field} is {value}: must be from 0 to {largest}")
    return tag(field, VARINT) + varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """NaN and -0.0 are written; 0.0 is not."""
    packed = struct.pack("<d", value)
    return tag(field, FIXED64) + packed if any(packed) else b""


def single(field: int, value: float) -> bytes:
    """A `float`; NaN and -0.0 are written, 0.0 is not."""
    packed = struct.pack("<f", value)
    return tag(field, FIXED32) + packed if any(packed) else b""


def signed(field: int, value: int) -> bytes:
    """A `sint32`: numbers near 0 take one byte, whatever their sign.

    Raises:
        ValueError: when the value does not fit into 32 bits.
    """
    if not -(2**31) <= value < 2**31:
        raise ValueError(f"field {field} is {value}: must be from {-(2**31)} to {2**31 - 1}")
    return unsigned(field, value << 1 if value >= 0 else ~(value << 1))


def text(field: int, value: str) -> bytes:
    """Lone surrogates, which file names on Linux may have, become question marks: protobuf's strings are UTF-8."""
    return delimited(field, value.encode("utf-8", "replace")) if value else b""


def flag(field: int, value: bool) -> bytes:
    return tag(field, VARINT) + b"\x01" if value else b""


def floats(field: int, values: ArrayLike | None) -> bytes:
    """A packed `repeated float`; nothing for no values."""
    array = np.asarray([] if values is None else values, "<f4")
    return delimited(field, array.tobytes()) if array.size else b""


def packed_varints(rows: Sequence[NDArray[np.integer]]) -> list[bytes]:
    """The varints of each row, one after the other. All rows are packed at once: a step has some hundred of them.

    Raises:
        ValueError: when a value is negative or does not fit into 32 bits, which is what `counts` may have.
    """
    if not rows:
        return []
    signed = np.concatenate(rows)
    if signed.size and not 0 <= int(signed.min()) <= int(signed.max()) < 2**32:
        raise ValueError(f"counts have {int(signed.min())} to {int(signed.max())}: must be from 0 to {2**32 - 1}")
    values = signed.astype(np.uint64)
    sizes = np.ones(values.size, np.int64)
    for bits in (7, 14, 21, 28):
        sizes += values >= np.uint64(1 << bits)
    ends = np.cumsum(sizes)
    out = np.empty(int(ends[-1]) if ends.size else 0, np.uint8)
    starts = ends - sizes
    for place in range(int(sizes.max(initial=0))):
        has = sizes > place
        more = np.where(sizes[has] > place + 1, 128, 0).astype(np.uint64)
        out[starts[has] + place] = (values[has] >> np.uint64(7 * place)) & np.uint64(127) | more
    bounds = np.concatenate([[0], ends])[np.cumsum([0, *(row.size for row in rows)])]
    return [out[first:last].tobytes() for first, last in pairwise(bounds)]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of an encoded message in order: numbers as they are, all else as bytes.

    Raises:
        ValueError: when the bytes are no message.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind = key & 7
        if kind == VARINT:
            number, at = _read_varint(message, at)
            yield key >> 3, number
            continue
        if kind == LENGTH:
            size, at = _read_varint(message, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind} at byte {at}: must be 0, 1, 2 or 5")
        if at + size > len(message):
            raise ValueError(f"a field of {size} bytes at byte {at} of {len(message)} is cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(message):
            break
        byte = message[at + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value & 2**64 - 1, at + place + 1
    raise ValueError(f"the number at byte {at} of {len(message)} does not end")
