"""Limits by name, across runs and processes: `concurrency`, `rate_limit`, those for tags. Names are Prefect 3's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import Token
from functools import partial
from types import TracebackType
from typing import Self

from motet import leases, slots
from motet.dialects.python import hosting
from motet.dialects.python.scope import Scope, current, slots_held
from motet.errors import UsageError
from motet.executors.current import running
from motet.kernel.events import Json
from motet.kernel.state import element_key
from motet.ports import Store
from motet.values.naming import new_id


def tag(name: str) -> str:
    """The name of the limit for tasks with that tag."""
    return f"tag:{name}"


def of_tags(store: Store, tags: Iterable[str]) -> list[str]:
    """The limits that there are for these tags."""
    return sorted(tag(each) for each in tags if leases.exists(store, tag(each)))


def held(names: list[str]) -> Callable[[], None]:
    """Wait for one slot of each; gives what gives them back."""
    held = concurrency(names)
    held.__enter__()
    return held.release


class concurrency:  # noqa: N801 - the name that users know
    """Hold slots of named limits: `with concurrency("db"): ...`, or `async with`, in a flow, a task or anywhere else.

    names            a limit or several; `motet limit set NAME SLOTS` sets one
    occupy           how many slots of each
    timeout_seconds  raises TimeoutError if they are not free by then; None waits as long as it takes
    strict           raises UsageError where a limit does not exist, in place of a warning

    First come, first served, in all processes of one MOTET_HOME. Slots are given back when the block ends, and when the
    process dies. What runs within the block uses its slots, one at a time. Raises Cancelled where the run is stopped
    meanwhile.
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
        self._names = _listed(names)
        self._occupy = occupy
        self._timeout_s = timeout_seconds
        self._missing = partial(missing, strict=strict)
        self._slots: slots.Slots | None = None
        self._outside: Token[tuple[str, ...]] | None = None

    def __enter__(self) -> Self:
        """Take the slots."""
        self._begin().take(self._names, self._timeout_s, self._missing)
        self._note()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def __aenter__(self) -> Self:
        """The same, without holding up the loop."""
        import asyncio

        mine = self._begin()
        entering = asyncio.ensure_future(
            asyncio.to_thread(mine.take, self._names, self._timeout_s, self._missing)
        )  # fmt: skip
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            mine.leave()
            entering.add_done_callback(lambda done: done.exception() or self.release())
            raise
        self._note()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give back what is held."""
        outside, self._outside = self._outside, None
        if outside is not None:
            slots_held.set(outside.old_value if outside.old_value is not outside.MISSING else ())
        if self._slots is not None:
            self._slots.give_back()

    def _begin(self) -> slots.Slots:
        scope = current.get()
        host = scope.driver.host if scope is not None else hosting.host()
        self._ticket = new_id(host.clock.now())
        self._slots = slots.Slots(host, _asked(scope, self._ticket, self._occupy), raise_if_stopped)
        return self._slots

    def _note(self) -> None:
        """Outside of any run, let the runs that are begun within the block know of it."""
        if self._slots is not None and self._slots.held and current.get() is None:
            self._outside = slots_held.set((*slots_held.get(), self._ticket))


def _asked(scope: Scope | None, ticket: str, occupy: float) -> dict[str, Json]:
    """What is asked of a limit, and where: in a body, in an attempt in another process, or outside of any run."""
    if scope is not None:
        run = scope.driver.run
        return leases.ticket(ticket, occupy, f"{run.name} {scope.key}", run.id, scope.place, scope.lineage.within)
    here = running.get()
    context = here.context if here is not None else {}
    key, element = str(context.get("key", "")), int(context.get("element", -1))
    place = key if element < 0 else element_key(key, element)
    return leases.ticket(ticket, occupy, place, str(context.get("run", "")), place, slots_held.get())


def rate_limit(
    names: str | Iterable[str], occupy: float = 1, timeout_seconds: float | None = None, *, strict: bool = False
) -> None:
    """Wait until that much may be done, by limits that decay: `motet limit set api 10 --decay 2` lets 10 through
    at once and then 2 a second, in the order of asking.

    Raises TimeoutError, at once and taking nothing, if it would take longer than `timeout_seconds`.
    """
    scope = current.get()
    host = scope.driver.host if scope is not None else hosting.host()
    wait_s = slots.book(host, _listed(names), occupy, timeout_seconds, partial(missing, strict=strict))
    slots.sleep(host, wait_s, raise_if_stopped)


async def arate_limit(
    names: str | Iterable[str], occupy: float = 1, timeout_seconds: float | None = None, *, strict: bool = False
) -> None:
    """`rate_limit` for async code."""
    import asyncio

    scope = current.get()
    host = scope.driver.host if scope is not None else hosting.host()
    await asyncio.sleep(slots.book(host, _listed(names), occupy, timeout_seconds, partial(missing, strict=strict)))


def _listed(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def missing(name: str, strict: bool) -> None:
    """There is no such limit: an error where that was asked for, else a warning, and nothing is limited."""
    cure = f"Set one: motet limit set {name.removeprefix('tag:')} 1{' --tag' if name.startswith('tag:') else ''}"
    if strict:
        raise UsageError(f"There is no limit {name!r}.", cure)
    import logging

    logging.getLogger("motet").warning("There is no limit %r, so nothing is limited. %s", name, cure)


def raise_if_stopped() -> None:
    """Raise where the run that this is part of is being stopped."""
    scope = current.get()
    if scope is not None:
        scope.check()
