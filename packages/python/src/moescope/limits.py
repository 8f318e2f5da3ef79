"""What a collector takes of names and texts (packages/proto/README.md has all limits): a Hello beyond them would cost the whole run."""

from __future__ import annotations

from collections.abc import Sequence

NAME, CONFIG, CATEGORY, CATEGORIES, TAG, TAGS, SCALAR, SCALARS, REASON = 1024, 2**20, 256, 4096, 256, 256, 256, 4096, 65_536


def units(text: str) -> int:
    """UTF-16 units, in which the protocol counts characters: an emoji has two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def text(name: str, value: str, most: int, least: int = 0) -> str:
    """The value itself.

    Raises:
        ValueError: when it has too few or too many characters.
    """
    if not isinstance(value, str) or not least <= units(value) <= most:
        shown = repr(value) if len(repr(value)) < 100 else f"{repr(value)[:90]}… ({units(value)} characters)"
        raise ValueError(f"{name} is {shown}: must have {least} to {most} characters")
    return value


def texts(name: str, values: Sequence[str], most: int, longest: int) -> tuple[str, ...]:
    """
    Raises:
        ValueError: when there are too many, or one is empty or too long.
    """
    if len(values) > most:
        raise ValueError(f"{name} are {len(values)}: must be at most {most}")
    return tuple(text(f"one of {name}", value, longest, 1) for value in values)
