"""Iterators among the arguments of a call: what has been read from them once is gone for whoever is given them next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import GeneratorType
from typing import Any

from motet.errors import UsedUp
from motet.values.containers import PLAIN, members


class Given:
    """What was given to an attempt at a step: `check` tells whether another one may be given the same."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: dict[int, Any] | None = None

    def check(self, key: str, values: Mapping[str, Any]) -> None:
        """Raise UsedUp if an iterator among the values has been read from since the last call of this."""
        found = list(_iterators(values))
        before, self._before = self._before, {id(each): _place(each) for _, each in found}
        for name, each in found:
            if (
                before is not None
                and id(each) in before
                and (before[id(each)] is None or before[id(each)] != _place(each))
            ):
                raise used_up(name, each, f"Another attempt at step {key} cannot begin")


def used_up(name: str, iterator: object, what: str) -> UsedUp:
    """The error that says that nothing, or not all, is left in an iterator."""
    return UsedUp(
        f"{what}: {name} is a {type(iterator).__name__}, which can be read only once, and may have been.",
        "Give a list of what is in it, or make it in the step that reads it.",
    )


def one_way(value: Any) -> bool:
    """Whether the value can be read only once: an iterator that is not asked anew, as a cursor is, nor only written."""
    if not hasattr(type(value), "__next__") or hasattr(value, "execute"):
        return False
    return not hasattr(value, "readable") or bool(value.readable())


def _iterators(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The iterators among the values, and in their containers, with the names of the values."""
    for name, value in values.items():
        seen: set[int] = set()
        stack: list[Any] = [value]
        while stack:
            each = stack.pop()
            if type(each) in PLAIN or id(each) in seen:
                continue
            seen.add(id(each))
            if one_way(each):
                yield name, each
            else:
                stack.extend(members(each))


def _place(iterator: Any) -> Any:
    """How far it has been read, as far as that can be told; None where it cannot."""
    if isinstance(iterator, GeneratorType):
        return 0 if iterator.gi_frame is not None and iterator.gi_frame.f_lasti <= 0 else None
    try:
        if hasattr(iterator, "tell"):
            return iterator.tell()
        return iterator.__length_hint__() if hasattr(iterator, "__length_hint__") else None
    except (OSError, ValueError, TypeError):  # a pipe, or a file that is closed or being read line by line
        return None


def refuse_shared(task: str, values: Iterable[tuple[str, Any]]) -> None:
    """Raise UsedUp if one of the values, which all elements of a map are given, can be read only once."""
    for name, value in values:
        if one_way(value) and not hasattr(value, "readable"):
            raise used_up(name, value, f"{task}.map() cannot give the same to several elements")
