"""Attempts in threads of this process: for work that waits, or that releases the interpreter's lock."""

from __future__ import annotations

import os
import threading
import time
from queue import SimpleQueue

from motet.executors import capture
from motet.executors.calls import Identity, begin_thread, carry_out, closed, deliver, identity
from motet.executors.current import Current
from motet.ports import Attempt, Failure, Outcome, Place, Stopped

_BACKLOG = 64
_MOST = 32
"""Threads by default: more seldom helps, as Python code runs in one at a time."""


class _Job:
    """An attempt in hand. It is in `_jobs` until somebody has taken on to report it."""

    __slots__ = ("attempt", "begun", "given_up", "here", "thread")

    def __init__(self, attempt: Attempt, here: Current) -> None:
        self.attempt = attempt
        self.here = here
        self.begun = self.given_up = False
        self.thread: threading.Thread | None = None


class ThreadExecutor:
    """Carries out up to `capacity` attempts at once, in daemon threads that are made on demand and kept.

    A thread cannot be killed: `stop` reports an attempt that has not begun, and lets the code of one that has
    know (see `current.stop_requested`). `tee` also shows what attempts write where it would have gone.
    """

    name = "threads"
    place: Place = "here"

    def __init__(self, capacity: int | None = None, *, backlog: int = _BACKLOG, tee: bool = True) -> None:
        self.capacity = capacity or min(_MOST, (os.cpu_count() or 1) + 4)
        self.backlog = backlog
        self._tee = tee
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._jobs: dict[Identity, _Job] = {}
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._waiting = 0
        self._lent = 0
        self._stuck: set[threading.Thread] = set()
        self._closed = False
        self._capturing = False
        self._pid = os.getpid()

    def start(self, attempt: Attempt) -> None:
        """Queue the attempt for the next free thread."""
        if attempt.log is not None and not self._capturing:
            self._capture()
        attempt.began_at = None
        job = _Job(attempt, Current(attempt.context, attempt.log, self._tee, whole_lines=True))
        outcome: Outcome | None = None
        with self._lock:
            if self._closed or self._pid != os.getpid():  # threads do not survive a fork
                outcome = closed(self.name)
            else:
                if self._waiting >= self._idle and len(self._threads) < self.capacity + self._lent:
                    outcome = self._add_thread()
                if outcome is None:
                    self._jobs[identity(attempt)] = job
                    self._waiting += 1
                    self._queue.put(job)
        if outcome is not None:
            deliver(attempt, outcome)

    def _capture(self) -> None:
        with self._lock:
            first, self._capturing = not self._capturing, True
        if first:
            capture.hold()

    def _add_thread(self) -> Outcome | None:
        """Start another thread. If the system gives none, and there is none yet, say how the attempt ends."""
        thread = begin_thread(self._work, "motet-attempts")
        if isinstance(thread, Failure):
            return None if self._threads else thread
        self._threads.append(thread)
        self._idle += 1
        return None

    # -- in the threads

    def lend(self) -> bool:
        """See `ports.Lender`."""
        if threading.current_thread() not in self._threads:
            return False
        with self._lock:
            self._allow_one_more()
        return True

    def _allow_one_more(self) -> None:
        """One of the threads is not to be counted on. Called with the lock held."""
        self._lent += 1
        if self._waiting > self._idle and not self._closed:
            self._add_thread()

    def take_back(self) -> None:
        """See `ports.Lender`."""
        with self._lock:
            self._lent -= 1

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                self._waiting -= 1
                mine = self._jobs.get(identity(job.attempt)) is job
                if mine:
                    self._idle -= 1
                    job.begun = True
                    job.thread = threading.current_thread()
                    job.attempt.began_at = time.monotonic()
            if mine:
                self._finish(job, carry_out(job.attempt, job.here))
            # Nothing of an attempt is kept alive by an idle thread.
            del job

    def _finish(self, job: _Job, outcome: Outcome) -> None:
        with self._lock:
            mine = self._take(job)
        if mine:
            deliver(job.attempt, outcome)
        # Only now: the report may wait for an attempt that it has started, which needs another thread.
        with self._lock:
            self._idle += 1
            if job.given_up and job.thread is not None:
                self._lent -= 1
                self._stuck.discard(job.thread)

    def _take(self, job: _Job) -> bool:
        """Take on to report the job; False if somebody else has. Called with the lock held."""
        key = identity(job.attempt)
        if self._jobs.get(key) is not job:
            return False
        del self._jobs[key]
        return True

    # -- stopping

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """Report the attempt as stopped if it has not begun; else let its code know, and give False.

        Another thread then does the work of the one that may be stuck in it.
        """
        with self._lock:
            job = self._jobs.get((run, key, element, number))
            if job is None:
                return True
            if job.begun:
                job.here.stop(reason)
                if not job.given_up and job.thread is not None:
                    job.given_up = True
                    self._stuck.add(job.thread)
                    self._allow_one_more()
                return False
            self._take(job)
        deliver(job.attempt, Stopped(reason))
        return True

    def close(self, *, kill: bool = False) -> None:
        """Wait for all attempts in hand but those that were asked to stop. With `kill`, give them up instead:
        they are reported as stopped.

        Called by an attempt's own thread it does not wait for that one.
        """
        with self._lock:
            first, self._closed = not self._closed, True
            given_up = list(self._jobs.values()) if kill else []
            for job in given_up:
                self._take(job)
                job.here.stop("closed")
            if first:
                for _ in self._threads:
                    self._queue.put(None)
        for job in given_up:
            deliver(job.attempt, Stopped("closed"))
        if not kill:
            for thread in self._threads:
                if thread is not threading.current_thread() and thread not in self._stuck:
                    thread.join()
        if self._capturing:
            self._capturing = False
            capture.release()
