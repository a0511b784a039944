"""How browsers come in; and live updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from motet.errors import UsageError
from motet.server import tokens
from motet.server.page import is_address
from motet.server.table import EVENTS, PREFIX, PUBLIC, READ, Call, Content, Stream, Text, get, post
from motet.views import lookup

_HTML = "text/html; charset=utf-8"
Place = Annotated[int, Ge(0), Le(2**62)]
Few = Annotated[list[Text], MaxLen(20)]


class Link(TypedDict):
    """Where a browser is let in, once, within ten minutes."""

    path: str


def login(call: Call, code: Text, to: Text = "/runs") -> Content:
    """Let the browser in that comes with the code of a link: from then on by a cookie that no script can read.

    It is led on to that address of the page.
    """
    if not is_address(to):
        raise UsageError(f"{to!r} is no address of the page.", "Give one such as /runs/NAME.")
    text = tokens.session(call.site.store, code)
    secure = "; Secure" if call.is_secure else ""
    cookie = f"{call.cookie}={text}; Path=/; HttpOnly; SameSite=Strict; Max-Age={tokens.SESSION_S:.0f}{secure}"
    return Content(
        status=303, media_type=_HTML, headers={"Location": quote(to, safe="/?#&=,:%~+"), "Set-Cookie": cookie}
    )


def logout(call: Call) -> Content:
    """Let the token by which this is asked let nobody in any more."""
    if call.caller.token:
        tokens.revoke(call.site.store, call.caller.token)
    return Content(status=204, headers={"Set-Cookie": f"{call.cookie}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"})


def link_made(call: Call) -> Link:
    """A link that lets one browser in as whoever asks, for as long as the token does by which this is asked."""
    who = call.caller
    return {"path": f"/login?code={tokens.link_code(call.site.store, who.user, who.role, who.token)}"}


def live(call: Call, after: Place | None = None, lines: Few | None = None) -> Stream:
    """What happens in all runs, as it does: messages `changes`, each a list of events in a few words.

    A listener who comes back with the header Last-Event-ID, or `after`, is told first what was missed. For the runs in
    `lines`, a message `lines` says that one of them has written some.
    """
    return _stream(call, "", after, [lookup.find_run(call.site.store, each).id for each in lines or ()])


def live_run(call: Call, run: Text, after: Place | None = None) -> Stream:
    """What happens in one run, as it does; see `live`. A message `lines` says that it has written some."""
    return _stream(call, lookup.find_run(call.site.store, run).id, after)


def _stream(call: Call, run: str, after: int | None, lines: Sequence[str] = ()) -> Stream:
    if call.last_event:
        if not (call.last_event.isascii() and call.last_event.isdigit()) or len(call.last_event) > 18:
            raise UsageError("Last-Event-ID is no offset.", "Send the id of the last message, or none.")
        after = int(call.last_event)
    return Stream(call.hub.stream(run, after, lambda: tokens.still(call.site.store, call.caller), lines))


ROUTES = (
    get("/login", PUBLIC, login, produces="text/html", status=303, once=True),
    post(f"{PREFIX}/logout", READ, logout, produces="text/html", status=204),
    post(f"{PREFIX}/links", READ, link_made, status=201),
    get(f"{PREFIX}/live", READ, live, produces=EVENTS),
    get(f"{PREFIX}/runs/{{run}}/live", READ, live_run, by_run=True, produces=EVENTS),
)
