"""The server itself: whether it is well, who may come in, and what was asked to be done."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Literal

from annotated_types import Gt, Le, MinLen
from typing_extensions import TypedDict

from motet.server import audit, tokens
from motet.server.api.documents import Json
from motet.server.table import ADMIN, PREFIX, PUBLIC, READ, Call, Role, Text, asked, delete, get, post
from motet.server.tokens import Token
from motet.views import listing

_YEAR_S = 366 * 86400.0


class Health(TypedDict):
    """`offset` is that of the newest event: it can be read, so the store can."""

    status: str
    offset: int


class Who(TypedDict):
    """Whom the server takes the caller for."""

    user: str
    role: str


class TokenShown(TypedDict):
    """A token, without what is shown for it. `until` is when it ends, None for never."""

    id: str
    user: str
    role: str
    created_at: float
    until: float | None
    note: str


class TokenMade(TokenShown):
    """A new token. `token` is what is to be shown for it: it is told here and never again."""

    token: str


@asked
class TokenWanted:
    """Whose token it is to be, what that user may do, and for how long."""

    user: Annotated[Text, MinLen(1)]
    role: Literal["viewer", "operator", "admin"]
    for_s: Annotated[float, Gt(0), Le(10 * _YEAR_S)] | None = None
    note: Text = ""


def health(call: Call) -> Health:
    """Whether the server can read its store."""
    return {"status": "ok", "offset": call.site.store.head()}


def who_am_i(call: Call) -> Who:
    """Whom the token was given to, and what that user may do."""
    return {"user": call.caller.user, "role": call.caller.role.value}


def run_counts(call: Call) -> dict[str, int]:
    """How many runs are in each status, as they are shown: of those that a process should drive, each is looked at."""
    return listing.shown_counts(call.site.store)


def tokens_listed(call: Call) -> list[TokenShown]:
    """All tokens that let somebody in."""
    return [_shown(each) for each in tokens.every(call.site.store)]


def token_created(call: Call, body: TokenWanted) -> TokenMade:
    """Make a token for a user."""
    made, text = tokens.create(call.site.store, body.user, Role(body.role), for_s=body.for_s, note=body.note)
    return {**_shown(made), "token": text}


def token_revoked(call: Call, token: Text) -> TokenShown:
    """Let a token, given by its id or its user's name, let nobody in any more."""
    return _shown(tokens.revoke(call.site.store, token))


def _shown(token: Token) -> TokenShown:
    return {
        "id": token.id, "user": token.user, "role": token.role.value, "created_at": token.created_at,
        "until": token.until, "note": token.note,
    }  # fmt: skip


def audit_trail(call: Call, day: Text | None = None) -> list[dict[str, Json]]:
    """What was asked to be done on a day (UTC, as 2026-11-30; default: today), by whom, and how it was answered."""
    return [asdict(each) for each in audit.of_day(call.site.store, day or time.strftime("%Y-%m-%d", time.gmtime()))]


ROUTES = (
    get(f"{PREFIX}/health", PUBLIC, health),
    get(f"{PREFIX}/me", READ, who_am_i),
    get(f"{PREFIX}/counts", READ, run_counts),
    get(f"{PREFIX}/tokens", ADMIN, tokens_listed),
    post(f"{PREFIX}/tokens", ADMIN, token_created, status=201),
    delete(f"{PREFIX}/tokens/{{token}}", ADMIN, token_revoked),
    get(f"{PREFIX}/audit", ADMIN, audit_trail),
)
