"""A digest of a function's code, and of the code that it calls in its own module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from motet.values.hashing import blake2b


def code_digest(function: Callable[..., Any]) -> str:
    """32 hex digits that change when what the function does changes; comments, layout and line numbers do not count.

    Functions (and tasks) of the same module that it names are part of it, and so on; other modules are not.
    What is no function may tell what it does by its `__source__`.
    """
    hashed = blake2b(str(getattr(function, "__source__", "")).encode(), digest_size=16)
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        plain = waiting.pop()
        plain = getattr(plain, "fn", plain)
        plain = getattr(plain, "__func__", plain)
        if not isinstance(plain, FunctionType) or id(plain) in seen:
            continue
        seen.add(id(plain))
        hashed.update(repr((_form(plain.__code__), plain.__defaults__, plain.__kwdefaults__)).encode())
        waiting.extend(_called(plain))
    return hashed.hexdigest()


def _form(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(_form(each) if isinstance(each, CodeType) else each for each in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames


def _called(function: FunctionType) -> Iterator[Callable[..., Any]]:
    for name in _names(function.__code__):
        found = function.__globals__.get(name)
        plain = getattr(found, "fn", found)
        if isinstance(plain, FunctionType) and plain.__module__ == function.__module__:
            yield plain


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)
