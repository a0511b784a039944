"""A server put together: a home, all routes and a socket; and the process that answers there. By uvicorn."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from math import inf
from typing import Any
from typing import Protocol as Interface

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from motet import owners, private
from motet.errors import UsageError, did_you_mean
from motet.scheduling import living
from motet.scheduling.loop import Scheduler
from motet.server import tokens
from motet.server.api import ROUTES
from motet.server.application import Application
from motet.server.gate import Gate
from motet.server.rescue import Rescue
from motet.server.site import Site, open_site
from motet.server.table import Route
from motet.values import visible

GROUP = "motet.protocols"
"""The entry points under which installed packages bring further protocols."""
_DRAIN_S = 10
_SILENT_S = 15.0
_LOOK_S = 10.0
_GIVEN = 3
"""The file in which systemd hands on the first socket."""


class Connection(H11Protocol):
    """A connection that is ended once nothing has been under way on it for a while: none is held by saying nothing, or
    by headers that never end. What comes beyond half of the files that this process may have open is ended at once: the
    others are for the store, and for what is answered from files.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One more; see asyncio.Protocol."""
        super().connection_made(transport)
        self._look_later()
        if len(self.connections) > _most_connections():
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended; see asyncio.Protocol."""
        self._looking.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._looking = self.loop.call_later(_SILENT_S, self._look, self.cycle, self._is_idle())

    def _is_idle(self) -> bool:
        under_way: Any = self.cycle  # None before the first request
        return under_way is None or bool(under_way.response_complete)

    def _look(self, before: object, was_idle: bool) -> None:
        if was_idle and self.cycle is before and self._is_idle():
            self.transport.close()
        else:
            self._look_later()


def _most_connections() -> float:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return inf if files == resource.RLIM_INFINITY else files // 2


class Protocol(Interface):
    """A further protocol, of an installed package, under the server's own contract: it reads the store and its
    documents, and publishes requests; it drives no run. `routes` are answered at the server's own address.
    """

    name: str
    routes: Sequence[Route]

    def start(self, site: Site, options: Mapping[str, str]) -> Callable[[], None]:
        """Open its port, at `options["address"]` where that is given; gives what closes it. Raises UsageError."""
        ...


Started = tuple[Protocol, Mapping[str, str]]
"""A protocol, and what it is to be started with."""


@dataclass(frozen=True)
class Place:
    """Where a server listens, and by which names it goes; `tls` are the files of its certificate and key. With
    `until_idle_s` it ends when for so long nobody has looked or asked.
    """

    host: str = "127.0.0.1"
    port: int = 0
    names: Sequence[str] = ()
    tls: tuple[str, str] | None = None
    until_idle_s: float = inf


class Server:
    """The server of one home. It listens from the beginning, so that the address is known; `serve` answers."""

    def __init__(self, home: str, place: Place, further: Sequence[Started] = ()) -> None:
        self.site = open_site(home)
        self._tls, self._further, self._until_idle_s = place.tls, further, place.until_idle_s
        given = _given()
        self._listening = given or _listen(place.host, place.port)
        self.port = self._listening.getsockname()[1]
        self.host = self._listening.getsockname()[0] if given else place.host
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http{'s' if place.tls else ''}://{shown}:{self.port}"
        self.gate = Gate(self.site, place.names, f"motet_session_{self.port}")
        brought = [replace(route, brought_by=each.name) for each, _ in further for route in each.routes]
        self.application = Application(self.site, [*ROUTES, *brought], self.gate)
        self.chores: list[Callable[[threading.Event], None]] = [Rescue(self.site).run, self._schedule]
        if self._until_idle_s < inf:
            self.chores.append(self._end_when_idle)
        self.token_file = tokens.own_file(home)

    def has_users(self) -> bool:
        """Whether anybody has a token beside the home's owner."""
        return any(each.note not in (tokens.OWN, tokens.BROWSER) for each in tokens.every(self.site.store))

    def link(self) -> str:
        """A link that lets one browser in as the home's owner, once."""
        return f"{self.url}/login?code={tokens.link_code(self.site.store, private.user(), tokens.Role.ADMIN)}"

    def _schedule(self, stopped: threading.Event) -> None:
        """Carry out what is scheduled, beside other schedulers that there may be; commands start none meanwhile."""
        seat = living.sit(self.site.home)
        if seat is not None:
            living.sign(seat)
        with closing(Scheduler(self.site.store, self.site.home, self.site.now, visible.say)) as made:
            made.run(stopped)

    def _end_when_idle(self, stopped: threading.Event) -> None:
        """Ask this process to end, once nobody has looked for a while."""
        while not stopped.wait(min(self._until_idle_s, _LOOK_S)):
            if self.application.idle_s() >= self._until_idle_s:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def serve(self, ready: Callable[[], None]) -> None:
        """Answer until the process is asked to end."""
        tokens.own(self.site.store, self.site.home)
        scheme = "https" if self._tls else "http"
        noted = owners.note_server(self.site.home, self._listening.getsockname()[0], self.port, scheme)
        stopped = threading.Event()
        chores = [threading.Thread(target=each, args=(stopped,), daemon=True) for each in self.chores]

        further = [protocol.start(self.site, options) for protocol, options in self._further]

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
            for close in further:
                close()
            self.site.close()
            os.close(noted)


def _given() -> socket.socket | None:
    """The listening socket that this process was begun with, as systemd hands one on; None for none. Whoever holds it
    while servers come and go lets clients wait meanwhile, and none is turned away.
    """
    told = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if told != (str(os.getpid()), "1"):
        return None
    os.set_inheritable(_GIVEN, False)  # what a server begins has no part in it
    return socket.socket(fileno=_GIVEN)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises UsageError where that cannot be."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Where no protocol is named, asyncio sees no TCP here: each answer then waits 40 ms for an acknowledgement.
    made = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
        http=Connection, loop="asyncio", ws="none", timeout_graceful_shutdown=_DRAIN_S,
        h11_max_incomplete_event_size=65536, proxy_headers=False,
        ssl_certfile=tls[0] if tls else None, ssl_keyfile=tls[1] if tls else None,
    )  # fmt: skip
    Uvicorn(config).run([listening])


def asked_for(given: Iterable[str]) -> list[Started]:
    """The protocols that are named, as NAME or NAME=ADDRESS. Raises UsageError for one that is not installed."""
    points = {each.name: each for each in entry_points(group=GROUP)}
    found: list[Started] = []
    for each in given:
        name, _, address = each.partition("=")
        if name not in points:
            cure = did_you_mean(name, points, f"There are: {', '.join(sorted(points)) or 'none'}.")
            raise UsageError(f"There is no protocol {name!r}.", cure)
        try:
            found.append((points[name].load(), {"address": address} if address else {}))
        except ImportError as error:
            raise UsageError(f"The protocol {name} cannot be loaded: {error}.", "Install what it needs.") from None
    return found
