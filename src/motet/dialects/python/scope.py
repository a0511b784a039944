"""Where a call comes from: the body of a flow or task that is running, found by a context variable."""

from __future__ import annotations

import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from motet.errors import MotetError, Suspended, TimedOut, UsageError
from motet.kernel.transitions import CANCELLING
from motet.typed import TYPE_CHECKING, Any
from motet.values.naming import checked

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.ports import RunRow
    from motet.reuse.forks import Reuse

UNTRACKED = frozenset((type(None), bool, int, float, complex, str, bytes))
"""Kinds of values of which nobody can say where they came from: equal ones are often one object."""
_KEPT = 256


slots_held: ContextVar[tuple[str, ...]] = ContextVar("motet_slots", default=())
"""The tickets of the blocks, outside of any run, that hold slots of limits around the running code."""


class Lineage:
    """Which step a value came from, by identity; the last producer wins.

    Values that can be referred to weakly are not kept alive by it; of the others the last few hundred are,
    because the id of a value that is gone may be given to another.

    reuse   the steps of the run that this one was forked from, None where it was not
    within  the blocks outside of any run, by their tickets, that hold slots of limits while the run lasts
    """

    def __init__(self, reuse: Reuse | None = None) -> None:
        self.reuse = reuse
        self.within = slots_held.get()
        self._weak: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._strong: OrderedDict[int, tuple[Any, str]] = OrderedDict()

    def add(self, value: Any, key: str) -> None:
        """The value came from the step `key`."""
        if type(value) in UNTRACKED:
            return
        place = id(value)
        try:
            gone = self._weak.pop
            self._weak[place] = (weakref.ref(value, lambda _: gone(place, None)), key)
        except TypeError:
            self._strong[place] = (value, key)
            self._strong.move_to_end(place)
            if len(self._strong) > _KEPT:
                self._strong.popitem(last=False)

    def key(self, value: Any) -> str | None:
        """The step that the value came from, None if it is not known."""
        place = id(value)
        found = self._strong.get(place)
        if found is not None:
            return found[1]
        known = self._weak.get(place)
        return known[1] if known is not None and known[0]() is value else None


