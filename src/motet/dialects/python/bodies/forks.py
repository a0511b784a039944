"""Each asyncio task that a flow or task makes gets a fork of its scope, numbered where it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from motet.dialects.python.scope import current


class Forking:
    """A task factory: it asks the one that was there before it (None: asyncio's own) to make the tasks.

    `users` counts the bodies that run on its loop.
    """

    def __init__(self, before: Any) -> None:
        self.before = before
        self.users = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        scope = current.get()
        if scope is not None and options.get("context") is None:
            context = options["context"] = copy_context()
            name = getattr(coro, "__qualname__", None) or type(coro).__name__
            context.run(current.set, scope.fork(name.rpartition(".")[2]))
        if self.before is not None:
            return self.before(loop, coro, **options)
        return asyncio.Task(coro, loop=loop, **options)


@contextmanager
def forking() -> Iterator[None]:
    """While it lasts, tasks of the running loop fork the scope that they are made in."""
    loop = asyncio.get_running_loop()
    found = loop.get_task_factory()
    factory = found if isinstance(found, Forking) else Forking(found)
    if factory is not found:
        loop.set_task_factory(factory)
    factory.users += 1
    try:
        yield
    finally:
        factory.users -= 1
        if not factory.users and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.before)
