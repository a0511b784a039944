"""Conditions over published events: patterns of key, namespace and sender, comparisons of parts of the value."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports import Entry
from motet.rules import OWN_NAMESPACES

_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "=": operator.eq, "!=": operator.ne, ">=": operator.ge, "<=": operator.le, ">": operator.gt,
    "<": operator.lt,
}  # fmt: skip
_CONDITION = re.compile(r"\s*([\w.-]+)\s*(==|!=|>=|<=|=|>|<)\s*(.*)", re.S)
_SHOWN_CHARS = 80
PARTS = ("key", "namespace", "sender", "value", "run", "at", "offset")
"""What of an event can be named; of its value also what is in it, as value.model.score."""

_MISSING: Any = object()


def parsed(text: str) -> tuple[str, str, Json]:
    """What is compared, how, and with what, of "value.score>=0.9". Raises UsageError."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no condition.", "Write for example value.score>=0.9 or value.kind=model.")
    path, sign, right = found.groups()
    check_path(path)
    try:
        return path, sign, json.loads(right)
    except (ValueError, RecursionError):
        return path, sign, right


def check_path(path: str) -> None:
    """Raise UsageError for what names no part of an event."""
    if path.partition(".")[0] not in PARTS:
        raise UsageError(f"An event has no {path!r}.", f"It has {', '.join(PARTS)}; value.NAME for what is in it.")


def part(event: Entry, path: str) -> Any:
    """The part of the event, or None for one that it has not."""
    found = _part(event, path)
    return None if found is _MISSING else found


def _part(event: Entry, path: str) -> Any:
    first, *names = path.split(".")
    found: Any = getattr(event, first)
    for name in names:
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            found = found.get(name, _MISSING) if isinstance(found, dict) else _MISSING
    return found


def value_of(event: Entry, condition: str) -> str:
    """What the event has of what the condition names, in words."""
    found = _part(event, parsed(condition)[0])
    return "missing" if found is _MISSING else json.dumps(found)[:_SHOWN_CHARS]


def fits(event: Entry, key: str, namespace: str | None, sender: str | None, where: Sequence[str]) -> bool:
    """Whether the event is one of these. Without a namespace, any but Motet's own."""
    if not fnmatchcase(event.key, key):
        return False
    if event.namespace in OWN_NAMESPACES if namespace is None else not fnmatchcase(event.namespace, namespace):
        return False
    if sender is not None and not fnmatchcase(event.sender, sender):
        return False
    return all(_holds(event, each) for each in where)


def _holds(event: Entry, condition: str) -> bool:
    path, sign, right = parsed(condition)
    left = _part(event, path)
    if left is _MISSING:
        return False
    try:
        return bool(_COMPARED[sign](left, right)) and (
            isinstance(left, bool) == isinstance(right, bool) or sign == "!="
        )
    except TypeError:  # a text and a number
        return False
