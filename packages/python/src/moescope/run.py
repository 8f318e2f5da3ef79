"""A run as the train loop sees it: attach a model, label tokens, end steps."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from . import limits, rollout
from .encode import Outcome, Split, Step
from .labels import CategoryNames
from .logged import Logged
from .reporter import Reporter
from .rollout import Rollouts, on_host
from .scalars import captured
from .steps import StepMaker
from .trackers import Tracker

if TYPE_CHECKING:
    import torch

    from .counting import Counter


class Run:
    """Made by `init`. In mode disabled every method does nothing."""

    def __init__(
        self,
        reporter: Reporter | None,
        categories: CategoryNames,
        say: Callable[[str], None],
        ranks: int = 1,
        address: str = "",
        tokens: int = 0,
    ) -> None:
        """
        Args:
            reporter: None in mode disabled.
            say: told, in a line, what a person may like to know.
            address: of the collector; empty when offline.
            tokens: trained on before, over all ranks.
        """
        self._reporter, self._categories = reporter, categories
        self._say, self._address = say, address
        self._counter: Counter | None = None
        self._maker = StepMaker(ranks, tokens)
        self._logged = Logged()
        self._rollouts = Rollouts()
        #: Index of the last update.
        self._step = 0
        self._finished = False
        self._process = os.getpid()
        if reporter is not None:
            atexit.register(self._finish_at_exit)

    @property
    def id(self) -> str:
        """Empty in mode disabled."""
        return "" if self._reporter is None else self._reporter.run.id

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint, after `step`: with it `init(resume=…)` goes on with this run. Waits until the steps so far are written."""
        if self._reporter is None:
            return {}
        self._reporter.wait_until_written()
        return {"run": self.id, "attempt": self._reporter.attempt, "tokens": self._maker.tokens}

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
        self._model = model
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
        ids = self._categories.ids(category)
        # Names may also have come with counts that were logged, or with a rollout.
        if len(self._categories.names) > self._counter.shape.categories:
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

    def rollout(
        self,
        routed_experts: Any,
        *,
        mask: Any = None,
        category: Any = None,
        filler: bool | None = None,
        physical_to_logical: Any = None,
        trainer: Any = None,
        experts: int | None = None,
    ) -> contextlib.AbstractContextManager[None]:
        """Counts what an inference engine chose for generated tokens, in split rollout of the next `step`, beside what the trainer chooses.

        `with run.rollout(routed_experts, mask=mask): model(**batch)` compares it with what the routers choose in the one forward inside:
        mean overlap of the top-k and share of tokens whose sets differ, by layer. The choices are read on the host.

        Args:
            routed_experts: integers [B, S, L, k], the slots of the batch's tokens, or [T, L, k] of one sequence or of packed ones, in any
                order within k. L is the number of routers, or of all blocks. A slot with -1 or with an expert twice is left out. Tokens
                stand in the order in which the routers see them: sequence first in Megatron.
            mask: [B, S] or [T], 0 or False for padding, whose slots may hold anything.
            category: as in `tokens`.
            filler: whether the slot of the last token of each sequence holds none of its choices, as engines do not run it. When absent, it
                does in [B, S, L, k], and in [T, L, k] it does not.
            physical_to_logical: [P] or [L, P], where the ids are of replicas: the expert that each of them is one of.
            trainer: instead of a forward inside, what the trainer chose for the same slots, of the shape of `routed_experts`.
            experts: of each layer, where no model is attached.

        Raises:
            ValueError: when the numbers do not fit each other, or the forward inside has other tokens.
            AttachError: when no router runs inside.
        """
        if self._reporter is None or self._finished:
            return contextlib.nullcontext()
        layers = None if self._counter is None else sorted((each.layer for each in self._counter.routers), key=lambda layer: layer.index)
        read = rollout.read(routed_experts, layers, mask=mask, filler=filler, experts=experts, physical_to_logical=physical_to_logical)
        ids = self._categories.ids(0 if category is None else on_host(category))
        self._rollouts.count(read, rollout.for_each_token(ids, read))
        if trainer is not None:
            self._rollouts.compare_all(read, rollout.read(trainer, layers, mask=mask, filler=False, experts=experts, name="trainer"))
        if self._counter is None or trainer is not None:
            return contextlib.nullcontext()
        from .rollout_forward import compared

        return compared(self._model, self._counter.routers, read, self._rollouts)

    def probe(
        self,
        model: torch.nn.Module,
        tokens: Any,
        *,
        text: Callable[[int], str] | None = None,
        classes: Mapping[str, str] | None = None,
        step: int | None = None,
    ) -> None:
        """Measures where the attention of `model` goes: for the figures attention-by-token and heads-by-bin. Waits for the device.

        The same tokens at every call make probes comparable. One process of those that have the whole model is enough.

        Args:
            model: of transformers 5, or any causal one whose attention modules return weights [B, H, S, S]. It is evaluated with eager
                attention, and left as it was.
            tokens: [B, S] token ids without padding: some texts of the same length.
            text: the text of a token id, such as `tokenizer.decode`. Without it, attention by token class is left out.
            classes: name and regular expression of each token class, the first that is found in a token's text wins. When absent: "#", "*"
                and "whitespace".
            step: index of the update that was made last; that of the last `step` when absent.

        Raises:
            ValueError: for tokens of another shape, and for a model whose attention cannot be seen or is not causal.
        """
        if self._reporter is None or self._finished:
            return
        from .probe import probe
        from .token_classes import DEFAULT

        scalars, attention, heads = probe(model, tokens, DEFAULT if classes is None else classes, text)
        if text is None:
            self._say("attention by token class is left out of the probe: give text=tokenizer.decode")
        made = Step(self._step if step is None else step, 0, 1e3 * time.time(), Split.PROBE, attention=attention, heads=heads)
        self._reporter.give(self._maker.apart(made, lambda: scalars, (), tuple(self._categories.names)))

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
        self._step = step
        names = tuple(self._categories.names)
        self._reporter.give(self._maker.later(step, tokens, scalars, self._counter, self._logged.take(), names))
        rollouts, self._rollouts = self._rollouts, Rollouts()
        if routed := rollouts.routed():
            made = Step(step, 0, 1e3 * time.time(), Split.ROLLOUT)
            self._reporter.give(self._maker.apart(made, captured(rollouts.scalars()), routed, names))

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
