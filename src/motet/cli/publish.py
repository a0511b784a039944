"""`motet publish`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli.terminal import Terminal
from motet.dialects.python.binding.parameters import Written
from motet.engine.listening import STEERING
from motet.errors import UsageError
from motet.ports import Publication


def arguments(parser: ArgumentParser) -> None:
    """A key, a value."""
    parser.add_argument("key", metavar="KEY", help="what happened, such as data_prepared")
    parser.add_argument("value", metavar="VALUE", nargs="?", help="JSON; what is none is taken as text")
    parser.add_argument("--namespace", default="", metavar="N", help="whose event it is (default: nobody's)")
    parser.add_argument("--client-key", default="", metavar="K", help="publishing twice with the same key is one event")


def command(options: Namespace, terminal: Terminal) -> int:
    """Publish an event and print its offset."""
    if options.namespace == STEERING:
        raise UsageError(f"The namespace {STEERING!r} is Motet's own.", "Choose another.")
    if not options.key:
        raise UsageError("An event needs a key.", "Name what happened.")
    value = None if options.value is None else Written(options.value).read()
    event = Publication(options.key, value, options.namespace, "motet publish", "", options.client_key, time.time())
    offset = app.open_store(app.home()).publish([event])[0]
    terminal.say(f"Published {options.key} at offset {offset}.")
    if options.json:
        terminal.json({"offset": offset})
    return 0