class Scope:
    """The body of one flow or task that is running: its key, its run, how often it has called what.

    `unlooked` holds the keys of steps that were submitted from here and whose outcome nobody has looked at;
    for a map, the elements that were looked at. `awaited` are steps that coroutines of this body carry out just
    now. `executor` is where submitted tasks run, and `limits` holds, under a name of the scope's own, how many of
    them at once if that is bounded. Once it has `ended`, or is `over` for that reason, the body may call nothing.

    outer   the scope that the body was called from
    owner   the flow or task whose body it is; None where none is running
    values  a flow's parameters by name; a task's arguments and keyword arguments
    tags    what `tags(...)` added to it
    prints  whether what it prints is logged as by its logger
    late    asyncio tasks of coroutines that have timed out and not ended yet, with how long each may take for that
    heard   the offset of the last event that a wait of this body has given, by key
    line    where the hooks of what it submitted are called

    Each asyncio task that the body makes counts its calls for itself, in a fork of the scope: else keys would depend
    on who happens to be first.
    """

    __slots__ = (
        "_calls", "_ending", "_place", "_whole", "awaited", "driver", "ended", "executor", "heard", "key", "late",
        "limits", "line", "lineage", "outer", "over", "owner", "prints", "tags", "unlooked", "values",
    )  # fmt: skip

    def __init__(self, driver: Driver, key: str, lineage: Lineage, executor: str = "", most: int | None = None) -> None:
        self.driver = driver
        self.key = self._place = key
        self.lineage = lineage
        self.executor = executor
        self.limits = {} if most is None else {f"runner:{key}": most}
        self.outer: Scope | None = None
        self.owner: Any = None
        self.values: Any = ()
        self.tags: frozenset[str] = frozenset()
        self.prints = False
        self.line: Any = None
        self.heard: dict[str, int] | None = None
        self._ending: list[Callable[[], None]] | None = None
        self._calls: dict[str, int] | None = None
        self._whole = self
        self.awaited: set[str] = set()
        self.late: dict[Any, float] = {}
        self.unlooked: dict[str, set[int]] | None = None
        self.over: MotetError | None = None
        self.ended = False

    @property
    def place(self) -> str:
        """Where in the run it is: the key of the body, and within that which of its asyncio tasks."""
        return self._place

    def fork(self, name: str) -> Scope:
        """The same body, in an asyncio task of its own that runs a coroutine of that name."""
        from copy import copy

        made = copy(self)
        made._place = self._next(f"{name}~")
        made._calls = None
        return made

    def next_key(self, name: str) -> str:
        """The key of the next call of `name` from this body: its own key, the name, how manieth call."""
        whole = self._whole
        if whole.ended or whole.over is not None:
            raise whole.over or UsageError(
                f"{self.key} has ended, and what it left behind goes on calling tasks or flows.",
                "Wait in the flow for the asyncio tasks and threads that it starts.",
            )
        return self._next(f"{name}-")

    def _next(self, name: str) -> str:
        if self._calls is None:
            self._calls = {}
        number = self._calls.get(name, 0)
        self._calls[name] = number + 1
        return f"{self._place}/{name}{number}"

    def check(self) -> None:
        """Raise where the run is being stopped, or can be driven no longer; see `motet.interrupts.Stop`."""
        self.driver.check()
        if self.driver.state.status == CANCELLING:
            raise self.driver.stop.told(self.driver.stopped)

    def timed_out(self, timeout_s: float) -> TimedOut:
        """What is raised where the time of the body is up."""
        return TimedOut(f"{self.key} ran longer than its limit of {timeout_s:g} s and was stopped.")

    def at_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when the body has ended, whichever way."""
        self._whole._ending = [*(self._whole._ending or ()), callback]

    def end(self) -> bool:
        """The body has ended, and may call nothing any more; whether there are callbacks, for `call_back`."""
        self.ended = True
        return bool(self._ending)

    def call_back(self) -> None:
        """Call those that asked to be called at the end; they may wait."""
        while self._ending:
            self._ending.pop()()

    def submitted(self, key: str) -> None:
        """A step was submitted; its outcome is to be looked at."""
        if self._whole.unlooked is None:
            self._whole.unlooked = {}
        self._whole.unlooked[key] = set()

    def looked_at(self, key: str, element: int = -1) -> None:
        """Somebody has seen the outcome of the step, or of one element."""
        unlooked = self._whole.unlooked
        if unlooked is None:
            return
        if element < 0:
            unlooked.pop(key, None)
        elif key in unlooked:
            unlooked[key].add(element)

    def accepts(self, keys: Iterable[str]) -> None:
        """The failures of these steps, or elements, are passed on as values: that is a look at them."""
        for key in keys:
            step, _, element = key.partition("[")
            self.looked_at(step, int(element[:-1]) if element else -1)


current: ContextVar[Scope | None] = ContextVar("motet_scope", default=None)
"""The scope that the running code is in; None outside any run."""


def _leave_run() -> None:
    """A process that user code forks is outside of the run: its bodies owe nothing to what they have submitted."""
    scope = current.get()
    while scope is not None:
        whole, scope = scope._whole, scope.outer
        whole.unlooked = whole._ending = whole.line = None
    current.set(None)


os.register_at_fork(after_in_child=_leave_run)

tags_now: ContextVar[frozenset[str]] = ContextVar("motet_tags", default=frozenset())
"""The tags that `tags(...)` adds to what is called now."""


@contextmanager
def tags(*new_tags: str) -> Iterator[set[str]]:
    """Flows and tasks that are called within get these tags too; gives all that hold here."""
    for each in new_tags:
        checked(each, "The tag")
    whole = tags_now.get().union(new_tags)
    token = tags_now.set(whole)
    try:
        yield set(whole)
    finally:
        tags_now.reset(token)


class Leaving(BaseException):
    """Unwinds the bodies of a run that is to be let go of: nothing has failed. `cure` says how it goes on."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def suspended(self, run: RunRow) -> Suspended:
        """What whoever called the flow is told."""
        return Suspended(f"Run {run.name} is suspended: it waits for {self.what}.", self.cure.format(run=run.name))
