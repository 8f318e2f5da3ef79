"""Loads files of tensors and arrays. PyTorch is imported for .pt alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Whole: TypeAlias = NDArray[np.int64]

MOST_EXPERTS = 65_536
"""Of a layer: a collector takes no more (packages/proto/README.md), and memory is never proportional to an index."""


class ConvertError(ValueError):
    """A file cannot be converted; the message names it, and what is allowed."""


@dataclass(frozen=True)
class Loaded:
    """A recording of SGLang, which is a dictionary, or an array."""

    where: str
    value: Any


def load(file: Path) -> Iterator[Loaded]:
    """Arrays and recordings in a file, with names for errors."""
    where = str(file)
    if file.suffix == ".npy":
        yield Loaded(where, _numpy(file))
    elif file.suffix == ".npz":
        with _numpy(file) as arrays:
            for name in arrays.files:
                yield Loaded(f"{where}[{name}]", _member(arrays, name, where))
    elif file.suffix == ".pt":
        yield from _parts(where, _torch(file))
    else:
        raise ConvertError(f"{where} is none of .pt, .npy and .npz")


def _numpy(file: Path) -> Any:
    try:
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise ConvertError(f"{file} is no array of numbers: {error}") from error


def _member(arrays: Any, name: str, where: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = arrays[name]
    except (ValueError, BadZipFile) as error:
        raise ConvertError(f"{where}[{name}] is no array of numbers: {error}") from error
    return array


def _torch(file: Path) -> Any:
    try:
        import torch
    except ModuleNotFoundError:
        raise ConvertError(f"{file} needs PyTorch to be read, which is not installed here") from None
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of bytes that torch did not write, any
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConvertError(f"{file} cannot be loaded as tensors, numbers and text alone: {reason}") from error


def _parts(where: str, value: Any) -> Iterator[Loaded]:
    """A recording as it is; of lists and dictionaries of arrays each."""
    if isinstance(value, dict) and ("logical_count" in value or "records" in value):
        yield Loaded(where, value)
    elif isinstance(value, dict):
        if not value:
            raise ConvertError(f"{where} is empty")
        for name, part in value.items():
            yield Loaded(f"{where}[{name!r}]", _array(part, f"{where}[{name!r}]"))
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield Loaded(f"{where}[{index}]", _array(part, f"{where}[{index}]"))
    else:
        yield Loaded(where, _array(value, where))


def _array(value: Any, where: str) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):  # a tensor
        try:
            return np.asarray(value.detach().cpu())
        except TypeError as error:  # numpy has no bfloat16
            raise ConvertError(f"{where}: {error}; allowed are whole numbers") from error
    raise ConvertError(f"{where} is of type {type(value).__name__}; allowed are arrays, and what SGLang records (logical_count or records)")


def whole(value: Any, where: str) -> Whole:
    """
    Raises:
        ConvertError: when the numbers are no whole ones.
    """
    array = _array(value, where)
    if array.dtype.kind not in "iu":
        raise ConvertError(f"{where} holds numbers of type {array.dtype}; allowed are whole numbers")
    return array.astype(np.int64)
