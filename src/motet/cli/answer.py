"""`motet answer`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from motet import app
from motet.cli import lookup
from motet.cli.requests import given
from motet.cli.terminal import Terminal
from motet.dialects.python.world import answers
from motet.errors import UsageError
from motet.ports import Document, RunRow, Store

_LOOK_S = 1.0


def arguments(parser: ArgumentParser) -> None:
    """The run; the answer."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", dest="param",
        help="a field of the answer; the value is JSON if it can be read so, else text",
    )  # fmt: skip
    parser.add_argument("--step", default="", metavar="STEP", help="which question, where the run has asked several")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for how long to wait until it is taken")


def command(options: Namespace, terminal: Terminal) -> int:
    """Answer the question; see that it is taken. Where no process drives the run, one is started that does."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    to = answers.question(host.store, row, options.step)
    values = {name: _read(to, name, written) for name, written in given(options.param).items()}
    offset = answers.give(host.store, to, values, "motet answer", time.time())
    if lookup.is_suspended(row) or lookup.has_crashed(row, time.time()):
        app.start_engine(row.id)
    refused = _wait(host.store, to, offset, options.wait)
    if refused:
        raise UsageError(f"The answer does not fit: {refused}.", f"It is asked for {answers.told(to.body)}.")
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} goes on.")
    terminal.say(f"To see it: motet show {row.name}; motet logs -f {row.name}")
    if options.json:
        terminal.json(lookup.run_json(lookup.find_run(host.store, row.id)))
    return 0


def go(store: Store, row: RunRow) -> None:
    """Let a run that waits for a word to go on go on. Raises UsageError for one that waits for more than that."""
    waits = row.waits or []
    if len(waits) == 1 and waits[0]["for"] == "answer" and not waits[0]["schema"]:
        answers.give(store, answers.question(store, row), {}, "motet resume", time.time())
        return
    told = "; ".join(answers.told(each) for each in waits)
    raise UsageError(f"Run {row.name} waits for {told}.", answers.how(waits[0]).format(run=row.name))


def _read(to: Document, name: str, written: Any) -> Any:
    return written.text if answers.is_text(to.body, name) else written.read()


def _wait(store: Store, to: Document, offset: int, patience_s: float) -> str:
    """Wait until the answer is taken; gives why it was refused. Empty too if neither is heard within the time."""
    follower = store.follow()
    until = time.monotonic() + patience_s
    try:
        while (left_s := until - time.monotonic()) > 0:
            now = store.document(to.voice, to.kind, to.key)
            if now is None:
                return ""
            refused = now.body.get("refused", {})
            if refused.get("offset", 0) >= offset:
                return str(refused["error"])
            follower.wait(min(_LOOK_S, left_s))
    finally:
        follower.close()
    return ""
