"""A warm process of another Python, which calls functions one after the other: the near side of `far`."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from motet.executors.commands.child import Child, script_on
from motet.executors.commands.marks import MARK

if TYPE_CHECKING:
    from motet.executors.commands.spec import Function
    from motet.kernel.events import Json

_LENGTH = 8
_LEAVE_S = 1.0


def program() -> str:
    """The file that the other Python runs."""
    return os.path.join(os.path.dirname(__file__), "far.py")


def interpreter(function: Function) -> str:
    """The Python that is to call the function."""
    return function.python or sys.executable


def process_key(function: Function) -> tuple[str, ...]:
    """What two functions must have in common to be called in one process."""
    return (interpreter(function), function.seen_at, *function.paths)


def call_of(function: Function, cwd: str, env: Mapping[str, str | None]) -> dict[str, Json]:
    """The call as the far side takes it."""
    return {
        "name": function.name, "kwargs": dict(function.kwargs), "paths": list(function.paths), "cwd": cwd,
        "env": dict(env), "returns": function.returns, "files": dict(function.files), "seen_at": function.seen_at,
    }  # fmt: skip


class Distant:
    """The process and the socket to it. Used by one thread at a time."""

    def __init__(self, function: Function, environ: Mapping[str, str], mark: str) -> None:
        """Start it. Raises OSError."""
        self.key = process_key(function)
        self.control, theirs = socket.socketpair()
        try:
            with theirs:
                stdin = script_on("")
                try:
                    self.child = Child(
                        [self.key[0], program(), str(theirs.fileno())], env={**environ, MARK: mark},
                        cwd="/", stdin=stdin, mark=mark, pass_fds=(theirs.fileno(),),
                    )  # fmt: skip
                finally:
                    os.close(stdin)
        except BaseException:
            self.control.close()
            raise

    def send(self, call: Mapping[str, Json]) -> None:
        """Begin a call. Raises OSError if the process has ended."""
        content = json.dumps(call).encode()
        self.control.sendall(len(content).to_bytes(_LENGTH, "big") + content)

    def receive(self) -> dict[str, Json] | None:
        """The answer; None if there will be none, since the process has ended."""
        prefix = self._read(_LENGTH)
        content = None if prefix is None else self._read(int.from_bytes(prefix, "big"))
        return None if content is None else json.loads(content)

    def _read(self, count: int) -> bytes | None:
        content = bytearray()
        while len(content) < count:
            try:
                part = self.control.recv(min(count - len(content), 1 << 20))
            except ConnectionResetError:
                return None
            if not part:
                return None
            content += part
        return bytes(content)

    def is_alive(self) -> bool:
        """Whether it can take another call."""
        return not self.child.has_ended()

    def end(self) -> None:
        """End it, and all that it has started."""
        self.control.close()
        self.child.signal(9)
        self.child.reap()
        self.child.close()
