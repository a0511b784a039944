"""`motet scheduler`, and seeing to it that one lives where something is to be scheduled."""

from __future__ import annotations

import os
import signal
import threading
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing

from motet import app
from motet.cli.terminal import Terminal, tell
from motet.scheduling import living
from motet.scheduling.loop import Scheduler

_NEVER = "none"


def scheduler_arguments(parser: ArgumentParser) -> None:
    """Whether to go on for ever."""
    parser.add_argument("--once", action="store_true", help="do what is due now, and end")
    parser.add_argument("--seat", type=int, default=-1, metavar="FD", help="the lock that a command has handed on")


def scheduler(options: Namespace, terminal: Terminal) -> int:
    """Carry out schedules, triggers and alerts until the process is ended."""
    home = app.home()
    handed_on = options.seat >= 0
    seat = options.seat if handed_on else living.sit(home)
    if seat is None and not options.once:
        terminal.say(f"Another scheduler works here (process {living.owner(home)}). Both do no harm to one another.")
    if seat is not None:
        living.sign(seat)

    def say(text: str) -> None:
        terminal.say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")
        terminal.flush()

    with closing(app.open_store(home)) as store, closing(Scheduler(store, home, time.time, say)) as made:
        if options.once:
            made.once()
            return 0
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        living.want(home)
        say(f"The scheduler of {home} begins (process {os.getpid()}).")
        made.run(stopped, while_wanted=handed_on)
        say("The scheduler ends.")
    return 0


def see_to_it() -> None:
    """Start a scheduler unless one lives, and say so. MOTET_SCHEDULER=none forbids it."""
    home = app.home()
    if os.environ.get("MOTET_SCHEDULER") == _NEVER or living.is_living(home):
        return
    try:
        process = living.start(home)
    except OSError as error:
        tell(f"motet: warning: no scheduler could be started: {error}.")
        return
    if process:
        tell(f"motet: a scheduler was started (process {process}), as none was at work here. `motet scheduler --help`")
