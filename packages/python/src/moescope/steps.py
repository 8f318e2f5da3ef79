"""Makes the Step that is sent of what was counted, logged and measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .encode import MoeLayer, RoutingHistogram, Step
from .errors import AttachError
from .reporter import Made
from .scalars import captured
from .table import StepTable
from .trackers import Tracker, summaries

if TYPE_CHECKING:
    from .counting import Counter
    from .routers import Router
    from .tally import Snapshots, Tally

#: Steps after which a router that has chosen nothing is an error.
_STEPS_TO_FIRE = 2


class StepMaker:
    def __init__(self, ranks: int, tokens: int = 0) -> None:
        """
        Args:
            tokens: trained on before, over all ranks.
        """
        self.trackers: list[Tracker] = []
        self.tokens = tokens
        self._ranks = ranks
        self._layers: dict[int, MoeLayer] = {}
        self._silent: list[Router] | None = None
        self._windows = 0
        self._steps = 0
        self._snapshots: Snapshots | None = None

    def later(
        self,
        step: int,
        tokens: int | None,
        scalars: Mapping[str, Any],
        counter: Counter | None,
        logged: Sequence[tuple[MoeLayer, RoutingHistogram]],
        categories: Sequence[str],
    ) -> Callable[[], Made]:
        """Takes copies on the training thread; the function that is returned waits for them and is called on another."""
        ended, read_scalars = 1e3 * time.time(), captured(scalars)
        snapshot = None
        if counter is not None:
            if self._snapshots is None:
                from .tally import Snapshots

                self._snapshots = Snapshots()
            snapshot = counter.taken(self._snapshots)
        snapshots = self._snapshots
        for tracker in self.trackers:
            tracker.flush()

        def make() -> Made:
            table = StepTable.of(self._described(logged))
            if snapshot is not None and counter is not None and snapshots is not None:
                tally = snapshot.wait()
                table = table.beside(self._counted(step, counter.routers, tally))
                snapshots.give_back(snapshot)
            layers = self._known_layers()
            if self.trackers:
                numbers = summaries(table.histograms(), layers)
                for tracker in self.trackers:
                    tracker.put(step, numbers)
            return Made(Step(step, self._so_far(table, tokens), ended, scalars=read_scalars()), table, layers, categories)

        return make

    def apart(
        self,
        step: Step,
        scalars: Callable[[], list[tuple[str, float]]],
        routed: Sequence[tuple[MoeLayer, RoutingHistogram]],
        categories: Sequence[str],
    ) -> Callable[[], Made]:
        """For a step of another split than training's: `step` with the training tokens so far, `scalars` and what was `routed`."""

        def make() -> Made:
            table = StepTable.of(self._described(routed))
            made = replace(step, tokens=self.tokens, scalars=scalars())
            return Made(made, table, self._known_layers(), categories)

        return make

    def _known_layers(self) -> list[MoeLayer]:
        return [self._layers[index] for index in sorted(self._layers)]

    def _described(self, logged: Sequence[tuple[MoeLayer, RoutingHistogram]]) -> list[RoutingHistogram]:
        for layer, _ in logged:
            self._layers.setdefault(layer.index, layer)
        return [histogram for _, histogram in logged if histogram.categories]

    def _counted(self, step: int, routers: list[Router], tally: Tally) -> StepTable:
        from .histograms import layers_of, silent, table_of

        for layer in layers_of(routers, tally):
            self._layers.setdefault(layer.index, layer)
        self._steps += 1
        if self._steps <= _STEPS_TO_FIRE:
            self._windows += int(tally.windows)
            still = silent(routers, tally)
            self._silent = still if self._silent is None else [router for router in self._silent if router in still]
            if self._steps == _STEPS_TO_FIRE and self._silent:
                raise AttachError(_why_silent(self._silent, len(routers), self._windows))
        elif not self._silent and tally.windows and not tally.chosen.any():
            self._silent = routers
            raise AttachError(_all_silent(routers, f"in step {step}"))
        return table_of(routers, tally)

    def _so_far(self, table: StepTable, said: int | None) -> int:
        """Training tokens over all ranks: other ranks are taken to have as many as this one, unless it is said."""
        self.tokens = self.tokens + table.most_tokens() * self._ranks if said is None else said
        return self.tokens


def _why_silent(routers: Sequence[Router], of: int, windows: int) -> str:
    if windows == 0:
        return (
            "the module given to attach was not called in the first two steps, in training mode and with gradients. Attach the one "
            "that the train loop calls: the wrapper of PEFT or of a pipeline stage, not the model inside; and call run.step() after "
            "the forward"
        )
    if len(routers) == of:
        return _all_silent(routers, "in the first two steps")
    return (
        f"{len(routers)} of {of} routers chose nothing in the first two steps: {_names(routers)}. Are they of a part that is not trained, "
        "or has its tokens only at times? Leave them out: run.attach(model, skip=[...])"
    )


def _all_silent(routers: Sequence[Router], when: str) -> str:
    return (
        f"no router chose anything {when} ({_names(routers)}). Either the model was compiled and called before attach: attach "
        "first, or call torch.compiler.reset(). Or a fused kernel goes around the routers: build the model without use_kernels. Or "
        "the forward is replayed by a CUDA graph. Counts from elsewhere can be reported with run.log_counts()"
    )


def _names(routers: Sequence[Router]) -> str:
    return ", ".join(router.name for router in routers[:4]) + (f" and {len(routers) - 4} more" if len(routers) > 4 else "")
