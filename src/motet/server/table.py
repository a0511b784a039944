"""The table of routes: what the server answers, to whom, and what is asked and given.

A route is a function whose annotations say what it takes and gives:

    def steps(call: Call, run: str, status: str | None = None, limit: Limit = 50) -> StepList:
        \"\"\"The steps of a run, in the order in which they were added.\"\"\"

    ROUTES = [get("/api/v1/runs/{run}/steps", READ, steps)]

A parameter that the path names comes from there, `body` is the request's JSON, all others are asked for in the query.
What is asked for and not named here is refused. The permission is no option: a route cannot be made without one.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import Ge, Le, MaxLen
from typing_extensions import dataclass_transform

from motet.server.tokens import ADMIN, OPERATE, PUBLIC, READ, Caller, Permission, Role, may

if TYPE_CHECKING:
    from motet.server.live import Hub
    from motet.server.site import Site

__all__ = ["ADMIN", "OPERATE", "PUBLIC", "READ", "Caller", "Permission", "Role"]
"""Of `motet.server.tokens`: what routes are declared with."""

PREFIX = "/api/v1"
JSON = "application/json"
EVENTS = "text/event-stream"

Limit = Annotated[int, Ge(1), Le(1000)]
"""How many a page may hold at most."""

Text = Annotated[str, MaxLen(1000)]
"""Words that somebody looks for, or says."""

SAFE = ("GET", "HEAD")
_NAMED = re.compile(r"{(\w+)(?::path)?}")
_BODY_BYTES = 2**20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """What every route is given: where it is answered, who asks, from where, and where they left off listening.

    cookie  what the cookie of a browser is called; `is_secure`: whether it comes over TLS
    """

    site: Site
    caller: Caller
    hub: Hub
    address: str = ""
    last_event: str = ""
    cookie: str = ""
    is_secure: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is no JSON: bytes, or a file; `name` is what it is called when it is kept. With further headers;
    and a status of its own, 0 for that of the route.
    """

    body: bytes | memoryview = b""
    path: str = ""
    media_type: str = "application/octet-stream"
    name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on: messages of a stream of events, encoded."""

    messages: AsyncIterator[bytes]


@dataclass_transform(frozen_default=True)
def asked(cls: type[T]) -> type[T]:
    """Make a body of a request of the class: its fields and no others."""
    cls.__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # type: ignore[attr-defined]
    return dataclass(frozen=True)(cls)


@dataclass(frozen=True)
class Route:
    """One thing that is answered. `by_run`: code of the run that the path names may ask for it too. `once`: a GET that
    uses something up, and so is none to be asked for by HEAD. `is_long`: a process that may load code carries it out.
    """

    method: str
    path: str
    permission: Permission
    answer: Callable[..., Any]
    by_run: bool = False
    produces: str = JSON
    consumes: str = JSON
    status: int = 200
    most_bytes: int = _BODY_BYTES
    once: bool = False
    is_long: bool = False
    named: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", tuple(_NAMED.findall(self.path)))
        if not isinstance(self.permission, Permission):
            raise TypeError(f"{self.method} {self.path} says nobody's permission: it cannot be a route.")
        if self.by_run and "run" not in self.named:
            raise TypeError(f"{self.method} {self.path} is for code of a run, and names none.")
        if not inspect.getdoc(self.answer):
            raise TypeError(f"{self.method} {self.path} does not say what it promises.")

    @property
    def name(self) -> str:
        """What it is called in the API's description, and by clients: its function's name."""
        return self.answer.__name__

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method in SAFE

    @property
    def takes(self) -> Mapping[str, inspect.Parameter]:
        """What it takes beside the call."""
        return dict(list(inspect.signature(self.answer).parameters.items())[1:])

    def allows(self, caller: Caller | None, named: Mapping[str, str]) -> bool:
        """Whether the caller (None: somebody without a token) may ask for it, of what the path names."""
        if caller is None:
            return self.permission is PUBLIC
        if may(caller.role, self.permission):
            return True
        return self.by_run and caller.role is Role.RUN and named.get("run") == caller.run


def get(path: str, permission: Permission, answer: Callable[..., Any], **more: Any) -> Route:
    """A route that changes nothing."""
    return Route("GET", path, permission, answer, **more)


def post(path: str, permission: Permission, answer: Callable[..., Any], **more: Any) -> Route:
    """A route that makes or does something."""
    return Route("POST", path, permission, answer, **more)


def put(path: str, permission: Permission, answer: Callable[..., Any], **more: Any) -> Route:
    """A route that lets something be so, however often it is asked."""
    return Route("PUT", path, permission, answer, **more)


def delete(path: str, permission: Permission, answer: Callable[..., Any], **more: Any) -> Route:
    """A route that removes something."""
    return Route("DELETE", path, permission, answer, **more)


class Table:
    """All routes of a server. Raises TypeError for two of one method and path, or of one name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        names: set[str] = set()
        for each in routes:
            place = each.method, _NAMED.sub("{}", each.path)
            if place in self._routes or each.name in names:
                raise TypeError(f"There are two routes {each.method} {each.path}, or of the name {each.name}.")
            self._routes[place] = each
            names.add(each.name)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def by_path(self) -> dict[str, list[Route]]:
        """The routes of each path."""
        found: dict[str, list[Route]] = {}
        for each in self:
            found.setdefault(each.path, []).append(each)
        return found
