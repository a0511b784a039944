"""The table of routes as an application of Starlette's: requests in, answers out, nothing let in that may not be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from importlib.metadata import version
from tempfile import TemporaryFile
from traceback import print_exception
from typing import IO, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route as Path

from motet import errors
from motet.kernel.events import Json
from motet.ports.routes import Refused
from motet.server import audit, tokens
from motet.server.gate import Gate
from motet.server.live import Hub
from motet.server.openapi import described
from motet.server.page import Page
from motet.server.reading import Malformed, Reader
from motet.server.site import Site
from motet.server.table import JSON, PREFIX, PUBLIC, SAFE, Call, Caller, Content, Route, Stream, Table, get
from motet.values.secrets import hide

_STATUSES: tuple[tuple[type[errors.MotetError], int], ...] = (
    (Malformed, 422), (errors.NotFound, 404), (errors.Conflict, 409), (errors.Fenced, 409), (errors.StoreFull, 507),
    (errors.StoreError, 503), (tokens.Unknown, 401), (errors.UsageError, 400), (errors.ResultUnavailable, 404),
)  # fmt: skip
"""The status of an answer that is an error; the first that fits."""

_PATIENCE_S = 120.0
"""For how long a body may be on its way, unless it is a large one."""

_SLOWEST_BYTES_S = 2**17
_PIECE_BYTES = 2**20

_LONG_AT_ONCE = 8
"""So many of what may be long is done at once: there are threads left for all that is short."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}  # fmt: skip


class Application:
    """Answers requests for one site; an ASGI application. Raises TypeError for routes that cannot be."""

    def __init__(self, site: Site, routes: Iterable[Route], gate: Gate) -> None:
        self.site, self.gate, self.hub = site, gate, Hub(site)
        self.table = Table([*routes, get(f"{PREFIX}/openapi.json", PUBLIC, self._openapi())])
        self.readers = {each: Reader(each) for each in self.table}
        self._described: Json = None
        self._asked_at = time.monotonic()
        self._long = asyncio.Semaphore(_LONG_AT_ONCE)
        paths = [Path(path, self._answering(routes), methods=[]) for path, routes in self.table.by_path().items()]
        self._page = Page()
        self._starlette = Starlette(routes=paths, exception_handlers={404: self._outside})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        self._asked_at = time.monotonic()
        await self._starlette(scope, receive, send)

    def idle_s(self) -> float:
        """For how long nobody has asked for anything, nor listened."""
        if self.hub.count:
            self._asked_at = time.monotonic()
        return time.monotonic() - self._asked_at

    async def _outside(self, request: Request, error: Exception) -> Response:
        """What is asked for beside the routes: the page, or nothing."""
        path = request.url.path
        try:
            self.gate.check_host(request)
            known = request.headers.get("if-none-match", "")
            packed = "gzip" in request.headers.get("accept-encoding", "")
            found = self._page.answer(path, packed, known) if request.method in SAFE else None
            if found is None:
                raise Refused(404, f"There is nothing at {path[:200]!r}.", f"See {PREFIX}/openapi.json.")
        except Refused as refused:
            return _refusal(refused)
        return _content(found, found.status or 200)

    def _openapi(self) -> Callable[[Call], dict[str, Any]]:
        def openapi(call: Call) -> dict[str, Any]:
            """The API's description, OpenAPI 3.1."""
            if self._described is None:
                self._described = described(list(self.readers.values()), version("motet"), self.gate.cookie)
            found: dict[str, Any] = self._described
            return found

        return openapi

    def _answering(self, routes: list[Route]) -> Callable[[Request], Awaitable[Response]]:
        by_method = {each.method: each for each in routes}
        if "GET" in by_method and not by_method["GET"].once:
            by_method["HEAD"] = by_method["GET"]

        async def answer(request: Request) -> Response:
            try:
                route = by_method.get(request.method)
                if route is None:
                    allowed = ", ".join(sorted(by_method))
                    raise Refused(405, f"{request.method} is not for {request.url.path}.", allowed, {"Allow": allowed})
                return await self._answer(route, request)
            except errors.MotetError as error:
                return _refusal(error)
            except Exception as error:  # noqa: BLE001 - boundary: one bad answer never stops the server
                print_exception(error)
                return _refusal(errors.MotetError("This is a fault in Motet.", "The server's own output tells more."))

        return answer

    async def _answer(self, route: Route, request: Request) -> Response:
        """One change of thread for what is only looked at; nothing of a body is read before its sender is let in."""
        if "body" not in route.takes and route.is_safe:
            return await run_in_threadpool(self._answered, route, request)
        caller = await run_in_threadpool(self._let_in, route, request)
        with closing(TemporaryFile()) if route.in_file else nullcontext() as file:
            body = await _body(route, request, file)
            async with self._long if route.is_long else nullcontext():
                return await run_in_threadpool(self._answered, route, request, caller, body)

    def _let_in(self, route: Route, request: Request) -> Caller:
        return self.gate.let_in(route, request, _named(route, request))

    def _answered(
        self, route: Route, request: Request, caller: Caller | None = None, body: bytes | IO[bytes] = b""
    ) -> Response:  # fmt: skip
        caller = caller or self._let_in(route, request)
        given = self.readers[route].read(_named(route, request), request.scope["query_string"], body)
        address = request.client.host if request.client else ""
        last_event = request.headers.get("last-event-id", "")
        is_secure = request.url.scheme == "https"
        call = Call(self.site, caller, self.hub, address, last_event, self.gate.cookie, is_secure, request.headers)
        try:
            found = self._carried_out(route, call, request.url.path, given)
        except errors.MotetError as error:
            if route.permission is PUBLIC and _status_of(error) == 401:
                self.gate.count_wrong(address)
            raise
        if isinstance(found, Stream) and request.method == "HEAD":
            found = Content(media_type=route.produces)
        return _response(route, found)

    def _carried_out(self, route: Route, call: Call, path: str, given: Mapping[str, Any]) -> Any:
        """What the route's function gives; what it does is noted."""
        if route.is_safe:
            return route.answer(call, **given)
        with audit.kept(self.site.store, audit.Line.of(call.caller, route, path, call.address)) as told:
            try:
                found = route.answer(call, **given)
            except errors.MotetError as error:
                told(_status_of(error))
                raise
            told(route.status)
        return found


