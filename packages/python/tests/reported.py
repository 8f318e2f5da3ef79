"""Runs of every shape, reported by the real client, and what they hold, kept apart from everything that reads them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np

import moescope

SCALARS = ("loss", "loss/aux", "learning_rate")


@dataclass
class Truth:
    """By step: the counts of each layer and category, [E]; over all ranks, of the newest attempt that got there."""

    counts: dict[int, dict[int, dict[str, np.ndarray]]] = field(default_factory=dict)
    dropped: dict[int, dict[int, dict[str, np.ndarray]]] = field(default_factory=dict)
    #: By layer and step.
    bias: dict[int, dict[int, np.ndarray]] = field(default_factory=dict)
    scalars: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    attempt: dict[int, int] = field(default_factory=dict)

    def forget(self, first: int) -> None:
        """What an earlier attempt made from this step on."""
        for table in (self.counts, self.dropped, self.bias, self.scalars, self.attempt):
            for step in [step for step in table if step >= first]:
                del table[step]


def report(address: str, spool, seed: int, run_id: str, most_steps: int = 40) -> Truth:
    """Layers of unequal size that join late, categories that appear late, dropped assignments, holes, several ranks, a restart."""
    chance = random.Random(seed)
    truth = Truth()
    experts = {layer: chance.choice([1, 2, 5, 8, 13]) for layer in sorted(chance.sample(range(12), chance.randint(1, 4)))}
    categories = ["code", "docs", "maths"][: chance.randint(1, 3)]
    ranks = chance.randint(1, 3)
    largest = chance.choice([9, 300, 2**31 // 13])
    gates = chance.random() < 0.5
    first = 0
    for attempt in range(chance.randint(1, 2)):
        members = [
            moescope.init(
                address, run_id=run_id, categories=categories[:1], rank=rank, ranks=ranks, attempt=attempt, spool=spool
            )
            for rank in range(ranks)
        ]  # fmt: skip
        truth.forget(first)
        steps = sorted(chance.sample(range(first, first + most_steps), chance.randint(1, most_steps - 5)))
        if attempt == 1:
            steps[0] = first
        for number in steps:
            _step(members, number, attempt, experts, categories, largest, gates, chance, truth)
        first = chance.choice(steps)
        assert all([member.finish(seconds=60) for member in members])
    return truth


def _step(members, number, attempt, experts, categories, largest, gates, chance, truth) -> None:
    truth.attempt[number] = attempt
    for layer, size in experts.items():
        if chance.random() < 0.1:
            continue
        bias = np.float32([chance.uniform(-1, 1) for _ in range(size)])
        for member in members:
            for category in categories:
                if chance.random() < 0.3:
                    continue
                counts = np.array([chance.randint(0, largest) for _ in range(size)])
                if not counts.any():
                    continue
                lost = np.array([chance.randint(0, count) if chance.random() < 0.2 else 0 for count in counts.tolist()])
                member.log_counts(
                    layer, counts, category=category, top_k=1, dropped=lost, selection_bias=bias if gates else None,
                    gate_mass=counts / 2 if gates else None, mean_probability=counts / counts.sum() if gates else None,
                )  # fmt: skip
                for table, values in ((truth.counts, counts), (truth.dropped, lost)):
                    of_layer = table.setdefault(number, {}).setdefault(layer, {})
                    of_layer[category] = of_layer.get(category, 0) + values
                if gates:
                    truth.bias.setdefault(number, {})[layer] = bias
    for member in members:
        values = {name: chance.uniform(-2, 2) for name in SCALARS if chance.random() < 0.8}
        member.step(number, **values)
        for name, value in values.items():
            truth.scalars.setdefault(number, {}).setdefault(name, []).append(value)
