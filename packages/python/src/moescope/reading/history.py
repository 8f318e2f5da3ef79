"""A range of a run's steps, in as many answers of the API as it takes: each is bounded, and few are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .http import Connection

#: An object of the API's JSON.
Bucket = dict[str, Any]

#: Counts in one answer, extremes included: some tens of megabytes while it is read. The API allows four times as many.
ANSWER_COUNTS = 1_000_000
#: Buckets that the API gives in one answer.
_MOST_BUCKETS = 2000
#: What the API answers besides each load: the least and the most of single steps.
_EXTREMES = 2


@dataclass(frozen=True)
class Range:
    """Steps `first` to `last`, both included, at most `points` buckets of them; one for each step where that is None."""

    run: str
    split: str
    attempt: int | None
    first: int
    last: int
    points: int | None
    #: Training steps before it are stored as sums alone, of so many steps or more.
    single_from: int
    finest: int

    def query(self, **more: object) -> dict[str, object]:
        return {"split": self.split, "attempt": self.attempt, **more}

    @property
    def width(self) -> int:
        """Steps of a bucket: the least power of two for which buckets that begin at step 0 are no more than `points`."""
        width = 1
        while self.points is not None and self.last // width - self.first // width + 1 > self.points:
            width *= 2
        return width


def stored_range(
    connection: Connection, run: str, split: str, start: int, stop: int | None, attempt: int | None, points: int | None, single_from: int
) -> Range | None:
    """The part of `start` … `stop` - 1 of which anything is stored; None where nothing is."""
    query = {"split": split, "attempt": attempt, "from": start, "to": None if stop is None else stop - 1, "points": 1}
    answer = connection.get(f"runs/{run}/history", query)
    buckets = answer["buckets"]
    if not buckets:
        return None
    first, last = max(start, buckets[0]["firstStep"]), buckets[0]["lastStep"]
    last = last if stop is None else min(last, stop - 1)
    return Range(run, split, attempt, first, last, points, single_from, answer["finestWidth"])


def layer_groups(layers: Sequence[int], counts: int) -> list[Sequence[int]]:
    """Layers that are asked for together: even a single step of all of them may be more than an answer should hold.

    Args:
        counts: of one layer in one step.
    """
    most = max(1, ANSWER_COUNTS // counts)
    return [layers[at : at + most] for at in range(0, len(layers), most)]


def counts_of_layer(experts: int, loads: int) -> int:
    """Numbers that an answer has for one layer in one bucket, as the API reckons."""
    return experts * (loads + _EXTREMES)


def pages(connection: Connection, asked: Range, layers: Sequence[int], counts: int, together: bool) -> Iterator[list[Bucket]]:
    """The buckets of a range, ascending, some at a time.

    Args:
        layers: those whose counts are wanted.
        counts: of all these layers in one bucket; 0 where none are wanted.
    """
    width = asked.width
    most = min(_MOST_BUCKETS, max(1, ANSWER_COUNTS // counts)) if counts else _MOST_BUCKETS
    wanted = {"layers": ",".join(map(str, layers)) or "none", "metrics": "chosen", "categories": "together" if together else "each"}
    at = asked.first
    while at <= asked.last:
        # What is stored as sums alone is answered in whole sums, so finer steps are asked for by themselves.
        in_sums = width < asked.finest and at < asked.single_from
        last = min(asked.last, asked.single_from - 1) if in_sums else asked.last
        if width == 1:
            reach = {"buckets": "single", "points": most}
        else:
            last = min(last, (at // width + most) * width - 1)
            reach = {"buckets": "wide", "points": last // width - at // width + 1}
        answer = connection.get(f"runs/{asked.run}/history", asked.query(**wanted, **reach, **{"from": at, "to": last}))
        buckets, given = answer["buckets"], answer["bucketWidth"]
        if in_sums and at == asked.first:
            _say_sums(asked, given)
        if buckets:
            yield buckets
        reached = (buckets[-1]["lastStep"] // given + 1) * given if buckets else last + 1
        if width > 1:
            reached = max(reached, last + 1)
        at = min(reached, asked.single_from) if in_sums else reached


def _say_sums(asked: Range, width: int) -> None:
    warnings.warn(
        f"training steps of {asked.run} before {asked.single_from} are stored as sums of {width} steps: there a bucket is so wide",
        stacklevel=5,
    )
