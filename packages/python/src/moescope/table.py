"""The histograms of a step as flat arrays: what a trainer writes to its spool, and the sender packs.

Making a message of thousands of small arrays takes Python some milliseconds, and in the process that trains, the training thread would wait
for them. So the trainer only puts its sums one behind the other. H histograms have R routings, one for each category that had tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .encode import CategoryRouting, RoutingHistogram

#: Bits of `given`, in the order in which the values lie in `floats`.
SELECTION_BIAS, GATE_MASS, MEAN_PROBABILITY = 1, 2, 4
_GIVEN = (SELECTION_BIAS, GATE_MASS, MEAN_PROBABILITY)
_MOST_COUNTED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class StepTable:
    #: [H] index of the layer, its experts, its routings, and which of the three arrays of `floats` it has.
    layer: NDArray[np.int64]
    experts: NDArray[np.int64]
    routings: NDArray[np.int64]
    given: NDArray[np.uint8]
    #: [R] index of the category, its tokens, its assignments where top-k does not tell them, and whether a capacity dropped any.
    category: NDArray[np.int64]
    tokens: NDArray[np.int64]
    assignments: NDArray[np.int64]
    drops: NDArray[np.uint8]
    #: The experts of every routing, one routing behind the other; of those that dropped any, in the same order; of every histogram.
    chosen: NDArray[np.uint32]
    dropped: NDArray[np.uint32]
    floats: NDArray[np.float32]

    @classmethod
    def of(cls, histograms: Sequence[RoutingHistogram]) -> StepTable:
        """
        Raises:
            ValueError: when a count is negative or does not fit into 32 bits.
        """
        routings = [routing for histogram in histograms for routing in histogram.categories]
        losses = [routing.dropped_counts for routing in routings if routing.dropped_counts is not None]
        values = [(h.selection_bias, h.gate_mass, h.mean_probability) for h in histograms]
        given = [sum(bit for bit, array in zip(_GIVEN, of_one, strict=True) if array is not None) for of_one in values]
        return cls(
            layer=_integers(h.layer for h in histograms),
            experts=_integers(h.categories[0].counts.size for h in histograms),
            routings=_integers(len(h.categories) for h in histograms),
            given=np.array(given, np.uint8),
            category=_integers(r.category for r in routings),
            tokens=_integers(r.tokens for r in routings),
            assignments=_integers(r.assignments for r in routings),
            drops=np.array([r.dropped_counts is not None for r in routings], np.uint8),
            chosen=counted(_joined([r.counts for r in routings], np.int64)),
            dropped=counted(_joined(losses, np.int64)),
            floats=_joined([array for of_one in values for array in of_one if array is not None], np.float32),
        )

    def beside(self, other: StepTable) -> StepTable:
        """The histograms of both, which are of different layers."""
        names = [field.name for field in fields(self)]
        return StepTable(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})

    def histograms(self) -> list[RoutingHistogram]:
        """By ascending layer."""
        drops = self.drops.astype(bool)
        of_routing = np.repeat(np.arange(self.layer.size), self.routings)
        sizes = self.experts[of_routing]
        chosen = _pieces(self.chosen.astype(np.int64), sizes)
        lost = iter(_pieces(self.dropped.astype(np.int64), sizes[drops]))
        floats = iter(_pieces(self.floats, np.repeat(self.experts, np.unpackbits(self.given[:, None], axis=1).sum(axis=1, dtype=np.int64))))
        every = zip(self.category.tolist(), chosen, self.tokens.tolist(), drops.tolist(), self.assignments.tolist(), strict=True)
        routings = (CategoryRouting(c, n, tokens, next(lost) if dropped else None, a) for c, n, tokens, dropped, a in every)
        found = []
        for layer, count, given in zip(self.layer.tolist(), self.routings.tolist(), self.given.tolist(), strict=True):
            categories = [next(routings) for _ in range(count)]
            found.append(RoutingHistogram(layer, categories, *(next(floats) if given & bit else None for bit in _GIVEN)))
        return sorted(found, key=lambda histogram: histogram.layer)

    def most_tokens(self) -> int:
        """Of the layer that had most; all have the same unless some see a part of the tokens."""
        if not self.layer.size:
            return 0
        return int(np.add.reduceat(self.tokens, np.cumsum(self.routings) - self.routings).max())


def counted(values: NDArray[np.integer]) -> NDArray[np.uint32]:
    """
    Raises:
        ValueError: when a value is negative or does not fit into 32 bits, which is what a message may have.
    """
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= _MOST_COUNTED:
        raise ValueError(f"counts have {int(values.min())} to {int(values.max())}: must be from 0 to {_MOST_COUNTED}")
    return values.astype(np.uint32)


def _integers(values: object) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)  # type: ignore[call-overload, no-any-return]


def _joined(arrays: Sequence[ArrayLike], kind: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *(np.asarray(array, kind) for array in arrays)])


def _pieces(values: NDArray[Any], sizes: NDArray[np.int64]) -> list[NDArray[Any]]:
    return np.split(values, np.cumsum(sizes)[:-1]) if sizes.size else []
