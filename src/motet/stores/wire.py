"""What is read of stores and logs, as JSON: so that what shows runs can read those of another place.

What a call takes and gives is read off the port's own annotations; nothing is written down here but which calls there
are. Of records, fields that have their defaults are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import LogStore, Store
from motet.records import Record, defaults

PORTS: Mapping[str, type] = {"store": Store, "logs": LogStore}

READS: Mapping[str, tuple[str, ...]] = {
    "store": (
        "run", "find_runs", "steps", "step", "history", "run_page", "run_counts", "summary", "step_page", "attempts",
        "uses", "artifacts_of", "head", "read", "offset_at", "document", "documents", "load_checkpoint",
    ),
    "logs": ("read", "read_back"),
}  # fmt: skip
"""The calls of each port that only read."""

AT_ONCE = 1000
"""So many rows, events or lines one answer has at most, where the call can go on from there."""

_MOST = 2**62
_NONE = object()


class Reading:
    """One call of a port: what it takes, by name, and gives."""

    def __init__(self, port: str, name: str) -> None:
        """Raises NotFound for what is no call that reads."""
        if name not in READS.get(port, ()):
            raise NotFound(f"{port[:80]}.{name[:80]} cannot be asked for here.", "See `motet.stores.wire`.")
        function: Callable[..., Any] = getattr(PORTS[port], name)
        hints = get_type_hints(function)
        self.name = name
        self.gives = hints.pop("return")
        self.takes: Mapping[str, Any] = hints
        self._required = set(list(hints)[: function.__code__.co_argcount - 1 - len(function.__defaults__ or ())])

    def told(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> Json:
        """The arguments as JSON."""
        every = {**dict(zip(self.takes, given, strict=False)), **named}
        return {name: to_json(value) for name, value in every.items()}

    def read(self, told: Json) -> dict[str, Any]:
        """The arguments, as `told` gave them. Raises UsageError for what the call does not take."""
        if not isinstance(told, dict) or not self._required <= told.keys() <= self.takes.keys():
            raise UsageError(f"{self.name} takes {', '.join(self.takes)}.", "Give these, as a JSON object.")
        return {name: _bounded(name, from_json(self.takes[name], value)) for name, value in told.items()}


@cache
def reading(port: str, name: str) -> Reading:
    """The call. Raises NotFound."""
    return Reading(port, name)


def _bounded(name: str, value: Any) -> Any:
    if name == "limit" and value is not None:
        return max(0, min(value, AT_ONCE))
    if isinstance(value, int) and not 0 <= value <= _MOST:
        raise UsageError(f"{name} cannot be {value}.", "Give a whole number from 0 on.")
    return value


# ---------------------------------------------------------------- values


def to_json(value: Any) -> Json:
    """The value as JSON."""
    if isinstance(value, Record):
        known = defaults(type(value))
        fields = {name: getattr(value, name) for name in type(value).__record__}
        return {name: to_json(each) for name, each in fields.items() if not _is(each, known.get(name, _NONE))}
    if isinstance(value, Mapping):
        return {name: to_json(each) for name, each in value.items()}
    return [to_json(each) for each in value] if isinstance(value, list | tuple) else value


def _is(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def from_json(hint: Any, told: Json) -> Any:
    """The value of that type, as `to_json` gave it. Raises UsageError for what is none."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in (object, Any):
        return told
    if origin is UnionType:
        return None if told is None and NoneType in args else from_json(args[0], told)
    if isinstance(hint, type) and issubclass(hint, Record) and isinstance(told, dict):
        return _record(hint, told)
    if origin is tuple and isinstance(told, list) and len(told) == len(args):
        return tuple(from_json(each, it) for each, it in zip(args, told, strict=True))
    if origin is not None and issubclass(origin, Mapping) and isinstance(told, dict):
        return {name: from_json(args[1], each) for name, each in told.items()}
    if origin is not None and not issubclass(origin, Mapping | tuple) and isinstance(told, list):
        return [from_json(args[0], each) for each in told]
    if hint is float and type(told) is int:
        return float(told)
    if hint is int and type(told) is bool:  # rows say so of a single step
        return told
    if type(told) is not hint:
        raise UsageError(f"{str(told)[:80]!r} is no {getattr(hint, '__name__', hint)}.", "See `motet.ports`.")
    return told


def _record(cls: type[Record], told: Mapping[str, Json]) -> Record:
    hints = _fields(cls)
    if not told.keys() <= hints.keys():
        raise UsageError(f"{cls.__name__} has {', '.join(hints)}.", "Give no other fields.")
    try:
        return cls(**{name: from_json(hints[name], each) for name, each in told.items()})
    except TypeError as error:  # a field is missing
        raise UsageError(f"This is no {cls.__name__}: {error}.", "See `motet.ports`.") from None


@cache
def _fields(cls: type[Record]) -> Mapping[str, Any]:
    return get_type_hints(cls)
