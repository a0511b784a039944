"""A connection to a server: who asks, what is asked, and errors that come back as they were raised there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from motet import errors, owners, private
from motet.errors import Conflict, MotetError, NotFound, StoreError, StoreUnavailable, UsageError
from motet.kernel.events import Json

API = "/api/v1"
_PATIENCE_S = 700.0
"""For as long as a server lets code that was sent begin a run, and a little more."""

_BY_STATUS: Mapping[int, type[MotetError]] = {404: NotFound, 409: Conflict, 503: StoreError, 507: errors.StoreFull}


class Address:
    """Where a server is, and what is shown to it: MOTET_TOKEN, else, to a server of this home alone, what that has."""

    def __init__(self, url: str, token: str = "") -> None:
        """Raises UsageError for what is no address."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            self.port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            parts = parts._replace(scheme="")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise UsageError(f"{url!r} is no address of a server.", "Write one such as http://127.0.0.1:4200.")
        self.host, self.is_secure = parts.hostname, parts.scheme == "https"
        self.path = parts.path.rstrip("/").removesuffix(API).removesuffix("/api")
        self.url = f"{parts.scheme}://{parts.netloc}{self.path}"
        self.token = (token or os.environ.get("MOTET_TOKEN", "")).strip() or self._own_token()
        if not (self.token.isascii() and self.token.isprintable()):
            raise UsageError("What MOTET_TOKEN holds is no token.", "Take one as `motet token create` printed it.")

    def _own_token(self) -> str:
        home = private.home()
        number = owners.own_server(home, self.host, self.port)
        if not number:
            return ""
        if not self.is_secure and number != self.host:  # another process may listen at the name's other number
            self.host, self.url = number, f"http://{f'[{number}]' if ':' in number else number}:{self.port}{self.path}"
        try:
            with open(os.path.join(home, "server.token"), encoding="ascii") as file:
                return file.read().strip()
        except (OSError, ValueError):
            return ""

    @property
    def headers(self) -> dict[str, str]:
        """What each request says of who asks."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def unreachable(self, error: object) -> StoreUnavailable:
        """What to raise where there is no server."""
        return StoreUnavailable(
            f"The server at {self.url} cannot be reached: {error}.",
            "Start it with `motet server`, or correct MOTET_SERVER; without that, commands work here.",
        )


def error_of(status: int, told: Json, address: Address) -> MotetError:
    """The error that an answer tells of, of the class that it had there."""
    if not isinstance(told, dict) or "error" not in told:
        return _no_word(status, address)
    if status == 401 and not address.token:
        return UsageError(str(told["error"]), "Set MOTET_TOKEN to one: motet token create NAME, at the server.")
    kind = _kind(str(told.get("type"))) or _BY_STATUS.get(status, UsageError if status < 500 else MotetError)
    return kind(str(told["error"]), str(told.get("cure", "")))


def _no_word(status: int, address: Address) -> StoreUnavailable:
    return StoreUnavailable(f"{address.url} answered {status}, which is no word of Motet's.", "Is it its server?")


def _kind(name: str) -> type[MotetError] | None:
    """The error of that name, if what it says is all that it is made of."""
    found = getattr(errors, name, None)
    known = isinstance(found, type) and issubclass(found, MotetError) and found.__init__ is MotetError.__init__
    return found if known else None


def path_of(template: str, named: Mapping[str, str], query: Mapping[str, Any]) -> str:
    """The path with what it names, and the query. A list is named once for each that it has; None is left out."""
    path = template
    for name, value in named.items():
        path = path.replace(f"{{{name}:path}}", quote(value, safe="/")).replace(f"{{{name}}}", quote(value, safe=""))
    given = {name: _written(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _written(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    return value if isinstance(value, str) else json.dumps(value)


class Connection:
    """Asks a server, one question after the other, without anything beside the standard library."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._kept: HTTPConnection | None = None

    def ask(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Json = None) -> Json:
        """The answer, as JSON. Raises what the server raised; StoreUnavailable where there is none."""
        content = self.content(method, path, query, body)
        try:
            return json.loads(content or b"null")
        except ValueError:
            raise _no_word(200, self.address) from None

    def content(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Json = None
    ) -> bytes:  # fmt: skip
        """The answer, as it is."""
        text = None if body is None else json.dumps(body).encode()
        try:
            answer = self._answer(method, path_of(path, {}, query or {}), text)
            content = answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise self.address.unreachable(said) from None
        if answer.status >= 400:
            raise error_of(answer.status, _json(content), self.address)
        return content

    def _answer(self, method: str, path: str, body: bytes | None) -> HTTPResponse:
        """The answer to a request. One that changes nothing is asked again where a kept connection has ended."""
        if self._kept is not None and method == "GET":
            try:
                return self._send(self._kept, method, path, body)
            except (OSError, HTTPException):
                pass
        self.close()
        self._kept = self.opened(_PATIENCE_S)
        return self._send(self._kept, method, path, body)

    def opened(self, timeout_s: float | None) -> HTTPConnection:
        """A connection of its own."""
        kind = HTTPSConnection if self.address.is_secure else HTTPConnection
        return kind(self.address.host, self.address.port, timeout=timeout_s)

    def _send(self, connection: HTTPConnection, method: str, path: str, body: bytes | None) -> HTTPResponse:
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, f"{self.address.path}{path}", body, {**self.address.headers, **kind})
        return connection.getresponse()

    def close(self) -> None:
        """Let go of what is kept."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None


def _json(content: bytes) -> Json:
    try:
        return json.loads(content)
    except ValueError:
        return None
