"""Who asks, and what they may: tokens of users, as documents of the store, and those of runs.

What is kept of a token is the SHA-256 of its secret, which has 256 bits of chance: nothing that is read in the store
lets anybody in, and no slow hash is needed. A token reads `motet_ID_SECRET`; that of a run `run_RUN_SECRET`, where the
secret is what `motet.requests.token` gives to the code of its steps.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from motet import private, requests
from motet.errors import Conflict, NotFound, UsageError
from motet.ports import Document, Store
from motet.ports.routes import Caller
from motet.ports.routes import Role as Role
from motet.values.naming import checked

_VOICE, _KIND, _LINK = "motet", "token", "login link"
_LINK_S = 600.0
SESSION_S = 7 * 86400.0
"""For how long a browser is let in without another link."""

_USER, _RUN = "motet", "run"
_ID_BYTES, _SECRET_BYTES = 6, 32
_USER_CHARS = 100
BROWSER = "browser"
"""The note of the token of a browser that came by a link."""

OWN = "server.token"
"""The note of the token of the home's owner, and the name of its file."""

# ---------------------------------------------------------------- tokens


@dataclass(frozen=True)
class Token:
    """What is kept of a token. `until` is when it ends, None for never; `by` is the id of the token, of the same user,
    that a browser's came from: it lets nobody in without that; `only`: what it is good for, as the beginning of paths.
    """

    id: str
    user: str
    role: Role
    digest: str
    created_at: float
    until: float | None = None
    note: str = ""
    by: str = ""
    only: str = ""


def create(
    store: Store, user: str, role: Role, *, for_s: float | None = None, note: str = "", by: str = ""
) -> tuple[Token, str]:  # fmt: skip
    """A new token for the user, and the text to be shown for it, which is kept nowhere. Raises UsageError."""
    return _made(store, for_s, user=user, role=role, note=note, by=by)


def limited(store: Store, caller: Caller, note: str, for_s: float | None, only: str) -> str:
    """The text of a further token for the caller, alike; with `only` good for paths that begin so, and no longer good
    than the one that the caller has shown. Raises UsageError.
    """
    by = caller.token if only else ""
    return _made(store, for_s, user=caller.user, role=caller.role, note=note, by=by, only=only)[1]


def _made(store: Store, for_s: float | None, *, user: str, note: str, **more: Any) -> tuple[Token, str]:
    if not user:
        raise UsageError("A token needs a user's name.", "motet token create NAME")
    now = time.time()
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    name = checked(user, "The user's name", _USER_CHARS)
    until = None if for_s is None else now + for_s
    known: dict[str, Any] = {
        "id": secrets.token_hex(_ID_BYTES),
        "digest": _digest(secret),
        "created_at": now,
        "until": until,
    }
    made = Token(**known, user=name, note=checked(note, "The note"), **more)
    store.put_document(Document(_VOICE, _KIND, made.id, asdict(made), 0))
    return made, f"{_USER}_{made.id}_{secret}"


def every(store: Store) -> list[Token]:
    """All tokens, by id."""
    return [_read(each) for each in store.documents(_VOICE, _KIND)]


def revoke(store: Store, token: str) -> Token:
    """Let the token with that id, or the only one of the user of that name, be none from now on; nor those of browsers
    that came by it. Raises NotFound.
    """
    there = store.documents(_VOICE, _KIND)
    found = [each for each in there if token == each.key or (token == each.body["user"] and not each.body.get("by"))]
    if len(found) != 1:
        told = "There is no token" if not found else f"There are {len(found)} tokens"
        raise NotFound(f"{told} {token!r}.", "`motet token list` lists them with their ids.")
    try:
        store.delete_document(found[0])
    except Conflict:
        return revoke(store, token)
    for each in there:
        if each.body.get("by") == found[0].key:
            with suppress(Conflict):
                store.delete_document(each)
    return _read(found[0])


