"""Recorded values as people, and programs, are shown them: without running any code of their own."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from motet.kernel.events import Json
from motet.values.legible import Told, legible
from motet.views import human


def told(value: Json) -> str:
    """A recorded value on one line; of what cannot be told, only what it is."""
    if isinstance(value, dict) and "shown" in value:
        return human.short_text(value["shown"], 200)
    try:
        return human.short(_seen(legible(value)))
    except (ValueError, RecursionError):  # a value may hold itself
        pass
    if "lost" in value:
        return f"not kept: {value['lost']}"
    if "artifact" in value:
        return f"artifact {value['artifact'][:12]}, {human.size(value.get('size_bytes', 0))}"
    if "pickle" in value:
        return f"pickled, {human.size(len(value['pickle']) * 3 // 4)}"
    return human.short(value)


class _Seen:
    """What is shown as its text and not as its repr: dates and their like."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _seen(value: Any) -> Any:
    """The value with everything in it that people write otherwise than Python does."""
    kind = type(value)
    if kind in (list, set, frozenset, tuple, deque):
        return kind(map(_seen, value))
    if kind is dict:
        return {_seen(name): _seen(each) for name, each in value.items()}
    if isinstance(value, Told):
        value.given = tuple(map(_seen, value.given))
        value.named = {name: _seen(each) for name, each in value.named.items()}
        return value
    return value if isinstance(value, str | bytes | int | float | None) else _Seen(str(value))


def as_json(record: Json) -> Json:
    """A recorded value as JSON: dates, paths and their like as text, an object by its class and what it holds; what is
    in an artifact as it is recorded (see `motet.values.records`).
    """
    if isinstance(record, dict) and "pickle" in record and "shown" in record:
        return {name: value for name, value in record.items() if name != "pickle"}
    try:
        value = legible(record)
        json.dumps(value, allow_nan=False, default=_plain)
        return json.loads(json.dumps(value, default=_plain))
    except (TypeError, ValueError, RecursionError):
        return record


def _plain(value: Any) -> Json:
    if isinstance(value, set | frozenset | deque):
        return list(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
