"""A step as it lies in a spool, and the message that the sender makes of it.

Behind a zero byte, with which no message begins, and the length of the header in four bytes, little-endian, stand a header in JSON and the
arrays of a `StepTable` in the order of the header. Spools of earlier versions hold messages; these are sent as they are.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from . import encode
from .encode import Identity, Split, Step
from .table import StepTable
from .wire import LARGEST_WHOLE

_MARK = b"\0"
_LENGTH = struct.Struct("<I")
_ARRAYS = [field.name for field in fields(StepTable)]


def content_of(whose: Identity, step: Step, table: StepTable) -> Callable[[int], bytes]:
    """What is spooled for a step, of its sequence number: a frame, or the message itself for a probe, which is rare and has more than
    histograms.

    Args, Raises: as `frame`.
    """
    if step.attention or step.heads:
        return lambda sequence: encode.step(whose, sequence, replace(step, histograms=table.histograms()))
    framed = frame(whose, step, table)
    return lambda sequence: framed


def frame(whose: Identity, step: Step, table: StepTable) -> bytes:
    """
    Args:
        step: without its histograms, which are `table`.

    Raises:
        ValueError: when a number is negative or too large; it names the number and what is allowed.
    """
    for name in ("step", "tokens"):
        _check(name, getattr(step, name))
    for array in (table.category, table.tokens, table.assignments, table.layer):
        if array.size:
            _check("a number of the histograms", int(array.min()))
            _check("a number of the histograms", int(array.max()))
    arrays = {name: getattr(table, name) for name in _ARRAYS}
    header = {
        "whose": asdict(whose),
        "step": step.step,
        "tokens": step.tokens,
        "time": step.time,
        "split": int(step.split),
        "scalars": list(step.scalars),
        "arrays": [[name, array.dtype.str, array.size] for name, array in arrays.items()],
    }
    text = json.dumps(header).encode()
    return b"".join([_MARK, _LENGTH.pack(len(text)), text, *(array.tobytes() for array in arrays.values())])


def message_of(content: bytes, sequence: int) -> bytes:
    """What is sent for the content of a spool."""
    if not content.startswith(_MARK):
        return content
    whose, step, table = read(content)
    return encode.step(whose, sequence, replace(step, histograms=table.histograms()))


def read(content: bytes) -> tuple[Identity, Step, StepTable]:
    """What `frame` was given."""
    at = len(_MARK) + _LENGTH.size
    (length,) = _LENGTH.unpack_from(content, len(_MARK))
    header: dict[str, Any] = json.loads(content[at : at + length])
    at += length
    arrays = {}
    for name, kind, size in header["arrays"]:
        arrays[name] = np.frombuffer(content, kind, size, at)
        at += arrays[name].nbytes
    scalars = [(name, value) for name, value in header["scalars"]]
    step = Step(header["step"], header["tokens"], header["time"], Split(header["split"]), scalars)
    return Identity(**header["whose"]), step, StepTable(**arrays)


def _check(name: str, value: int) -> None:
    if not 0 <= value <= LARGEST_WHOLE:
        raise ValueError(f"{name} is {value}: must be from 0 to {LARGEST_WHOLE}")
