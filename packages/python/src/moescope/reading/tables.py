"""From the buckets of the API's JSON to arrays. Letters of shapes are those of results.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CollectorError
from .history import Bucket
from .results import Steps

#: What is said where answers do not fit each other.
CHANGED = "the run was changed while it was read; read it again"

#: For each category of a layer in a bucket its numbers, by expert; None where they are not known. Those that are not named have 0.
Loads = Iterable[tuple[int, Sequence[Any] | None]]


@dataclass(frozen=True)
class Quantity:
    """Something that the API answers for each expert of a layer."""

    name: str
    kind: type[np.int64] | type[np.float64]
    loads: Callable[[Bucket], Loads]


def _dropped(layer: Bucket) -> Loads:
    for load in layer["categories"]:
        # A sender of protocol 1 says how many were dropped, not of which experts.
        known = bool(load["droppedCounts"]) or load["dropped"] == 0
        yield load["category"], load["droppedCounts"] if known else None


def _of_layer(name: str, field: str) -> Quantity:
    return Quantity(name, np.float64, lambda layer: [(0, layer[field] or None)])


COUNTS = Quantity("count", np.int64, lambda layer: [(load["category"], load["counts"]) for load in layer["categories"]])
DROPPED = Quantity("dropped", np.int64, _dropped)
BIAS = _of_layer("selection_bias", "selectionBias")
GATE_MASS = _of_layer("gate_mass", "gateMass")
MEAN_PROBABILITY = _of_layer("mean_probability", "meanProbability")


@dataclass(frozen=True)
class Shape:
    layers: Sequence[int]
    #: [L]
    experts: Sequence[int]
    #: The most that any layer of the array has, E.
    most_experts: int
    #: C; 1 where they are added up.
    categories: int


class Blocks:
    """Pages of buckets, made into arrays as they come; the JSON is not kept."""

    def __init__(self, shape: Shape, quantities: Sequence[Quantity]) -> None:
        self._shape, self._quantities = shape, quantities
        self._steps: list[Steps] = []
        self._values: dict[str, list[NDArray[Any]]] = {quantity.name: [] for quantity in quantities}
        self._masked: dict[str, list[NDArray[np.bool_]]] = {quantity.name: [] for quantity in quantities}
        self.add([])

    def add(self, buckets: Sequence[Bucket]) -> None:
        self._steps.append(Steps.of(buckets))
        size = (len(buckets), len(self._shape.layers), self._shape.categories, self._shape.most_experts)
        for quantity in self._quantities:
            values, masked = np.zeros(size, quantity.kind), np.ones(size, np.bool_)
            for at, bucket in enumerate(buckets):
                self._fill(values[at], masked[at], bucket["layers"], quantity)
            self._values[quantity.name].append(values)
            self._masked[quantity.name].append(masked)

    @property
    def steps(self) -> Steps:
        return Steps.joined(self._steps)

    def of(self, quantity: Quantity) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values, and where there are none, [N, L, C, E]."""
        return np.concatenate(self._values.pop(quantity.name)), np.concatenate(self._masked.pop(quantity.name))

    def _fill(self, values: NDArray[Any], masked: NDArray[np.bool_], layers: Sequence[Bucket], quantity: Quantity) -> None:
        """[L, C, E] of one bucket."""
        for layer in layers:
            place = self._shape.layers.index(layer["layer"])
            masked[place, :, : self._shape.experts[place]] = False
            for category, numbers in quantity.loads(layer):
                if category >= self._shape.categories:
                    raise CollectorError(CHANGED)
                if numbers is None:
                    masked[place, category] = True
                else:
                    values[place, category, : len(numbers)] = numbers
