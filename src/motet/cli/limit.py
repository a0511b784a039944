"""`motet limit`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from motet import app, leases
from motet.cli.terminal import Terminal
from motet.errors import UsageError


def limit_arguments(parser: ArgumentParser) -> None:
    """What to do; the limit; its slots."""
    parser.add_argument("what", choices=("ls", "set", "rm"), help="list them, set one, remove one")
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="the limit, or with --tag the tag")
    parser.add_argument("slots", metavar="SLOTS", nargs="?", type=float, help="how many slots; 0 lets nobody in")
    parser.add_argument("--tag", action="store_true", help="limit the tasks with the tag NAME")
    parser.add_argument("--decay", type=float, default=0.0, metavar="N", help="a rate: N slots come free each second")


def limit(options: Namespace, terminal: Terminal) -> int:
    """List, set or remove limits that all runs in the home share."""
    store = app.open_store(app.home())
    if options.what == "ls":
        _list(terminal, leases.every(store, time.time()))
        return 0
    name = f"tag:{options.name}" if options.tag and options.name else options.name
    if not name or (options.what == "set") != (options.slots is not None):
        how = "set NAME SLOTS" if options.what == "set" else "rm NAME"
        raise UsageError(f"motet limit {options.what}: this is not how it is called.", f"Write: motet limit {how}")
    if options.what == "rm":
        leases.remove(store, name)
        terminal.say(f"Limit {name} is removed.")
        return 0
    leases.define(store, name, options.slots, options.decay)
    rate = f", {options.decay:g} of them free each second" if options.decay else ""
    terminal.say(f"Limit {name}: {options.slots:g} slots{rate}.")
    return 0


def _list(terminal: Terminal, limits: list[leases.Limit]) -> None:
    if terminal.as_json:
        terminal.json([asdict(each) for each in limits])
    elif not limits:
        terminal.say("There are no limits. To set one: motet limit set NAME SLOTS")
    else:
        rows = [
            (
                each.name, f"{each.limit:g}", f"{each.used:.4g}", f"{each.decay_per_s:g}/s" if each.decay_per_s else "",
                str(len(each.line)), ", ".join(str(held["by"] or held["owner"]["pid"]) for held in each.holders),
            )
            for each in limits
        ]  # fmt: skip
        terminal.table(("NAME", "SLOTS", "IN USE", "RATE", "WAITING", "HELD BY"), rows)
