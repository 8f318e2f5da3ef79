"""For loops with an Accelerator: `Accelerator(log_with=MoescopeTracker())`, then `tracker.attach(model, optimizer)` in every process.

Accelerate calls its trackers in the main process alone, whatever they ask for. So steps are taken from the optimizer, which every process
has, and what `accelerator.log` brings goes with them from the main process.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

import torch
from accelerate import PartialState
from accelerate.tracking import GeneralTracker

from ..begin import init
from ..run import Run


class MoescopeTracker(GeneralTracker):  # type: ignore[misc]
    """Reports every optimizer update of every process, as steps from 0. Evaluation does not count.

    What is logged between an update and the next training forward goes with that update. Tokens that are padding are known from
    `attention_mask` of the forward.
    """

    name = "moescope"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, address: str | None = None, **options: Any) -> None:
        """
        Args:
            address, options: as `moescope.init` takes them, the same in every process.
        """
        super().__init__()
        self._address, self._options = address, options
        self._run: Run | None = None
        self._handles: list[Any] = []
        self._unsent: int | None = None
        self._next = 0

    @property
    def tracker(self) -> Run:
        """The run, begun when it is asked for first: for `tokens`, `evaluate` and `also`."""
        if self._run is None:
            self._run = init(self._address, **self._options)
        return self._run

    def attach(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, first_step: int = 0, skip: Collection[str] = ()) -> None:
        """To be called in every process, after `prepare` and `init_trackers`, before the first training forward.

        Args:
            model, optimizer: as `prepare` gives them. An update is a call of the optimizer inside: accumulated micro-batches are one.
            first_step: the number of the first update, when training is resumed.
            skip: as in `Run.attach`.

        Raises:
            AttachError: when no router is found.
            ValueError: for an optimizer without steps of its own, as DeepSpeed's under Accelerate.
        """
        inner = optimizer.optimizer if hasattr(optimizer, "optimizer") else optimizer
        if type(inner).__module__.startswith("deepspeed"):
            raise ValueError("DeepSpeed's optimizer steps in its engine: call moescope.init, run.attach and run.step yourself")
        # Before the run's own hooks, so that an update is sent before the next window opens.
        self._handles.append(model.register_forward_pre_hook(self._before_forward))
        self.tracker.attach(model, skip)
        self._handles.append(inner.register_step_post_hook(self._after_update))
        self._next = first_step

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Joins `values` to the config where this process is the only one: others are not told them, and all must describe a run alike."""
        if PartialState().num_processes > 1:
            print("moescope: the config of init_trackers reaches one process alone: give it to MoescopeTracker(config=…)", file=sys.stderr)
        elif self._run is not None:
            raise RuntimeError("the run has begun without the config: call accelerator.init_trackers before tracker.attach")
        else:
            self._options["config"] = {**(self._options.get("config") or {}), **values}

    def log(self, values: Mapping[str, Any], step: int | None = None, **others: Any) -> None:
        """Numbers of the update before this call; `step` is Accelerate's own and may count micro-batches. Texts are left out."""
        self._send({name: value for name, value in values.items() if isinstance(value, (int, float, torch.Tensor))})

    def finish(self) -> None:
        """Accelerate calls it in the main process; in others the run ends at exit, or when they call it."""
        self._send({})
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if self._run is not None:
            self._run.finish()

    def _before_forward(self, model: torch.nn.Module, given: Any) -> None:
        if model.training and torch.is_grad_enabled():
            self._send({})

    def _after_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        self._send({})
        self._unsent = self._next
        self._next += 1

    def _send(self, scalars: dict[str, Any]) -> None:
        if self._unsent is not None:
            step, self._unsent = self._unsent, None
            self.tracker.step(step, **scalars)
