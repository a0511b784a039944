"""Who does the work of a pool: its own thread, or in its place one that waits for an outcome anyway.

Each step from thread to thread costs as much as a commit. So a thread that waits for what a worker does takes the
helm if it is free, and hears the worker itself. The pool's own thread leaves the helm free for a moment when somebody
has wanted it and nothing is under way; it takes it back when that moment has passed unused, when whoever had it left
while there was work, or when something is asked for that it alone may do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context
from enum import Enum
from time import monotonic

from motet.interrupts import interruptible

_MOMENT_S = 0.005


class Course(Enum):
    """How it stands with the pool."""

    IDLE = "nothing is under way"
    BUSY = "workers have jobs"
    OWN = "something is to be done that only the pool's own thread may do"
    OVER = "there will be nothing more to do"


_OWN = (Course.OWN, Course.OVER)


class Helm:
    """The right to work for a pool, which one thread has at a time.

    turn    does all that is due now
    course  tells how it stands
    listen  waits for what workers say, so many seconds at most (None: as long as it takes), and takes it in
    wake    ends the wait of whoever listens
    """

    def __init__(
        self, turn: Callable[[], None], course: Callable[[], Course], listen: Callable[[float | None], None],
        wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._turn = turn
        self._course = course
        self._listen = listen
        self._wake = wake
        self._lock = threading.Lock()
        self._recalled = threading.Event()
        self._holder: int | None = None
        self._guest: int | None = None
        self._wanted = self._used = self._free = self._kept = False
        self._failure: Exception | None = None

    # -- the pool's own thread

    def steer(self) -> None:
        """Work until there will be nothing more to do."""
        while True:
            with self._lock:
                if self._failure is not None:
                    raise self._failure
                self._holder = threading.get_ident()
                self._turn()
                course = self._course()
                if course is Course.OVER:
                    return
                if leave := course is Course.IDLE and self._wanted:
                    self._free = True
                else:
                    self._listen(None)
                self._holder = None
            if leave:
                self._rest()

    def _rest(self) -> None:
        """Leave the helm to others as long as they use it. Who keeps it long wakes this thread when it lets go."""
        self._wanted = self._used = False
        patience_s: float | None = _MOMENT_S
        while not self._recalled.wait(patience_s) and (self._holder is not None or self._used):
            self._kept = not self._used
            self._used = False
            patience_s = None if self._kept and self._holder is not None else _MOMENT_S
        self._free = self._kept = False
        self._recalled.clear()

    # -- others

    def arrival(self) -> threading.Event:
        """An event; who waits for it takes the helm if it is free."""
        return _Arrival(self)

    def attend(self, done: threading.Event, until: float | None) -> None:
        """Work until `done` is set, or it is that late; for less where the helm is not free, or not for what is due.

        As in the pool's own thread, no context is set: what is done here is no part of the attempt that waits.
        """
        if not self._free or not self._lock.acquire(blocking=False):
            self._wanted = True
            return
        try:
            self._holder = self._guest = threading.get_ident()
            Context().run(self._work, done, until)
        except Exception as error:  # noqa: BLE001 - boundary: the pool has failed, which is for its own thread to tell
            self._failure = error
        finally:
            self._used, self._holder = True, None
            self._lock.release()
            if self._kept or self._failure is not None or self._course() is not Course.IDLE:
                self._recalled.set()

    def _work(self, done: threading.Event, until: float | None) -> None:
        while not done.is_set():
            self._turn()
            left_s = None if until is None else until - monotonic()
            if self._course() in _OWN or (left_s is not None and left_s <= 0):
                break
            if not done.is_set():
                self._listen(left_s)

    def is_mine(self) -> bool:
        """Whether the calling thread has the helm."""
        return self._holder == threading.get_ident()

    def look_out(self) -> None:
        """A worker was told of a job: if the helm is free for another thread than this, somebody is to listen."""
        if self._free and self._guest != threading.get_ident():
            self._recalled.set()

    def recall(self) -> None:
        """There is something to do, at once."""
        if self._free:
            self._recalled.set()

    def arrived(self) -> None:
        """What somebody may wait for is there."""
        if self._holder is not None and not self.is_mine():
            self._wake()


class _Arrival(threading.Event):
    """Waiting for it is working for the pool."""

    def __init__(self, helm: Helm) -> None:
        super().__init__()
        self._helm = helm

    def set(self) -> None:
        super().set()
        self._helm.arrived()

    @interruptible
    def wait(self, timeout: float | None = None) -> bool:
        if self.is_set():
            return True
        until = None if timeout is None else monotonic() + timeout
        self._helm.attend(self, until)
        return super().wait(None if until is None else max(0.0, until - monotonic()))
