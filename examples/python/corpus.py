"""What the examples train on: the text files of this repository, as bytes. Code is one category, documentation the other."""

import pathlib

import numpy as np

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CATEGORIES = {"code": ("packages/*/src/**/*.ts", "packages/*/src/**/*.py"), "docs": ("*.md", "packages/**/README.md", "tools/**/*.md")}
SAMPLES, LENGTH = 8, 128


def text_of(category):
    """All files of a category as one row of bytes."""
    files = sorted(path for pattern in CATEGORIES[category] for path in REPOSITORY.glob(pattern) if "node_modules" not in path.parts)
    return np.frombuffer(b"\n".join(path.read_bytes() for path in files), np.uint8).astype(np.int64)


def batches(seed):
    """Endless (tokens [SAMPLES, LENGTH], category [SAMPLES]), each sample from a random place of a random category."""
    texts, generator = [text_of(category) for category in CATEGORIES], np.random.default_rng(seed)
    while True:
        category = generator.integers(0, len(texts), SAMPLES)
        starts = [generator.integers(0, len(texts[c]) - LENGTH) for c in category]
        yield np.stack([texts[c][start : start + LENGTH] for c, start in zip(category, starts, strict=True)]), category
