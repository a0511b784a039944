"""Ctrl-C and SIGTERM while a command drives runs: the first one stops them in an orderly way, the second ends it all.

Signals are also seen by a thread, so that the second one works while the main thread is in compiled code, where
Python raises nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from motet.cli.terminal import complain
from motet.interrupts import Interrupts


def install() -> None:
    """See to both signals for the rest of this process. Called once, from the main thread."""
    interrupts = Interrupts((signal.SIGINT, signal.SIGTERM))
    interrupts.__enter__()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=_leave_alone)
    threading.Thread(target=_watch, args=(interrupts, reader), name="motet-interrupts", daemon=True).start()


def _leave_alone() -> None:
    """A forked child is not this program: signals do there what they do in any Python."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _watch(interrupts: Interrupts, reader: int) -> None:
    told = False
    while True:
        for number in os.read(reader, 256):
            if number not in (signal.SIGINT, signal.SIGTERM) or not interrupts.in_charge(number):
                continue
            if told:
                sys.stderr.write("\nmotet: killed. What was recorded is safe: `motet resume` carries on.\n")
                sys.stderr.flush()
                os._exit(128 + number)
            told = True
            interrupts.urge()
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            complain(f"stopping; {name} again ends it at once.")
