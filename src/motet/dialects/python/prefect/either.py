"""Manners of Prefect's: functions that are called plainly or awaited, loggers, what is said of what does nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

from motet.dialects.python.running.coroutines import finished as finished
from motet.dialects.python.scope import current
from motet.values.kinds import Kind


class Done:
    """What an awaited call gives: it is there already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from ()
        return self._value


def is_async() -> bool:
    """Whether the calling code is a coroutine, which awaits what it calls."""
    scope = current.get()
    if scope is not None and scope.owner is not None:
        return scope.owner.kind in (Kind.COROUTINE, Kind.ASYNC_GENERATOR)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def either(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose calls by coroutines give something to be awaited."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        return Done(value) if is_async() else value

    return call


def awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a coroutine."""

    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


VERSION = "3.9.1"
"""The version of Prefect whose names are served."""


def get_logger(name: str | None = None) -> logging.Logger:
    """The logger `prefect.name`, for what belongs to no run."""
    whole = name if name and name.startswith("prefect") else f"prefect.{name}" if name else "prefect"
    return logging.getLogger(whole)


_said: set[str] = set()


def say(text: str) -> None:
    """Log the text as a warning, once in a process."""
    if text not in _said:
        _said.add(text)
        logging.getLogger("motet").warning(text)


def inert(what: str, instead: str = "") -> None:
    """Say that `what` is accepted and does nothing, with what to do in place of it."""
    say(f"{what} is accepted, and does nothing here.{f' {instead}' if instead else ''}")
