"""Live updates of a server: who follows wakes when something was committed there, over a stream of events."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse

from motet.client.connection import API, Address, Connection, error_of
from motet.errors import MotetError

LIVE = f"{API}/live"
_SILENT_S = 60.0
"""A server says four times as often that it is still there."""

_AGAIN_S = 1.0


class Following:
    """A follower (see `motet.ports.Follower`): it listens from the moment that it is made.

    A stream that ends is taken up again where it was left. Where that cannot be, it wakes: whoever asks the server then
    is told why.
    """

    def __init__(self, address: Address) -> None:
        """Raises what the server refuses; StoreUnavailable where there is none."""
        self._address = address
        self._news, self._over = threading.Event(), threading.Event()
        self._last = ""
        self._socket: socket.socket | None = None
        answer = self._opened()
        threading.Thread(target=self._listen, args=(answer,), name="motet-following", daemon=True).start()

    def wait(self, timeout_s: float | None) -> bool:
        """See `motet.ports.Follower`."""
        woken = self._news.wait(timeout_s)
        self._news.clear()
        return woken and not self._over.is_set()

    def wake(self) -> None:
        """See `motet.ports.Follower`."""
        self._news.set()

    def close(self) -> None:
        """See `motet.ports.Follower`."""
        self._over.set()
        self._news.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _opened(self) -> HTTPResponse:
        """The stream, from where it was left on; the server listens for this follower by now."""
        connection = Connection(self._address).opened(_SILENT_S)
        since = {"Last-Event-ID": self._last} if self._last else {}
        try:
            connection.connect()
            self._socket = connection.sock
            connection.request("GET", f"{self._address.path}{LIVE}", headers={**self._address.headers, **since})
            answer = connection.getresponse()
            if answer.status != 200:
                raise error_of(answer.status, json.loads(answer.read()), self._address)
            answer.readline()
        except (OSError, HTTPException, ValueError) as error:
            raise self._address.unreachable(error) from None
        return answer

    def _listen(self, answer: HTTPResponse) -> None:
        while not self._over.is_set():
            with suppress(OSError, HTTPException, ValueError):
                for line in _lines(answer):
                    if line.startswith(b"id:"):
                        self._last = line[3:].strip().decode("ascii")
                    elif line.startswith(b"data:"):
                        self._news.set()
            self._news.set()
            while not self._over.wait(_AGAIN_S):
                try:
                    answer = self._opened()
                except MotetError:
                    self._news.set()
                else:
                    self._news.set()  # for what came meanwhile
                    break


def _lines(answer: HTTPResponse) -> Iterator[bytes]:
    while line := answer.readline():
        yield line
