"""Who is let in: by host, origin, token and permission; and what is noted of it.

host     must be one that the server goes by: so no page reaches it by a name that was made to mean this machine
origin   of a page must be the server itself: other sites' pages are refused, whatever they carry
token    `Authorization: Bearer ...`, or the cookie of a browser that came by a link
trail    each thing that is asked to be done is written down before it is, with the user's name and then its outcome
"""

from __future__ import annotations

import base64
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from motet.ports.routes import Refused
from motet.server import audit, tokens
from motet.server.site import Site
from motet.server.table import PUBLIC, Caller, Role, Route

if TYPE_CHECKING:
    from starlette.requests import Request

_NOBODY = Caller("", Role.RUN)
_TRIES = 20
_TRIES_S = 60.0
_MOST_COUNTED = 10_000


class Gate:
    """Lets requests in, or raises Refused. Safe from any thread.

    hosts   names that the server goes by, beside numbers: these cannot be made to mean another machine
    cookie  what the cookie of browsers is called; as browsers give them to all ports of a host, the port is in it
    """

    def __init__(self, site: Site, hosts: Iterable[str] = (), cookie: str = "motet_session") -> None:
        self._site = site
        self._hosts = {"localhost", *(each.lower() for each in hosts)}
        self.cookie = cookie
        self._wrong, self._refused = _Often(), _Often()

    def let_in(self, route: Route, request: Request, named: Mapping[str, str]) -> Caller:
        """Who asks. Raises Refused."""
        host = self.check_host(request)
        self._check_origin(request, host)
        caller = self._caller(request, route.by_password)
        if route.permission is PUBLIC:
            return caller or _NOBODY
        if caller is None:
            cure = "Send a token: Authorization: Bearer TOKEN. `motet token create NAME` makes one."
            raise Refused(401, "There is no token.", cure, _BY_PASSWORD if route.by_password else _ASKS)
        if not route.allows(caller, named):
            who = "code of a run" if caller.role is Role.RUN else f"a {caller.role}"
            if not self._refused.add(caller.token or caller.user):
                audit.refused(self._site.store, caller, route, request.url.path)
            raise Refused(403, f"{caller.user} is {who}, who may not do that.", f"It takes: {route.permission.value}.")
        if not request.url.path.startswith(caller.only):
            raise Refused(403, f"This token is for {caller.only} alone.", "Send another.")
        return caller

    def check_host(self, request: Request) -> str:
        """The name by which the server is asked. Raises Refused for one that it does not go by."""
        host = request.headers.get("host", "")
        if not self._is_ours(host):
            raise Refused(421, f"This server does not go by {host[:200]!r}.", "Start it with --allow-host NAME.")
        return host

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").rstrip(".").lower()
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _check_origin(self, request: Request, host: str) -> None:
        """A page of another site, or one of which nothing is known, may ask for nothing."""
        origin = request.headers.get("origin")
        schemes = {request.url.scheme, "https"}  # of a proxy that speaks TLS it is not seen here
        ours = origin is None or origin.lower() in {f"{each}://{host.lower()}" for each in schemes}
        if not ours:
            raise Refused(403, f"A page of {str(origin)[:200]!r} may not ask this server.", "Ask from its own pages.")
        by_cookie = self.cookie in request.cookies
        site = request.headers.get("sec-fetch-site")
        known = origin is not None or site == "same-origin"
        if by_cookie and "authorization" not in request.headers and request.method not in ("GET", "HEAD") and not known:
            raise Refused(403, "It is not known which page asks.", "Send a token instead of the cookie.")

    def _caller(self, request: Request, by_password: bool = False) -> Caller | None:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if not kind:
            text = request.cookies.get(self.cookie, "")
        elif by_password and kind.lower() == "basic":
            text = _password(text)
        elif kind.lower() != "bearer":
            raise Refused(401, "Only tokens are known here.", "Authorization: Bearer TOKEN", _ASKS)
        if not text:
            return None
        found = tokens.caller_of(self._site.store, self._site.home, text.strip())
        if found is None:
            self.count_wrong(request.client.host if request.client else "")
            raise Refused(401, "This token is not known, or not any more.", "`motet token list` lists them.", _ASKS)
        return found

    def count_wrong(self, address: str) -> None:
        """Somebody there has shown what lets nobody in. Raises Refused where that came too often."""
        if wait_s := self._wrong.add(address):
            raise Refused(429, "Too many wrong tokens came from there.", "", {"Retry-After": str(int(wait_s) + 1)})


_ASKS = {"WWW-Authenticate": 'Bearer realm="motet"'}
_BY_PASSWORD = {"WWW-Authenticate": 'Basic realm="motet"'}


def _password(credentials: str) -> str:
    """The password of HTTP's basic scheme; "" where there is none."""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")[2]
    except ValueError:
        return ""


class _Often:
    """How often something came from somebody, of late: wrong tokens from an address, say. Who shows a right one is let
    in all the same: with 256 bits of chance nobody guesses one, while many may come by one address.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def add(self, who: str) -> float:
        """Count one; for how long further ones are too many, 0.0 for not yet."""
        now = time.monotonic()
        with self._lock:
            since, count = self._seen.pop(who, (now, 0))
            if now - since > _TRIES_S:
                since, count = now, 0
            self._seen[who] = since, count + 1
            if len(self._seen) > _MOST_COUNTED:
                self._seen.popitem(last=False)
        return max(0.0, since + _TRIES_S - now) if count >= _TRIES else 0.0
