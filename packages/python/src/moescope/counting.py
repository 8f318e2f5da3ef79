"""Counts on the device what routers choose, and hands the sums of a step to the host.

Shapes: L MoE layers, C categories, E the most experts of a layer, T tokens of a micro-batch, K experts of a token.
Importing this module imports torch.

A forward of the model is a window: a hook before it clears a scratch tally, hooks on the routers add to that, and a hook after it adds the
scratch to the step. Forwards that activation checkpointing repeats fall outside every window, so they are not counted. All hooks are
tensor operations without a branch on a value: torch.compile traces them, and nothing waits for the device.

The scratch is written through `.data`: compiled checkpointing keeps it for the backward, which would refuse it as changed since then.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .routers import Choice, Router
from .tally import Places, Shape, Snapshot, Snapshots, Tally
from .trial import is_trial

#: Arguments of a forward that say what is padding, by stream.
_MASKS = {"": "attention_mask", "decoder": "decoder_attention_mask"}


class Labels:
    """The category of every token of the forward that comes, times E: where its slots begin. None: all tokens are of category 0."""

    def __init__(self) -> None:
        self.category: Tensor | None = None
        self.mask: Tensor | None = None
        self.by_stream: dict[str, Tensor | None] = {"": None, "decoder": None}
        #: Whether one of them may stand for all tokens of a sample.
        self.by_sample = {"": False, "decoder": False}


class Counter:
    """Counts the choices of a model's routers. One for each process."""

    def __init__(self, routers: Sequence[Router], categories: int, device: torch.device) -> None:
        self.routers = list(routers)
        self.device = device
        self.labels = Labels()
        self.paused = False
        #: Whether the forward that runs now, if any, is counted.
        self._counts = False
        self._handles: list[Any] = []
        #: Places of masks among the arguments of the forward.
        self._mask_places: dict[str, int] = {}
        drops = any(router.tells_drops for router in routers)
        shape = Shape(len(routers), categories, max(router.layer.experts for router in routers), drops)
        self._places = [Places(shape, row, device) for row in range(len(routers))]
        self._resize(shape)

    def _resize(self, shape: Shape) -> None:
        self.shape = shape
        self.scratch = Tally(shape, self.device)
        self.total = Tally(shape, self.device)
        self._place_layers()

    def _place_layers(self) -> None:
        for row, places in enumerate(self._places):
            places.set(self.shape, row, self.device)

    def grow(self, categories: int) -> None:
        """Makes room for more categories, keeping what is counted of the step. Not during a forward."""
        old, size = self.total, self.shape
        self._resize(replace(size, categories=categories))
        kept = size.categories * size.experts
        for name in ("chosen", "dropped", "gates"):
            if getattr(old, name).shape[1]:
                getattr(self.total, name)[:, :kept] = getattr(old, name)[:, :kept]
        self.total.tokens[:, : size.categories] = old.tokens[:, : size.categories]
        for name in ("masks", "windows", "scores", "bias"):
            getattr(self.total, name).copy_(getattr(old, name))

    def taken(self, snapshots: Snapshots) -> Snapshot:
        """What was counted since the last time. Waits for nothing."""
        if self.device.type == "cpu":
            snapshot, self.total = snapshots.exchange(self.total)
            return snapshot
        return snapshots.take(self.total)

    @contextlib.contextmanager
    def labelled(self, category: Any, mask: Any) -> Iterator[None]:
        """Forwards inside have these labels: [B] or [B, S], on any device."""
        labels = self.labels
        before = labels.category, labels.mask
        labels.category = None if category is None else torch.as_tensor(category, dtype=torch.int64)
        if labels.category is not None and labels.category.ndim == 0:
            labels.category = labels.category.reshape(1)
        labels.mask = None if mask is None else torch.as_tensor(mask)
        try:
            yield
        finally:
            labels.category, labels.mask = before

    def hook(self, root: torch.nn.Module) -> None:
        """Puts hooks on `root`, the module that the train loop calls, and on every router."""
        parameters = list(inspect.signature(root.forward).parameters)
        self._mask_places = {name: parameters.index(name) for name in _MASKS.values() if name in parameters}
        self._handles.append(root.register_forward_pre_hook(self._open, with_kwargs=True))
        for router, places in zip(self.routers, self._places, strict=True):
            self._handles.append(router.module.register_forward_hook(self._counting(places, router)))
        self._handles.append(root.register_forward_hook(self._close))

    def unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _open(self, root: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.scratch.clear()
        self.scratch.windows.data.fill_(1)
        self._counts = root.training and torch.is_grad_enabled() and not self.paused and not is_trial()
        labels = self.labels
        for stream, name in _MASKS.items():
            mask = labels.mask if labels.mask is not None and stream == "" else self._given(name, args, kwargs)
            # A mask of four dimensions says who attends to whom, not what is padding.
            padding = mask if isinstance(mask, Tensor) and mask.ndim <= 2 else None
            labels.by_stream[stream] = slot_bases(labels.category, padding, self.shape, self.device)
            labels.by_sample[stream] = padding is None and labels.category is not None and labels.category.ndim == 1

    def _given(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        place = self._mask_places.get(name, len(args))
        return args[place] if place < len(args) else kwargs.get(name)

    def _close(self, root: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if self._counts:
            self.total.add(self.scratch)
        self._counts = False

    def _counting(self, at: Places, router: Router) -> Callable[..., None]:
        def count(module: torch.nn.Module, args: tuple[Any, ...], output: Any) -> None:
            choice = router.read(output)
            if not (router.checked or torch.compiler.is_compiling()):
                check_range(choice, router)
            self._follow(choice.device)
            bases = self.labels.by_stream[router.stream]
            if bases is not None and bases.shape[0] != choice.tokens:
                if not self._counts:
                    # With a cache, a mask covers more than the tokens of this forward; a backward repeats one of other labels.
                    return
                bases = for_all_tokens(bases, choice.tokens, router, self.labels.by_sample[router.stream])
            self._add(at, choice, bases)
            if router.bias is not None:
                bias = router.bias().detach().reshape(-1)
                self.scratch.floats.data.scatter_(0, at.bias[: bias.shape[0]], bias.float())

        return count

    def _follow(self, device: torch.device) -> None:
        """A model that began on the meta device, or was moved or offloaded, computes elsewhere than its weights lay."""
        if self.device != device and self.device.type in ("cpu", "meta"):
            self.device = device
            self.scratch, self.total = self.scratch.on(device), self.total.on(device)
            self._place_layers()
            bases = self.labels.by_stream
            self.labels.by_stream = {stream: base if base is None else base.to(device) for stream, base in bases.items()}

    def _add(self, at: Places, choice: Choice, bases: Tensor | None) -> None:
        ints, floats, experts = self.scratch.ints.data, self.scratch.floats.data, self.shape.experts
        if choice.indices is not None:
            slots = choice.indices if bases is None else choice.indices + bases[:, None]
            slots = slots.reshape(-1)
            ints.scatter_add_(0, at.chosen + slots, torch.ones_like(slots))
            if choice.carried is not None:
                ints.scatter_add_(0, at.dropped + slots, (~choice.carried).to(torch.int64).reshape(-1))
            if choice.weights is not None:
                floats.scatter_add_(0, at.gates + slots, choice.weights.float().reshape(-1))
        else:
            self._add_mask(at, choice, bases)
        if choice.scores is not None:
            padding = None if bases is None else (bases >= experts * self.shape.categories)[:, None]
            scores = choice.scores if padding is None else choice.scores.masked_fill(padding, 0)
            floats.scatter_add_(0, at.scores[: scores.shape[1]], scores.sum(0))

    def _add_mask(self, at: Places, choice: Choice, bases: Tensor | None) -> None:
        """A router that says of each token and expert whether it was chosen: how many experts a token has may vary."""
        assert choice.mask is not None
        ints, floats, (tokens, experts) = self.scratch.ints.data, self.scratch.floats.data, choice.mask.shape
        if bases is None:
            bases = choice.mask.new_zeros(tokens, dtype=torch.int64)
        slots = (bases[:, None] + torch.arange(experts, device=bases.device)).reshape(-1)
        ints.scatter_add_(0, at.chosen + slots, choice.mask.to(torch.int64).reshape(-1))
        category = bases // self.shape.experts
        ints.scatter_add_(0, at.tokens + category, torch.ones_like(category))
        ints.scatter_add_(0, at.masks, torch.ones_like(at.masks))
        if choice.weights is not None:
            floats.scatter_add_(0, at.gates + slots, choice.weights.float().reshape(-1))


def check_range(choice: Choice, router: Router) -> None:
    """Once for each router, since looking at values waits for the device.

    Raises:
        ValueError: when an index is of no expert, as physical ids of replicated experts are.
    """
    router.checked = True
    if choice.indices is None or choice.indices.numel() == 0:
        return
    least, most = (int(value) for value in torch.aminmax(choice.indices))
    if least < 0 or most >= router.layer.experts:
        raise ValueError(f"router {router.name} chose experts {least} to {most}: must be from 0 to {router.layer.experts - 1}")


def slot_bases(category: Tensor | None, mask: Tensor | None, shape: Shape, device: torch.device) -> Tensor | None:
    """Where the slots of each token begin; tokens that `mask` leaves out, and those of no known category, go to the bin.

    Args:
        category: integers, [B] one for each sample or [B, S] one for each token.
        mask: [B, S], 0 or False for padding.

    Returns:
        [B x S], or [B] without a mask where the category is that of a sample; None when all tokens are of category 0.
    """
    if mask is None and category is None:
        return None
    padding = shape.categories
    if category is None:
        assert mask is not None
        chosen = torch.zeros_like(mask, dtype=torch.int64, device=device)
    else:
        chosen = category.to(device, non_blocking=True)
        chosen = torch.where((chosen < 0) | (chosen >= padding), padding, chosen)
        if mask is not None and chosen.ndim < mask.ndim:
            chosen = chosen.reshape(-1, 1).expand(mask.shape)
    if mask is not None:
        chosen = torch.where(mask.to(device, non_blocking=True) > 0, chosen, padding)
    return chosen.reshape(-1) * shape.experts


def for_all_tokens(bases: Tensor, tokens: int, router: Router, by_sample: bool) -> Tensor:
    """One base for each of the router's tokens, from one for each sample.

    Raises:
        ValueError: when there are more or fewer labels than tokens.
    """
    labels = bases.shape[0]
    if by_sample and labels and tokens % labels == 0:
        return bases.repeat_interleave(tokens // labels)
    raise ValueError(
        f"router {router.name} got {tokens} tokens, but category or mask has {labels} entries: give run.tokens() one for "
        "each sample, or one for each token that this process routes, in the order of the router's input"
    )
