"""Makes the histograms of a step from the sums that were counted on the device.

Shapes: L MoE layers, C categories, E the most experts of a layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .encode import MoeLayer, RoutingHistogram
from .table import GATE_MASS, MEAN_PROBABILITY, SELECTION_BIAS, StepTable, counted

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
    return table_of(routers, tally).histograms()


def table_of(routers: list[Router], tally: Tally) -> StepTable:
    """The layers that had tokens, in the order of `routers`. Copies: the tally is used again for a later step."""
    described = np.array([(router.layer.index, router.layer.experts, router.layer.top_k) for router in routers], np.int64)
    index, experts, top_k = described.T
    chosen = _by_category(tally.chosen.numpy(), tally)
    varies = tally.masks.numpy() > 0
    routed = chosen.sum(axis=2)
    tokens = np.where(varies, tally.tokens.numpy()[:, :-1], routed // top_k[:, None])
    seen = tokens > 0
    rows = seen.any(axis=1)
    within = np.arange(tally.shape.experts) < experts[:, None]
    lost = _by_category(tally.dropped.numpy(), tally) if tally.shape.drops else np.zeros_like(chosen)
    drops = lost.any(axis=2) & seen
    given, floats = _floats(routers, tally, tokens, within)
    row_of_routing, category = np.nonzero(seen)
    return StepTable(
        layer=index[rows],
        experts=experts[rows],
        routings=seen.sum(axis=1)[rows],
        given=given[rows] @ np.array([SELECTION_BIAS, GATE_MASS, MEAN_PROBABILITY], np.uint8),
        category=category,
        tokens=tokens[seen],
        assignments=(routed * varies)[seen],
        drops=drops[seen].astype(np.uint8),
        chosen=counted(chosen[seen][within[row_of_routing]]),
        dropped=counted(lost[drops][within[np.nonzero(drops)[0]]]),
        floats=floats[rows][(given[:, :, None] & within[:, None, :])[rows]],
    )


def silent(routers: list[Router], tally: Tally) -> list[Router]:
    """Routers that have chosen nothing, not even for padding."""
    chosen = tally.chosen.numpy().any(axis=1)
    return [router for row, router in enumerate(routers) if not chosen[row]]


def _floats(routers: list[Router], tally: Tally, tokens: NDArray[Any], within: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """[L, 3], which of bias, gate mass and mean probability a layer has, and [L, 3, E], these. A router that gives no weights or scores
    leaves zeros."""
    gates = _by_category(tally.gates.numpy(), tally).sum(axis=1)
    probability = tally.scores.numpy() / np.maximum(1, tokens.sum(axis=1))[:, None]
    values = np.stack([tally.bias.numpy(), gates, probability], axis=1).astype(np.float32)
    given = (values.astype(bool) & within[:, None, :]).any(axis=2)
    given[:, 0] = [router.bias is not None for router in routers]
    return given, values


def _by_category(slots: NDArray[Any], tally: Tally) -> NDArray[Any]:
    """[L, C, E], without the bin."""
    return slots.reshape(-1, tally.shape.categories + 1, tally.shape.experts)[:, :-1]
