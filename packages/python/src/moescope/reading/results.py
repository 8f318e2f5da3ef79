"""What is read of a run: numpy arrays with the steps, layers, categories and experts that they are of, for xarray and pandas too.

In shapes N is the number of buckets, L of layers, C of categories, E the most experts that one of the layers has.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Steps:
    """Where the rows of an array lie in a run: each row is a bucket, of one step or of several added up. All [N]."""

    #: The first and the last step present in each bucket, and how many are.
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    summed: NDArray[np.int64]
    #: The attempt that made the last step.
    attempt: NDArray[np.int64]
    #: At the last step: training tokens so far, and the time in UTC.
    tokens: NDArray[np.int64]
    time: NDArray[np.datetime64]

    @staticmethod
    def of(buckets: Sequence[Mapping[str, Any]]) -> Steps:
        def column(name: str) -> NDArray[np.int64]:
            return np.array([bucket[name] for bucket in buckets], np.int64)

        milliseconds = np.array([bucket["time"] for bucket in buckets], np.float64)
        with np.errstate(invalid="ignore"):  # what is no moment becomes NaT
            time = (milliseconds * 1000).round().astype(np.int64).astype("datetime64[us]")
        return Steps(column("firstStep"), column("lastStep"), column("steps"), column("attempt"), column("tokens"), time)

    @staticmethod
    def joined(parts: Sequence[Steps]) -> Steps:
        names = ("first", "last", "summed", "attempt", "tokens", "time")
        return Steps(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return self.first.size

    def __str__(self) -> str:
        return "no steps" if len(self) == 0 else f"{len(self)} buckets of steps {self.first[0]} to {self.last[-1]}"

    def coordinates(self) -> dict[str, Any]:
        """As xarray takes them; `step` is the first one of a bucket."""
        along = {"last_step": self.last, "steps": self.summed, "attempt": self.attempt, "tokens": self.tokens, "time": self.time}
        return {"step": self.first, **{name: ("step", values) for name, values in along.items()}}


@dataclass(frozen=True)
class ByExpert:
    """Numbers of every expert.

    `values` is a masked array, [N, L, E], or [N, L, C, E] by category. Masked is what there is no number for: experts beyond those of a
    layer with fewer; layers that had no token in a bucket, or did not report then; what a run does not send. A category without tokens
    has 0. Sums and means leave out what is masked. `values.filled(0)` is a plain array. Steps that were not reported have no row.
    """

    name: str
    run: str
    values: np.ma.MaskedArray[Any, Any]
    steps: Steps
    #: [L], indices of transformer blocks.
    layers: NDArray[np.int64]
    #: [C]; None where all are added up, and where a run does not tell them apart.
    categories: tuple[str, ...] | None = None
    #: Of counts, where they were asked for: those that a capacity dropped. Masked too where their number is known, but not by expert.
    dropped: ByExpert | None = None

    @property
    def dimensions(self) -> tuple[str, ...]:
        return ("step", "layer", "expert") if self.categories is None else ("step", "layer", "category", "expert")

    def to_xarray(self) -> Any:
        """A DataArray. Masked values are NaN, and then whole numbers are floats, which hold them exactly up to 2^53.

        Raises:
            ImportError: without xarray; it says what to install.
        """
        xarray = _package("xarray", "to_xarray")
        masked = np.ma.getmaskarray(self.values)
        values = np.where(masked, np.nan, self.values.data) if masked.any() else self.values.data
        places: dict[str, Any] = {"layer": self.layers, "expert": np.arange(values.shape[-1])}
        places |= {} if self.categories is None else {"category": list(self.categories)}
        coordinates = {**self.steps.coordinates(), **places}
        return xarray.DataArray(values, coordinates, self.dimensions, name=self.name, attrs={"run": self.run})

    def to_pandas(self) -> Any:
        """A DataFrame in long form, a row for each number that is there: attempt, step, last_step, layer, category, expert, and the number.

        Where the dropped were asked for, they are a column too, NA where it is not known which experts they were of.

        Raises:
            ImportError: without pandas; it says what to install.
        """
        pandas = _package("pandas", "to_pandas")
        there = ~np.ma.getmaskarray(self.values)
        places = dict(zip(self.dimensions, np.nonzero(there), strict=True))
        step = places.pop("step")
        columns: dict[str, Any] = {"attempt": self.steps.attempt[step], "step": self.steps.first[step], "last_step": self.steps.last[step]}
        columns["layer"] = self.layers[places.pop("layer")]
        if self.categories is not None:
            columns["category"] = pandas.Categorical.from_codes(places.pop("category"), list(self.categories))
        columns |= places
        columns[self.name] = self.values.data[there]
        if self.dropped is not None:
            lost = self.dropped.values
            columns["dropped"] = pandas.arrays.IntegerArray(lost.data[there], np.ma.getmaskarray(lost)[there])
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        shape = ", ".join(f"{name} {size}" for name, size in zip(self.dimensions, self.values.shape, strict=True))
        return f"<{self.name} of {self.run}: {self.steps}; {shape}>"


@dataclass(frozen=True)
class Scalars:
    """Scalars by name, each [N] float64: NaN where a bucket has none, and where it was sent as NaN. `scalars["loss"]` is one of them."""

    run: str
    values: dict[str, NDArray[np.float64]]
    steps: Steps

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self.values:
            raise KeyError(f"{name!r}: the scalars are {', '.join(self.values) or 'none'}")
        return self.values[name]

    def to_xarray(self) -> Any:
        """A Dataset with a variable for each scalar; one named like a coordinate is `scalar/NAME`.

        Raises:
            ImportError: without xarray; it says what to install.
        """
        places = self.steps.coordinates()
        variables = {f"scalar/{name}" if name in places else name: ("step", values) for name, values in self.values.items()}
        return _package("xarray", "to_xarray").Dataset(variables, places, {"run": self.run})

    def to_pandas(self) -> Any:
        """A DataFrame with a column for each scalar, by step.

        Raises:
            ImportError: without pandas; it says what to install.
        """
        pandas = _package("pandas", "to_pandas")
        return pandas.DataFrame(self.values, index=pandas.Index(self.steps.first, name="step"))

    def __repr__(self) -> str:
        return f"<scalars of {self.run}: {self.steps}; {', '.join(self.values) or 'none'}>"


def _package(name: str, needed_by: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{needed_by}() needs {name}: pip install {name} ({error})") from error
