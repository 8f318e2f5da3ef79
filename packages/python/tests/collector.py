"""The real collector on ports of its own, started and killed by the tests."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
COMMAND = REPOSITORY / "packages/cli/bin/moescope.js"


def available() -> bool:
    return shutil.which("node") is not None and (REPOSITORY / "packages/cli/dist").is_dir()


def until(condition: Callable[[], Any], seconds: float = 30.0, what: str = "the condition") -> Any:
    """The first true answer of `condition`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not hold within {seconds} s")
        time.sleep(0.02)
    return answer


class Collector:
    def __init__(self, data: pathlib.Path, environment: dict[str, str] | None = None, options: Sequence[str] = ()) -> None:
        self.data, self._options = data, options
        self._grpc, self._http = "0", "0"
        self._environment = {**os.environ, **(environment or {})}
        self.start()

    def start(self) -> None:
        """On the ports that it had before, where it was started before."""
        command = [
            "node",
            str(COMMAND),
            "collect",
            "--data",
            str(self.data),
            "--json",
            "--http",
            self._http,
            "--grpc",
            self._grpc,
            *self._options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self.process.stdout is not None
        addresses = json.loads(self._first_json(self.process.stdout))
        self.url, self.address = addresses["dashboard"], addresses["collector"]
        self._http, self._grpc = self.url.rpartition(":")[2].strip("/"), self.address.rpartition(":")[2]

    @staticmethod
    def _first_json(lines) -> str:
        text = ""
        for line in lines:
            text += line
            try:
                json.loads(text)
                return text
            except ValueError:
                continue
        raise RuntimeError(f"the collector did not start: {text}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=30) as answer:
            return json.load(answer)

    def history(self, run: str) -> list[dict[str, Any]]:
        """Every step, all layers and categories."""
        return self.get(f"runs/{run}/history?layers=all&points=2000")["buckets"]