def _named(route: Route, request: Request) -> dict[str, str]:
    """What the path names."""
    return {name: request.path_params[name] for name in route.named}


async def _body(route: Route, request: Request, file: IO[bytes] | None) -> bytes | IO[bytes]:
    """The body of the request, in the file if there is one. Raises Refused for one of another kind, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    takes_body = "body" in route.takes
    if takes_body and kind != route.consumes:
        raise Refused(415, f"The body is {kind or 'of no kind'}.", f"Send it as {route.consumes}.")
    most, found, size = route.most_bytes if takes_body else 0, bytearray(), 0
    try:
        async with asyncio.timeout(max(_PATIENCE_S, most / _SLOWEST_BYTES_S)):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise Refused(413, f"The body has more than {most} bytes.", "Send less at once.")
                found += part
                if file is not None and len(found) >= _PIECE_BYTES:
                    await run_in_threadpool(file.write, bytes(found))
                    found.clear()
    except (ClientDisconnect, TimeoutError):
        raise Refused(400, "The request ended early, or did not end.", "Ask again.") from None
    if file is None:
        return bytes(found)
    file.write(found)
    file.seek(0)
    return file


def _response(route: Route, found: Any) -> Response:
    if isinstance(found, Stream):
        headers = {**_ALWAYS, "X-Accel-Buffering": "no", **found.headers}
        return StreamingResponse(found.messages, route.status, headers, media_type=route.produces)
    if isinstance(found, Content):
        return _content(found, found.status or route.status)
    return Response(encoded(found), route.status, _ALWAYS, media_type=JSON)


def _content(found: Content, status: int) -> Response:
    headers = {**_ALWAYS, **found.headers}
    if found.name:
        name = "".join(each if each.isalnum() or each in "._-" else "_" for each in found.name)
        headers["Content-Disposition"] = f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    if found.path:
        return FileResponse(found.path, status, headers, media_type=found.media_type)
    return Response(bytes(found.body), status, headers, media_type=found.media_type)


def encoded(document: Json) -> bytes:
    """The document as JSON, in ASCII: without secrets, and without numbers that JSON has not."""
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(document), separators=(",", ":"))
    return hide(text).encode("ascii", "backslashreplace")


def _finite(value: Json) -> Json:
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def _refusal(error: errors.MotetError) -> Response:
    headers = {**_ALWAYS, **error.headers} if isinstance(error, Refused) else _ALWAYS
    body = encoded({"error": error.what, "cure": error.cure, "type": type(error).__name__})
    return Response(body, _status_of(error), headers, media_type=JSON)


def _status_of(error: errors.MotetError) -> int:
    if isinstance(error, Refused):
        return error.status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
