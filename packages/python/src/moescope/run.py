"""A run as the train loop sees it: attach a model, label tokens, end steps."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from . import limits
from .encode import Outcome
from .labels import CategoryNames
from .logged import Logged
from .reporter import Reporter
from .steps import StepMaker
from .trackers import Tracker

if TYPE_CHECKING:
    import torch

    from .counting import Counter


class Run:
    """Made by `init`. In mode disabled every method does nothing."""

    def __init__(
        self, reporter: Reporter | None, categories: CategoryNames, say: Callable[[str], None], ranks: int = 1, address: str = ""
    ) -> None:
        """
        Args:
            reporter: None in mode disabled.
            say: told, in a line, what a person may like to know.
            address: of the collector; empty when offline.
        """
        self._reporter, self._categories = reporter, categories
        self._say, self._address = say, address
        self._counter: Counter | None = None
        self._maker = StepMaker(ranks)
        self._logged = Logged()
        self._finished = False
        self._process = os.getpid()
        if reporter is not None:
            atexit.register(self._finish_at_exit)

    @property
    def id(self) -> str:
        """Empty in mode disabled."""
        return "" if self._reporter is None else self._reporter.run.id

    @property
    def dropped(self) -> int:
        """Steps that were lost because the spool was full."""
        return 0 if self._reporter is None else self._reporter.dropped

    def attach(self, model: torch.nn.Module, skip: Collection[str] = ()) -> None:
        """Counts what the routers of `model` choose from now on, and says in a line what it found.

        Args:
            model: the module that the train loop calls: the outermost wrapper where that is what it calls. Before the first forward
                of a compiled model; after it is parallelised, and after DeepSpeed's `initialize`.
            skip: names of modules that look like routers and are none.

        Raises:
            AttachError: when no router is found; the message says what to do.
        """
        if self._reporter is None:
            return
        if self._counter is not None:
            raise RuntimeError("a run counts one model: call attach once, with the module that holds all others")
        from .attach import attached_counter, describe

        self._counter = attached_counter(model, skip, len(self._categories.names))
        self._say(f"counting {describe(self._counter.routers)}")

    def detach(self) -> None:
        """Takes the hooks off the model."""
        if self._counter is not None:
            self._counter.unhook()
            self._counter = None

    @contextlib.contextmanager
    def tokens(self, category: Any = None, mask: Any = None) -> Iterator[None]:
        """Says what the tokens of the forwards inside are.

        Args:
            category: for each sample [B] or each token [B, S] a number, an index into the run's categories, or a name; or one name for
                all. Negative numbers are not counted, like padding.
            mask: [B, S], 0 or False for padding. When absent, `attention_mask` and `decoder_attention_mask` of the forward are used.

        Raises:
            ValueError: for numbers that no category has.
        """
        if self._counter is None:
            yield
            return
        known = len(self._categories.names)
        ids = self._categories.ids(category)
        if len(self._categories.names) > known:
            self._counter.grow(len(self._categories.names))
        with self._counter.labelled(ids, mask):
            yield

    @contextlib.contextmanager
    def evaluate(self) -> Iterator[None]:
        """Forwards inside do not count. Nor do those of a model in `eval()`, or without gradients."""
        if self._counter is None:
            yield
            return
        before, self._counter.paused = self._counter.paused, True
        try:
            yield
        finally:
            self._counter.paused = before

    def log_counts(
        self,
        layer: int,
        counts: ArrayLike,
        *,
        category: int | str = 0,
        top_k: int = 0,
        dropped: ArrayLike | None = None,
        tokens: int | None = None,
        selection_bias: ArrayLike | None = None,
        gate_mass: ArrayLike | None = None,
        mean_probability: ArrayLike | None = None,
        group: str = "",
    ) -> None:
        """Adds to the step what a layer chose: for JAX and whatever else counts by itself. Sent by the next `step`.

        Args:
            counts: [E] assignments that the router chose for each expert, those included that a capacity dropped.
            top_k: experts of each token; 0 where that varies, and then `tokens` must be given.
            dropped: [E], those of `counts` that were not carried out.
            tokens: of this category; sum of counts / top_k when absent.

        Raises:
            ValueError: when the numbers do not fit each other.
        """
        if self._reporter is None:
            return
        (number,) = np.atleast_1d(self._categories.ids(category)).tolist()
        self._logged.add(layer, counts, number, top_k, dropped, tokens, selection_bias, gate_mass, mean_probability, group)

    def step(self, step: int, *, tokens: int | None = None, **scalars: Any) -> None:
        """Ends an optimizer update: what was counted since the last one is sent as this step. Waits for nothing.

        Args:
            step: index of the update, from 0.
            tokens: training tokens so far over all ranks; this process's own times the ranks when absent.
            scalars: loss, learning_rate, gradient_norm, … as numbers, or as tensors on the device, which are not waited for.

        Raises:
            AttachError: when a router has chosen nothing in the first two steps; the message says which, and what to do.
        """
        if self._reporter is None or self._finished:
            return
        self._reporter.give(self._maker.later(step, tokens, scalars, self._counter, self._logged.take(), tuple(self._categories.names)))

    def also(self, tracker: Any) -> None:
        """Sends a few summaries of every step to another tracker too: wandb, trackio, MLflow, or a SummaryWriter of TensorBoard."""
        if self._reporter is not None:
            self._maker.trackers.append(Tracker(tracker, f"{self.id} at {self._address}" if self._address else self.id))

    def finish(self, outcome: str = "finished", reason: str = "", seconds: float = 10.0) -> bool:
        """Says that the run has ended, and waits at most `seconds` for the collector. What is left is delivered by the sender afterwards.

        Args:
            outcome: "finished", "stopped" or "failed".

        Returns:
            Whether the collector has stored everything.

        Raises:
            ValueError: for any other outcome.
        """
        if outcome.upper() not in Outcome.__members__:
            raise ValueError(f"outcome is {outcome!r}: must be finished, stopped or failed")
        if self._reporter is None or self._finished:
            return True
        self._finished = True
        atexit.unregister(self._finish_at_exit)
        counter, self._counter = self._counter, None
        if counter is not None:
            counter.unhook()
        stored = self._reporter.finish(Outcome[outcome.upper()], reason[-limits.REASON // 2 :], seconds)
        for tracker in self._maker.trackers:
            tracker.flush(last=True)
        if self.dropped:
            self._say(f"{self.dropped} steps were dropped")
        if not stored:
            later = "the sender goes on" if self._address else "`moescope sync` sends them"
            self._say(f"messages of {self.id} wait in {self._reporter.folder}; {later}")
        return stored

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("stopped", "interrupted")
        else:
            self.finish("failed", "".join(traceback.format_exception(error)))

    def _finish_at_exit(self) -> None:
        """Also called at the exit of a fork, whose run this is not."""
        if os.getpid() != self._process:
            return
        error = getattr(sys, "last_value", None)
        self.__exit__(None, error, None)
