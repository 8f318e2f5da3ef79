"""Counts of SGLang's expert distribution recorder.

Format: sgl-project/sglang, python/sglang/srt/eplb/expert_distribution.py at commit 02295fe5.

- `_StatAccumulator.dump` (modes stat and stat_approx) saves {"rank", "logical_count", "average_utilization_rate_over_window"} on rank 0.
  logical_count is [forward passes, layers, experts], added up over all ranks. It is a ring: slots that are not used are zeros, and once it
  is full the first slot need not be the first pass.
- `_DetailAccumulator.dump` (per_pass and per_token) saves {"records", "last_physical_to_logical_map"} on every rank. A record has
  forward_pass_id, rank, gatherer_key and global_physical_count [layers, physical experts]; in older versions (commit dd780ab9) a record
  of per_token has topk_ids_of_layer [layers, tokens, 8] alone, physical too, -1 where there is no choice. The map is [layers, physical
  experts]: experts that are held twice have one logical index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .loading import MOST_EXPERTS, ConvertError, Loaded, Whole, whole


def is_recording(value: Any) -> bool:
    return isinstance(value, dict)


def recorded_passes(loaded: Sequence[Loaded]) -> list[tuple[int, Whole]]:
    """Forward passes ascending, each with its counts [layers, experts].

    Raises:
        ConvertError: names the value which is wrong.
    """
    kinds = {"logical_count" in part.value for part in loaded}
    if len(kinds) > 1:
        raise ConvertError("some files have logical_count and some records; convert each kind by itself")
    return list(_logical(loaded)) if kinds == {True} else _records(loaded)


def _logical(loaded: Sequence[Loaded]) -> Iterator[tuple[int, Whole]]:
    """Every slot a step, file after file."""
    first = 0
    for where, value in ((part.where, part.value) for part in loaded):
        counts = whole(value["logical_count"], f"{where}['logical_count']")
        if counts.ndim != 3:
            raise ConvertError(f"{where}: logical_count has the shape {counts.shape}; allowed is forward passes × layers × experts")
        _refuse_negative(counts, f"{where}['logical_count']")
        yield from enumerate(counts, first)
        first += len(counts)


def _records(loaded: Sequence[Loaded]) -> list[tuple[int, Whole]]:
    """A forward pass a step, its ranks added up."""
    seen: dict[tuple[Any, ...], str] = {}
    passes: dict[int, Whole] = {}
    for part in loaded:
        logical = _map(part)
        for index, record in enumerate(_field(part.value, "records", part.where)):
            where = f"{part.where}['records'][{index}]"
            key = tuple(_field(record, name, where) for name in ("forward_pass_id", "rank", "gatherer_key"))
            step, rank, _ = key
            if type(step) is not int or step < 0:
                raise ConvertError(f"{where}: forward_pass_id is {step!r}; allowed are whole numbers from 0")
            if key in seen:
                raise ConvertError(f"{where}: forward pass {step} of rank {rank} stands in {seen[key]} too")
            seen[key] = where
            counts = _to_logical(_physical(record, logical.shape, where), logical)
            known = passes.setdefault(step, np.zeros_like(counts))
            if known.shape != counts.shape:
                raise ConvertError(f"{where} has (layers, experts) {counts.shape}, but {known.shape} in another file")
            known += counts
    return sorted(passes.items())


def _map(part: Loaded) -> Whole:
    """[layers, physical experts]: the logical index of each."""
    where = f"{part.where}['last_physical_to_logical_map']"
    logical = whole(_field(part.value, "last_physical_to_logical_map", part.where), where)
    if logical.ndim != 2 or logical.size == 0 or logical.min() < 0 or logical.max() >= MOST_EXPERTS:
        raise ConvertError(
            f"{where} has the shape {logical.shape}; allowed are indices from 0 below {MOST_EXPERTS}, layers × physical experts"
        )
    return logical


def _field(value: Any, name: str, where: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise ConvertError(f"{where} has no {name}; SGLang's recorder writes one")
    return value[name]


def _physical(record: Mapping[str, Any], shape: tuple[int, ...], where: str) -> Whole:
    """Counts [layers, physical experts] of a record."""
    if "global_physical_count" in record:
        counts = whole(record["global_physical_count"], f"{where}['global_physical_count']")
        if counts.shape != shape:
            raise ConvertError(f"{where}: global_physical_count has the shape {counts.shape}, but the map {shape}")
        _refuse_negative(counts, f"{where}['global_physical_count']")
        return counts
    if "topk_ids_of_layer" not in record:
        raise ConvertError(f"{where} has neither global_physical_count nor topk_ids_of_layer")
    ids = whole(record["topk_ids_of_layer"], f"{where}['topk_ids_of_layer']")
    if ids.ndim != 3 or len(ids) != shape[0] or ids.min(initial=-1) < -1 or ids.max(initial=-1) >= shape[1]:
        raise ConvertError(f"{where}: topk_ids_of_layer has the shape {ids.shape} and ids up to {ids.max(initial=-1)}, but the map {shape}")
    return np.stack([np.bincount(layer[layer >= 0], minlength=shape[1]) for layer in ids])


def _to_logical(physical: Whole, logical: Whole) -> Whole:
    """[layers, logical experts]"""
    counts = np.zeros((len(physical), int(logical.max()) + 1), np.int64)
    np.add.at(counts, (np.arange(len(physical))[:, None], logical), physical)
    return counts


def _refuse_negative(counts: Whole, where: str) -> None:
    if counts.min(initial=0) < 0:
        raise ConvertError(f"{where} has a count of {counts.min()}; allowed are whole numbers from 0")
