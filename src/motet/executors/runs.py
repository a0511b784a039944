"""Attempts that drive runs of their own, each on a thread of its own: child runs, which end with their step."""

from __future__ import annotations

import os
import threading
from functools import partial

from motet.executors.calls import Identity, begin_thread, carry_out, closed, deliver, identity
from motet.executors.current import Current
from motet.ports import Attempt, Failure, Place, Stopped, Success

LET_GO = ("abandoned", "closed")
"""Why attempts are stopped whose runs are to go on elsewhere, as far as their code can see to that."""


class RunExecutor:
    """Carries out any number of attempts. To stop one is to ask its code (`executors.current`), which ends the run that
    it drives: the attempt is over when that has ended.
    """

    name = "runs"
    place: Place = "here"
    backlog = 0

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self._jobs: dict[Identity, Current] = {}
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._pid = os.getpid()

    def start(self, attempt: Attempt) -> None:
        """Begin at once."""
        here = Current(attempt.context, attempt.log, whole_lines=True)
        with self._lock:
            if is_open := not self._closed and self._pid == os.getpid():  # threads do not survive a fork
                self._jobs[identity(attempt)] = here
        if not is_open:
            deliver(attempt, closed(self.name))
            return
        thread = begin_thread(partial(self._work, attempt, here), "motet-run")
        if isinstance(thread, Failure):
            self._jobs.pop(identity(attempt), None)
            deliver(attempt, thread)

    def _work(self, attempt: Attempt, here: Current) -> None:
        me = threading.current_thread()
        with self._lock:
            self._threads.add(me)
        outcome = carry_out(attempt, here)
        with self._lock:
            self._threads.discard(me)
            self._jobs.pop(identity(attempt), None)
        is_stopped = here.stopping is not None and not isinstance(outcome, Success)
        deliver(attempt, Stopped(here.stopping or "") if is_stopped else outcome)

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """Ask the attempt's code to end; its end is reported."""
        with self._lock:
            here = self._jobs.get((run, key, element, number))
        if here is not None:
            here.stop(reason)
        return True

    def close(self, *, kill: bool = False) -> None:
        """Wait for all attempts in hand; with `kill`, have their runs let go of."""
        with self._lock:
            self._closed = True
            jobs, threads = list(self._jobs.values()), list(self._threads)
        if kill:
            for here in jobs:
                here.stop("closed")
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()
