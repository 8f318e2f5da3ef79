"""Makes the histograms of a step from the sums that were counted on the device.

Shapes: L MoE layers, C categories, E the most experts of a layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .encode import CategoryRouting, MoeLayer, RoutingHistogram

if TYPE_CHECKING:
    from .routers import Router
    from .tally import Tally


def layers_of(routers: list[Router], tally: Tally) -> list[MoeLayer]:
    """The layers as they are described: experts of a token vary where the router gave a mask."""
    masks = tally.masks.numpy()[:, 0]
    layers = [replace(router.layer, top_k=0) if masks[row] else router.layer for row, router in enumerate(routers)]
    return sorted(layers, key=lambda layer: layer.index)


def histograms_of(routers: list[Router], tally: Tally) -> list[RoutingHistogram]:
    """One for each layer that had tokens, by ascending index."""
    found = [_histogram(row, router, tally) for row, router in enumerate(routers)]
    return sorted((histogram for histogram in found if histogram.categories), key=lambda histogram: histogram.layer)


def silent(routers: list[Router], tally: Tally) -> list[Router]:
    """Routers that have chosen nothing, not even for padding."""
    chosen = tally.chosen.numpy().any(axis=1)
    return [router for row, router in enumerate(routers) if not chosen[row]]


def _histogram(row: int, router: Router, tally: Tally) -> RoutingHistogram:
    chosen, gates = (_by_category(part.numpy()[row], router, tally) for part in (tally.chosen, tally.gates))
    dropped = _by_category(tally.dropped.numpy()[row], router, tally) if tally.shape.drops else np.zeros_like(chosen)
    varies = bool(tally.masks[row, 0])
    tokens = tally.tokens.numpy()[row] if varies else chosen.sum(axis=1) // router.layer.top_k
    categories = [
        CategoryRouting(
            category=category,
            counts=chosen[category],
            tokens=int(tokens[category]),
            dropped_counts=dropped[category] if dropped[category].any() else None,
            assignments=int(chosen[category].sum()) if varies else 0,
        )
        for category in range(tally.shape.categories)
        if tokens[category]
    ]
    seen = max(1, int(sum(routing.tokens for routing in categories)))
    experts = slice(0, router.layer.experts)
    return RoutingHistogram(
        layer=router.layer.index,
        categories=categories,
        selection_bias=tally.bias.numpy()[row, experts].copy() if router.bias is not None else None,
        gate_mass=_known(gates.sum(axis=0)),
        mean_probability=_known(tally.scores.numpy()[row, experts] / seen),
    )


def _by_category(slots: NDArray[Any], router: Router, tally: Tally) -> NDArray[Any]:
    """[C, experts of the layer], without the bin. A copy: the tally is used again for a later step."""
    table = slots.reshape(tally.shape.categories + 1, tally.shape.experts)
    return table[:-1, : router.layer.experts].copy()


def _known(values: NDArray[np.floating]) -> NDArray[np.floating] | None:
    """None for all zeros: a router that gives no weights or scores leaves them so."""
    return values if values.any() else None
