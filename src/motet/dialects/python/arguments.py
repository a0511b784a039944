"""The arguments of task calls: which steps they come from, what they stand for, what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from motet.dialects.python.annotations import Annotation, allow_failure, bare, unmapped
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.scope import Lineage
from motet.dialects.python.states import State
from motet.records import Record, field
from motet.values.fingerprints import fingerprint

PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))
_LISTS = (list, tuple, set, frozenset)


def is_plain(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether no argument can be, or hold, anything but a scalar."""
    return PLAIN.issuperset(map(type, args)) and (not kwargs or PLAIN.issuperset(map(type, kwargs.values())))


class Relations(Record):
    """The keys of the steps that values come from: those that must succeed, and those that must only end.

    `futures` says whether futures or states are among the values, so that they are to be resolved.
    """

    needs: dict[str, None] = field(default_factory=dict)
    after: dict[str, None] = field(default_factory=dict)
    futures: bool = False


def relations(values: Iterable[Any], lineage: Lineage | None) -> Relations:
    """Where the values come from.

    Futures count wherever they stand in lists, tuples, dicts, sets and dataclasses; with `lineage`, plain
    values count too, by identity. What stands in `quote` or `opaque` is not looked into.
    """
    found = Relations()
    stack = [(value, found.needs) for value in values]
    while stack:
        value, into = stack.pop()
        kind = type(value)
        if kind in PLAIN:
            continue
        if isinstance(value, Future | FutureList):
            into[value.step_key] = None
            found.futures = True
        elif isinstance(value, Annotation):
            found.futures = True
            if isinstance(value, allow_failure):
                stack.append((value.value, found.after))
        elif lineage is not None and (key := lineage.key(value)) is not None:
            into[key] = None
        elif isinstance(value, State):
            found.futures = True
            if value.step_key:
                into[value.step_key] = None
        else:
            stack.extend((each, into) for each in _members(value, kind))
    return found


def _members(value: Any, kind: type) -> Iterable[Any]:
    """What a container holds that may be or hold a future."""
    if kind is dict:
        return value.values() if not PLAIN.issuperset(map(type, value.values())) else ()
    if kind in _LISTS:
        return value if not PLAIN.issuperset(map(type, value)) else ()
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields

        return [getattr(value, each.name) for each in fields(value)]
    return ()


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
    if isinstance(value, Annotation):
        return _unwrapped(value, wait)
    if kind is dict:
        rebuild = lambda: {name: resolve(each, wait=wait) for name, each in value.items()}  # noqa: E731
        return _rebuilt(value, rebuild, value.values())
    if kind in _LISTS:
        if PLAIN.issuperset(map(type, value)):
            return value
        return _rebuilt(value, lambda: kind(resolve(each, wait=wait) for each in value), value)
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields, replace

        members = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changed = {name: resolve(each, wait=wait) for name, each in members.items()}
        same = all(changed[name] is each for name, each in members.items())
        return value if same else replace(value, **changed)
    return value


def _unwrapped(value: Annotation[Any], wait: bool) -> Any:
    inner = value.value
    if isinstance(value, unmapped):
        return resolve(inner, wait=wait)
    if not isinstance(value, allow_failure):
        return inner
    if isinstance(inner, Future | FutureList):
        return inner.result(raise_on_failure=False) if wait else inner.known()
    return inner.result(raise_on_failure=False) if isinstance(inner, State) else resolve(inner, wait=wait)


def _rebuilt(value: Any, rebuild: Callable[[], Any], members: Iterable[Any]) -> Any:
    return rebuild() if relations(members, None).futures else value


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
