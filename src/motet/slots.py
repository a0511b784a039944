"""Slots of limits by name, waited for and held: `motet.leases`, for code that blocks until its turn comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from motet import forks, leases
from motet.errors import Cancelled
from motet.interrupts import block
from motet.kernel.events import Json
from motet.ports import Clock, Store, Timers

LOOK_S = 1.0
"""How often one who waits sees whether those who hold slots still live; a slot that is given back wakes at once."""


class Host(Protocol):
    """Where limits are kept, and what one who waits is woken by."""

    store: Store
    clock: Clock

    @property
    def tender(self) -> Timers:
        """What wakes."""
        ...


class Slots:
    """Slots of some limits, taken in the order of the limits' names, so that nobody waits in a circle.

    asked    what is asked of each of them: see `leases.ticket`
    stopped  raises where the code that waits is to end
    """

    def __init__(self, host: Host, asked: dict[str, Json], stopped: Callable[[], None]) -> None:
        self.held: list[str] = []
        self._host = host
        self._asked = asked
        self._stopped = stopped
        self._woken = threading.Event()
        self._left = False
        self._depth = forks.depth

    def take(self, names: Iterable[str], timeout_s: float | None, missing: Callable[[str], None]) -> None:
        """Wait for the slots of all; TimeoutError if they are not free in that time, and nothing is held then.

        `missing` is told of limits that do not exist.
        """
        until = None if timeout_s is None else monotonic() + timeout_s
        try:
            for name in sorted(set(names)):
                if self._take(name, until, timeout_s):
                    self.held.append(name)
                else:
                    missing(name)
        except BaseException:
            self.give_back()
            raise
        if self.held:
            self._host.tender.after(leases.LEASE_S / 3, self._renew)

    def leave(self) -> None:
        """Have the wait end, with Cancelled."""
        self._left = True
        self._woken.set()

    def give_back(self) -> None:
        """Give back what is held."""
        names, self.held = self.held, []
        if self._depth != forks.depth:  # a copy of this process holds none of them
            return
        for name in reversed(names):
            leases.let_go(self._host.store, name, self._asked["ticket"])

    def _take(self, name: str, until: float | None, timeout_s: float | None) -> bool:
        """Wait for the slots of one limit; False if it does not exist."""
        host = self._host
        taken = leases.take(host.store, name, self._asked, host.clock.now())
        if taken is not False:
            return bool(taken)
        number = host.tender.listen(self._woken.set)
        try:
            while True:
                self._woken.clear()
                taken = leases.take(host.store, name, self._asked, host.clock.now())
                if taken is not False:
                    return bool(taken)
                left_s = LOOK_S if until is None else min(LOOK_S, until - monotonic())
                if left_s <= 0:
                    slots = f"{self._asked['slots']:g} of limit {name!r}"
                    raise TimeoutError(f"{slots} did not come free in {timeout_s:g} s.")
                if self._left:
                    raise Cancelled(f"The wait for limit {name!r} was cancelled.")
                self._stopped()
                block(self._woken, left_s)
        except BaseException:
            leases.let_go(host.store, name, self._asked["ticket"])
            raise
        finally:
            host.tender.unlisten(number)

    def _renew(self) -> None:
        """Keep other hosts from taking the process for dead."""
        for name in tuple(self.held):
            leases.renew(self._host.store, name, self._asked["ticket"], self._host.clock.now())
        if self.held:
            self._host.tender.after(leases.LEASE_S / 3, self._renew)


def book(
    host: Host, names: Iterable[str], slots: float, timeout_s: float | None, missing: Callable[[str], None]
) -> float:  # fmt: skip
    """Book slots of limits that decay; gives the seconds until they are all due. Raises as `leases.book`."""
    most_s = float("inf") if timeout_s is None else timeout_s
    wait_s = 0.0
    for name in sorted(set(names)):
        due_s = leases.book(host.store, name, slots, host.clock.now(), most_s)
        if due_s is None:
            missing(name)
        else:
            wait_s = max(wait_s, due_s)
    return wait_s


def sleep(host: Host, seconds: float, stopped: Callable[[], None]) -> None:
    """Wait so long. `stopped` raises where that is to end."""
    woken = threading.Event()
    number = host.tender.listen(woken.set)
    until = monotonic() + seconds
    try:
        while (left_s := until - monotonic()) > 0:
            stopped()
            block(woken, min(left_s, LOOK_S))
            woken.clear()
    finally:
        host.tender.unlisten(number)
