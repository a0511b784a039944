"""`motet stop`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import lookup
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.engine.listening import STEERING
from motet.errors import Conflict
from motet.kernel.program import Finish
from motet.kernel.transitions import CANCELLED, ENDED, PENDING
from motet.ports import Publication, RunRow

_REASON = "motet stop"
_LOOK_S = 1.0
"""How often it is checked that the run's process still lives; the end of the run itself is heard of at once."""


def arguments(parser: ArgumentParser) -> None:
    """The run; how long to wait."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="for how many seconds (default: 30)")


def command(options: Namespace, terminal: Terminal) -> int:
    """Ask the run's process to stop it, and wait until it has ended. Without a process it is ended from here."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    already = row.status in ENDED
    if not already:
        _ask(host, row)
        row = _wait(host, row, options.wait)
    ended = row.status in ENDED
    said = f"had ended already: {row.status}" if already else f"has ended: {row.status}" if ended else "is stopping"
    terminal.say(f"Run {terminal.paint(row.name, 'bold')} {said}.")
    if not ended:
        terminal.say("A step that cannot be interrupted still runs. It goes on stopping by itself.")
    if options.json:
        terminal.json(lookup.run_json(row))
    return 0 if ended else 1


def _ask(host: Host, row: RunRow) -> None:
    if _has_nobody(row) and _end_from_here(host, row):
        return
    event = Publication("run.stop", _REASON, STEERING, "motet stop", row.id, "", time.time())
    host.store.publish([event])


def _has_nobody(row: RunRow) -> bool:
    return lookup.has_crashed(row, time.time()) or (row.status == PENDING and row.owner is None)


def _end_from_here(host: Host, row: RunRow) -> bool:
    """Take the run over and end it as cancelled; False if somebody else was faster."""
    try:
        driver = host.take_up(row.id)
    except Conflict:
        return False
    driver.cancel(_REASON)
    driver.finish(Finish(CANCELLED))
    return True


def _wait(host: Host, row: RunRow, patience_s: float) -> RunRow:
    """The run as it stands when it has ended, or when the time is up."""
    follower = host.store.follow()
    until = time.monotonic() + patience_s
    try:
        while True:
            row = host.store.run(row.id)
            left_s = until - time.monotonic()
            if row.status in ENDED or left_s <= 0:
                return row
            if lookup.has_crashed(row, time.time()):
                _end_from_here(host, row)
            else:
                follower.wait(min(_LOOK_S, left_s))
    finally:
        follower.close()
