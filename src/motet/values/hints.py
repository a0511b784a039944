"""The types that annotations name, each found for itself: one that cannot be found costs only itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_type_hints


class _Anything(type):
    """The class of `Unknown`: whatever is asked of it, it stands for a type again."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __getitem__(cls, item: Any) -> Any:
        return cls


class Unknown(metaclass=_Anything):
    """Stands for a type whose name is not known while the program runs, and for all made of it. Any value fits."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return handler.generate_schema(Any)


_MOST = 100
"""No annotation names more unknown types."""


def hint(function: Callable[..., Any], annotation: Any) -> tuple[Any, list[str]]:
    """The type that an annotation of the function's stands for, and the names in it that are not known.

    What they stand for is `Unknown`. Where the annotation as a whole makes no sense, it is `Any`, and the list says so.
    """
    named, known = _names_of(function)
    unknown: dict[str, Any] = {}
    while len(unknown) < _MOST:
        holder = type("holder", (), {})
        holder.__annotations__ = {"value": annotation}
        try:
            found = get_type_hints(holder, named, {**known, **unknown}, include_extras=True)
            return found["value"], list(unknown)
        except NameError as error:
            if not error.name or error.name in unknown:
                break
            unknown[error.name] = Unknown
        except Exception:  # noqa: BLE001 - boundary: an annotation may be any text or object at all
            break
    return Any, [str(annotation)]


def _names_of(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The names that code of the function knows: those of its module, and those that it closes over."""
    while True:
        inner = function.func if isinstance(function, partial) else getattr(function, "__wrapped__", None)
        inner = inner or getattr(function, "__func__", None)
        if inner is None:
            break
        function = inner
    if not hasattr(function, "__globals__"):
        function = getattr(type(function), "__call__", function)  # noqa: B004 - what an instance is called by
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    closed: dict[str, Any] = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
        try:
            closed[name] = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
    for each in getattr(function, "__type_params__", ()):
        closed[each.__name__] = each
    return getattr(function, "__globals__", {}), closed
