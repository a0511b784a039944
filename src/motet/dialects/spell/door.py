"""How the code of a run speaks to the engine that drives it: calls of the house, and metrics, by HTTP on this machine.

The home is not to be seen in a run's sandbox, so the run's own token and an address are all that it gets. The listening
socket costs nothing until somebody comes: what serves HTTP is loaded then.
"""

from __future__ import annotations

import hmac
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from motet import requests
from motet.dialects.spell.wire import asked, lines_of, made
from motet.errors import MotetError

if TYPE_CHECKING:
    from motet.ports import RunRow
    from motet.ports.voice import Host

VARIABLE = "MOTET_SPELL_DOOR"
_MOST_BYTES = 64 * 2**20

OPEN = frozenset((
    "new", "get", "by_id", "runs", "logs", "wait", "metrics", "metric_names", "send_metric", "stop", "kill", "archive",
    "label", "ls", "tar", "link", "unlink", "links", "workflow", "workflows", "find_workflow", "document",
    "put_document", "documents", "forget", "next_number", "machine_types", "remove_upload",
))  # fmt: skip
"""What the code of a run may ask of the house: nothing that reads files of this machine which a sandbox hides."""

Inside: TypeAlias = Callable[[tuple[str, int]], Any]


class Door:
    """Listens for the runs of one host. `house` gives what they call, by the run and attempt that calls."""

    def __init__(self, host: Host, house: Inside) -> None:
        self.host = host
        self.users = 0
        self._house = house
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, name="motet-spell-door", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listening.accept()
            except OSError:  # it was closed
                return
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        with connection, suppress(OSError):
            _answering()(connection, address, self)

    def called(self, run: str, token: str, attempt: int, told: Mapping[str, Any]) -> Iterator[bytes]:
        """The answer to a call of the house, as lines."""
        if not self._is_own(run, token) or told.get("method") not in OPEN:
            yield b'{"refused": true}\n'
            return
        house = self._house((run, attempt))
        yield from lines_of(lambda: getattr(house, told["method"])(*told["args"], **told["kwargs"]))

    def measured(self, run: str, token: str, told: Mapping[str, Any]) -> bool:
        """Take a metric of a run; False for a token that is not its own."""
        if not self._is_own(run, token):
            return False
        value = told.get("number", told.get("text"))
        self._house((run, 1)).send_metric_of(run, str(told["name"]), value, told.get("index"))
        return True

    def _is_own(self, run: str, token: str) -> bool:
        return bool(run) and hmac.compare_digest(requests.token(self.host.home, run).encode(), token.encode())

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


_doors: dict[str, Door] = {}
_lock = threading.Lock()


@contextmanager
def opened(host: Host, house: Inside) -> Iterator[None]:
    """While in it, runs that this host drives are listened to."""
    with _lock:
        door = _doors.get(host.home)
        if door is None:
            door = _doors[host.home] = Door(host, house)
        door.users += 1
    try:
        yield
    finally:
        with _lock:
            door.users -= 1
            if not door.users:
                del _doors[host.home]
                door.close()


def variables(host: Host, row: RunRow, attempt: int) -> dict[str, str]:
    """What a run's command finds in its environment."""
    token, program = requests.token(host.home, row.id), row.program
    address = _doors[host.home].address
    found = {
        VARIABLE: address, "SPELL_RUN": str(program["number"]), "SPELL_OWNER": program["owner"],
        "SPELL_TOKEN": f"run_{row.id}_{token}", "SPELL_METRICS": f"{address}/{row.id}/{token}",
        "PYTHONPATH": _python_path(), "MOTET_PYTHON": sys.executable,
    }  # fmt: skip
    workflow = program.get("workflow") or program["request"].get("workflow_id")
    return {**found, "SPELL_WORKFLOW_ID": str(workflow)} if workflow else found


def _python_path() -> str:
    return os.pathsep.join(
        filter(None, [os.path.join(os.path.dirname(__file__), "served"), os.environ.get("PYTHONPATH", "")])
    )


class Away:
    """The house as the code of a run has it: the same calls, carried out by the run's engine."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.owner = os.environ.get("SPELL_OWNER", "")

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)

        def call(*args: Any, **kwargs: Any) -> Any:
            return asked(self._address, method, args, kwargs)

        return call


def away() -> Away | None:
    """The house of the run that this process is part of; None outside of one."""
    address = os.environ.get(VARIABLE)
    return Away(address) if address and os.environ.get("MOTET_RUN") else None


@lru_cache(maxsize=1)
def _answering() -> Any:
    """What answers a connection. Made when the first one comes: what it is made of takes long to load."""
    from http.server import BaseHTTPRequestHandler

    class Answering(BaseHTTPRequestHandler):
        """Answers one connection: a call of the house at /call, a metric at /RUN/TOKEN/user-metrics."""

        server: Any

        def answer(self) -> None:
            """One request."""
            size_bytes = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size_bytes) if size_bytes <= _MOST_BYTES else b""
            found = _answer(self.server, self.path, self.headers, body)
            self.send_response(200 if found is not None else 400)
            self.end_headers()
            for line in found or ():
                self.wfile.write(line)
                self.wfile.flush()

        do_POST = answer  # noqa: N815 - as the library has it

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library has it
            """Nobody reads it."""

    return Answering


def _answer(door: Door, path: str, headers: Any, body: bytes) -> Iterator[bytes] | None:
    """The lines of the answer to a request; None for one that is no such."""
    try:
        told = json.loads(body)
        if path == "/call":
            token = (headers.get("Authorization") or "").removeprefix("Bearer ")
            told = {**told, "args": made(told["args"]), "kwargs": made(told["kwargs"])}
            return door.called(headers.get("Run") or "", token, int(headers.get("Attempt") or 1), told)
        run, token, last = path.strip("/").split("/")
        if last == "user-metrics" and door.measured(run, token, told):
            return iter([b"{}\n"])
    except (ValueError, KeyError, TypeError, AttributeError, MotetError):
        return None
    return None