def caller_of(store: Store, home: str, text: str) -> Caller | None:
    """Whose token that is; None for one that nobody has, or that has ended."""
    kind, _, rest = text.partition("_")
    name, _, secret = rest.partition("_")
    if not name or not secret or not text.isascii():
        return None
    if kind == _RUN:
        known = requests.token(home, name)
        return Caller(f"run {name}", Role.RUN, name) if known and _same(secret, known) else None
    found = store.document(_VOICE, _KIND, name) if kind == _USER else None
    if found is None:
        _same(_digest(secret), _digest(""))  # as long as for one that there is
        return None
    token = _read(found)
    if not _same(_digest(secret), token.digest) or not _lasts(store, token):
        return None
    return Caller(token.user, token.role, token=token.id, only=token.only)


def still(store: Store, caller: Caller) -> bool:
    """Whether the token by which the caller came in still lets anybody in."""
    found = store.document(_VOICE, _KIND, caller.token)
    return caller.role is Role.RUN or (found is not None and _lasts(store, _read(found)))


def _lasts(store: Store, token: Token) -> bool:
    """Whether it has not ended, nor the one that it came from."""
    known = not token.by or store.document(_VOICE, _KIND, token.by) is not None
    return known and (token.until is None or token.until > time.time())


def of_run(home: str, run: str) -> str:
    """What code of the run shows."""
    return f"{_RUN}_{run}_{requests.token(home, run)}"


# ---------------------------------------------------------------- browsers


class Unknown(UsageError):
    """A link that lets nobody in: used before, too old, or never given."""


def link_code(store: Store, user: str, role: Role, by: str = "") -> str:
    """A code that lets one browser in as that user, once, soon; for no longer than the token with the id `by` does."""
    forget_ended(store)
    made, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    body = {"user": user, "role": role.value, "digest": _digest(secret), "until": time.time() + _LINK_S, "by": by}
    store.put_document(Document(_VOICE, _LINK, made, body, 0))
    return f"{made}_{secret}"


def forget_ended(store: Store) -> None:
    """Remove links and tokens that have ended."""
    for each in (*store.documents(_VOICE, _LINK), *store.documents(_VOICE, _KIND)):
        if each.body["until"] is not None and each.body["until"] <= time.time():
            with suppress(Conflict):
                store.delete_document(each)


def session(store: Store, code: str) -> str:
    """The token for the browser that came with the code, which lets in nobody else. Raises Unknown."""
    name, _, secret = code.partition("_")
    found = store.document(_VOICE, _LINK, name) if name and code.isascii() else None
    right = found is not None and _same(_digest(secret), found.body["digest"])
    if found is None or not right or found.body["until"] <= time.time():
        raise Unknown(
            "This link lets nobody in: it was used, or is too old.", "`motet server` prints one when it starts."
        )
    try:
        store.delete_document(found)
    except Conflict:
        raise Unknown("This link was used just now.", "Ask for another.") from None
    by = found.body.get("by", "")
    asker = store.document(_VOICE, _KIND, by) if by else None
    if by and (asker is None or not _lasts(store, _read(asker))):
        raise Unknown("The token that this link was asked with lets nobody in any more.", "Ask for another.")
    until = asker.body["until"] if asker is not None else None
    for_s = SESSION_S if until is None else min(SESSION_S, until - time.time())
    return create(store, found.body["user"], Role(found.body["role"]), for_s=for_s, note=BROWSER, by=by)[1]


# ---------------------------------------------------------------- the home's own


def own(store: Store, home: str) -> str:
    """The token of whoever owns the home: made when it is first asked for, and kept in a file that nobody else may
    read. So commands on this machine need none to be given to them.
    """
    path = own_file(home)
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except FileNotFoundError:
        text = ""
    if text and caller_of(store, home, text) is not None:
        return text
    _, text = create(store, private.user(), Role.ADMIN, note=OWN)
    with private.replacing(path) as part, open(part, "w", encoding="ascii", opener=private.opener) as file:
        file.write(f"{text}\n")
    return text


def own_file(home: str) -> str:
    """Where the token of the home's owner is kept."""
    return os.path.join(home, OWN)


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _read(found: Document) -> Token:
    return Token(**{**found.body, "role": Role(found.body["role"])})
