"""Attempts that run where they are started: no hand-off, and a debugger works."""

from __future__ import annotations

import threading
from collections import deque

from motet.executors import capture
from motet.executors.calls import Identity, carry_out, closed, deliver, identity
from motet.executors.current import Current
from motet.ports import Attempt, Outcome, Place, Stopped


class _Local(threading.local):
    waiting: deque[Attempt] | None = None
    """Attempts started by a report that is being delivered in this thread; None while none is."""


class InlineExecutor:
    """Carries out an attempt in the thread that starts it, before `start` returns.

    An attempt that is started while another one's outcome is being reported in the same thread begins after
    that report: a chain of any length needs no deeper stack. `tee` also shows what attempts write where it
    would have gone without capture.
    """

    name = "inline"
    place: Place = "caller"
    capacity = 1
    backlog = 0

    def __init__(self, *, tee: bool = True) -> None:
        self._tee = tee
        self._local = _Local()
        self._running: dict[Identity, Current] = {}
        self._closed = False
        self._capturing = False

    def start(self, attempt: Attempt) -> None:
        """Carry the attempt out and report it."""
        local = self._local
        if local.waiting is not None:
            local.waiting.append(attempt)
            return
        queue = deque((attempt,))
        while queue:
            each = queue.popleft()
            # Attempts that the attempt's own code starts are nested calls and run at once.
            outcome = closed(self.name) if self._closed else self._carry_out(each)
            local.waiting = queue
            try:
                deliver(each, outcome)
            finally:
                local.waiting = None

    def _carry_out(self, attempt: Attempt) -> Outcome:
        if attempt.log is not None and not self._capturing:
            self._capturing = True
            capture.hold()
        key = identity(attempt)
        here = self._running[key] = Current(attempt.context, attempt.log, self._tee)
        try:
            if attempt.stopping is not None:  # looked at where `stop` finds it already: one of the two sees the other
                return Stopped(attempt.stopping)
            return carry_out(attempt, here)
        finally:
            del self._running[key]

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """Let the running code know (see `current.stop_requested`). False if it is running."""
        here = self._running.get((run, key, element, number))
        if here is None:
            return True
        here.stop(reason)
        return False

    def close(self, *, kill: bool = False) -> None:
        """Take no more attempts. One that is running ends in its own caller."""
        self._closed = True
        if self._capturing:
            self._capturing = False
            capture.release()
