"""Counting and reporting at the size of DeepSeek-V3: 58 layers of 256 experts, top-8, 16,384 tokens in three categories.
Prints one line of JSON.

    large_step.py [--address HOST:PORT] [--steps N] [--spool FOLDER]

The model is its routers alone: what they take without hooks is measured in turn, and taken off. On a GPU, where the time of the training
thread is that of starting kernels, nothing waits for the device.
"""

from __future__ import annotations

import copy
import json
import pathlib
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from given import given
from reference_model import TopKRouter

import moescope
from moescope.spool import SpoolReader

LAYERS, EXPERTS, TOP_K, TOKENS, WIDTH = 58, 256, 8, 16_384, 32
CATEGORIES = ["code", "docs", "maths"]
WARM_UP = 2
#: Steps whose end is timed, and the tokens of each.
ENDINGS, FEW = 200, 64


class Routers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(TopKRouter(WIDTH, EXPERTS, TOP_K) for _ in range(LAYERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([layer(x)[1].mean() for layer in self.layers]).sum()


def main() -> None:
    asked = given("steps", 4)
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    plain = Routers().to(device).train()
    model = copy.deepcopy(plain)
    x, category = torch.randn(TOKENS, WIDTH, device=device), torch.randint(3, (TOKENS,), device=device)
    in_spool, on_wire = _bytes_of_a_step(copy.deepcopy(plain), x, category)
    plain(x), model(x)
    before = _resident()
    run = moescope.init(**asked.where, name="bench", categories=CATEGORIES)
    run.attach(model)
    forwards = []
    for _ in range(-WARM_UP, asked.count):
        without = _seconds(lambda: plain(x))
        with run.tokens(category=category):
            forwards.append((1e3 * without, 1e3 * _seconds(lambda: model(x))))
    # What `step` takes does not depend on the tokens; between steps others run, as in training.
    ending = []
    for step in range(ENDINGS):
        with run.tokens(category=category[:FEW]):
            model(x[:FEW])
        ending.append(1e6 * _seconds(run.step, step, loss=torch.ones((), device=device)))
    added = _resident() - before
    stored = run.finish(seconds=120) or asked.address is None
    measured = forwards[WARM_UP:]
    columns = {"plain": [without for without, _ in measured], "counted": [within for _, within in measured], "ending": ending[WARM_UP:]}
    sizes = {"inSpool": in_spool, "onWire": on_wire, "added": added}
    print(json.dumps({**columns, **sizes, "dropped": run.dropped, "stored": stored}))


def _bytes_of_a_step(model: Routers, x: torch.Tensor, category: torch.Tensor) -> tuple[int, int]:
    """What a step takes in the spool, and on the wire."""
    with tempfile.TemporaryDirectory() as folder:
        run = moescope.init(mode="offline", spool=folder, categories=CATEGORIES)
        run.attach(model)
        with run.tokens(category=category):
            model(x)
        run.step(0, loss=1.0)
        run.finish()
        (frames,) = pathlib.Path(folder).rglob("*.frames")
        _, message = next(SpoolReader(frames.parent).messages(1))
        return frames.stat().st_size, len(message)


def _seconds(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    before = time.perf_counter()
    call(*given, **named)
    return time.perf_counter() - before


def _resident() -> int:
    """Bytes in memory now."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
