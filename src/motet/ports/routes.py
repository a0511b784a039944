"""Routes: what a server answers, to whom, and what is asked and given. A server's own are made so, and those of
protocols that voices and installed packages bring.

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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Annotated, Any, TypeVar
from typing import Protocol as Interface

from annotated_types import Ge, Le, MaxLen
from typing_extensions import dataclass_transform

from motet.errors import UsageError
from motet.ports.content import ArtifactStore, LogStore
from motet.ports.store import Store

JSON = "application/json"

Limit = Annotated[int, Ge(1), Le(1000)]
"""How many a page may hold at most."""

Text = Annotated[str, MaxLen(1000)]
"""Words that somebody looks for, or says."""

SAFE = ("GET", "HEAD", "OPTIONS")
NAMED = re.compile(r"{(\w+)(?::path)?}")
"""What a path names."""

BODY_BYTES = 2**20
"""So large a body may be, unless a route says otherwise."""

T = TypeVar("T")

# ---------------------------------------------------------------- who asks


class Permission(Enum):
    """What a route lets be done. PUBLIC ones need no token."""

    PUBLIC = "public"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


PUBLIC, READ, OPERATE, ADMIN = Permission


class Role(StrEnum):
    """What a user is. A `run` is no user: it is code of that run, and may do what routes allow for their own run."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    RUN = "run"


_MAY: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({PUBLIC, READ}),
    Role.OPERATOR: frozenset({PUBLIC, READ, OPERATE}),
    Role.ADMIN: frozenset(Permission),
    Role.RUN: frozenset({PUBLIC}),
}


def may(role: Role, permission: Permission) -> bool:
    """Whether somebody of that role may do what takes that permission."""
    return permission in _MAY[role]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a user with a role, or code of a run. `token` is the id of what was shown for it; `only`: what it is
    good for, as the beginning of paths, "" for all that the role may.
    """

    user: str
    role: Role
    run: str = ""
    token: str = ""
    only: str = ""


class Refused(UsageError):
    """A request that is not let in, or not carried out, with the status and headers of the answer. 401 is for who shows
    what lets nobody in: after many of these from one address, the next are refused unread.
    """

    def __init__(self, status: int, what: str, cure: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what, cure)
        self.status, self.headers = status, headers or {}


# ---------------------------------------------------------------- what is asked, and given


class Place(Interface):
    """Where routes are answered: a home, opened, and who may come in there. Safe to be used from any thread."""

    @property
    def home(self) -> str:
        """Its folder."""

    @property
    def store(self) -> Store:
        """Its store."""

    @property
    def artifacts(self) -> ArtifactStore:
        """Its artifacts."""

    @property
    def logs(self) -> LogStore:
        """What attempts have written."""

    def start(self, run: str, command: Sequence[str] = ()) -> None:
        """Start a process that drives the run, unless one does."""

    def now(self) -> float:
        """The time."""

    def known(self, token: str) -> Caller | None:
        """Whose token that is; None for one that nobody has, or that has ended."""

    def still(self, caller: Caller) -> bool:
        """Whether the token by which the caller came in still lets them in."""

    def issue(self, caller: Caller, note: str, for_s: float | None = None, only: str = "") -> str:
        """A further token for the caller, with that note, for so long; with `only` just for paths that begin so, and no
        longer than the one that the caller has shown.
        """

    def issued(self, user: str) -> Mapping[str, tuple[str, float]]:
        """The tokens of the user: of each, by its id, the note and when it was made."""

    def revoke(self, token: str) -> None:
        """Let the token with that id be none any more. Raises NotFound."""


class Live(Interface):
    """Who listens to what happens."""

    def stream(self, run: str, after: int | None, valid: Callable[[], bool]) -> AsyncIterator[bytes]:
        """A message whenever something happens in the run ("": in any), and now and then; the first at once."""

    def looks(self, run: str, valid: Callable[[], bool]) -> AsyncIterator[None]:
        """Now, and whenever something may have happened in the run; until the server ends, or what `valid` asks for."""


@dataclass(frozen=True, slots=True)
class Call:
    """What every route is given: where it is answered, who asks, from where, and with which headers (by their names in
    small letters).

    last_event  where they left off listening
    cookie      what the cookie of a browser is called
    is_secure   whether it comes over TLS
    """

    site: Place
    caller: Caller
    hub: Live
    address: str = ""
    last_event: str = ""
    cookie: str = ""
    is_secure: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


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
    """An answer that goes on: its parts, encoded, with further headers."""

    messages: AsyncIterator[bytes] | Iterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass_transform(frozen_default=True)
def asked(cls: type[T]) -> type[T]:
    """Make a body of a request of the class: its fields and no others."""
    cls.__pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # type: ignore[attr-defined]
    return dataclass(frozen=True)(cls)


@dataclass(frozen=True)
class Route:
    """One thing that is answered.

    by_run       code of the run that the path names may ask for it too
    by_runs      code of any run may: the answer sees to what of
    by_password  a token may come as the password of HTTP's basic scheme, as programs such as git send it
    once         a GET that uses something up, and so is none to be asked for by HEAD
    only_looks   it changes nothing, though it is asked for by POST
    is_long      a process that may load code carries it out
    in_file      the body is given as an open file, as it may be too large for memory
    brought_by   the protocol that brings it; "" for the server's own
    """

    method: str
    path: str
    permission: Permission
    answer: Callable[..., Any]
    by_run: bool = False
    by_runs: bool = False
    by_password: bool = False
    produces: str = JSON
    consumes: str = JSON
    status: int = 200
    most_bytes: int = BODY_BYTES
    once: bool = False
    only_looks: bool = False
    is_long: bool = False
    in_file: bool = False
    brought_by: str = ""
    named: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", tuple(NAMED.findall(self.path)))
        if not isinstance(self.permission, Permission):
            raise TypeError(f"{self.method} {self.path} says nobody's permission: it cannot be a route.")
        if self.by_run and "run" not in self.named:
            raise TypeError(f"{self.method} {self.path} is for code of a run, and names none.")
        if not inspect.getdoc(self.answer):
            raise TypeError(f"{self.method} {self.path} does not say what it promises.")

    @property
    def name(self) -> str:
        """What it is called in the API's description, and by clients: its function's name."""
        return f"{self.brought_by}.{self.answer.__name__}" if self.brought_by else self.answer.__name__

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.only_looks or self.method in SAFE

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
        return caller.role is Role.RUN and (self.by_runs or (self.by_run and named.get("run") == caller.run))


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
