"""The names of token categories, and the numbers that stand for them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import limits


class CategoryNames:
    def __init__(self, names: Sequence[str]) -> None:
        """
        Raises:
            ValueError: when a name is empty or too long, or there twice.
        """
        if isinstance(names, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"categories are {names!r}: must be a list of at least one name, all different")
        self.names = list(limits.texts("categories", names, limits.CATEGORIES, limits.CATEGORY))

    def ids(self, category: Any) -> Any:
        """Numbers for names or numbers; names that are new are appended. A tensor on a device is taken as it is: looking would wait.

        Raises:
            ValueError: for a number that no category has.
        """
        if category is None or _on_device(category):
            return category
        values = np.asarray(category)
        if values.dtype.kind in "UO":
            return np.array([self._id(str(name)) for name in values.reshape(-1)], np.int64).reshape(values.shape)
        if values.size and int(values.max()) >= len(self.names):
            raise ValueError(f"category is {int(values.max())}: must be below {len(self.names)}, as the categories are {self.names}")
        return values.astype(np.int64)

    def _id(self, name: str) -> int:
        if name not in self.names:
            limits.texts("categories", [*self.names, name], limits.CATEGORIES, limits.CATEGORY)
            self.names.append(name)
        return self.names.index(name)


def _on_device(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor) and value.device.type != "cpu"
