"""What an inference engine chose for the tokens of a rollout, and how much of it the trainer chose too.

Shapes: B sequences × S positions, T = B × S slots of tokens, L layers, K experts of a token, E experts of a layer.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encode import CategoryRouting, MoeLayer, RoutingHistogram

#: In the place of an expert that is not known.
SENTINEL = -1


@dataclass(frozen=True)
class Rollout:
    """Choices that have been read and checked."""

    #: By ascending index.
    layers: Sequence[MoeLayer]
    #: [L, T, K] experts, in no order; anything where `counted` is False.
    chosen: NDArray[np.int32]
    #: [L, T]
    counted: NDArray[np.bool_]
    #: [T], False for padding.
    kept: NDArray[np.bool_]
    #: B.
    sequences: int
    #: Of the slots that are kept, in all layers: those with a sentinel, and those with filler.
    sentinels: int
    filler: int


def read(
    routed: Any,
    layers: Sequence[MoeLayer] | None,
    *,
    mask: Any = None,
    filler: bool | None = None,
    experts: int | None = None,
    physical_to_logical: Any = None,
    name: str = "routed_experts",
) -> Rollout:
    """
    Args:
        routed: integers [B, S, L, K], or [T, L, K] of one sequence or of packed ones.
        layers: the MoE layers, by ascending index; None when they are not known. L is their number, or that of all blocks.
        mask: [B, S] or [T], 0 or False for padding.
        filler: whether the slot of the last token of each sequence holds none of its choices; when absent, it does in [B, S, L, K].
        experts: of each layer, when `layers` are not known.
        physical_to_logical: [P] or [L, P], the expert that each replica is one of.
        name: of `routed`, for errors.

    Raises:
        ValueError: when the numbers do not fit each other.
    """
    given = whole(routed, name)
    if given.ndim not in (3, 4) or given.shape[-1] == 0:
        raise ValueError(f"{name} has the shape {given.shape}: must be [B, S, L, k] or [T, L, k]")
    blocks, top_k = given.shape[-2:]
    rows = given.reshape(given.shape[0] if given.ndim == 4 else 1, -1, blocks, top_k)
    kept_BS = _mask(mask, rows.shape[:2])
    known = _described(layers, blocks, experts, top_k, name)
    routed_BS = kept_BS & ~_last(kept_BS) if (given.ndim == 4 if filler is None else filler) else kept_BS
    routed_T = routed_BS.reshape(-1)
    # A copy, layer by layer: in this order sorting and counting take half the time.
    ids = np.array(np.moveaxis(rows.reshape(-1, blocks, top_k), 1, 0), order="C")
    # Elsewhere there may be anything.
    ids[:, ~routed_T] = 0
    if physical_to_logical is not None:
        ids = _logical(ids, physical_to_logical, name)
    if layers is not None and blocks != len(layers):
        ids = ids[[layer.index for layer in layers]]
    return _sorted_out(known, ids, kept_BS.reshape(-1), routed_T, rows.shape[0], name)


def on_host(values: Any) -> Any:
    """What is on a device is copied, which waits for it; all else stays as it is."""
    torch = sys.modules.get("torch")
    return values.detach().cpu().numpy() if torch is not None and isinstance(values, torch.Tensor) else values


def whole(values: Any, name: str) -> NDArray[np.integer[Any]]:
    """As numpy.

    Raises:
        ValueError: when the values are not integers.
    """
    array = np.asarray(on_host(values))
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} is of {array.dtype}: must be integers")
    return array


def _mask(mask: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """[B, S]"""
    if mask is None:
        return np.ones(shape, np.bool_)
    array = np.asarray(on_host(mask))
    if array.shape != shape and array.shape != (shape[0] * shape[1],):
        raise ValueError(f"mask has the shape {array.shape}: must be {shape}, one for each token of routed_experts")
    kept: NDArray[np.bool_] = array.reshape(shape) > 0
    return kept


def for_each_token(category: Any, rollout: Rollout) -> NDArray[np.int64]:
    """[T], from one category for all, for each sequence, or for each token.

    Raises:
        ValueError: for any other number of them.
    """
    array, slots = np.asarray(category, np.int64).reshape(-1), rollout.kept.size
    if array.size not in (1, rollout.sequences, slots):
        raise ValueError(f"category has {array.size} entries: must be 1, {rollout.sequences} (one for each sequence) or {slots}")
    return array.repeat(slots // max(1, array.size))


def _described(layers: Sequence[MoeLayer] | None, blocks: int, experts: int | None, top_k: int, name: str) -> Sequence[MoeLayer]:
    if layers is None:
        if experts is None:
            raise ValueError("experts is missing: must be given where no model is attached")
        return [MoeLayer(index, experts, top_k) for index in range(blocks)]
    least = 1 + max(layer.index for layer in layers)
    if blocks != len(layers) and blocks < least:
        raise ValueError(f"{name} has {blocks} layers: must be {len(layers)}, one for each router, or all blocks, {least} at least")
    if wrong := next((layer for layer in layers if layer.top_k not in (0, top_k)), None):
        raise ValueError(f"{name} has {top_k} experts for each token: must be {wrong.top_k}, as layer {wrong.index} chooses")
    return layers


def _logical(ids: NDArray[np.integer[Any]], physical_to_logical: Any, name: str) -> NDArray[np.integer[Any]]:
    """[L, T, K] experts for replicas; negative numbers stay."""
    table = np.atleast_2d(whole(physical_to_logical, "physical_to_logical"))
    if table.ndim != 2 or table.shape[0] not in (1, ids.shape[0]):
        raise ValueError(f"physical_to_logical has the shape {table.shape}: must be [P] or [{ids.shape[0]}, P]")
    if ids.size and int(ids.max()) >= table.shape[1]:
        raise ValueError(f"{name} has the physical id {int(ids.max())}: must be below {table.shape[1]}, the length of the map")
    by_layer = np.broadcast_to(table, (ids.shape[0], table.shape[1]))
    found = np.take_along_axis(by_layer, np.maximum(ids, 0).reshape(ids.shape[0], -1), axis=1).reshape(ids.shape)
    return np.where(ids < 0, ids.astype(np.int64), found)


def _last(kept_BS: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True at the last token of each sequence that is kept."""
    later = np.cumsum(kept_BS[:, ::-1], axis=1, dtype=np.int64)[:, ::-1]
    last: NDArray[np.bool_] = kept_BS & (later == 1)
    return last


