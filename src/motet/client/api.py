"""A server asked from Python, by functions that are its own routes: what they take, what they give and what they are
called stands in the table of routes and nowhere else. By httpx2.

    with Client("http://127.0.0.1:4200") as client:
        for run in client.runs(status="failed")["runs"]:
            client.resume(run["id"])

    async with AsyncClient() as client:
        async for event in client.live():
            ...
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache, partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast, get_type_hints

from motet.client.connection import Address, error_of, path_of
from motet.errors import MotetError, StoreUnavailable, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.private import home, server
from motet.server.api import ROUTES
from motet.server.table import EVENTS, JSON, Call, Route

P = ParamSpec("P")
R = TypeVar("R")

_LOCAL = "http://127.0.0.1:4200"
_PATIENCE_S = 700.0
_AGAIN_S = 1.0
_OBJECTS = ("query", "body")


def _httpx() -> Any:
    """The library, where it is installed. Raises UsageError."""
    try:
        import httpx2
    except ModuleNotFoundError:
        raise UsageError("motet.client needs httpx2, which is not installed.", "pip install 'motet[client]'") from None
    return httpx2


class _Question:
    """A request: of a route, and what it is asked with, in its own order or by name. Raises UsageError."""

    def __init__(self, route: Route, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        takes = taken(route)
        known = list(takes)
        if len(given) > len(known):
            raise UsageError(f"{route.name} takes {', '.join(known) or 'nothing'}.", "Leave out the rest.")
        every = {**_opened(dict(zip(known, given, strict=False))), **_opened(named)}
        for name in every:
            if name not in takes:
                raise UsageError(f"{route.name} takes no {name!r}.", did_you_mean(name, takes, f"It takes {known}."))
        if missing := [name for name in route.named if name not in every]:
            raise UsageError(f"{route.name} needs {', '.join(missing)}.", f"It takes {', '.join(known)}.")
        body = {name: every[name] for name, place in takes.items() if place == "body" and name in every}
        query = {name: every[name] for name, place in takes.items() if place == "query" and name in every}
        self.route, self.method = route, route.method
        self.path = path_of(route.path, {name: str(every[name]) for name in route.named}, query)
        self.content = json.dumps(body).encode() if "body" in route.takes else None
        self.headers = {"Content-Type": JSON} if self.content is not None else {}

    def answer(self, status: int, content: bytes, address: Address) -> Any:
        """What was answered: JSON as it is, all else as bytes. Raises what the server raised."""
        if status >= 400:
            raise error_of(status, _json(content), address)
        return content if self.route.produces != JSON else _json(content)


def _opened(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the fields of objects in place of these, those that say anything."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if is_dataclass(value) and not isinstance(value, type):
            found |= {each: it for each, it in asdict(value).items() if it is not None}
        else:
            found[name] = value
    return found


def _json(content: bytes) -> Json:
    try:
        return json.loads(content)
    except ValueError:
        return None


@cache
def taken(route: Route) -> Mapping[str, str]:
    """What the route takes, each with where it stands: in the path, the query or the body."""
    hints = get_type_hints(route.answer)
    found: dict[str, str] = {}
    for name in route.takes:
        if name in _OBJECTS and is_dataclass(hints[name]):
            found |= {each.name: name for each in fields(hints[name])}
        else:
            found[name] = "path" if name in route.named else "query"
    return found


@cache
def _by_name() -> Mapping[str, Route]:
    return {each.name: each for each in ROUTES}


class _Asking:
    """What both clients have: where the server is, and which routes there are."""

    def __init__(self, url: str = "", token: str = "") -> None:
        """url: the server's address (default: MOTET_SERVER, else port 4200 of this machine); token: what is shown to it
        (default: MOTET_TOKEN, else the home's own, on this machine). Raises UsageError.
        """
        self.address = Address(url or server(home()) or _LOCAL, token)
        self._kinds = _httpx()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_by_name()]

    def __getattr__(self, name: str) -> Any:
        route = _by_name().get(name)
        if route is None:
            raise AttributeError(did_you_mean(name, _by_name(), f"The server has no route {name!r}."))
        asked = partial(self._ask, route)
        asked.__doc__ = route.answer.__doc__
        return asked

    def _ask(self, route: Route, *given: Any, **named: Any) -> Any:
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        return {"base_url": self.address.url, "headers": self.address.headers, "timeout": _PATIENCE_S}

    def _since(self, last: str) -> dict[str, str]:
        return {"Last-Event-ID": last} if last else {}


class Client(_Asking):
    """Asks a server. Each route is a method of its name, which takes what the route takes and gives what it gives;
    those that go on give an iterator. Errors are raised as the server raised them.
    """

    def __init__(self, url: str = "", token: str = "") -> None:
        """See `motet.client`. Raises UsageError where httpx2 is not installed."""
        super().__init__(url, token)
        self._http = self._kinds.Client(**self._settings())

    def call(self, route: Callable[Concatenate[Call, P], R], *given: P.args, **named: P.kwargs) -> R:
        """The same for the route's own function, by which type checkers know what it takes and gives."""
        return cast(R, self._ask(_by_name()[route.__name__], *given, **named))

    def _ask(self, route: Route, *given: Any, **named: Any) -> Any:
        question = _Question(route, given, named)
        if route.produces == EVENTS:
            return self._followed(question)
        try:
            it = self._http.request(question.method, question.path, content=question.content, headers=question.headers)
        except self._kinds.HTTPError as error:
            raise self.address.unreachable(error) from None
        return question.answer(it.status_code, it.content, self.address)

    def _followed(self, question: _Question) -> Iterator[Json]:
        """What happens, one by one; a stream that ends is taken up where it was left."""
        reading = Reading()
        while True:
            try:
                with self._http.stream("GET", question.path, headers=self._since(reading.last)) as answer:
                    if answer.status_code != 200:
                        question.answer(answer.status_code, answer.read(), self.address)
                    for line in answer.iter_lines():
                        yield from reading.read(line)
            except self._kinds.HTTPError as error:
                if not reading.begun:
                    raise self.address.unreachable(error) from None
            except MotetError as error:
                if not reading.begun or not isinstance(error, StoreUnavailable):
                    raise
            time.sleep(_AGAIN_S)

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient(_Asking):
    """The same to be awaited; routes that go on give an asynchronous iterator."""

    def __init__(self, url: str = "", token: str = "") -> None:
        """See `Client`."""
        super().__init__(url, token)
        self._http = self._kinds.AsyncClient(**self._settings())

    async def call(self, route: Callable[Concatenate[Call, P], R], *given: P.args, **named: P.kwargs) -> R:
        """See `Client.call`."""
        return cast(R, await self._ask(_by_name()[route.__name__], *given, **named))

    def _ask(self, route: Route, *given: Any, **named: Any) -> Any:
        question = _Question(route, given, named)
        return self._followed(question) if route.produces == EVENTS else self._answered(question)

    async def _answered(self, question: _Question) -> Any:
        try:
            it = await self._http.request(
                question.method, question.path, content=question.content, headers=question.headers
            )
        except self._kinds.HTTPError as error:
            raise self.address.unreachable(error) from None
        return question.answer(it.status_code, it.content, self.address)

    async def _followed(self, question: _Question) -> AsyncIterator[Json]:
        import asyncio

        reading = Reading()
        while True:
            try:
                async with self._http.stream("GET", question.path, headers=self._since(reading.last)) as answer:
                    if answer.status_code != 200:
                        question.answer(answer.status_code, await answer.aread(), self.address)
                    async for line in answer.aiter_lines():
                        for event in reading.read(line):
                            yield event
            except self._kinds.HTTPError as error:
                if not reading.begun:
                    raise self.address.unreachable(error) from None
            except MotetError as error:
                if not reading.begun or not isinstance(error, StoreUnavailable):
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:  # fmt: skip
        await self.close()


class Reading:
    """Reads a stream of events, line by line; `last` is the id to come back with."""

    def __init__(self) -> None:
        self.last = ""
        self.begun = False

    def read(self, line: str) -> Iterator[Json]:
        """What the line tells: nothing, or events."""
        self.begun = True
        name, _, value = line.partition(":")
        if name == "id":
            self.last = value.strip()
        elif name == "data":
            told = _json(value.encode())
            yield from told if isinstance(told, list) else [told]
