"""Counts of routed experts: who was chosen for each token in each layer.

Format: arrays of whole numbers [tokens, layers, top-k], as vLLM returns them (vllm-project/vllm, docs/features/routed_experts.md at commit
e2059013), or [samples, tokens, layers, top-k], as trainers of reinforcement learning keep them. Rows of zeros or of -1 are no choices:
dense layers, tokens that were not captured, padding, and the last token, which was never forwarded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from .loading import MOST_EXPERTS, ConvertError, Loaded, Whole, whole


def routed_passes(
    loaded: Sequence[Loaded], stated_experts: int | None, stated_layers: tuple[int, ...] | None
) -> tuple[list[tuple[int, Whole]], int]:
    """Every array a step, with its counts [layers, experts]; and top-k.

    Raises:
        ConvertError: names the array, layer and token which is wrong.
    """
    arrays = [(part.where, _tokens(part)) for part in loaded]
    shapes = {array.shape[1:] for _, array in arrays}
    if len(shapes) > 1:
        raise ConvertError(f"arrays have different layers and top-k: {', '.join(map(str, sorted(shapes)))}")
    layers, top_k = shapes.pop()
    highest = max(int(array.max(initial=-1)) for _, array in arrays)
    experts = stated_experts or highest + 1
    if experts > MOST_EXPERTS:
        raise ConvertError(f"there are {experts} experts in a layer; allowed are at most {MOST_EXPERTS}")
    if highest >= experts:
        raise ConvertError(f"there is an expert {highest}, but --experts is {experts}")
    chosen = _moe_layers(arrays, layers, top_k, stated_layers)
    return [(step, _counts(array, chosen, experts, where)) for step, (where, array) in enumerate(arrays)], top_k


def _counts(array: Whole, layers: Iterable[int], experts: int, where: str) -> Whole:
    """[layers, experts]; zeros in layers without experts."""
    counts = np.zeros((array.shape[1], experts), np.int64)
    for layer in layers:
        counts[layer] = _chosen(array[:, layer], experts, f"{where}, layer {layer}")
    return counts


def _tokens(part: Loaded) -> Whole:
    """[tokens, layers, top-k]"""
    array = whole(part.value, part.where)
    if array.ndim == 4:
        array = array.reshape(-1, *array.shape[2:])
    if array.ndim != 3 or array.shape[2] == 0:
        raise ConvertError(f"{part.where} has the shape {part.value.shape}; allowed is tokens × layers × top-k, or samples before them")
    return array


def _moe_layers(arrays: Iterable[tuple[str, Whole]], layers: int, top_k: int, stated: tuple[int, ...] | None) -> list[int]:
    if stated is not None:
        beyond = [layer for layer in stated if not 0 <= layer < layers]
        if beyond:
            raise ConvertError(f"--layers has {beyond[0]}, but the arrays have {layers} layers")
        return sorted(set(stated))
    used = np.zeros(layers, bool)
    for _, array in arrays:
        used |= (array > 0).any(axis=(0, 2))
    if top_k == 1 and not used.all():
        raise ConvertError("some layers hold nothing but zeros, which with top-1 are dense layers, or choose expert 0 alone: say --layers")
    return [int(layer) for layer in np.flatnonzero(used)]


def _chosen(ids: Whole, experts: int, where: str) -> Whole:
    """Counts [experts] of rows [tokens, top-k]. Top-k experts are different ones, so with several choices zeros alone are none."""
    none = (ids == -1).all(1)
    if ids.shape[1] > 1:
        none |= (ids == 0).all(1)
    rows = ids[~none]
    for wrong, what in ((rows < 0).any(1), "a negative expert beside others"), ((np.diff(np.sort(rows)) == 0).any(1), "an expert twice"):
        if wrong.any():
            token = int(np.flatnonzero(~none)[np.flatnonzero(wrong)[0]])
            raise ConvertError(f"{where}, token {token}: {ids[token].tolist()} has {what}")
    return np.bincount(rows.ravel(), minlength=experts)
