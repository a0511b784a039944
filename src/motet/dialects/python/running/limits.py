"""Limits by name, across runs and processes: `concurrency`, `rate_limit`, those for tags. Names are Prefect 3's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic
from types import TracebackType
from typing import Self

from motet import leases
from motet.dialects.python import hosting
from motet.dialects.python.scope import current
from motet.engine.attempts import World
from motet.errors import Cancelled, UsageError
from motet.interrupts import block
from motet.kernel.transitions import CANCELLING
from motet.ports import Store

_LOOK_S = 1.0
"""How often one who waits sees whether those who hold slots still live; a slot that is given back wakes at once."""


def tag(name: str) -> str:
    """The name of the limit for tasks with that tag."""
    return f"tag:{name}"


def of_tags(store: Store, tags: Iterable[str]) -> list[str]:
    """The limits that there are for these tags."""
    return sorted(tag(each) for each in tags if leases.exists(store, tag(each)))


def held(names: list[str]) -> Callable[[], None]:
    """Wait for one slot of each; gives what gives them back."""
    slots = concurrency(names)
    slots.__enter__()
    return slots.release


class concurrency:  # noqa: N801 - the name that users know
    """Hold slots of named limits: `with concurrency("db"): ...`, or `async with`, in a flow, a task or anywhere else.

    names            a limit or several; `motet limit set NAME SLOTS` sets one
    occupy           how many slots of each
    timeout_seconds  raises TimeoutError if they are not free by then; None waits as long as it takes
    strict           raises UsageError where a limit does not exist, in place of a warning

    First come, first served, in all processes of one MOTET_HOME. Slots are given back when the block ends, and when the
    process dies. Raises Cancelled where the run is stopped meanwhile.
    """

    def __init__(
        self,
        names: str | Iterable[str],
        occupy: float = 1,
        timeout_seconds: float | None = None,
        *,
        strict: bool = False,
    ) -> None:
        if not occupy > 0:
            raise UsageError(f"occupy is {occupy!r}.", "Give a number of slots above 0.")
        self._names = sorted({names} if isinstance(names, str) else set(names))
        self._occupy = occupy
        self._timeout_s = timeout_seconds
        self._strict = strict
        self._woken = threading.Event()
        self._left = False
        self._holds: list[str] = []
        self._host: World | None = None
        self._ticket = ""

    def __enter__(self) -> Self:
        """Take the slots, in the order of the limits' names, so that nobody waits in a circle."""
        from motet.values.naming import new_id

        scope = current.get()
        host = self._host = scope.driver.host if scope is not None else hosting.host()
        self._ticket = new_id(host.clock.now())
        until = None if self._timeout_s is None else monotonic() + self._timeout_s
        asked = leases.ticket(
            self._ticket, self._occupy, f"{scope.driver.run.name} {scope.key}" if scope is not None else ""
        )
        try:
            for name in self._names:
                if self._take(host, name, asked, until):
                    self._holds.append(name)
                else:
                    missing(name, self._strict)
        except BaseException:
            self.release()
            raise
        if self._holds:
            self._renew_later()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def __aenter__(self) -> Self:
        """The same, without holding up the loop."""
        import asyncio

        entering = asyncio.ensure_future(asyncio.to_thread(self.__enter__))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            self._left = True
            self._woken.set()
            entering.add_done_callback(lambda done: done.exception() or self.release())
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give back what is held."""
        names, self._holds = self._holds, []
        for name in reversed(names):
            assert self._host is not None
            leases.let_go(self._host.store, name, self._ticket)

    def _take(self, host: World, name: str, asked: dict[str, object], until: float | None) -> bool:
        """Wait for the slots of one limit; False if it does not exist."""
        taken = leases.take(host.store, name, asked, host.clock.now())
        if taken is not False:
            return bool(taken)
        number = host.tender.listen(self._woken.set)
        try:
            while True:
                self._woken.clear()
                taken = leases.take(host.store, name, asked, host.clock.now())
                if taken is not False:
                    return bool(taken)
                left_s = _LOOK_S if until is None else min(_LOOK_S, until - monotonic())
                if left_s <= 0:
                    raise TimeoutError(
                        f"{self._occupy:g} of limit {name!r} did not come free in {self._timeout_s:g} s."
                    )
                if self._left:
                    raise Cancelled(f"The wait for limit {name!r} was cancelled.")
                raise_if_stopped()
                block(self._woken, left_s)
        except BaseException:
            leases.let_go(host.store, name, self._ticket)
            raise
        finally:
            host.tender.unlisten(number)

    def _renew_later(self) -> None:
        """Keep other hosts from taking the process for dead."""
        host = self._host
        assert host is not None

        def again() -> None:
            for name in tuple(self._holds):
                leases.renew(host.store, name, self._ticket, host.clock.now())
            if self._holds:
                host.tender.after(leases.LEASE_S / 3, again)

        host.tender.after(leases.LEASE_S / 3, again)


def rate_limit(
    names: str | Iterable[str], occupy: float = 1, timeout_seconds: float | None = None, *, strict: bool = False
) -> None:
    """Wait until that much may be done, by limits that decay: `motet limit set api 10 --decay 2` lets 10 through
    at once and then 2 a second, in the order of asking.

    Raises TimeoutError, at once and taking nothing, if it would take longer than `timeout_seconds`.
    """
    host, wait_s = _booked(names, occupy, timeout_seconds, strict)
    woken = threading.Event()
    number = host.tender.listen(woken.set)
    until = monotonic() + wait_s
    try:
        while (left_s := until - monotonic()) > 0:
            raise_if_stopped()
            block(woken, min(left_s, _LOOK_S))
            woken.clear()
    finally:
        host.tender.unlisten(number)


async def arate_limit(
    names: str | Iterable[str], occupy: float = 1, timeout_seconds: float | None = None, *, strict: bool = False
) -> None:
    """`rate_limit` for async code."""
    import asyncio

    await asyncio.sleep(_booked(names, occupy, timeout_seconds, strict)[1])


def _booked(names: str | Iterable[str], occupy: float, timeout_s: float | None, strict: bool) -> tuple[World, float]:
    scope = current.get()
    host = scope.driver.host if scope is not None else hosting.host()
    most_s = float("inf") if timeout_s is None else timeout_s
    wait_s = 0.0
    for name in sorted({names} if isinstance(names, str) else set(names)):
        due_s = leases.book(host.store, name, occupy, host.clock.now(), most_s)
        if due_s is None:
            missing(name, strict)
        else:
            wait_s = max(wait_s, due_s)
    return host, wait_s


def missing(name: str, strict: bool) -> None:
    """There is no such limit: an error where that was asked for, else a warning, and nothing is limited."""
    cure = f"Set one: motet limit set {name.removeprefix('tag:')} 1{' --tag' if name.startswith('tag:') else ''}"
    if strict:
        raise UsageError(f"There is no limit {name!r}.", cure)
    import logging

    logging.getLogger("motet").warning("There is no limit %r, so nothing is limited. %s", name, cure)


def raise_if_stopped() -> None:
    """Raise Cancelled where the run that this is part of is being stopped."""
    scope = current.get()
    if scope is None:
        return
    if scope.driver.session.broken is not None:
        raise scope.driver.session.broken
    if scope.driver.state.status == CANCELLING:
        raise Cancelled(f"Run {scope.driver.run.name} was stopped: {scope.driver.state.reason or 'on request'}.")
