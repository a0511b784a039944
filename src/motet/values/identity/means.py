"""What is a means and no value: it does not say what comes out, so it counts by its name, or not at all.

Held by code or by an object, such a thing counts as the table says. Given as an argument itself, what has no name
cannot be told: a lock may be the very thing that a task is about. What was declared by `means` counts nowhere.
"""

from __future__ import annotations

from typing import Any, TypeVar

C = TypeVar("C", bound=type)

NAMED: dict[str, str] = {
    "logging:Logger": "name",
    "logging:LoggerAdapter": "logger",
    "_contextvars:ContextVar": "name",
    "torch:device": "type",
}
"""By type: the attribute that names it."""

UNNAMED = frozenset((
    "_thread:lock", "_thread:RLock", "threading:Condition", "threading:Event", "threading:Semaphore",
    "threading:Barrier", "threading:Thread", "_thread:_local", "_contextvars:Context",
    "concurrent.futures._base:Executor", "multiprocessing.pool:Pool", "multiprocessing.synchronize:SemLock",
    "multiprocessing.context:BaseContext",
    "logging:Handler", "asyncio.locks:Lock", "asyncio.locks:Event", "asyncio.locks:Semaphore",
))  # fmt: skip
"""By type: what counts not at all where code or an object holds it. So do types derived from these."""

_declared: set[type] = set()


def means(cls: C) -> C:
    """Declare that objects of a class are a means to get at values, and no value: a client, a connection, a server.

    They do not count in what a step depends on. `means(psycopg.Connection)`, or as a decorator.
    """
    _declared.add(cls)
    return cls


def told_as_means(value: Any, cls: type, *, held: bool) -> tuple[str, str] | None:
    """How a means counts: its type, with its name if it has one; None for what is a value, or cannot be told."""
    for each in cls.__mro__:
        if each in _declared:
            return "means", f"{cls.__module__}:{cls.__qualname__}"
        name = f"{each.__module__}:{each.__qualname__}"
        if name in NAMED:
            named = getattr(value, NAMED[name])
            return name, named if isinstance(named, str) else str(getattr(named, "name", ""))
        if held and name in UNNAMED:
            return name, ""
    return None
