"""Asks a collector's HTTP API: one connection that stays open, JSON, and an error that a person understands for whatever goes wrong."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..errors import CollectorError

_TOKEN = re.compile(r"[\x21-\x7e]+")


class Connection:
    """May be used by several threads; they take turns."""

    def __init__(self, url: str, token: str | None, ca: str | None, cert: str | None, key: str | None, timeout: float) -> None:
        """
        Raises:
            ValueError: when the URL or the token is none, or what they are given with does not go together.
        """
        self.url = _checked(url)
        self._address = urlsplit(self.url)
        if token is not None and not _TOKEN.fullmatch(token):
            raise ValueError("token: must be letters, digits and signs, without spaces")
        self._headers = {"Accept": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
        self._new = _connector(self.url, ca, cert, key, timeout)
        self._open: http.client.HTTPConnection | None = None
        self._turn = threading.Lock()

    def get(self, path: str, parameters: Mapping[str, object] | None = None) -> Any:
        """What the API answers to GET /api/v1/`path`.

        Raises:
            CollectorError: when nothing answers, when what answers is no collector, and when the collector answers with an error.
        """
        return self.get_with_headers(path, parameters)[0]

    def get_with_headers(self, path: str, parameters: Mapping[str, object] | None = None) -> tuple[Any, http.client.HTTPMessage]:
        query = urlencode({name: value for name, value in (parameters or {}).items() if value is not None}, safe=",")
        target = f"{self._address.path}/api/v1/{path}" + (f"?{query}" if query else "")
        with self._turn:
            status, headers, body = self._ask(target)
        return self._read(status, headers, body), headers

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _ask(self, target: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        """A connection that was open may have been closed by the collector meanwhile: then a new one is tried."""
        if self._open is not None:
            try:
                return self._ask_over(self._open, target)
            except (ConnectionError, http.client.HTTPException):
                self.close()
        self._open = self._new()
        try:
            return self._ask_over(self._open, target)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise CollectorError(f"no collector answers at {self.url}: {_reason(error)}") from error

    def _ask_over(self, connection: http.client.HTTPConnection, target: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection.request("GET", target, headers=self._headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def _read(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> Any:
        answer = _json(body)
        if status != 200 and (message := _error_message(answer)) is not None:
            hint = " (token=, or MOESCOPE_TOKEN)" if status == 401 else ""
            raise CollectorError(f"the collector at {self.url} answers: {message}{hint}", status)
        if status != 200 or answer is None or "Moescope-Api-Version" not in headers:
            raise CollectorError(f"{self.url} answers with status {status}, but not as a moescope collector does", status)
        return answer


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and not (parts.query or parts.fragment)
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise ValueError(f"url is {url!r}: must be that of a collector's dashboard, as in http://127.0.0.1:4680")
    if "@" in parts.netloc:
        raise ValueError("url has a user or password in it: a collector takes a token, which token= or MOESCOPE_TOKEN gives")
    return url.rstrip("/")


def _connector(url: str, ca: str | None, cert: str | None, key: str | None, timeout: float) -> Any:
    """Makes connections, none of which is opened yet."""
    parts = urlsplit(url)
    if (cert is None) != (key is None):
        raise ValueError("cert and key go together: both, or neither")
    if parts.scheme == "http":
        if ca is not None or cert is not None:
            raise ValueError(f"url is {url!r}: must begin with https:// where ca, cert and key are given")
        return lambda: http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    import ssl

    context = ssl.create_default_context(cafile=ca)
    if cert is not None:
        context.load_cert_chain(cert, key)
    return lambda: http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)


def _reason(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return f"what listens there does not speak HTTP ({error!r}); the dashboard's port is meant, usually 4680, not that of gRPC"
    return str(error) or repr(error)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _error_message(answer: Any) -> str | None:
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None
