"""What the routers of each framework return, read as one thing: which experts each token was given, and with what weight.

Shapes: T tokens, K experts of a token, E experts. Every reader works on shapes and types alone, never on values, so that torch.compile
traces it. Importing this module imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softmax

from .encode import MoeLayer


class Choice(NamedTuple):
    """Either `indices` or `mask` is there. `weights` has the shape of the one that is."""

    #: [T, K]
    indices: Tensor | None
    #: [T, E], not 0 where an expert was chosen.
    mask: Tensor | None = None
    weights: Tensor | None = None
    #: [T, E], the router's scores; each row adds up to 1.
    scores: Tensor | None = None
    #: [T, K], False where an expert's capacity was used up.
    carried: Tensor | None = None

    @property
    def chosen(self) -> Tensor:
        of = self.mask if self.indices is None else self.indices
        assert of is not None
        return of

    @property
    def tokens(self) -> int:
        return self.chosen.shape[0]

    @property
    def device(self) -> torch.device:
        return self.chosen.device


@dataclass
class Router:
    name: str
    module: torch.nn.Module
    layer: MoeLayer
    read: Callable[[Any], Choice]
    #: Gives the selection bias, read when the router runs; None for a router without one.
    bias: Callable[[], Tensor] | None
    tells_drops: bool = False
    #: "decoder" for routers of a decoder beside an encoder, whose tokens have a mask of their own.
    stream: str = ""
    #: Whether its indices were once seen to be of experts.
    checked: bool = False


@dataclass
class Reading:
    """What a reader is told about its router. No tuple: torch.compile would look at the name too, and compile each layer for itself."""

    name: str
    experts: int
    top_k: int
    #: "softmax" or "sigmoid": how scores come from logits; "scores" when they are scores; "" when not known, and none are read.
    score: str


def reader(class_name: str, reading: Reading) -> Callable[[Any], Choice]:
    read = BY_CLASS.get(class_name, by_shape)
    return lambda output: read(reading, local(output))


def local(output: Any) -> Sequence[Any]:
    """The outputs as a sequence of plain detached tensors; of a DTensor the part that this process holds."""
    outputs = output if isinstance(output, (tuple, list)) else (output,)
    plain = [part.to_local() if hasattr(part, "to_local") else part for part in outputs]
    return [part.detach() if isinstance(part, Tensor) else part for part in plain]


def by_shape(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """Integers with K columns are the experts chosen; else integers or booleans with E columns are a mask.

    Raises:
        TypeError: when no output is either.
    """
    tensors = [part for part in outputs if isinstance(part, Tensor) and part.ndim >= 2]
    wide = [part for part in tensors if part.is_floating_point() and part.shape[-1] == reading.experts]
    for part in tensors:
        if not part.is_floating_point() and part.dtype != torch.bool and part.shape[-1] == reading.top_k:
            weights = next((other for other in tensors if other.is_floating_point() and other.shape == part.shape), None)
            logits = next((other for other in wide if other is not weights), None)
            return Choice(rows(part).long(), None, _rows(weights), scores(logits, reading.score))
    for part in tensors:
        if not part.is_floating_point() and part.shape[-1] == reading.experts:
            weights = next((other for other in wide if other.shape == part.shape), None)
            return Choice(None, rows(part), _rows(weights))
    found = ", ".join(f"{tuple(p.shape)} {p.dtype}" if isinstance(p, Tensor) else type(p).__name__ for p in outputs)
    raise TypeError(
        f"{reading.name} returned {found}: expected integers with {reading.top_k} columns (the experts chosen) or a mask "
        f"with {reading.experts} columns. Leave it out with attach(model, skip=...), and report what it chose with run.log_counts()"
    )


def llama4(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """(scores, logits): the model itself takes the largest logits, and weighs by their sigmoid."""
    values, indices = torch.topk(rows(outputs[1]), reading.top_k, dim=1)
    return Choice(indices, None, values.float().sigmoid(), scores(outputs[1], "sigmoid"))


def dbrx(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """Logits alone; the block around the router takes the largest of their softmax, in the type that they have."""
    logits = rows(outputs[0])
    _, indices = torch.topk(softmax(logits, dim=1, dtype=logits.dtype), reading.top_k, dim=-1)
    return Choice(indices, None, None, scores(logits, "softmax"))


def switch(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """(one-hot of those that fit the capacity, probability, logits): the choice is of the logits, before the capacity."""
    carried, weights, logits = (rows(part) for part in outputs[:3])
    chosen = softmax(logits, dim=-1).to(weights.dtype).argmax(dim=-1, keepdim=True)
    kept = carried.gather(1, chosen) > 0
    return Choice(chosen, None, weights * kept, scores(logits, "softmax"), kept)


def nllb(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """(mask of the first choice, weights [T, E] of those that fit the capacity, logits): the two largest logits are chosen.

    A second choice that the policy "random" leaves out counts as dropped: what was drawn is not told.
    """
    weights, logits = rows(outputs[1]), rows(outputs[2])
    probabilities = softmax(logits, dim=-1, dtype=logits.dtype).to(weights.dtype)
    first = probabilities.argmax(dim=-1, keepdim=True)
    second = logits.scatter(1, first, float("-inf")).argmax(dim=-1, keepdim=True)
    chosen = torch.cat([first, second], dim=1)
    given = weights.gather(1, chosen)
    return Choice(chosen, None, given, scores(logits, "softmax"), given > 0)


def jetmoe(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """(…, logits): what it returns beside the logits is sorted by expert."""
    values, indices = torch.topk(rows(outputs[4]), reading.top_k, dim=1)
    return Choice(indices, None, softmax(values, dim=1), scores(outputs[4], "softmax"))


def deepspeed(reading: Reading, outputs: Sequence[Any]) -> Choice:
    """(…, indices [K, T] with -1 where the capacity was used up, …, weights [K, T], choices of each expert [E] before the capacity).

    Which expert a dropped choice was of is told for all tokens together, so dropped choices are dealt to the places of -1 in order of
    their experts: counts are exact, but between categories, or with padding, dropped choices may change places. `used_token` of its
    MoE is not known here.

    Raises:
        TypeError: for the four outputs of older versions.
    """
    if len(outputs) != 7:
        raise TypeError(
            f"{reading.name} returned {len(outputs)} outputs: expected the 7 that DeepSpeed 0.19 has. Report what MOELayer.exp_counts "
            "says with run.log_counts()"
        )
    indices, weights, chosen = outputs[3].t().long(), outputs[5].t(), outputs[6].long()
    carried = indices >= 0
    kept = torch.zeros_like(chosen).scatter_add_(0, indices.clamp(min=0).reshape(-1), carried.long().reshape(-1))
    ends = (chosen - kept).cumsum(0)
    order = (~carried).reshape(-1).long().cumsum(0) - 1
    dealt = torch.searchsorted(ends, order, right=True).clamp(max=reading.experts - 1).reshape(indices.shape)
    return Choice(torch.where(carried, indices, dealt), None, weights, None, carried)


BY_CLASS: dict[str, Callable[[Reading, Sequence[Any]], Choice]] = {
    "Llama4Router": llama4,
    "DbrxRouter": dbrx,
    "SwitchTransformersTop1Router": switch,
    "NllbMoeTop2Router": nllb,
    "JetMoeTopKGating": jetmoe,
    "TopKGate": deepspeed,
}


TELL_DROPS = {"SwitchTransformersTop1Router", "NllbMoeTop2Router", "TopKGate"}


def scores(logits: Tensor | None, score: str) -> Tensor | None:
    """[T, E] float32, each row adding up to 1."""
    if logits is None or not score:
        return None
    wide = rows(logits).float()
    if score == "softmax":
        return softmax(wide, dim=-1)
    positive = wide.sigmoid() if score == "sigmoid" else wide
    return positive / positive.sum(dim=-1, keepdim=True)


def rows(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def _rows(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else rows(tensor)
