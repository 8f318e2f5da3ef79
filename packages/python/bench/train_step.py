"""What counting and reporting add to a train step of the reference model. Prints one line of JSON.

    train_step.py [--address HOST:PORT --collector PID] [--rounds N] [--spool FOLDER]

Rounds of five steps that are neither counted nor reported, and five that are both, in turn, another one first every time. The collector,
whose place is another machine, stands still meanwhile; the sender does not.
"""

from __future__ import annotations

import json
import os
import signal
import time

import torch
from given import given
from reference_model import LENGTH, SAMPLES, VOCABULARY, LanguageModel

import moescope

STEPS, WARM_UP = 5, 2
#: Seconds in which the collector stores what was sent.
CATCH_UP = 0.3
CATEGORIES = ["code", "docs", "maths"]


def main() -> None:
    asked = given("rounds", 10)
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = LanguageModel().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    run = moescope.init(**asked.where, name="bench", categories=CATEGORIES)
    ending: list[float] = []

    def train(reported: bool) -> None:
        tokens = torch.randint(VOCABULARY, (SAMPLES, LENGTH + 1), device=device)
        with run.tokens(category=torch.randint(len(CATEGORIES), (SAMPLES,))):
            loss = model(tokens)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if reported:
            before = time.perf_counter()
            run.step(train.steps, loss=loss)  # type: ignore[attr-defined]
            ending.append(time.perf_counter() - before)
            train.steps += 1  # type: ignore[attr-defined]

    def milliseconds(reported: bool) -> float:
        if reported:
            run.attach(model)
        _settle(device)
        _tell(asked.collector, signal.SIGSTOP)
        before = time.perf_counter()
        for _ in range(STEPS):
            train(reported)
        _settle(device)
        took = time.perf_counter() - before
        _tell(asked.collector, signal.SIGCONT)
        if asked.collector:
            time.sleep(CATCH_UP)
        run.detach()
        return 1e3 * took / STEPS

    train.steps = 0  # type: ignore[attr-defined]
    found: dict[bool, list[float]] = {False: [], True: []}
    for at in range(-WARM_UP, asked.count):
        for reported in (False, True) if at % 2 else (True, False):
            took = milliseconds(reported)
            if at >= 0:
                found[reported].append(took)
    stored = run.finish(seconds=60) or asked.address is None
    print(
        json.dumps(
            {
                "device": torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads",
                "torch": torch.__version__,
                "neither": found[False],
                "reported": found[True],
                "ending": [1e6 * took for took in ending],
                "dropped": run.dropped,
                "stored": stored,
            }
        )
    )


def _tell(process: int, what: signal.Signals) -> None:
    if process:
        os.kill(process, what)


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
