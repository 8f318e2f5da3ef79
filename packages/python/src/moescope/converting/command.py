"""The command `moescope convert`: reads the files, and writes a row for every expert that was chosen."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .loading import ConvertError, Loaded, Whole, load
from .routed import routed_passes
from .sglang import is_recording, recorded_passes

ABOUT = "make a CSV for `moescope import` of SGLang's recordings (.pt), or of arrays of routed experts"


def add_command(commands: Any) -> None:
    convert = commands.add_parser("convert", help=ABOUT, description=ABOUT)
    convert.add_argument("files", nargs="+", type=Path, help=".pt, .npy or .npz; steps are numbered in this order")
    convert.add_argument("--out", type=Path, required=True, help="the CSV; compressed when it ends in .gz")
    convert.add_argument("--experts", type=_whole_number, help="experts of a layer (default for arrays: the highest index plus one)")
    convert.add_argument("--layers", type=_layers, help="the MoE layers of arrays with top-1, as in 3,4,5")
    same = "ranks that routed the same tokens, by which the counts of SGLang are divided"
    convert.add_argument("--same-tokens", type=_whole_number, default=1, help=same)
    convert.set_defaults(carry_out=_carry_out)


def _carry_out(options: argparse.Namespace) -> int:
    """Returns the exit code: 0, or 1 when a file cannot be converted."""
    try:
        print(convert(options.files, options.out, options.experts, options.layers, options.same_tokens))
    except (ConvertError, OSError) as error:
        print(f"moescope convert: {error}", file=sys.stderr)
        return 1
    return 0


def convert(
    files: Sequence[Path],
    out: Path,
    experts: int | None = None,
    layers: tuple[int, ...] | None = None,
    same_tokens: int = 1,
) -> str:
    """Writes the CSV.

    Returns:
        A line that says what is in it, and how it is imported.

    Raises:
        ConvertError: names the file which is wrong. Nothing is written then.
    """
    if any(out.resolve() == file.resolve() for file in files):
        raise ConvertError(f"--out is {out}, which is to be read")
    loaded = [part for file in files for part in load(file)]
    passes, top_k = _passes(loaded, experts, layers, same_tokens)
    if not any(counts.any() for _, counts in passes):
        raise ConvertError(f"{files[0]} holds no choice of an expert")
    found = passes[0][1].shape[1]
    with closing(_opened(out)) as csv:
        steps = _write(csv, passes)
    moe = sum(any(counts[layer].any() for _, counts in passes) for layer in range(len(passes[0][1])))
    known = f"{out}: {steps} steps, {moe} layers, {found} experts"
    return f"{known}; moescope import {out} --format csv --experts {found} --top-k {top_k or 'K'}"


def _passes(
    loaded: Sequence[Loaded], experts: int | None, layers: tuple[int, ...] | None, same_tokens: int
) -> tuple[list[tuple[int, Whole]], int | None]:
    """Steps ascending, all of the same shape [layers, experts], and top-k where the files say it."""
    recordings = [is_recording(part.value) for part in loaded]
    if not any(recordings):
        return routed_passes(loaded, experts, layers)
    if not all(recordings):
        raise ConvertError("some files are recordings and some are arrays; convert each kind by itself")
    passes = recorded_passes(loaded)
    for step, counts in passes:
        if counts.shape != passes[0][1].shape:
            raise ConvertError(f"step {step} has (layers, experts) {counts.shape}, but step {passes[0][0]} {passes[0][1].shape}")
        if experts is not None and counts.shape[1] != experts:
            raise ConvertError(f"step {step} has {counts.shape[1]} experts, but --experts is {experts}")
    if same_tokens == 1:
        _say_common_factor(passes)
    return [(step, _divided(counts, step, same_tokens)) for step, counts in passes], None


def _divided(counts: Whole, step: int, ranks: int) -> Whole:
    odd = np.argwhere(counts % ranks)
    if len(odd):
        layer, expert = odd[0]
        raise ConvertError(f"step {step}, layer {layer}, expert {expert}: {counts[layer, expert]} is no multiple of --same-tokens {ranks}")
    return counts // ranks


def _say_common_factor(passes: Sequence[tuple[int, Whole]]) -> None:
    factor = int(np.gcd.reduce([int(np.gcd.reduce(counts, axis=None)) for _, counts in passes] or [0]))
    if factor > 1:
        print(
            f"moescope convert: every count is a multiple of {factor}. SGLang adds up all ranks, also those that routed the same tokens, "
            f"as in tensor parallelism without data-parallel attention: if {factor} did, say --same-tokens {factor}",
            file=sys.stderr,
        )


def _layers(text: str) -> tuple[int, ...]:
    return tuple(_whole_number(layer, 0) for layer in text.split(","))


def _whole_number(text: str, least: int = 1) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r}; allowed are whole numbers from {least}")
    return int(text)


def _opened(out: Path) -> TextIO:
    if out.suffix == ".gz":
        return gzip.open(out, "wt", encoding="utf-8", newline="")
    return out.open("w", encoding="utf-8", newline="")


def _write(csv: TextIO, passes: Iterable[tuple[int, Whole]]) -> int:
    """Rows of experts that have a count, and of the last one, so that every reader knows how many there are; layers and passes without a
    choice have none.

    Returns:
        How many passes have rows.
    """
    csv.write("step,layer,expert,count\n")
    steps = 0
    for step, counts in passes:
        last = counts.shape[1] - 1
        used = [int(layer) for layer in np.flatnonzero(counts.any(1))]
        steps += bool(used)
        for layer in used:
            rows = [int(expert) for expert in np.flatnonzero(counts[layer]) if expert < last]
            csv.writelines(f"{step},{layer},{expert},{counts[layer, expert]}\n" for expert in [*rows, last])
    return steps
