"""`motet token`: who may come in by the server."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import UsageError
from motet.views import human

_ROLES = ("viewer", "operator", "admin")


def token_arguments(parser: ArgumentParser) -> None:
    """What to do: create one for a user, list all, revoke one."""
    parser.add_argument("action", choices=("create", "ls", "list", "revoke"), help="what to do")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", default="", help="the user's name; to revoke, or the token's id"
    )
    parser.add_argument("--role", choices=_ROLES, default="operator", help="what the user may do (default: operator)")
    parser.add_argument(
        "--for", metavar="TIME", dest="time", help='how long it lasts, such as "12h" (default: for ever)'
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="what it is for")


def token(options: Namespace, terminal: Terminal) -> int:
    """Make, list or revoke tokens. What is to be shown for a new one is printed once, and kept nowhere."""
    from motet.server import tokens

    store = app.open_store(app.home())
    if options.action in ("ls", "list"):
        found = tokens.every(store)
        if options.json:
            terminal.json([{name: value for name, value in asdict(each).items() if name != "digest"} for each in found])
            return 0
        rows = [
            (each.user, each.role.value, each.id, human.moment(each.created_at), human.moment(each.until), each.note)
            for each in found
        ]
        terminal.table(("USER", "ROLE", "ID", "CREATED", "UNTIL", "NOTE"), rows)
        return 0
    if not options.name:
        raise UsageError(f"motet token {options.action} needs a name.", f"motet token {options.action} NAME")
    if options.action == "revoke":
        gone = tokens.revoke(store, options.name)
        terminal.say(f"The token {gone.id} of {gone.user} lets nobody in any more.")
        if options.json:
            terminal.json({"revoked": gone.id})
        return 0
    for_s = human.seconds_of(options.time) if options.time else None
    made, text = tokens.create(store, options.name, tokens.Role(options.role), for_s=for_s, note=options.note)
    terminal.say(text)
    if options.json:
        terminal.json({"id": made.id, "user": made.user, "role": made.role.value, "until": made.until, "token": text})
    return 0