def _sorted_out(
    layers: Sequence[MoeLayer], ids: NDArray[np.integer[Any]], kept: NDArray[np.bool_], routed: NDArray[np.bool_], sequences: int, name: str
) -> Rollout:
    """Leaves out slots with a sentinel, and those that name an expert twice, which no router does: engines fill with zeros."""
    in_order = np.sort(ids, axis=-1)
    least, most = in_order[..., 0], in_order[..., -1]
    wrong = (least < SENTINEL) | (most >= np.array([layer.experts for layer in layers])[:, None])
    if wrong.any():
        place, slot = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name} has {ids[place, slot].tolist()} in layer {layers[place].index}: must be from 0 to "
            f"{layers[place].experts - 1}, or {SENTINEL}. Physical ids of replicated experts need physical_to_logical"
        )
    sentinel = (least == SENTINEL) & routed
    twice = (in_order[..., 1:] == in_order[..., :-1]).any(-1) & routed & ~sentinel
    last = len(layers) * int((kept & ~routed).sum())
    counted = routed & ~sentinel & ~twice
    return Rollout(layers, ids.astype(np.int32), counted, kept, sequences, int(sentinel.sum()), int(twice.sum()) + last)


@dataclass
class Rollouts:
    """What the rollouts of a step add up to."""

    _layers: dict[int, MoeLayer] = field(default_factory=dict)
    #: By layer and category: [E] and tokens.
    _counts: dict[int, dict[int, tuple[NDArray[np.int64], int]]] = field(default_factory=dict)
    #: By layer: [3], as `agreement` gives them, on whatever device, and the tokens that were compared.
    _agreement: dict[int, tuple[Any, int]] = field(default_factory=dict)
    _sentinels: int = 0
    _filler: int = 0

    def count(self, rollout: Rollout, category: NDArray[np.int64]) -> None:
        """
        Args:
            category: [T], negative where a token is not to be counted.
        """
        self._sentinels, self._filler = self._sentinels + rollout.sentinels, self._filler + rollout.filler
        numbers = np.unique(category[category >= 0]).tolist()
        for layer, chosen_TK, counted_T in zip(rollout.layers, rollout.chosen, rollout.counted, strict=True):
            known = self._layers.setdefault(layer.index, layer)
            if known != layer:
                raise ValueError(f"layer {layer.index} is given as {layer}: must be {known}, as before")
            of = self._counts.setdefault(layer.index, {})
            for number in numbers:
                here = counted_T & (category == number)
                if not here.any():
                    continue
                counts, tokens = of.get(number, (np.zeros(layer.experts, np.int64), 0))
                counts = counts + np.bincount(chosen_TK[here].reshape(-1), minlength=layer.experts)
                of[number] = counts, tokens + int(here.sum())

    def compare(self, layer: int, agreement: Any, tokens: int) -> None:
        if tokens:
            sums, so_far = self._agreement.get(layer, (0, 0))
            self._agreement[layer] = sums + agreement, so_far + tokens

    def compare_all(self, rollout: Rollout, trainer: Rollout) -> None:
        """
        Raises:
            ValueError: when the two are not of the same slots.
        """
        if trainer.chosen.shape != rollout.chosen.shape:
            raise ValueError(f"trainer has {trainer.chosen.shape} layers, slots and choices: must be {rollout.chosen.shape}")
        both = rollout.counted & trainer.counted
        for layer, theirs_TK, ours_TK, counted_T in zip(rollout.layers, rollout.chosen, trainer.chosen, both, strict=True):
            self.compare(layer.index, agreement(theirs_TK, ours_TK, counted_T), int(counted_T.sum()))

    def routed(self) -> list[tuple[MoeLayer, RoutingHistogram]]:
        """By ascending layer; empty when there was no rollout."""
        return [(self._layers[index], self._histogram(index)) for index in sorted(self._layers)]

    def scalars(self) -> dict[str, Any]:
        """Agreement of all layers together and of each, on whatever device, and how many slots were left out."""
        found: dict[str, Any] = {"rollout/sentinels": self._sentinels, "rollout/filler": self._filler}
        compared = sorted(self._agreement.items())
        if compared:
            sums, tokens = sum(each for _, (each, _) in compared), sum(count for _, (_, count) in compared)
            compared_by_name = [("", (sums, tokens)), *((f"/{layer}", of) for layer, of in compared)]
            for name, (agreement, count) in compared_by_name:
                found[f"rollout/overlap{name}"] = agreement[0] / agreement[1]
                found[f"rollout/differ{name}"] = agreement[2] / count
        return found

    def _histogram(self, index: int) -> RoutingHistogram:
        routings = [
            CategoryRouting(category, counts, tokens, assignments=int(counts.sum()))
            for category, (counts, tokens) in sorted(self._counts[index].items())
        ]
        return RoutingHistogram(index, routings)


def agreement(theirs_TK: NDArray[np.integer[Any]], ours_TK: NDArray[np.integer[Any]], counted_T: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[3] over the tokens counted: choices that both made, choices of one, tokens whose two sets differ. No set names an expert twice."""
    shared_T = (theirs_TK[:, :, None] == ours_TK[:, None, :]).any(-1).sum(-1)
    top_k = theirs_TK.shape[1]
    return np.array([shared_T[counted_T].sum(), top_k * counted_T.sum(), (shared_T[counted_T] < top_k).sum()], np.int64)
