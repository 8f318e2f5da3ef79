"""Compares what an inference engine chose with what the routers choose in a forward of the trainer, on the device, without waiting for it.

Shapes: T tokens, L layers, K experts of a token, E experts of a layer. Importing this module imports torch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .errors import AttachError
from .rollout import Rollout, Rollouts
from .routers import Choice, Router


@contextlib.contextmanager
def compared(root: torch.nn.Module, routers: Sequence[Router], rollout: Rollout, into: Rollouts) -> Iterator[None]:
    """The one forward of `root` inside is compared.

    Raises:
        AttachError: when no router ran inside.
        RuntimeError: when there is a second forward.
        ValueError: when the forward has other tokens than the rollout.
    """
    forward = _Forward(rollout, into)
    places = {layer.index: place for place, layer in enumerate(rollout.layers)}
    handles = [root.register_forward_pre_hook(forward.open)]
    for router in routers:
        handles.append(router.module.register_forward_hook(forward.comparing(places[router.layer.index], router)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    if not forward.done:
        raise AttachError(
            "no router ran inside run.rollout(): expected one forward of the attached model there. Of a model that was compiled before, "
            "hand over what it chose: run.rollout(routed_experts, trainer=choices)"
        )


class _Forward:
    def __init__(self, rollout: Rollout, into: Rollouts) -> None:
        self._rollout, self._into = rollout, into
        #: Places of layers that have been compared: what activation checkpointing computes again is not.
        self.done: set[int] = set()
        self._slots: tuple[Tensor, Tensor, list[int]] | None = None
        self._forwards = 0

    def open(self, root: torch.nn.Module, args: tuple[Any, ...]) -> None:
        self._forwards += 1
        if self._forwards > 1:
            raise RuntimeError("a second forward inside run.rollout(): each needs the routed_experts of its own tokens")

    def comparing(self, place: int, router: Router) -> Callable[..., None]:
        def compare(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:
            if place in self.done:
                return
            self.done.add(place)
            choice = router.read(output)
            chosen, counted, tokens = self._fitted(choice.tokens, choice.device, router)
            self._into.compare(router.layer.index, agreement(chosen[place], choice, counted[place]), tokens[place])

        return compare

    def _fitted(self, tokens: int, device: torch.device, router: Router) -> tuple[Tensor, Tensor, list[int]]:
        """[L, T, K] and [L, T] on the device, and how many tokens of each layer are counted."""
        if self._slots is None or self._slots[0].shape[1] != tokens or self._slots[0].device != device:
            chosen, counted = _for_tokens(self._rollout, tokens, router.name)
            most = max(layer.experts for layer in self._rollout.layers)
            narrow = chosen.astype(np.int16 if most < 2**15 else np.int32)
            self._slots = _on(device, narrow), _on(device, counted), counted.sum(1).tolist()
        return self._slots


def _on(device: torch.device, values: NDArray[Any]) -> Tensor:
    """From pinned memory where that spares waiting."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def _for_tokens(rollout: Rollout, tokens: int, name: str) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    slots, kept = rollout.kept.size, int(rollout.kept.sum())
    if tokens == slots:
        return rollout.chosen, rollout.counted
    if tokens == kept:
        return rollout.chosen[:, rollout.kept], rollout.counted[:, rollout.kept]
    if tokens == slots + 1 and rollout.sequences == 1:
        # An engine does not run the last token of a sequence.
        return np.pad(rollout.chosen, ((0, 0), (0, 1), (0, 0))), np.pad(rollout.counted, ((0, 0), (0, 1)))
    raise ValueError(
        f"router {name} got {tokens} tokens, but routed_experts has {slots} slots, {kept} of them not padding: must be of the same "
        "tokens, in the order of the router's input"
    )


def agreement(theirs_TK: Tensor, ours: Choice, counted_T: Tensor) -> Tensor:
    """[3] over the tokens counted: choices that both made, choices of the one that made more, tokens whose sets differ."""
    if ours.indices is not None:
        shared_T = (theirs_TK[:, :, None] == ours.indices[:, None, :]).any(-1).sum(-1)
        size_T = torch.full_like(shared_T, max(theirs_TK.shape[1], ours.indices.shape[1]))
    else:
        assert ours.mask is not None
        made_TE = ours.mask != 0
        # Filler may be anything.
        experts_TK = theirs_TK.long().clamp(0, made_TE.shape[1] - 1)
        shared_T = made_TE.gather(1, experts_TK).sum(-1)
        size_T = made_TE.sum(-1).clamp(min=theirs_TK.shape[1])
    differing_T = shared_T < size_T
    return torch.stack([(part * counted_T).sum() for part in (shared_T, size_T, differing_T)])
