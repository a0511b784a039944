"""The page of the API is what the table has. `python -m tests.server.test_reference` writes it anew."""

from __future__ import annotations

import inspect
from typing import get_type_hints

from tests.source import ROOT

from motet.server.api import ROUTES
from motet.server.reading import REQUIRED, Reader
from motet.server.table import Route, Table

PAGE = ROOT / "docs" / "reference" / "api-http.md"

HEAD = """# The HTTP API

Made from the table of routes in `src/motet/server/api`; its schemas are at `/api/v1/openapi.json` of a running server.
How to come in, and what for: [The server](../how-to/server.md).

Answers are JSON unless said otherwise. What goes wrong is `{"error": ..., "cure": ...}`: 400 it cannot be done so,
401 no token or none that is known, 403 not for this user, 404 no such thing, 409 somebody else was first,
413 too large, 415 of another kind, 421 for another host, 422 it does not fit, 429 too many wrong tokens,
503 the store cannot be read, 507 the disk is full. Lists have `next`: give it as `cursor` (or `after`) for the next
page; it is `null` on the last.

**own run**: code of the run that the path names may ask for it too, with that run's token.
"""


def taken(route: Route) -> str:
    """What it takes beside what the path names: required ones as they are, others in brackets."""
    reader = Reader(route)
    query = [
        name if default is REQUIRED else f"[{name}]"
        for name, default in reader.takes.items()
        if name not in (*route.named, "body")
    ]
    body = ""
    if reader.takes_body:
        wanted = get_type_hints(route.answer)["body"]
        body = f"body `{', '.join(get_type_hints(wanted))}`"
    return "; ".join(filter(None, (f"`{' '.join(query)}`" if query else "", body)))


def page() -> str:
    lines = [HEAD, "| route | for | takes | |", "|---|---|---|---|"]
    for route in sorted(Table(ROUTES), key=lambda each: (each.path, each.method)):
        path = route.path.replace(":path}", "}")
        told = " ".join((inspect.getdoc(route.answer) or "").split())
        who = f"{route.permission.value}{', own run' if route.by_run else ''}"
        kind = "" if route.produces == "application/json" else f" Gives `{route.produces}`."
        lines.append(f"| `{route.method} {path}` | {who} | {taken(route)} | {told}{kind} |".replace("  ", " "))
    return "\n".join(lines) + "\n"


def test_the_page_is_what_the_table_has() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.server.test_reference"


if __name__ == "__main__":
    PAGE.write_text(page())
