"""The command `moescope` of the Python package: `sync` sends what runs have left behind, `convert` makes a CSV of arrays."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .converting.command import add_command as add_convert
from .spool import SpoolReader, spools_in


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 1 when something could not be sent or converted."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="moescope", description="Client of a moescope collector for Python trainers.")
    commands = parser.add_subparsers(dest="command", required=True)
    add_convert(commands)
    sync = commands.add_parser("sync", help="send runs that were made offline, or whose collector was away")
    sync.add_argument("directory", type=Path, help="the folder of spools (moescope-spool unless a script says otherwise)")
    sync.add_argument("--seconds", type=float, default=60, help="how long to try to reach the collector (default: %(default)s)")
    sync.set_defaults(carry_out=partial(_sync, sync))
    if list(given[:1]) == ["sync"]:
        try:
            from .sender import add_collector_options
        except ModuleNotFoundError:
            parser.error("sending needs grpcio: pip install 'moescope[send]'")
        add_collector_options(sync)
    options = parser.parse_args(given)
    return int(options.carry_out(options))


def _sync(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    folders = _folders(options.directory)
    if not folders:
        parser.error(f"directory is {options.directory}: no run waits in it")
    return sum(_send(folder, options) for folder in folders) and 1


def _folders(directory: Path) -> list[Path]:
    """Those that hold spools: one for each run and machine. The folder of one, or of one run, may be given too."""
    below = [directory, *spools_in(directory), *(host for run in spools_in(directory) for host in spools_in(run))]
    return [folder for folder in below if any((spool / "owner").exists() for spool in spools_in(folder))]


def _send(folder: Path, options: argparse.Namespace) -> int:
    """Returns how many spools are left."""
    from .sender import deliver, open_channel, sole_sender, write_line
    from .stream import Target

    with sole_sender(folder) as alone:
        if not alone:
            print(f"{folder}: its own sender still runs", file=sys.stderr)
            return 1
        for spool in spools_in(folder):
            SpoolReader(spool).try_again()
        with open_channel(options.address, options.ca, options.cert, options.key) as channel:
            target = Target(channel, options.address, os.environ.get("MOESCOPE_TOKEN"), write_line)
            left = deliver(folder, target, options.seconds)
    print(f"{folder}: {f'left {len(left)}' if left else 'sent'}")
    return len(left)


if __name__ == "__main__":
    raise SystemExit(main())
