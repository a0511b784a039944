"""The arguments of task calls: which steps they come from, what they stand for, what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.scope import Lineage
from motet.dialects.python.states import State
from motet.values.fingerprints import fingerprint

PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))
_LISTS = (list, tuple, set, frozenset)


def is_plain(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether no argument can be, or hold, anything but a scalar."""
    return PLAIN.issuperset(map(type, args)) and (not kwargs or PLAIN.issuperset(map(type, kwargs.values())))


def needs(values: Iterable[Any], lineage: Lineage | None) -> tuple[dict[str, None], bool]:
    """The keys of the steps that the values come from, and whether futures are among them.

    Futures count wherever they stand in lists, tuples, dicts, sets and dataclasses; with `lineage`, plain
    values count too, by identity.
    """
    found: dict[str, None] = {}
    futures = False
    stack = list(values)
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind in PLAIN:
            continue
        if isinstance(value, Future):
            found[value.step_key] = None
            futures = True
        elif isinstance(value, FutureList):
            found[value.key] = None
            futures = True
        elif lineage is not None and (key := lineage.key(value)) is not None:
            found[key] = None
        elif isinstance(value, State):
            futures = True
        elif kind is dict:
            stack.extend(value.values())
        elif kind in _LISTS:
            if not PLAIN.issuperset(map(type, value)):
                stack.extend(value)
        elif is_dataclass(value) and not isinstance(value, type):
            stack.extend(getattr(value, each.name) for each in fields(value))
    return found, futures


def resolve(value: Any, *, wait: bool = False) -> Any:
    """The value with the futures and states in it replaced by what they stand for.

    Without `wait`, the futures must be known to have succeeded: nothing is locked then, so this may be called
    while the run is. A container that holds none of them is given as it is, so that identity is kept.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Future | FutureList):
        return value.result() if wait else value.known()
    if isinstance(value, State):
        return value.result()
    if kind is dict:
        rebuild = lambda: {name: resolve(each, wait=wait) for name, each in value.items()}  # noqa: E731
        return _rebuilt(value, rebuild, value.values())
    if kind in _LISTS:
        if PLAIN.issuperset(map(type, value)):
            return value
        return _rebuilt(value, lambda: kind(resolve(each, wait=wait) for each in value), value)
    if is_dataclass(value) and not isinstance(value, type):
        members = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changed = {name: resolve(each, wait=wait) for name, each in members.items()}
        same = all(changed[name] is each for name, each in members.items())
        return value if same else replace(value, **changed)
    return value


def _rebuilt(value: Any, rebuild: Callable[[], Any], members: Iterable[Any]) -> Any:
    return rebuild() if needs(members, None)[1] else value


def digest(args: tuple[Any, ...], kwargs: Mapping[str, Any], lineage: Lineage) -> str:
    """The fingerprint of a call's arguments. Values that came from steps stand for these, not for their content."""
    if not kwargs and PLAIN.issuperset(map(type, args)):
        return fingerprint(*args)[0]

    def stands_for(value: object) -> str | None:
        if isinstance(value, Future):
            return f"step:{value.step_key}"
        if isinstance(value, FutureList):
            return f"step:{value.key}"
        key = lineage.key(value)
        return f"step:{key}" if key is not None else None

    return fingerprint(args, dict(kwargs), substitute=stands_for)[0]
