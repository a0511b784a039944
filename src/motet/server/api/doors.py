"""How browsers come in, and what stands at the root; and live updates."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from motet.errors import UsageError
from motet.server import tokens
from motet.server.table import EVENTS, PREFIX, PUBLIC, READ, Call, Content, Stream, Text, get, post
from motet.views import lookup

_HTML = "text/html; charset=utf-8"
_PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Motet</title></head>
<body><h1>Motet</h1>
<p>This is a server of runs. Its API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>,
and begins at <a href="/api/v1/runs">/api/v1/runs</a>.</p></body></html>
"""
Place = Annotated[int, Ge(0), Le(2**62)]


class Link(TypedDict):
    """Where a browser is let in, once, within ten minutes."""

    path: str


def index(call: Call) -> Content:
    """Where what is."""
    return Content(_PAGE, media_type=_HTML)


def login(call: Call, code: Text) -> Content:
    """Let the browser in that comes with the code of a link: from then on by a cookie that no script can read."""
    text = tokens.session(call.site.store, code)
    secure = "; Secure" if call.is_secure else ""
    cookie = f"{call.cookie}={text}; Path=/; HttpOnly; SameSite=Strict; Max-Age={tokens.SESSION_S:.0f}{secure}"
    return Content(status=303, media_type=_HTML, headers={"Location": "/", "Set-Cookie": cookie})


def logout(call: Call) -> Content:
    """Let the token by which this is asked let nobody in any more."""
    if call.caller.token:
        tokens.revoke(call.site.store, call.caller.token)
    return Content(status=204, headers={"Set-Cookie": f"{call.cookie}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"})


def link_made(call: Call) -> Link:
    """A link that lets one browser in as whoever asks, for as long as the token does by which this is asked."""
    who = call.caller
    return {"path": f"/login?code={tokens.link_code(call.site.store, who.user, who.role, who.token)}"}


def live(call: Call, after: Place | None = None) -> Stream:
    """What happens in all runs, as it does: messages `changes`, each a list of events in a few words.

    A listener who comes back with the header Last-Event-ID, or `after`, is told first what was missed.
    """
    return _stream(call, "", after)


def live_run(call: Call, run: Text, after: Place | None = None) -> Stream:
    """What happens in one run, as it does; see `live`. A message `lines` says that it has written some."""
    return _stream(call, lookup.find_run(call.site.store, run).id, after)


def _stream(call: Call, run: str, after: int | None) -> Stream:
    if call.last_event:
        if not (call.last_event.isascii() and call.last_event.isdigit()) or len(call.last_event) > 18:
            raise UsageError("Last-Event-ID is no offset.", "Send the id of the last message, or none.")
        after = int(call.last_event)
    return Stream(call.hub.stream(run, after, lambda: tokens.still(call.site.store, call.caller)))


ROUTES = (
    get("/", PUBLIC, index, produces="text/html"),
    get("/login", PUBLIC, login, produces="text/html", status=303, once=True),
    post(f"{PREFIX}/logout", READ, logout, produces="text/html", status=204),
    post(f"{PREFIX}/links", READ, link_made, status=201),
    get(f"{PREFIX}/live", READ, live, produces=EVENTS),
    get(f"{PREFIX}/runs/{{run}}/live", READ, live_run, by_run=True, produces=EVENTS),
)
