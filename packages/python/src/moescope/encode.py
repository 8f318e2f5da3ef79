"""Packs what a reporter says to a collector: Hello, Step and RunEnd of protocol 2, with their checksums.

The schema is packages/proto/moescope/v1. Shapes below: E is the number of experts of a layer.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .wire import delimited, double, flag, floats, packed_varints, signed, single, text, unsigned

PROTOCOL_VERSION = 2
CHECKSUM_TAG = 0x7D
_UINT32 = 2**32 - 1


class Split(IntEnum):
    TRAIN, EVAL, PROBE, ROLLOUT = 1, 2, 3, 4


class Outcome(IntEnum):
    FINISHED, STOPPED, FAILED = 1, 2, 3


@dataclass(frozen=True)
class MoeLayer:
    index: int
    experts: int
    #: Experts that each token is assigned to; 0 where that varies by token.
    top_k: int
    #: Experts that do nothing: the last ones.
    identity_experts: int = 0
    group: str = ""
    experts_choose: bool = False


@dataclass(frozen=True)
class RunDescription:
    id: str
    name: str = ""
    config_json: str = ""
    recipe: str = ""
    strategy: str = ""
    seed: int = 0
    categories: Sequence[str] = ()
    ranks: int = 1
    code_version: str = ""
    metrics_version: int = 0
    tags: Sequence[str] = ()
    #: Milliseconds since the Unix epoch.
    started_at: float = 0.0
    planned_steps: int = 0
    tokens_per_step: int = 0
    parent: str = ""
    layers: Sequence[MoeLayer] = ()


@dataclass(frozen=True)
class Identity:
    """Whose messages these are."""

    run: str
    rank: int = 0
    attempt: int = 0


@dataclass(frozen=True)
class CategoryRouting:
    category: int
    #: [E], chosen assignments, dropped ones included.
    counts: NDArray[np.integer]
    tokens: int
    #: [E], those of `counts` that a capacity did not carry out; None when nothing was dropped.
    dropped_counts: NDArray[np.integer] | None = None
    assignments: int = 0


@dataclass(frozen=True)
class RoutingHistogram:
    layer: int
    categories: Sequence[CategoryRouting]
    #: [E] each, or None when not known.
    selection_bias: ArrayLike | None = None
    gate_mass: ArrayLike | None = None
    mean_probability: ArrayLike | None = None


@dataclass(frozen=True)
class AttentionByToken:
    layer: int
    #: -1 for the mean of all heads.
    head: int
    classes: Sequence[str]
    #: [C], share of the attention that goes to each class.
    shares: ArrayLike


@dataclass(frozen=True)
class HeadProfile:
    """Scores of a head, 0 to 1, as packages/metrics/src/head-category.ts defines them."""

    layer: int
    head: int
    previous_token: float
    first_token: float
    induction: float
    local: float
    broad: float


@dataclass(frozen=True)
class Step:
    step: int
    #: Training tokens so far, over all ranks.
    tokens: int
    #: Milliseconds since the Unix epoch.
    time: float
    split: Split = Split.TRAIN
    scalars: Sequence[tuple[str, float]] = ()
    histograms: Sequence[RoutingHistogram] = field(default_factory=tuple)
    attention: Sequence[AttentionByToken] = ()
    heads: Sequence[HeadProfile] = ()


def hello(run: RunDescription, rank: int = 0, attempt: int = 0) -> bytes:
    body = unsigned(1, PROTOCOL_VERSION) + delimited(2, _description(run))
    body += unsigned(3, rank, _UINT32) + unsigned(4, attempt, _UINT32) + flag(6, True)
    return _request(1, body)


def step(whose: Identity, sequence: int, what: Step) -> bytes:
    """
    Raises:
        ValueError: when a number is negative or too large; it names the field and what is allowed.
    """
    parts = [_whose(whose, sequence), unsigned(5, what.step), unsigned(6, what.tokens), double(7, what.time)]
    parts.append(unsigned(8, what.split))
    parts += [delimited(9, text(1, name) + double(2, value)) for name, value in what.scalars]
    parts += [delimited(10, body) for body in _histograms(what.histograms)]
    parts += [delimited(11, _attention(attention)) for attention in what.attention]
    parts += [delimited(12, _head(head)) for head in what.heads]
    return _request(2, b"".join(parts))


def run_end(whose: Identity, sequence: int, outcome: Outcome, reason: str, ended_at: float) -> bytes:
    """`ended_at` is in milliseconds since the Unix epoch."""
    body = _whose(whose, sequence) + unsigned(5, outcome) + text(6, reason) + double(7, ended_at)
    return _request(3, body)


def with_checksum(message: bytes) -> bytes:
    return message + bytes([CHECKSUM_TAG]) + zlib.crc32(message).to_bytes(4, "little")


def _request(body_field: int, body: bytes) -> bytes:
    return with_checksum(delimited(body_field, body))


def _whose(whose: Identity, sequence: int) -> bytes:
    return text(1, whose.run) + unsigned(2, whose.rank, _UINT32) + unsigned(3, whose.attempt, _UINT32) + unsigned(4, sequence)


def _description(run: RunDescription) -> bytes:
    parts = [text(1, run.id), text(2, run.name), text(3, run.config_json), text(4, run.recipe), text(5, run.strategy)]
    parts.append(unsigned(6, run.seed, _UINT32))
    parts += [delimited(10, name.encode("utf-8", "replace")) for name in run.categories]
    parts += [unsigned(11, run.ranks, _UINT32), text(12, run.code_version), unsigned(13, run.metrics_version, _UINT32)]
    parts += [delimited(14, tag.encode("utf-8", "replace")) for tag in run.tags]
    parts += [double(15, run.started_at), unsigned(16, run.planned_steps), unsigned(17, run.tokens_per_step)]
    parts.append(text(18, run.parent))
    parts += [delimited(19, _layer(layer)) for layer in run.layers]
    return b"".join(parts)


def _layer(layer: MoeLayer) -> bytes:
    body = unsigned(1, layer.index, _UINT32) + unsigned(2, layer.experts, _UINT32) + unsigned(3, layer.top_k, _UINT32)
    return body + unsigned(4, layer.identity_experts, _UINT32) + text(5, layer.group) + flag(6, layer.experts_choose)


def _attention(attention: AttentionByToken) -> bytes:
    classes = [delimited(3, name.encode("utf-8", "replace")) for name in attention.classes]
    place = unsigned(1, attention.layer, _UINT32) + signed(2, attention.head)
    return place + b"".join(classes) + floats(4, attention.shares)


def _head(head: HeadProfile) -> bytes:
    scores = (head.previous_token, head.first_token, head.induction, head.local, head.broad)
    place = unsigned(1, head.layer, _UINT32) + unsigned(2, head.head, _UINT32)
    return place + b"".join(single(number, score) for number, score in enumerate(scores, start=3))


def _histograms(histograms: Sequence[RoutingHistogram]) -> list[bytes]:
    """All arrays of counts are packed in one go, then handed out in the order in which they were taken."""
    routings = [routing for histogram in histograms for routing in histogram.categories]
    counts = iter(packed_varints([routing.counts for routing in routings]))
    dropped = iter(packed_varints([r.dropped_counts for r in routings if r.dropped_counts is not None]))
    bodies = []
    for histogram in histograms:
        parts = [unsigned(1, histogram.layer, _UINT32)]
        for routing in histogram.categories:
            chosen = next(counts)
            lost = next(dropped) if routing.dropped_counts is not None else b""
            body = unsigned(1, routing.category, _UINT32) + (delimited(2, chosen) if chosen else b"")
            body += unsigned(3, routing.tokens) + (delimited(7, lost) if lost else b"")
            parts.append(delimited(2, body + unsigned(8, routing.assignments)))
        parts += [floats(3, histogram.selection_bias), floats(4, histogram.gate_mass)]
        parts.append(floats(5, histogram.mean_probability))
        bodies.append(b"".join(parts))
    return bodies
