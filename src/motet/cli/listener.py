"""`motet listener`: listeners that have a name, and the events that they could not deal with."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import UsageError
from motet.listeners import kept
from motet.views import human


def listener_arguments(parser: ArgumentParser) -> None:
    """What to do; which listener; which dead letter of it."""
    what = ("ls", "dead", "replay", "rm")
    told = "list them, list dead letters, have some dealt with once more, remove a listener"
    parser.add_argument("what", choices=what, nargs="?", default="ls", help=told)
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="the listener")
    offset = human.whole("OFFSET", 1)
    parser.add_argument("offset", metavar="OFFSET", nargs="?", type=offset, help="the event of one dead letter")


def listener(options: Namespace, terminal: Terminal) -> int:
    """List listeners or their dead letters, replay these, or remove a listener with them."""
    store = app.store()
    if options.what in ("replay", "rm") and not options.name:
        raise UsageError(f"motet listener {options.what}: this is not how it is called.", "Name a listener.")
    if options.what == "ls":
        show(terminal)
    elif options.what == "dead":
        _dead(terminal, kept.dead(store, options.name))
    elif options.what == "rm":
        kept.forget(store, options.name, time.time())
        terminal.say(f"Listener {options.name} is removed.")
    else:
        offsets = () if options.offset is None else (options.offset,)
        letters = kept.replay(store, options.name, time.time(), offsets)
        alive = any(each.name == options.name and each.owner for each in kept.every(store, time.time()))
        when = "now" if alive else "when it next listens"
        terminal.say(f"Listener {options.name} deals with {human.counted(len(letters), 'dead letter')} {when}.")
        if options.json:
            terminal.json([each.json for each in letters])
    return 0


def show(terminal: Terminal) -> None:
    """The listeners, how far they are, and how many events they have yet to hear."""
    found = kept.every(app.store(), time.time())
    if terminal.as_json:
        terminal.json([each.json for each in found])
    elif not found:
        terminal.say("There are no listeners that have a name.")
    else:
        rows = [
            (
                each.name, ", ".join(rule["key"] for rule in each.rules), str(each.position), str(each.lag),
                str(each.dead_letters),
                f"process {each.owner['pid']}" if each.owner else f"nobody since {human.moment(each.heard_at)}",
            )
            for each in found
        ]  # fmt: skip
        terminal.table(("NAME", "LISTENS FOR", "POSITION", "LAG", "DEAD", "IS"), rows)


def _dead(terminal: Terminal, letters: list[kept.Letter]) -> None:
    if terminal.as_json:
        terminal.json([each.json for each in letters])
    elif not letters:
        terminal.say("There are no dead letters.")
    else:
        rows = [
            (
                each.listener, str(each.event.offset), each.event.key,
                human.short_text(json.dumps(each.event.value, ensure_ascii=False), 40),
                human.short_text(each.error, 60), "yes" if each.again else "",
            )
            for each in letters
        ]  # fmt: skip
        terminal.table(("LISTENER", "OFFSET", "KEY", "VALUE", "ERROR", "REPLAYED"), rows)
