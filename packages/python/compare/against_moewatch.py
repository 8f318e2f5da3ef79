"""The same training over moescope and moewatch, as a Markdown table: what the first layer's experts were given.

    pip install --no-deps --target DIR moewatch==0.1.0
    PYTHONPATH=DIR python compare/against_moewatch.py

Each case trains two equal copies of a tiny Qwen3-MoE, 8 experts, top-2, for two steps. moewatch looks at every step
(sample_every=1). The truth is that of tests/qwen.py: a plain copy without hooks, from the inputs of its routers; padding, evaluation and
what checkpointing repeats do not count.
"""

from __future__ import annotations

import importlib.metadata
import pathlib
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
warnings.filterwarnings("ignore")

import counted  # noqa: E402
import qwen  # noqa: E402
from moewatch import MoEWatch, WatchConfig  # noqa: E402

from moescope.attach import attached_counter  # noqa: E402

Model, Inputs = qwen.Qwen3MoeForCausalLM, dict[str, torch.Tensor]


def plain(model: Model) -> Any:
    model.gradient_checkpointing_disable()
    return model


def checkpointed(reentrant: bool) -> Callable[[Model], Any]:
    def prepare(model: Model) -> Any:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
        return model

    return prepare


def compiled(model: Model) -> Any:
    return torch.compile(plain(model), backend="aot_eager")


def nothing(model: Model) -> None:
    pass


@torch.no_grad()
def evaluation(model: Model) -> None:
    model.eval()(**unpadded(99))
    model.train()


@torch.no_grad()
def generation(model: Model) -> None:
    model.eval().generate(**prompt(), max_new_tokens=4, do_sample=False, pad_token_id=0)
    model.train()


def prompt() -> Inputs:
    tokens = unpadded(98)["input_ids"][:, :4]
    return dict(input_ids=tokens, attention_mask=torch.ones_like(tokens))


def unpadded(seed: int) -> Inputs:
    tokens = qwen.batch(seed)[0]["input_ids"]
    return dict(input_ids=tokens, attention_mask=torch.ones_like(tokens), labels=tokens)


def padded(seed: int) -> Inputs:
    return qwen.batch(seed)[0]


#: What is called, a micro-batch of a seed, micro-batches of a step, and what happens between two of them.
CASES: dict[str, tuple[Callable[[Model], Any], Callable[[int], Inputs], int, Callable[[Model], None]]] = {
    "plain": (plain, unpadded, 1, nothing),
    "two micro-batches a step": (plain, unpadded, 2, nothing),
    "padding": (plain, padded, 1, nothing),
    "checkpointing, non-reentrant": (checkpointed(False), unpadded, 1, nothing),
    "checkpointing, reentrant": (checkpointed(True), unpadded, 1, nothing),
    "evaluation in between": (plain, unpadded, 1, evaluation),
    "generation in between": (plain, unpadded, 1, generation),
    "torch.compile of the whole model": (compiled, unpadded, 1, nothing),
}


def trained(case: str, watch: Callable[[Model], Callable[[], list[int]]]) -> tuple[list[int], list[int]]:
    """The true counts of the first layer, and what a watcher says."""
    prepare, batch, micro_batches, between = CASES[case]
    torch.compiler.reset()
    model = qwen.model()
    truth, told = qwen.Truth(model), watch(model)
    called = prepare(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    true = torch.zeros(qwen.EXPERTS, dtype=torch.int64)
    for step in range(2):
        for micro_batch in range(micro_batches):
            inputs = batch(2 * step + micro_batch)
            true += truth.counts(model, inputs, torch.zeros(len(inputs["input_ids"]), dtype=torch.int64))[0, 0]
            called(**inputs).loss.backward()
            between(model)
        optimizer.step()
        optimizer.zero_grad()
    return true.tolist(), told()


def moescope(model: Model) -> Callable[[], list[int]]:
    counter = attached_counter(model, (), 1)
    return lambda: counted.step(counter)[0, 0].tolist()


def moewatch(model: Model) -> Callable[[], list[int]]:
    watcher = MoEWatch(model, config=WatchConfig(sample_every=1, output="silent"))
    watcher.start()
    first = watcher._collector.tracked_layers[0]

    def told() -> list[int]:
        stats = watcher._collector.get_layer_stats(first)
        return [] if stats is None else stats.expert_counts.tolist()

    return told


def main() -> None:
    versions = {name: importlib.metadata.version(name) for name in ("moewatch", "torch", "transformers")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print("\n| case | true | moescope | moewatch |\n| --- | --- | --- | --- |")
    for case in CASES:
        true, ours = trained(case, moescope)
        _, theirs = trained(case, moewatch)
        print(f"| {case} | " + " | ".join(" ".join(map(str, counts)) or "nothing" for counts in (true, ours, theirs)) + " |")


if __name__ == "__main__":
    main()
