"""Ctrl-C and SIGTERM while runs are driven: the first one stops in an orderly way, the second ends the process.

The first becomes KeyboardInterrupt (SystemExit for SIGTERM) in the main thread, but never while that is in the
middle of Motet's own work, where it would tear a commit apart: only in the user's code, or where Motet waits for
something. Signals are seen by a thread, so the second one also works while the main thread is in compiled code.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from types import FrameType

from motet.cli.terminal import complain

_NUDGE_S = 0.002
"""How long the main thread is left to get where it may be interrupted before it is asked again."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_ADDED = (os.path.join(_LIBRARY, "site-packages", ""), os.path.join(_LIBRARY, "dist-packages", ""))

_OPEN = tuple(
    _PACKAGE + part for part in ("cli" + os.sep, "dialects/python/loading.py", "dialects/python/parameters.py")
)
"""Files of Motet's in which nothing is under way that could be torn apart."""

_WAITS = {(_PACKAGE + "engine/driver.py", name) for name in ("wait", "granted", "finish")} | {
    (_PACKAGE + "engine/programs.py", "carry_on"),
    (_PACKAGE + "dialects/python/futures.py", "as_completed"),
}
"""Functions of Motet's, by file, that wait for something while they are the innermost of its own."""


def install() -> None:
    """See to both signals from now on. Called once, from the main thread. What is ignored (nohup) stays so."""
    _Watch().begin()


class _Watch:
    def __init__(self) -> None:
        self._main = threading.get_ident()
        self._pid = os.getpid()
        self._nudge = signal.SIGRTMIN + 5
        self._reader, self._writer = os.pipe()
        self._seen = 0
        self._raised = False

    def begin(self) -> None:
        os.set_blocking(self._writer, False)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        signal.signal(self._nudge, self._on_signal)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=self._leave_alone)
        threading.Thread(target=self._see, name="motet-interrupts", daemon=True).start()

    def _leave_alone(self) -> None:
        """A forked child is not this program: it gets what Python gives to all."""
        signal.set_wakeup_fd(-1)
        for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, usual)

    # -- in the main thread

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number != self._nudge:
            self._seen = self._seen or number
        if self._seen and not self._raised and may_interrupt(frame):
            self._raised = True
            raise KeyboardInterrupt if self._seen == signal.SIGINT else SystemExit(128 + self._seen)

    # -- in a thread of its own

    def _see(self) -> None:
        while True:
            waiting = self._seen and not self._raised
            if select.select([self._reader], [], [], _NUDGE_S if waiting else None)[0]:
                for number in os.read(self._reader, 256):
                    if number in (signal.SIGINT, signal.SIGTERM) and signal.getsignal(number) == self._on_signal:
                        self._count(number)
            elif waiting:
                signal.pthread_kill(self._main, self._nudge)

    def _count(self, number: int) -> None:
        if self._told:
            sys.stderr.write("\nmotet: killed. What was recorded is safe: motet resume carries on.\n")
            sys.stderr.flush()
            os._exit(128 + number)
        self._told = True
        self._seen = number
        again = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        complain(f"stopping; {again} again ends it at once.")

    _told = False


def may_interrupt(frame: FrameType | None) -> bool:
    """Whether code at that place may be interrupted: it is the user's, or it waits."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_PACKAGE):
            return path.startswith(_OPEN) or (path, frame.f_code.co_name) in _WAITS
        own = path.startswith("<frozen") or (path.startswith(_LIBRARY) and not path.startswith(_ADDED))
        if not own:
            return True
        frame = frame.f_back
    return True
