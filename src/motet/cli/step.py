"""`motet step`: what a run that goes on is asked about its steps."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from motet import app
from motet.cli.requests import RUN
from motet.cli.terminal import Terminal
from motet.clients import client
from motet.errors import MotetError, UsageError
from motet.ports.voice import Written
from motet.views import lookup
from motet.views.steps import find_step

_DONE = {"stop": "is stopping", "retry": "runs again", "add": "is added"}


def step_arguments(parser: ArgumentParser) -> None:
    """What to do; to which step; what one that is added calls."""
    parser.add_argument(
        "what", choices=tuple(_DONE), help="stop a step, run one again that did not succeed, or add one"
    )
    parser.add_argument("run", metavar="RUN", help=RUN)
    parser.add_argument("step", metavar="STEP", help="key of the step, or how its key ends; of a new one its whole key")
    parser.add_argument("--call", metavar="MODULE:FUNCTION", default="", help="what a new step calls")
    parser.add_argument(
        "--arg", metavar="VALUE", action="append", default=[],
        help="an argument of that: JSON if it can be read so, else text",
    )  # fmt: skip
    parser.add_argument("--needs", metavar="STEP", action="append", default=[], help="a step that it waits for")
    parser.add_argument("--token", metavar="TOKEN", default="", help="the run's token, where the home does not tell it")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for how long to wait until it is done")


def step(options: Namespace, terminal: Terminal) -> int:
    """Ask it, and see that it is done. A run that no process drives does it when it is taken up again."""
    store = app.hosts.current().store
    row = lookup.find_run(store, options.run)
    asks = client(row.id, options.token)
    if options.what == "add":
        if not options.call:
            raise UsageError("A new step needs something to call.", "Name it: --call package.module:function")
        call: dict[str, Any] = {"target": options.call, "args": [Written(each).read() for each in options.arg]}
        key, offset = options.step, asks.add(options.step, call=call, needs=options.needs)
    else:
        key = find_step(store, row, options.step).key
        offset = asks.stop_step(key) if options.what == "stop" else asks.retry(key)
    why = asks.outcome(offset, options.wait)
    if why:
        raise MotetError(f"Run {row.name} has refused it. {why}", "`motet show` shows how the step stands.")
    done = why == ""
    told = _DONE[options.what] if done else f"was asked to {options.what}; run {row.name} has not answered yet"
    terminal.say(f"Step {key} {told}.")
    if options.json:
        terminal.json({"step": key, "offset": offset, "done": done})
    return 0 if done else 1
