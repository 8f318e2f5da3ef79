"""For the Trainer of Lightning, under its names `lightning` and `pytorch_lightning`: `Trainer(..., callbacks=[MoescopeCallback()])`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from ..attach import find_routers
from ..begin import init
from ..run import Run

_PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def _callbacks() -> tuple[Any, ...]:
    """The callback classes of the packages in use; where none is imported yet, of the one that is installed.

    Raises:
        ImportError: when there is none.
    """
    used = [name for name in _PACKAGES if name in sys.modules]
    installed = [name for name in _PACKAGES if importlib.util.find_spec(name.partition(".")[0])]
    if not installed:
        raise ImportError("neither lightning nor pytorch_lightning is installed")
    return tuple(importlib.import_module(name).Callback for name in used or installed[:1])


class MoescopeCallback(*_callbacks()):  # type: ignore[misc]
    """Reports every optimizer update, with the mean loss of its micro-batches. Sanity checks and validation do not count.

    Counted is the module that training_step calls: the one child of the LightningModule that has all routers, where there is one; else
    what the strategy calls. `attention_mask` is seen where it is an argument of that module's forward; else say what is padding with
    `with callback.run.tokens(mask=...)` in training_step.
    """

    #: The run, from the beginning of fit on: for `tokens` in a training_step, and `also`.
    run: Run

    def __init__(self, address: str | None = None, metrics: Sequence[str] = (), skip: Collection[str] = (), **options: Any) -> None:
        """
        Args:
            metrics: names of what the module logs with `self.log` that go with the steps too.
            skip: as in `Run.attach`.
            address, options: as `moescope.init` takes them. Configuration and planned steps come from the Trainer.
        """
        super().__init__()
        self._address, self._options = address, options
        self._metrics, self._skip = tuple(metrics), tuple(skip)
        self._losses: list[torch.Tensor] = []
        self._learning_rate: Any = None
        self._updates = 0

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """After the strategy has wrapped the module, before the first forward."""
        known: dict[str, Any] = {"config": dict(pl_module.hparams), "planned_steps": max(trainer.max_steps, 0)}
        self.run = init(self._address, **{**known, **self._options})
        self.run.attach(_called(pl_module, trainer.strategy.model), self._skip)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._updates = trainer.global_step

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        # After validation Lightning takes the module back to training, but not the wrapper around it (2.6.6).
        trainer.strategy.model.training = pl_module.training

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        self._learning_rate = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, torch.Tensor):
            # Lightning gives the part that it adds to the gradient of an update.
            whole = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._losses.append(loss.detach() * whole)
        if trainer.global_step == self._updates:
            return
        self._updates = trainer.global_step
        logged = {name: trainer.callback_metrics[name] for name in self._metrics if name in trainer.callback_metrics}
        mean = torch.stack(self._losses).mean() if self._losses else None
        self._losses.clear()
        self.run.step(self._updates - 1, loss=mean, learning_rate=self._learning_rate, **logged)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.run.finish()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if not hasattr(self, "run"):
            return
        if isinstance(exception, KeyboardInterrupt):
            self.run.finish("stopped", "interrupted")
        else:
            self.run.finish("failed", "".join(traceback.format_exception(exception)))


def _called(module: torch.nn.Module, strategys: torch.nn.Module) -> torch.nn.Module:
    """A strategy that wraps nothing calls `training_step`, not the module, and one that wraps calls the module within itself: a child
    is called once in either."""
    routers = [router.name for router in find_routers(module)]
    holders = {name.partition(".")[0] for name in routers}
    child = getattr(module, next(iter(holders))) if len(holders) == 1 else None
    has_forward = child is not None and not isinstance(child, (torch.nn.ModuleList, torch.nn.ModuleDict))
    return child if has_forward and child is not None else strategys
