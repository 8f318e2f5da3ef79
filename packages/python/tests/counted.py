"""Reads what a counter has counted."""

from __future__ import annotations

import torch

from moescope.counting import Counter
from moescope.encode import RoutingHistogram
from moescope.histograms import histograms_of
from moescope.tally import Snapshots


def histograms(counter: Counter) -> list[RoutingHistogram]:
    """Those of the step that ends here."""
    return histograms_of(counter.routers, Snapshots().take(counter.total).wait())


def step(counter: Counter) -> torch.Tensor:
    """[C, L, E], zero where a layer or category had no tokens. Layers are numbered from 0 without gaps."""
    shape = counter.shape
    counts = torch.zeros(shape.categories, shape.layers, shape.experts, dtype=torch.int64)
    for histogram in histograms(counter):
        for routing in histogram.categories:
            counts[routing.category, histogram.layer] = torch.from_numpy(routing.counts)
    return counts
