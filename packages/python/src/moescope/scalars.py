"""Loss and the like, taken without waiting for the device that computes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from . import limits


def captured(values: Mapping[str, Any]) -> Callable[[], list[tuple[str, float]]]:
    """Keeps what the values are now; the function that is returned reads them, and may wait. None is left out.

    Raises:
        ValueError: for a tensor of more than one number, and for a name that is too long.
    """
    given = {name: value for name, value in values.items() if value is not None}
    limits.texts("names of scalars", list(given), limits.SCALARS, limits.SCALAR)
    torch = sys.modules.get("torch")
    tensors = {name: value for name, value in given.items() if torch is not None and isinstance(value, torch.Tensor)}
    read_tensors = _captured_tensors(tensors) if tensors else dict

    def read() -> list[tuple[str, float]]:
        numbers = read_tensors()
        return [(name, float(numbers.get(name, value))) for name, value in given.items()]

    return read


def _captured_tensors(tensors: Mapping[str, Any]) -> Callable[[], dict[str, float]]:
    """All of a device travel in one copy, to pinned memory where they are on a GPU."""
    import torch

    from .tally import recorded_event

    for name, tensor in tensors.items():
        if tensor.numel() != 1:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)}: must be one number")
    plain = {name: (t.to_local() if hasattr(t, "to_local") else t).detach().reshape(()) for name, t in tensors.items()}
    copies = []
    for device in dict.fromkeys(tensor.device for tensor in plain.values()):
        names = [name for name, tensor in plain.items() if tensor.device == device]
        stacked = torch.stack([plain[name].double() if device.type == "cpu" else plain[name].float() for name in names])
        if device.type == "cpu":
            copies.append((names, stacked, None))
            continue
        host = torch.empty(stacked.shape, dtype=stacked.dtype, pin_memory=True)
        host.copy_(stacked, non_blocking=True)
        copies.append((names, host, recorded_event(device)))

    def read() -> dict[str, float]:
        numbers: dict[str, float] = {}
        for names, host, event in copies:
            if event is not None:
                event.synchronize()
            numbers.update(zip(names, host.tolist(), strict=True))
        return numbers

    return read
