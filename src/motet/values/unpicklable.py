"""Why a value cannot be pickled, or not loaded again, in words for its owner."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from motet.values import pickle

_LOOKS = 2000
"""How many members are tried in search of the one at fault."""


def reason(value: object, error: BaseException) -> str:
    """One line on why `value` cannot be kept: its type, and the member at fault if it can be found."""
    loads_not = isinstance(error, pickle.Unloadable)
    fault = error.__cause__ if loads_not and error.__cause__ is not None else error
    said = " ".join(f"{type(fault).__name__}: {fault}".split())[:200]
    what_not = "can be pickled, but not loaded again" if loads_not else "cannot be pickled"
    what = _type_name(value)
    looks = [_LOOKS]
    path, found = "", value
    while (inner := _bad_member(found, looks)) is not None:
        path, found = path + inner[0], inner[1]
        if path.count(".") + path.count("[") >= 20:
            break
    if found is value:
        return f"{what} {what_not} ({said})"
    return f"{what} {what_not}: value{path} is of type {_type_name(found)} ({said})"


def _bad_member(value: object, looks: list[int]) -> tuple[str, object] | None:
    members = _members(value)
    while True:
        looks[0] -= 1
        try:
            path, member = next(members)
        except Exception:  # noqa: BLE001 - boundary: to look into a value runs its own code; or there are no more
            return None
        if looks[0] < 0:
            return None
        try:
            pickle.kept(member)
        except Exception:  # noqa: BLE001 - boundary: pickling and loading run the member's own code
            return path, member


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, member in list(value.items()):
            yield f"[{_short(key)}]", member
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield f"[{index}]", member
    elif isinstance(value, (set, frozenset)):
        for member in value:
            yield "{...}", member
    elif not isinstance(value, type):
        for name, member in list(getattr(value, "__dict__", {}).items()):
            yield f".{name}", member
        yield from _closed_over(value)


def _closed_over(value: object) -> Iterator[tuple[str, object]]:
    code = getattr(value, "__code__", None)
    cells = getattr(value, "__closure__", None) or ()
    for name, cell in zip(getattr(code, "co_freevars", ()), cells, strict=False):
        try:
            yield f".{name} (closed over)", cell.cell_contents
        except ValueError:
            continue
    outer = getattr(value, "__globals__", {})
    for name in getattr(code, "co_names", ()):
        if name in outer and not isinstance(outer[name], type(sys)):
            yield f".{name} (global)", outer[name]


def _short(key: object) -> str:
    try:
        return repr(key)[:40]
    except Exception:  # noqa: BLE001 - boundary: a key's own __repr__
        return "..."


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
