"""A stored run: its numbers over any range of steps, and itself as a frame of the dashboard."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from ..errors import CollectorError
from . import history, tables
from .facts import Alert, Facts, alert_of
from .http import Connection
from .results import ByExpert, Scalars, Steps

#: What several values of a scalar can become.
_SUMMARIES = ("mean", "min", "max", "first", "last")
_SPLITS = ("train", "eval", "probe", "rollout")
#: Pixels.
_FRAME_HEIGHT = 640


class StoredRun(Facts):
    """Made by `Collector.runs` and `Collector.run`. Its facts are of then, or of when steps were last read, or `refresh`.

    Methods that read steps have these arguments in common:

        start, stop: steps `start` … `stop` - 1, as in `range`; all that are stored when absent.
        layers: indices of MoE layers; all when absent.
        points: adds steps up to at most so many buckets of 1, 2, 4, 8 … steps, aligned to multiples of their width. When absent each
            step is by itself. Where old steps are stored as sums alone, buckets are at least as wide as those, and a warning says so.
        split: "train", "eval", "probe" or "rollout".
        attempt: of a run that was started again; when absent at every step the newest attempt that got there.

    They ask for a range in as many requests as it takes, each of bounded size, and hold in memory what they return. They raise ValueError
    for arguments that are none, and CollectorError for what the collector refuses.
    """

    def __init__(self, connection: Connection, summary: Mapping[str, Any], frames: bool) -> None:
        super().__init__(summary)
        self._connection, self._frames = connection, frames

    def refresh(self) -> StoredRun:
        """Asks how far the run is now."""
        self._summary = self._connection.get(f"runs/{quote(self.id, safe='')}")
        return self

    def counts(
        self,
        start: int | None = None,
        stop: int | None = None,
        *,
        layers: Sequence[int] | None = None,
        by_category: bool = False,
        dropped: bool = False,
        points: int | None = None,
        split: str = "train",
        attempt: int | None = None,
    ) -> ByExpert:
        """Assignments of tokens to experts that the routers chose, over all ranks: int64 [N, L, E], by category [N, L, C, E]. Exact.

        Args:
            dropped: also those of them that a capacity dropped, as `dropped` of the result.
        """
        quantities = [tables.COUNTS, tables.DROPPED] if dropped else [tables.COUNTS]
        wanted, *more = self._read(quantities, start, stop, layers, by_category, points, split, attempt)
        return ByExpert(**wanted, dropped=ByExpert(**more[0]) if more else None)

    def bias(self, start: int | None = None, stop: int | None = None, **options: Any) -> ByExpert:
        """Selection bias, [N, L, E], at the last step of each bucket. Takes layers, points, split, attempt."""
        return self._one(tables.BIAS, start, stop, **options)

    def gate_mass(self, start: int | None = None, stop: int | None = None, **options: Any) -> ByExpert:
        """Sum of gate weights, [N, L, E], over the tokens of all categories and ranks. Takes layers, points, split, attempt."""
        return self._one(tables.GATE_MASS, start, stop, **options)

    def mean_probability(self, start: int | None = None, stop: int | None = None, **options: Any) -> ByExpert:
        """Mean over tokens of the router's normalised score, [N, L, E]. Takes layers, points, split, attempt."""
        return self._one(tables.MEAN_PROBABILITY, start, stop, **options)

    def scalars(
        self,
        start: int | None = None,
        stop: int | None = None,
        *,
        points: int | None = None,
        split: str = "train",
        attempt: int | None = None,
        summary: str = "mean",
    ) -> Scalars:
        """Loss, learning rate and whatever else was sent with steps: by name [N].

        Args:
            summary: what several values, of the ranks and of the steps in a bucket, become: "mean", "min", "max", "first" or "last".
        """
        if summary not in _SUMMARIES:
            raise ValueError(f"summary is {summary!r}: must be one of {', '.join(_SUMMARIES)}")
        steps, columns = [Steps.of([])], []
        asked = self._range(start, stop, points, split, attempt)
        for buckets in history.pages(self._connection, asked, [], 0, True) if asked else ():
            steps.append(Steps.of(buckets))
            columns += [{each["name"]: _summarised(each, summary) for each in bucket["scalars"]} for bucket in buckets]
        names = sorted({name for column in columns for name in column})
        values = {name: np.array([column.get(name, np.nan) for column in columns], np.float64) for name in names}
        return Scalars(self.id, values, Steps.joined(steps))

    def alerts(self) -> list[Alert]:
        """What has gone wrong, in the order in which it was noticed."""
        return [alert_of(alert) for alert in self._connection.get(f"runs/{quote(self.id, safe='')}/alerts")["alerts"]]

    @property
    def url(self) -> str:
        """Of the dashboard, with this run on it."""
        # Encoded twice: the dashboard decodes the parameter, then cuts it at its commas.
        return f"{self._connection.url}/?view=balance&runs={quote(quote(self.id, safe=''), safe='')}"

    def __repr__(self) -> str:
        experts = sorted({layer.experts for layer in self.layers})
        layers = f"{len(self.layers)} MoE layers of {' or '.join(map(str, experts))} experts" if experts else "no MoE layers yet"
        return f"<moescope run {self.id}: {self.state}, {self.steps} steps, {layers}>"

    def _repr_html_(self) -> str:
        """The dashboard in a frame, and a link to it, both at the address that this process reaches the collector by.

        A collector on 127.0.0.1 that asks for no token lets pages of the same machine show it, as those of a local Jupyter are. Others
        must be named when it is started, as in `moescope collect --frame-in http://lab:8888`: a foreign page could make its visitors
        click on what they do not see. Where it allows none there is the link alone.
        """
        address = html.escape(self.url)
        link = f'<a href="{address}" target="_blank" rel="noopener">{html.escape(repr(self))}</a>'
        if not self._frames:
            return link
        return f'{link}<br><iframe src="{address}" title="moescope" width="100%" height="{_FRAME_HEIGHT}" style="border:0"></iframe>'

    def _one(
        self,
        quantity: tables.Quantity,
        start: int | None,
        stop: int | None,
        *,
        layers: Sequence[int] | None = None,
        points: int | None = None,
        split: str = "train",
        attempt: int | None = None,
    ) -> ByExpert:
        (only,) = self._read([quantity], start, stop, layers, False, points, split, attempt)
        return ByExpert(**only)

    def _range(self, start: int | None, stop: int | None, points: int | None, split: str, attempt: int | None) -> history.Range | None:
        """The newest state of the run decides."""
        if split not in _SPLITS:
            raise ValueError(f"split is {split!r}: must be one of {', '.join(_SPLITS)}")
        start = start or 0
        if start < 0 or (stop is not None and stop < start):
            raise ValueError(f"start is {start} and stop {stop}: must be steps from 0, stop not before start")
        if points is not None and points < 1:
            raise ValueError(f"points is {points}: must be 1 or more")
        self.refresh()
        if stop == start or not self._summary["attempts"]:
            return None
        shown = [each.single_from for each in self.attempts if attempt is None or each.attempt == attempt]
        at = (start, stop, attempt, points, max(shown, default=0))
        return history.stored_range(self._connection, quote(self.id, safe=""), split, *at)

    def _read(
        self,
        quantities: Sequence[tables.Quantity],
        start: int | None,
        stop: int | None,
        layers: Sequence[int] | None,
        by_category: bool,
        points: int | None,
        split: str,
        attempt: int | None,
    ) -> list[dict[str, Any]]:
        """Arguments of a ByExpert for each quantity."""
        asked = self._range(start, stop, points, split, attempt)
        experts = self._experts_of(layers)
        most = max(experts.values(), default=0)
        categories = len(self.categories) if by_category else 1
        counts = history.counts_of_layer(max(1, most), categories)
        groups = history.layer_groups(list(experts), counts)
        read = []
        for group in groups or [[]]:
            shape = tables.Shape(group, [experts[layer] for layer in group], most, categories)
            blocks = tables.Blocks(shape, quantities)
            for buckets in history.pages(self._connection, asked, group, counts * len(group), not by_category) if asked else ():
                blocks.add(buckets)
            read.append(blocks)
        steps = _same_steps([blocks.steps for blocks in read])
        shared = {"run": self.id, "steps": steps, "layers": np.array(list(experts), np.int64)}
        shared["categories"] = self.categories if by_category else None
        return [{"name": each.name, "values": _joined(read, each, by_category), **shared} for each in quantities]

    def _experts_of(self, layers: Sequence[int] | None) -> dict[int, int]:
        """By layer, in the order asked for."""
        known = {layer.index: layer.experts for layer in self.layers}
        wanted = known if layers is None else {int(layer): 0 for layer in layers}
        unknown = [layer for layer in wanted if layer not in known]
        if unknown:
            raise ValueError(f"layers has {unknown[0]}: the MoE layers of run {self.id} are {', '.join(map(str, known))}")
        return {layer: known[layer] for layer in wanted}


def _summarised(scalar: Mapping[str, Any], summary: str) -> float:
    if summary != "mean":
        return float(scalar[summary])
    return float(scalar["sum"]) / scalar["values"] if scalar["values"] else float("nan")


def _joined(read: Sequence[tables.Blocks], quantity: tables.Quantity, by_category: bool) -> np.ma.MaskedArray[Any, Any]:
    """What was read by groups of layers, [N, L, C, E] each."""
    values, masked = (np.concatenate(parts, axis=1) for parts in zip(*(blocks.of(quantity) for blocks in read), strict=True))
    if not by_category:
        values, masked = values[:, :, 0], masked[:, :, 0]
    return np.ma.MaskedArray(values, masked if masked.any() else np.ma.nomask)


def _same_steps(read: Sequence[Steps]) -> Steps:
    for steps in read:
        if not (np.array_equal(steps.first, read[0].first) and np.array_equal(steps.summed, read[0].summed)):
            raise CollectorError(tables.CHANGED)
    return read[0]
