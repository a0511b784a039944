"""What kind of function a callable is, by its code: nothing is imported for that."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from motet.typed import Any

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


class Kind(Enum):
    """What calling it gives."""

    PLAIN = "a value"
    COROUTINE = "a coroutine"
    GENERATOR = "a generator"
    ASYNC_GENERATOR = "an async generator"


def written(function: Any) -> Any:
    """The function that somebody wrote, below partials, bound methods and callable objects."""
    while True:
        if hasattr(function, "func"):  # a partial
            function = function.func
        elif hasattr(function, "__func__"):  # a method
            function = function.__func__
        elif not hasattr(function, "__code__") and hasattr(type(function).__call__, "__code__"):
            function = type(function).__call__
        else:
            return function


def kind_of(function: Callable[..., Any]) -> Kind:
    """What calling the function gives, as far as its code says."""
    flags = getattr(getattr(written(function), "__code__", None), "co_flags", 0)
    if flags & _COROUTINE:
        return Kind.COROUTINE
    if flags & _ASYNC_GENERATOR:
        return Kind.ASYNC_GENERATOR
    return Kind.GENERATOR if flags & _GENERATOR else Kind.PLAIN


def name_of(function: Any) -> str:
    """What the function is called: a partial as what it is part of, a callable object as its class."""
    while hasattr(function, "func"):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
