"""A server as a process of its own, and what asks it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

HANDED_ON = """
import os, sys
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServerProcess:
    """`motet server` for a home, at a port that is free; ended with the `with` block. `given` is a socket that already
    listens, handed on as systemd does.
    """

    def __init__(self, home: Path, *options: str, given: socket.socket | None = None) -> None:
        self.home = home
        call = [sys.executable, "-P", "-m", "motet.cli", "server", "--port", "0", "--json", *options]
        files: tuple[int, ...] = ()
        if given is not None:
            files = (given.fileno(),)
            call = [sys.executable, "-c", HANDED_ON, str(given.fileno()), *call]
        self.process = subprocess.Popen(
            call, env={**os.environ, "MOTET_HOME": str(home)}, stdout=subprocess.PIPE, text=True, pass_fds=files
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server said nothing"
        self.url: str = json.loads(line)["url"]
        self.port = int(self.url.rpartition(":")[2])
        self.token = (home / "server.token").read_text().strip()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and the document of the answer."""
        connection = self.connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self.headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill it without a word."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
