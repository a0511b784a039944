"""The table of routes: what the server answers, its own and what protocols bring. See `motet.ports.routes`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motet.ports import routes
from motet.ports.routes import (
    ADMIN,
    JSON,
    OPERATE,
    PUBLIC,
    READ,
    SAFE,
    Caller,
    Content,
    Limit,
    Permission,
    Role,
    Route,
    Stream,
    Text,
    asked,
    delete,
    get,
    post,
    put,
)  # fmt: skip

if TYPE_CHECKING:
    from motet.server.live import Hub
    from motet.server.site import Site

__all__ = [
    "ADMIN", "JSON", "OPERATE", "PUBLIC", "READ", "SAFE", "Caller", "Content", "Limit", "Permission", "Role", "Route",
    "Stream", "Text", "asked", "delete", "get", "post", "put",
]  # fmt: skip
"""Of `motet.ports.routes`: what routes are declared with."""

PREFIX = "/api/v1"
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Call(routes.Call):
    """What the server's own routes are given."""

    site: Site
    hub: Hub


class Table:
    """All routes of a server. Raises TypeError for two of one method and path, or of one name."""

    def __init__(self, found: Iterable[Route]) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        names: set[str] = set()
        for each in found:
            place = each.method, routes.NAMED.sub("{}", each.path)
            if place in self._routes or each.name in names:
                raise TypeError(f"There are two routes {each.method} {each.path}, or of the name {each.name}.")
            self._routes[place] = each
            names.add(each.name)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def by_path(self) -> dict[str, list[Route]]:
        """The routes of each path, those first that are looked at first: a word goes before what may be any."""
        found: dict[str, list[Route]] = {}
        for each in sorted(self, key=lambda it: [part.count("{") + part.count(":") for part in it.path.split("/")]):
            found.setdefault(each.path, []).append(each)
        return found
