"""The lock of a run, and what whoever lets it go owes to the others."""

from __future__ import annotations

import threading
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING

from motet.interrupts import need_stack

if TYPE_CHECKING:
    from motet.engine.runloop import RunLoop


class Chore(Enum):
    """What the holder of the lock is asked to do besides taking in news."""

    LOOK = "take in what was published"
    FLUSH = "commit what waits to be committed"


class Turn:
    """The run's lock. Whoever lets it go tells those who wait, and works on what came in meanwhile.

    An error that leaves the session broken has everybody told before it goes on its way. Where the stack is nearly used
    up, RecursionError is raised before the lock is taken.
    """

    __slots__ = ("_driver", "lock")

    def __init__(self, driver: RunLoop) -> None:
        self._driver = driver
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        need_stack()
        self.lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        driver = self._driver
        if error is not None:
            driver.failed(error)
        self.let_go()
        if driver.inbox:
            driver.drain()

    def let_go(self) -> None:
        """Unlock, then tell those for whom something has ended."""
        told = self._driver.waiters.take_due()
        self.lock.release()
        for callback in told:
            callback()
