"""Who uses the API: users with tokens of Motet's, and, where that is allowed, accounts with passwords of their own.

`spell login` takes a token as the password, and uses it. Accounts are for where people sign up by themselves: only a
server that was started with MOTET_SPELL_SIGN_UP=1 lets them, and what it keeps of a password is an scrypt hash.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from base64 import b64decode
from hashlib import md5, scrypt

from motet import private
from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of, owner_of, shelf_of
from motet.dialects.spell.api.wire import date, dated, user
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, PUBLIC, READ, Call, Caller, Refused, Role, delete, get, post
from motet.shelves import Shelf
from motet.values.naming import checked

SIGN_UP = "MOTET_SPELL_SIGN_UP"
_SESSION, _ACCESS = "spell login", "spell: "
_SESSION_S = 30 * 86400.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,38}")
_HARD = {"n": 2**14, "r": 8, "p": 1}
_LEAST_CHARS = 8


def _accounts(call: Call) -> Shelf:
    return shelf_of(call, "", "account")


def signed_up(call: Call, body: asked.Account) -> Json:
    """Make an account, where this server lets people sign up."""
    if os.environ.get(SIGN_UP) != "1":
        cure = "`motet token create NAME` makes a token; `spell login` takes it as the password."
        raise Refused(403, "Nobody can sign up at this server.", cure)
    told = body.get("user") or {}
    name, email, password = (str(told.get(each) or "") for each in ("user_name", "email", "password"))
    if not _NAME.fullmatch(name) or name == private.user() or call.site.issued(name):
        raise UsageError(f"{name!r:.80} cannot be a user's name here.", "Choose one of letters and digits, 3 or more.")
    if len(password) < _LEAST_CHARS or "@" not in email:
        raise UsageError("An account needs an address and a password of 8 characters or more.", "Give both.")
    if any(each["email"] == email for each in _accounts(call).every().values()):
        raise UsageError(f"There is an account of {email!r:.80}.", "Log in with it.")
    salt = secrets.token_hex(16)
    kept = {
        "email": email,
        "full_name": str(told.get("full_name") or name),
        "salt": salt,
        "hash": _hash(salt, password),
    }
    _accounts(call).add(name, kept)
    return {"user": user(call, name)}


def _hash(salt: str, password: str) -> str:
    return scrypt(password.encode(), salt=bytes.fromhex(salt), **_HARD).hex()


def logged_in(call: Call, body: asked.Account) -> Json:
    """A token for who shows the password of an account, or a token of Motet's as the password."""
    told = body.get("user") or {}
    name, email = str(told.get("user_name") or ""), str(told.get("email") or "")
    shown = str(told.get("password") or told.get("access_token") or "")
    for each, account in _accounts(call).every().items():
        if name == each or email == account["email"]:
            if hmac.compare_digest(_hash(account["salt"], shown), account["hash"]):
                token = call.site.issue(Caller(each, Role.OPERATOR), _SESSION, _SESSION_S)
                return {"user": user(call, each), "token": token}
            name = each
    known = call.site.known(shown)
    if known is None or known.only or known.user != (name or email.rpartition("@")[0]):
        raise Refused(401, "Nobody has that name and that password.", "A token of yours is a password, too.")
    return {"user": user(call, known.user), "token": shown}


def logged_out(call: Call) -> Json:
    """End what a login has begun. A token that was made otherwise goes on."""
    note, _ = call.site.issued(call.caller.user).get(call.caller.token, ("", 0.0))
    if note == _SESSION:
        call.site.revoke(call.caller.token)
    return {}


def me(call: Call) -> Json:
    """Who asks."""
    return {"user": user(call, owner_of(call))}


# ---------------------------------------------------------------- tokens and keys


def access_tokens(call: Call) -> Json:
    """The tokens that were made here."""
    found = call.site.issued(call.caller.user).values()
    told = [(note.removeprefix(_ACCESS), at) for note, at in found if note.startswith(_ACCESS)]
    return {"access_tokens": [{"name": name, "created_at": date(at), "last_used_at": None} for name, at in told]}


def access_token_made(call: Call, body: asked.Named) -> Json:
    """A further token of whoever asks, which is told this once."""
    note = f"{_ACCESS}{checked(body.get('name', ''), 'The name', 80)}"
    if any(each == note for each, _ in call.site.issued(call.caller.user).values()):
        raise UsageError(f"There is a token {body['name']!r} already.", "Choose another name, or delete that one.")
    token = call.site.issue(call.caller, note)
    return {"name": body["name"], "token": token, "created_at": date(call.site.now())}


def access_token_ended(call: Call, body: asked.Named) -> Json:
    """Let a token that was made here be none any more."""
    for token, (note, _) in call.site.issued(call.caller.user).items():
        if note == f"{_ACCESS}{body.get('name')}":
            call.site.revoke(token)
            return {}
    raise NotFound(f"There is no token {body.get('name')!r:.80}.", "`spell access-tokens list` lists them.")


def _keys(call: Call) -> Shelf:
    return shelf_of(call, call.caller.user, "key")


def keys(call: Call) -> Json:
    """The public keys. They are kept for the client, which looks for its own: pushes take a token."""
    return {"keys": [dated(each) for each in _keys(call).every().values()]}


def key_kept(call: Call, body: asked.Key) -> Json:
    """Keep a public key under its title, in place of what is there."""
    title, text = checked(body.get("title", ""), "The title", 200), body.get("key", "")
    try:
        content = b64decode(text.split()[1], validate=True)
    except (IndexError, ValueError):
        raise UsageError("This is no public key of OpenSSH.", "Send a line such as: ssh-ed25519 AAAA... me") from None
    digest = md5(content, usedforsecurity=False).hexdigest()
    found = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    if _keys(call).get(title) is not None:
        _keys(call).remove(title)
    return {"key": dated(_keys(call).add(title, {"title": title, "fingerprint": found, "verified": True}))}


def key(call: Call, key: int) -> Json:
    """A public key."""
    return {"key": dated(_keys(call).numbered(key)[1])}


def key_removed(call: Call, key: int) -> Json:
    """Remove a public key."""
    _keys(call).remove(_keys(call).numbered(key)[0])
    return {}


# ---------------------------------------------------------------- what there is


def options(call: Call, owner: str, kind: str) -> Json:
    """What the client offers to choose from: machine types. There is no other kind."""
    if kind != "machine_types":
        return {"options": {"values": [], "default": None}}
    return {"options": {"values": list(house_of(call, owner).machine_types()), "default": "CPU"}}


ROUTES = (
    post("/v1/users", PUBLIC, signed_up),
    post("/v1/users/login", PUBLIC, logged_in),
    post("/v1/users/logout", READ, logged_out),
    get("/v1/users/me", READ, me, by_runs=True),
    get("/v1/users/me/access_tokens", READ, access_tokens),
    post("/v1/users/me/access_tokens", READ, access_token_made),
    delete("/v1/users/me/access_tokens", READ, access_token_ended),
    get("/v1/keys", READ, keys),
    post("/v1/keys", OPERATE, key_kept),
    get("/v1/keys/{key}", READ, key),
    delete("/v1/keys/{key}", OPERATE, key_removed),
    get("/v1/supported_options/{owner}/{kind}", READ, options, by_runs=True),
)
