"""Classes of tokens by their text, for asking where attention goes: `#`, `*`, whitespace, and those that a user names by pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limits

#: The class of a token that matches no pattern.
OTHER = "other"

#: As the trainer of moescope has them: a token may be several characters.
DEFAULT = {"#": r"^\s*#+\s*$", "*": r"^\s*\*+\s*$", "whitespace": r"^\s+$"}

#: `attention/uniform/` and the name are the name of a scalar.
_LONGEST = limits.SCALAR - len("attention/uniform/")
_MOST = 1023


def classify(tokens: NDArray[np.integer[Any]], classes: Mapping[str, str], text_of: Callable[[int], str]) -> NDArray[np.int64]:
    """The class of each token: an index into `classes`, the first whose pattern is found in the token's text, or their number for other.

    Args:
        tokens: of any shape.
        text_of: the text of a token; asked once for each that occurs.

    Raises:
        ValueError: for a name that is not allowed, and for a pattern that is no regular expression.
    """
    expressions = [_expression(name, pattern) for name, pattern in classes.items()]
    limits.texts("token classes", list(classes), _MOST, _LONGEST)
    occurring, places = np.unique(tokens, return_inverse=True)

    def class_of(text: str) -> int:
        return next((place for place, expression in enumerate(expressions) if expression.search(text)), len(expressions))

    found = np.array([class_of(text_of(int(token))) for token in occurring], np.int64)
    return found[places].reshape(tokens.shape)


def _expression(name: str, pattern: str) -> re.Pattern[str]:
    if name == OTHER:
        raise ValueError(f"token class {OTHER!r} is what matches no pattern: must have another name")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"token class {name!r} has the pattern {pattern!r}: must be a regular expression ({error})") from error
