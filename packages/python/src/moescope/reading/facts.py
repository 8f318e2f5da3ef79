"""What a run was told when it began, what people have written on it, and how far it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..encode import MoeLayer


@dataclass(frozen=True)
class Attempt:
    """A stretch of a run between (re)starts."""

    attempt: int
    first_step: int
    last_step: int
    #: Training steps stored.
    steps: int
    #: The attempt that it goes on from; None for one that begins a run.
    parent: int | None
    #: finished, stopped or failed; empty while it goes on, and when it never said.
    outcome: str
    #: Training steps before this one are stored as sums alone.
    single_from: int


@dataclass(frozen=True)
class Alert:
    """Something that is, or was, wrong with a run."""

    #: collapse, dead_experts, not_a_number, drops or silence.
    rule: str
    message: str
    attempt: int
    #: None, and no experts, for rules that are of no layer.
    layer: int | None
    experts: tuple[int, ...]
    began_step: int
    fired_step: int
    #: None while it lasts.
    over_step: int | None
    #: What was measured when it fired, and what it had to exceed; both 0 for not_a_number and silence.
    value: float
    threshold: float


class Facts:
    """Of a run, as they were when its collector was asked last."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        """
        Args:
            summary: a RunSummary of the API.
        """
        self._summary = summary

    @property
    def id(self) -> str:
        return str(self._described["id"])

    @property
    def name(self) -> str:
        """What people have named it on the dashboard, else what it called itself."""
        return self.names[0]

    @property
    def names(self) -> tuple[str, ...]:
        given = (self._summary["annotation"] or {}).get("name", "")
        return (given, self._described["name"]) if given else (self._described["name"],)

    @property
    def config(self) -> Any:
        """As it was given to `init`; None when it is no JSON, which another program may have sent."""
        try:
            return json.loads(self._described["configJson"])
        except ValueError:
            return None

    @property
    def strategy(self) -> str:
        return str(self._described["strategy"])

    @property
    def seed(self) -> int:
        return int(self._described["seed"])

    @property
    def tags(self) -> tuple[str, ...]:
        """Its own, then those that people have added."""
        return (*self._described["tags"], *(self._summary["annotation"] or {}).get("tags", ()))

    @property
    def notes(self) -> str:
        return str((self._summary["annotation"] or {}).get("notes", ""))

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(self._described["categories"])

    @property
    def layers(self) -> tuple[MoeLayer, ...]:
        """Its MoE layers, by ascending index."""
        run = self._described
        if not run["layers"]:  # protocol 1: all alike
            return tuple(MoeLayer(index, run["experts"], run["topK"]) for index in run["moeLayers"])
        fields = ("index", "experts", "topK", "identityExperts", "group", "expertsChoose")
        return tuple(MoeLayer(*(layer[field] for field in fields)) for layer in run["layers"])

    @property
    def ranks(self) -> int:
        return int(self._described["ranks"])

    @property
    def state(self) -> str:
        """live, silent, finished, stopped or failed."""
        return str(self._summary["state"]).lower()

    @property
    def reason(self) -> str:
        """Why it was stopped or failed."""
        return str(self._summary["reason"])

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(_attempt(attempt) for attempt in self._summary["attempts"])

    @property
    def steps(self) -> int:
        """Training steps stored."""
        return int(self._summary["steps"])

    @property
    def last_step(self) -> int | None:
        """The newest training step; None before the first."""
        return int(self._summary["lastStep"]) if self.steps else None

    @property
    def tokens(self) -> int:
        return int(self._summary["tokens"])

    @property
    def _described(self) -> Any:
        return self._summary["run"]


def _attempt(attempt: Mapping[str, Any]) -> Attempt:
    outcome = attempt["outcome"].lower() if attempt["outcome"] != "OUTCOME_UNSPECIFIED" else ""
    return Attempt(
        attempt=attempt["attempt"],
        first_step=attempt["firstStep"],
        last_step=attempt["lastStep"],
        steps=attempt["steps"],
        parent=attempt.get("parent"),
        outcome=outcome,
        single_from=attempt["singleFrom"],
    )


def alert_of(alert: Mapping[str, Any]) -> Alert:
    rule = alert["rule"].lower()
    of_layer = rule in ("collapse", "dead_experts", "drops")
    return Alert(
        rule=rule,
        message=alert["message"],
        attempt=alert["attempt"],
        layer=alert["layer"] if of_layer else None,
        experts=tuple(alert["experts"]),
        began_step=alert["beganStep"],
        fired_step=alert["firedStep"],
        over_step=alert["overStep"] if alert["over"] else None,
        value=float(alert["value"]),
        threshold=float(alert["threshold"]),
    )
