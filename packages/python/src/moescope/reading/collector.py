"""A collector as a notebook sees it: which runs it has stored."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence

from .http import Connection
from .run import StoredRun


def connect(
    url: str | None = None,
    *,
    token: str | None = None,
    ca: str | None = None,
    cert: str | None = None,
    key: str | None = None,
    timeout: float = 60.0,
) -> Collector:
    """A collector whose runs are to be read; asks it for nothing but who may read.

    Args:
        url: of the dashboard; MOESCOPE_URL, then http://127.0.0.1:4680 when absent.
        token: of role read, both or admin, where the collector asks for one; MOESCOPE_TOKEN when absent.
        ca, cert, key: paths of PEM files, for a URL that begins with https. `ca` is needed where the collector's certificate is of an
            authority of one's own; the others where the collector asks for a certificate.
        timeout: seconds that each answer may take.

    Raises:
        CollectorError: when no collector answers there, or not to this token.
        ValueError: when an argument is not what it must be.
    """
    url = url or os.environ.get("MOESCOPE_URL") or "http://127.0.0.1:4680"
    connection = Connection(url, token or os.environ.get("MOESCOPE_TOKEN") or None, ca, cert, key, timeout)
    session, headers = connection.get_with_headers("session")
    if session["required"] and session["role"] is None:
        connection.get("runs")  # is refused, and says which token is needed
    return Collector(connection, _allows_frames(headers.get("Content-Security-Policy", "")))


class Collector:
    """Made by `connect`."""

    def __init__(self, connection: Connection, frames: bool) -> None:
        self._connection, self._frames = connection, frames

    @property
    def url(self) -> str:
        return self._connection.url

    def runs(self) -> list[StoredRun]:
        """All runs as they are now, the newest first."""
        return [StoredRun(self._connection, summary, self._frames) for summary in self._connection.get("runs")["runs"]]

    def run(self, wanted: str) -> StoredRun:
        """The run with this id; or the only one with this name, or whose id begins so.

        Raises:
            LookupError: when there is none, or more than one; it names them.
        """
        return _only(self.runs(), wanted)

    def close(self) -> None:
        """Closes the connection. It is opened again when it is needed."""
        self._connection.close()

    def __repr__(self) -> str:
        return f"<moescope collector at {self.url}>"


def _only(runs: Sequence[StoredRun], wanted: str) -> StoredRun:
    exact = [run for run in runs if run.id == wanted]
    named = [run for run in runs if wanted in run.names]
    begun = [run for run in runs if run.id.startswith(wanted)]
    found = exact or named or begun
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"run {wanted!r} may be {' or '.join(run.id for run in found)}; write the id")
    if not runs:
        raise LookupError(f"there is no run {wanted!r}: none is stored there")
    (closest,) = difflib.get_close_matches(wanted, [run.id for run in runs], 1, 0.0)
    raise LookupError(f"there is no run {wanted!r}; did you mean {closest!r}? runs() lists all")


def _allows_frames(policy: str) -> bool:
    """Whether pages elsewhere may show the dashboard in a frame. Which ones, only the browser that shows it can tell."""
    ancestors = re.search(r"(?:^|;)\s*frame-ancestors\s+([^;]*)", policy)
    return ancestors is None or ancestors.group(1).strip() != "'none'"
