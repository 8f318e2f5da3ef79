"""Counts that a train loop hands over, instead of having them counted by hooks: JAX, inference engines, frameworks of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .encode import CategoryRouting, MoeLayer, RoutingHistogram


@dataclass
class _Routing:
    counts: NDArray[np.int64]
    dropped: NDArray[np.int64]
    tokens: int = 0


@dataclass
class _Layer:
    described: MoeLayer
    categories: dict[int, _Routing] = field(default_factory=dict)
    bias: NDArray[Any] | None = None
    gates: NDArray[Any] | None = None
    probability: NDArray[Any] | None = None


class Logged:
    def __init__(self) -> None:
        self._layers: dict[int, _Layer] = {}

    def add(
        self,
        layer: int,
        counts: ArrayLike,
        category: int,
        top_k: int,
        dropped: ArrayLike | None,
        tokens: int | None,
        bias: ArrayLike | None,
        gates: ArrayLike | None,
        probability: ArrayLike | None,
        group: str,
    ) -> None:
        """What is added to one layer and category in a step is summed; of bias and probability the last stays."""
        chosen = whole(counts, "counts")
        lost = np.zeros_like(chosen) if dropped is None else whole(dropped, "dropped")
        if lost.shape != chosen.shape or (lost > chosen).any():
            raise ValueError(f"dropped is {lost.tolist()}: must be at most counts, {chosen.tolist()}, for each expert")
        routed = _tokens(int(chosen.sum()), top_k, tokens)
        described = MoeLayer(layer, chosen.size, top_k, group=group)
        into = self._layers.setdefault(layer, _Layer(described))
        if into.described != described:
            raise ValueError(f"layer {layer} is given as {described}: must be {into.described}, as before")
        sums = into.categories.setdefault(category, _Routing(np.zeros_like(chosen), np.zeros_like(chosen)))
        sums.counts, sums.dropped, sums.tokens = sums.counts + chosen, sums.dropped + lost, sums.tokens + routed
        into.bias = into.bias if bias is None else _for_each(bias, chosen.size, "selection_bias")
        into.probability = into.probability if probability is None else _for_each(probability, chosen.size, "mean_probability")
        if gates is not None:
            into.gates = _for_each(gates, chosen.size, "gate_mass") + (0 if into.gates is None else into.gates)

    def take(self) -> Sequence[tuple[MoeLayer, RoutingHistogram]]:
        """What was added since the last time, by ascending layer."""
        layers, self._layers = self._layers, {}
        return [(layers[index].described, _histogram(layers[index])) for index in sorted(layers)]


def whole(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """[E] as int64.

    Raises:
        ValueError: when the values are not one row of whole numbers from 0.
    """
    array = np.asarray(values)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or (array != np.floor(array)).any():
        raise ValueError(f"{name} is {array.tolist()}: must be one row of whole numbers from 0, one for each expert")
    if array.dtype.kind == "f" and array.size and array.max() >= (2**24 if array.dtype.itemsize < 8 else 2**53):
        raise ValueError(f"{name} has {array.max()} as {array.dtype}, which cannot count that far exactly: count in integers")
    return array.astype(np.int64)


def _tokens(assignments: int, top_k: int, tokens: int | None) -> int:
    if top_k == 0:
        if tokens is None:
            raise ValueError("tokens is missing: must be given where top_k is 0, which says that it varies by token")
        return tokens
    if assignments % top_k or (tokens is not None and tokens * top_k != assignments):
        raise ValueError(f"counts add up to {assignments}: must be top_k ({top_k}) x tokens ({'any' if tokens is None else tokens})")
    return assignments // top_k


def _for_each(values: ArrayLike, experts: int, name: str) -> NDArray[Any]:
    array = np.asarray(values, np.float64)
    if array.shape != (experts,):
        raise ValueError(f"{name} has the shape {array.shape}: must be ({experts},), one for each expert")
    return array


def _histogram(layer: _Layer) -> RoutingHistogram:
    categories = [
        CategoryRouting(category, sums.counts, sums.tokens, sums.dropped if sums.dropped.any() else None, int(sums.counts.sum()))
        for category, sums in sorted(layer.categories.items())
        if sums.tokens
    ]
    return RoutingHistogram(layer.described.index, categories, layer.bias, layer.gates, layer.probability)
