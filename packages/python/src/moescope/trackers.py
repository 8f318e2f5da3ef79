"""A handful of numbers about each step for the tracker that people keep: never one for each expert or layer.

They are of this rank's tokens. MaxVio and dead experts are defined in packages/metrics; experts that do nothing are left out.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .encode import MoeLayer, RoutingHistogram


def summaries(histograms: Sequence[RoutingHistogram], layers: Sequence[MoeLayer]) -> dict[str, float]:
    """Six numbers; none for a step without histograms."""
    working = {layer.index: layer.experts - layer.identity_experts for layer in layers}
    chosen = {h.layer: np.sum([routing.counts for routing in h.categories], axis=0) for h in histograms}
    lost = sum(int(r.dropped_counts.sum()) for h in histograms for r in h.categories if r.dropped_counts is not None)
    loads = {layer: counts[: working[layer]] for layer, counts in chosen.items() if counts[: working[layer]].any()}
    if not loads:
        return {}
    violations = {layer: float(load.max() / load.mean() - 1) for layer, load in loads.items()}
    worst = max(violations, key=lambda layer: violations[layer])
    return {
        "moescope/max_violation": float(np.mean(list(violations.values()))),
        "moescope/worst_max_violation": violations[worst],
        "moescope/worst_layer": worst,
        "moescope/worst_expert": int(loads[worst].argmax()),
        "moescope/dead_experts": int(sum((load == 0).sum() for load in loads.values())),
        "moescope/dropped_share": lost / sum(int(counts.sum()) for counts in chosen.values()),
    }


class Tracker:
    """Hands numbers over on the training thread, as trackers expect, one step late: they are made on another."""

    def __init__(self, tracker: Any, run: str) -> None:
        """
        Args:
            tracker: has `log` (wandb, trackio), `log_metrics` (MLflow) or `add_scalar` (TensorBoard).
            run: where the whole run is to be seen; told to the tracker once.

        Raises:
            TypeError: when it has none of them.
        """
        self._tracker = tracker
        self._joins = _joins(tracker)
        self._waiting: list[tuple[int, Mapping[str, float]]] = []
        self._lock = threading.Lock()
        if hasattr(tracker, "add_scalar"):
            tracker.add_text("moescope/run", run)
        elif hasattr(tracker, "log_metrics"):
            tracker.set_tag("moescope/run", run)
        elif hasattr(tracker, "log"):
            self._log({"moescope/run": run})
        else:
            raise TypeError(f"{tracker!r} is no tracker known here: expected log, log_metrics or add_scalar")

    def put(self, step: int, numbers: Mapping[str, float]) -> None:
        if numbers:
            with self._lock:
                self._waiting.append((step, numbers))

    def flush(self, last: bool = False) -> None:
        """Hands over what is ready; to wandb one step a call, as a second would replace the first in the row that both join.

        Args:
            last: whether no call follows: then steps that are left get rows of their own.
        """
        with self._lock:
            ready = len(self._waiting) if last or not self._joins else 1
            waiting, self._waiting = self._waiting[:ready], self._waiting[ready:]
        for place, (step, numbers) in enumerate(waiting):
            if hasattr(self._tracker, "add_scalar"):
                for name, value in numbers.items():
                    self._tracker.add_scalar(name, value, step)
            elif hasattr(self._tracker, "log_metrics"):
                self._tracker.log_metrics(dict(numbers), step=step)
            else:
                self._log({**numbers, "moescope/step": step}, commit=place < len(waiting) - 1)

    def _log(self, numbers: Mapping[str, Any], commit: bool = False) -> None:
        """wandb counts its own steps by calls: these numbers join the row that the train loop logs next, unless `commit`."""
        self._tracker.log(dict(numbers), **({"commit": commit} if self._joins else {}))


def _joins(tracker: Any) -> bool:
    try:
        return "commit" in inspect.signature(tracker.log).parameters
    except (AttributeError, TypeError, ValueError):
        return False
