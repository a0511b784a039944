"""The arguments of task calls: which steps they come from, what they stand for, what they are worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from motet.dialects.python.annotations import Annotation, allow_failure, bare, unmapped
from motet.dialects.python.binding.containers import PLAIN, members, replaced
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.scope import Lineage
from motet.dialects.python.states import State
from motet.records import Record, field
from motet.values.fingerprints import fingerprint

_DEFERRED = (Future, FutureList, State, Annotation)


def is_plain(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether no argument can be, or hold, anything but a scalar."""
    return PLAIN.issuperset(map(type, args)) and (not kwargs or PLAIN.issuperset(map(type, kwargs.values())))


class Relations(Record):
    """The keys of the steps that values come from: those that must succeed, and those that must only end."""

    needs: dict[str, None] = field(default_factory=dict)
    after: dict[str, None] = field(default_factory=dict)


def relations(values: Iterable[Any], lineage: Lineage | None) -> Relations:
    """Where the values come from.

    Futures count wherever they stand in containers (see `binding.containers`); with `lineage`, plain
    values count too, by identity. What stands in `quote` or `opaque` is not looked into.
    """
    found = Relations()
    seen: set[tuple[int, int]] = set()
    stack = [(value, found.needs) for value in values]
    while stack:
        value, into = stack.pop()
        if type(value) in PLAIN:
            continue
        if isinstance(value, Future | FutureList):
            into[value.step_key] = None
        elif isinstance(value, Annotation):
            if isinstance(value, allow_failure):
                stack.append((value.value, found.after))
        elif lineage is not None and (key := lineage.key(value)) is not None:
            into[key] = None
        elif isinstance(value, State):
            if value.step_key:
                into[value.step_key] = None
        elif (place := (id(value), id(into))) not in seen:  # a container may hold itself
            seen.add(place)
            stack.extend((each, into) for each in members(value))
    return found


def resolve(value: Any, *, wait: bool = False) -> Any:
    """The value with the futures and states in it replaced by what they stand for.

    Without `wait`, the futures must be known to have succeeded: nothing is locked then, so this may be called
    while the run is. A container that holds none of them is given as it is, so that identity is kept.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, Future | FutureList):
        return value.result() if wait else value.known()
    if isinstance(value, State):
        return value.result()
    if isinstance(value, Annotation):
        return _unwrapped(value, wait)
    return replaced(value, _DEFERRED, lambda each: resolve(each, wait=wait))


def _unwrapped(value: Annotation[Any], wait: bool) -> Any:
    inner = value.value
    if isinstance(value, unmapped):
        return resolve(inner, wait=wait)
    if not isinstance(value, allow_failure):
        return inner
    if isinstance(inner, Future | FutureList):
        return inner.result(raise_on_failure=False) if wait else inner.known()
    return inner.result(raise_on_failure=False) if isinstance(inner, State) else resolve(inner, wait=wait)


def digest(args: tuple[Any, ...], kwargs: Mapping[str, Any], lineage: Lineage) -> str:
    """The fingerprint of a call's arguments. Values that came from steps stand for these, not for their content."""
    if not kwargs and PLAIN.issuperset(map(type, args)):
        return fingerprint(*args)[0]

    def stands_for(value: object) -> str | None:
        if isinstance(value, Future | FutureList | State) and value.step_key:
            return f"step:{value.step_key}"
        key = lineage.key(value)
        return f"step:{key}" if key is not None else None

    bared = {name: bare(value) for name, value in kwargs.items()}
    return fingerprint(tuple([bare(value) for value in args]), bared, substitute=stands_for)[0]
