"""A server put together: a home, all routes and a socket; and the process that answers there. By uvicorn."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from motet import private
from motet.errors import UsageError
from motet.server import tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.rescue import Rescue
from motet.server.site import open_site

_DRAIN_S = 10


class Server:
    """The server of one home. It listens from the beginning, so that the address is known; `serve` answers."""

    def __init__(
        self, home: str, host: str, port: int, names: Sequence[str], tls: tuple[str, str] | None = None
    ) -> None:  # fmt: skip
        self.site = open_site(home)
        self._tls = tls
        self._listening = _listen(host, port)
        self.port = self._listening.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{shown}:{self.port}"
        self.gate = Gate(self.site, names, f"motet_session_{self.port}")
        self.application = Application(self.site, ROUTES, self.gate)
        self.chores: list[Callable[[threading.Event], None]] = [Rescue(self.site).run]
        self.token_file = tokens.own_file(home)

    def has_users(self) -> bool:
        """Whether anybody has a token beside the home's owner."""
        return any(each.note not in (tokens.OWN, tokens.BROWSER) for each in tokens.every(self.site.store))

    def link(self) -> str:
        """A link that lets one browser in as the home's owner, once."""
        return f"{self.url}/login?code={tokens.link_code(self.site.store, private.user(), tokens.Role.ADMIN)}"

    def serve(self, ready: Callable[[], None]) -> None:
        """Answer until the process is asked to end."""
        tokens.own(self.site.store, self.site.home)
        stopped = threading.Event()
        chores = [threading.Thread(target=each, args=(stopped,), daemon=True) for each in self.chores]

        def begin() -> None:
            for each in chores:
                each.start()
            ready()

        def end() -> None:
            stopped.set()
            self.application.hub.close()

        try:
            _serve(self.application, self._listening, self._tls, begin, end)
        finally:
            stopped.set()
            self.site.close()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UsageError where that cannot be."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(kind, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(512)
    except (OSError, OverflowError) as error:
        made.close()
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"Nothing can listen on {host}:{port}: {why}.", "Choose another: --port N") from None
    return made


def _serve(
    application: Any, listening: socket.socket, tls: tuple[str, str] | None, ready: Callable[[], None],
    stopping: Callable[[], None],
) -> None:  # fmt: skip
    """Answer until SIGTERM or SIGINT; then let what is under way be answered, for a while. `ready` is called when the
    first request would be, `stopping` when none is taken any more.
    """

    class Uvicorn(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Both signals end it well: the process is not killed by them again afterwards."""
            before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGTERM, signal.SIGINT)}
            try:
                yield
            finally:
                for each, handler in before.items():
                    signal.signal(each, handler)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            stopping()  # streams of events would go on
            await super().shutdown(sockets)

    config = uvicorn.Config(
        application, log_level="warning", access_log=False, server_header=False, date_header=True, lifespan="on",
        http="h11", loop="asyncio", ws="none", timeout_graceful_shutdown=_DRAIN_S, h11_max_incomplete_event_size=65536,
        ssl_certfile=tls[0] if tls else None, ssl_keyfile=tls[1] if tls else None, proxy_headers=False,
    )  # fmt: skip
    Uvicorn(config).run([listening])
