"""Loss and the like, taken without waiting for the device that computes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from . import limits


def captured(values: Mapping[str, Any]) -> Callable[[], list[tuple[str, float]]]:
    """Keeps what the values are now; the function that is returned reads them, and may wait. None is left out.

    Raises:
        ValueError: for a tensor of more than one number, and for a name that is too long.
    """
    given = {name: value for name, value in values.items() if value is not None}
    _check_names(tuple(given))
    torch = sys.modules.get("torch")
    tensors = {name: value for name, value in given.items() if torch is not None and isinstance(value, torch.Tensor)}
    on_devices = {}
    for name, tensor in tensors.items():
        if tensor.numel() != 1:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)}: must be one number")
        local = tensor.to_local() if hasattr(tensor, "to_local") else tensor
        # On the CPU it is there already, and cheaper to read than to copy.
        if local.device.type == "cpu":
            given[name] = local.item()
        else:
            on_devices[name] = local.detach().reshape(())
    read_tensors = _copied(on_devices) if on_devices else dict

    def read() -> list[tuple[str, float]]:
        numbers = read_tensors()
        return [(name, float(numbers.get(name, value))) for name, value in given.items()]

    return read


@lru_cache(64)
def _check_names(names: tuple[str, ...]) -> None:
    """A train loop has the same at every step."""
    limits.texts("names of scalars", names, limits.SCALARS, limits.SCALAR)


def _copied(tensors: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    """All of a device travel in one copy, to pinned memory."""
    import torch

    from .tally import recorded_event

    copies = []
    for device in dict.fromkeys(tensor.device for tensor in tensors.values()):
        names = [name for name, tensor in tensors.items() if tensor.device == device]
        stacked = torch.stack([tensors[name].float() for name in names])
        host = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
        host.copy_(stacked, non_blocking=True)
        copies.append((names, host, recorded_event(device)))

    def read() -> dict[str, float]:
        numbers: dict[str, float] = {}
        for names, host, event in copies:
            event.synchronize()
            numbers.update(zip(names, host.tolist(), strict=True))
        return numbers

    return read
