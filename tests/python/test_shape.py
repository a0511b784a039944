"""A function's arguments by their names: what its code says is what `inspect` says."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from motet.values.shape import ABSENT, Shape


def none() -> None: ...
def plain(a: int, b: str, c: float = 3.0, *, d: int, e: int = 5) -> None: ...
def optional(a: int = 1, b: Any = None) -> None: ...
def by_place(a: int, /, b: int = 2) -> None: ...
def variadic(a: int, *rest: int, b: int = 2, **more: int) -> None: ...


@functools.wraps(plain)
def wrapping(*args: Any, **kwargs: Any) -> None: ...


FUNCTIONS = [none, plain, optional, by_place, variadic, wrapping, functools.partial(plain, d=4), Shape.names.func]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}), ((1,), {}), ((1, 2), {}), ((1, 2, 3), {"d": 4}), ((1,), {"b": 2, "d": 4}), ((1,), {"a": 1}),
    ((), {"b": 2, "a": 1}), ((), {"a": 1, "b": 2, "d": 4, "e": 6}), ((1, 2, 3, 4), {}), ((1,), {"d": 4, "x": 1}),
]  # fmt: skip


def bound_by_inspect(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[str, Any]] | str:
    """The arguments by name; what is said of those that do not fit."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    bound.apply_defaults()
    return list(bound.arguments.items())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: getattr(each, "__name__", "partial"))
def test_it_binds_as_inspect_does(function: Callable[..., Any]) -> None:
    shape = Shape(function)
    fits = 0
    for args, kwargs in CALLS:
        wanted = bound_by_inspect(function, args, kwargs)
        if isinstance(wanted, str):
            with pytest.raises(TypeError) as told:
                shape.bind(args, kwargs)
            assert str(told.value) == wanted
            continue
        fits += 1
        bound = shape.bind(args, kwargs)
        assert list(bound.items()) == wanted
        assert bound_by_inspect(function, *shape.call(bound)) == wanted
    assert fits


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: getattr(each, "__name__", "partial"))
def test_it_names_them_as_inspect_does(function: Callable[..., Any]) -> None:
    shape, parameters = Shape(function), inspect.signature(function).parameters
    assert list(shape.names) == [name for name, each in parameters.items() if "VAR_" not in each.kind.name]
    assert shape.gathers == next((name for name, each in parameters.items() if each.kind is each.VAR_KEYWORD), "")
    for name, each in parameters.items():
        assert shape.annotation(name) is (ABSENT if each.annotation is each.empty else each.annotation)
