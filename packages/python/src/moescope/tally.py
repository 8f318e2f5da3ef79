"""Sums over the tokens of a step, on the device, and their copies on the host.

Shapes: L MoE layers, C categories, E the most experts of a layer. Importing this module imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Shape:
    layers: int
    categories: int
    experts: int
    #: Whether any router tells what a capacity dropped.
    drops: bool = False

    @property
    def slots(self) -> int:
        """Slots of a layer: one for each category and expert, and for padding as many again, the bin."""
        return (self.categories + 1) * self.experts

    @property
    def int_widths(self) -> tuple[int, int, int, int]:
        """Chosen, dropped, tokens, masks of a layer."""
        return self.slots, self.slots * self.drops, self.categories + 1, 1

    @property
    def float_widths(self) -> tuple[int, int, int]:
        """Gates, scores, bias of a layer."""
        return self.slots, self.experts, self.experts


class Places:
    """Where the sums of a layer lie in the flat tensors of a tally.

    Tensors, since torch.compile would compile a block for every number of a layer instead of once for all layers.
    """

    def __init__(self, shape: Shape, row: int, device: torch.device) -> None:
        self.set(shape, row, device)

    def set(self, shape: Shape, row: int, device: torch.device) -> None:
        def at(first: int, size: int = 1) -> torch.Tensor:
            return torch.arange(first, first + size, device=device)

        slots, experts = shape.slots, shape.experts
        of_ints, of_floats = row * sum(shape.int_widths), row * sum(shape.float_widths)
        with torch.inference_mode(False):
            #: [1] each
            self.chosen, self.gates = at(of_ints), at(of_floats)
            self.dropped, self.tokens, self.masks = (at(of_ints + sum(shape.int_widths[:part])) for part in (1, 2, 3))
            #: [E] each
            self.scores, self.bias = at(of_floats + slots, experts), at(of_floats + slots + experts, experts)


class Tally:
    """Sums over tokens, in two flat tensors, so that clearing, adding and copying are one operation each.

    They are plain attributes, not buffers of a module: DistributedDataParallel would overwrite buffers with those of rank 0.
    """

    def __init__(self, shape: Shape, device: torch.device | str, pinned: bool = False) -> None:
        self.shape = shape
        rows, slots, experts = shape.layers, shape.slots, shape.experts
        widths = shape.int_widths
        # Evaluation may run first, and tensors that are made in inference mode could not be added to in training.
        with torch.inference_mode(False):
            self.ints = torch.zeros(rows * sum(widths) + 1, dtype=torch.int64, device=device, pin_memory=pinned)
            self.floats = torch.zeros(rows * (slots + 2 * experts), device=device, pin_memory=pinned)
        table = self.ints[:-1].view(rows, sum(widths))
        #: [L, slots] assignments chosen; those of them that a capacity did not carry out, [L, 0] where no router tells; [L, C + 1]
        #: tokens and [L, 1] calls of routers that give masks.
        self.chosen, self.dropped, self.tokens, self.masks = table.split(widths, dim=1)  # type: ignore[no-untyped-call]
        #: [1] forwards counted.
        self.windows = self.ints[-1:]
        parts = self.floats.view(rows, slots + 2 * experts)
        #: [L, slots] gate weights; [L, E] sums of the router's normalised scores; [L, E] the selection bias of the last forward.
        self.gates, self.scores, self.bias = parts.split((slots, experts, experts), dim=1)  # type: ignore[no-untyped-call]
        self._sums = parts[:, : slots + experts]

    def on(self, device: torch.device) -> Tally:
        moved = Tally(self.shape, device)
        moved.ints.copy_(self.ints)
        moved.floats.copy_(self.floats)
        return moved

    def clear(self) -> None:
        self.ints.data.zero_()
        self.floats.data.zero_()

    def add(self, other: Tally) -> None:
        self.ints.add_(other.ints)
        self._sums.add_(other._sums)
        self.bias.copy_(other.bias)


class Snapshots:
    """The sums of steps that have ended, for the host to read while the next step already runs."""

    def __init__(self) -> None:
        self._free: list[Tally] = []

    def exchange(self, source: Tally) -> tuple[Snapshot, Tally]:
        """On a CPU: the sums themselves, and a cleared tally for the next step."""
        return Snapshot(source, None), self._reuse(source.shape) or Tally(source.shape, "cpu")

    def take(self, source: Tally) -> Snapshot:
        """Copies the sums and clears them: CUDA graphs write to the same memory for ever. On a GPU the copy goes to pinned memory."""
        device = source.ints.device
        # Other accelerators copy at once: their pinned memory and events differ.
        on_gpu = device.type == "cuda"
        host = self._reuse(source.shape) or Tally(source.shape, "cpu", pinned=on_gpu)
        host.ints.copy_(source.ints, non_blocking=on_gpu)
        host.floats.copy_(source.floats, non_blocking=on_gpu)
        source.clear()
        return Snapshot(host, recorded_event(device) if on_gpu else None)

    def give_back(self, snapshot: Snapshot) -> None:
        """Lets a later step use the memory again: pinning memory stops the device. Not to be called on the training thread."""
        snapshot.tally.clear()
        self._free.append(snapshot.tally)

    def _reuse(self, shape: Shape) -> Tally | None:
        while self._free:
            tally = self._free.pop()
            if tally.shape == shape:
                return tally
        return None


@dataclass(frozen=True)
class Snapshot:
    tally: Tally
    #: Recorded behind the copy; None on a CPU, where the copy is done at once.
    event: Any

    def wait(self) -> Tally:
        """Not to be called on the training thread."""
        if self.event is not None:
            self.event.synchronize()
        return self.tally


def recorded_event(device: torch.device) -> Any:
    event = torch.get_device_module(device).Event()
    event.record()
    return event
