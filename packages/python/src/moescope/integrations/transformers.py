"""For the Trainer of transformers, and those that derive from it, such as TRL's: `Trainer(..., callbacks=[MoescopeCallback()])`."""

from __future__ import annotations

import json
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from ..begin import init
from ..run import Run

#: What the Trainer calls them, and what they are called here.
_SCALARS = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "gradient_norm"}


class MoescopeCallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Reports every optimizer update. The attention mask says what is padding; evaluation and generation do not count.

    Its checkpoints keep which run it was: training that is resumed from one goes on with that run, as its next attempt.

    The Trainer gives the loss only on the steps that it logs (`logging_steps`), as a mean since the last; it goes with those.
    """

    #: The run, from the beginning of training on: for `tokens` in a `compute_loss` of one's own, and `also`.
    run: Run

    def __init__(self, address: str | None = None, **options: Any) -> None:
        """
        Args:
            address, options: as `moescope.init` takes them. Name, configuration, seed and planned steps come from the Trainer.
        """
        self._address, self._options = address, options
        self._unsent: int | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **others: Any) -> None:
        config = {"model": model.config.to_dict() if hasattr(model, "config") else {}, "training": args.to_dict()}
        # The Trainer's state is that of the checkpoint by now, if there is one.
        saved = (state.stateful_callbacks or {}).get(type(self).__name__) if state.global_step else None
        first = saved[0] if isinstance(saved, list) else saved or {}
        resume = first.get("attributes", {}).get("resume")
        known = {"resume": resume, "name": args.run_name or None, "config": config, "seed": args.seed, "planned_steps": state.max_steps}
        self.run = init(self._address, **{**known, **self._options})
        self.run.attach(model)

    def state(self) -> dict[str, dict[str, Any]]:
        """For a checkpoint. Without the token, which is written nowhere."""
        if not hasattr(self, "run"):
            return {"args": {}, "attributes": {}}
        self._send({})
        kept = {name: value for name, value in self._options.items() if name != "token" and _is_json(value)}
        return {"args": {"address": self._address, **kept}, "attributes": {"resume": self.run.state_dict()}}

    def on_step_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self._send({})

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        # The Trainer logs after this, if it logs this step at all.
        self._unsent = state.global_step - 1

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **others: Any) -> None:
        self._send({name: logs[theirs] for theirs, name in _SCALARS.items() if logs and theirs in logs})

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        self._send({})
        self.run.finish()

    def _send(self, scalars: dict[str, Any]) -> None:
        if self._unsent is not None:
            step, self._unsent = self._unsent, None
            self.run.step(step, **scalars)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True
