"""Events of the language in the store, where they stand beside all others: published, found, counted.

The store's events have no context. One that names an execution is meant for the run of that; any other text stands with
the value, in an object that nobody else sees.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from motet.dialects.aiflow.metadata import VOICE
from motet.dialects.aiflow.model.events import ANY_CONDITION, Event
from motet.errors import NotFound
from motet.kernel.events import Json
from motet.listening import Event as Heard
from motet.ports import Entry, EventFilter, Publication, Store
from motet.records import Record
from motet.rules import OWN_NAMESPACES, OnEvent
from motet.values.naming import said

_CONTEXT, _VALUE = "aiflow.context", "value"
_EXECUTION = "workflow_execution_id"
_AT_ONCE = 1000


def publication_of(store: Store, event: Event, at: float, client_key: str = "") -> Publication:
    """The event as it is published. Raises UsageError for one that is too large, or cannot be one."""
    value: Json = "" if event.value is None else event.value
    run = _run_of(store, event.context)
    if event.context and not run:
        value = {_CONTEXT: event.context, _VALUE: value}
    return said(
        Publication(event.key, value, event.namespace or "", event.sender or "", run, client_key, at)
    )  # fmt: skip


def _run_of(store: Store, context: str | None) -> str:
    """The run of the execution that the context names; "" if it names none."""
    try:
        told = json.loads(context or "{}")
        return store.alias(VOICE, str(told[_EXECUTION]))
    except (ValueError, TypeError, KeyError, RecursionError, NotFound):
        return ""


def event_of(entry: Entry | Heard, execution: int | None = None) -> Event:
    """The event as the language has it. Values that are no text are given as JSON has them."""
    value, context = entry.value, None
    if isinstance(value, dict) and set(value) == {_CONTEXT, _VALUE}:
        value, context = value[_VALUE], value[_CONTEXT]
    made = Event(entry.key, "" if value is None else value)
    made.namespace, made.sender, made.offset = entry.namespace, entry.sender, entry.offset
    made.create_time = int(entry.at * 1000)
    made.context = json.dumps({_EXECUTION: execution}) if execution is not None else context
    return made


class Wanted(Record):
    """Which events: of a key ("*" or none: any), a namespace, a sender; with offsets beyond `begin` and up to `end`."""

    key: str | None = None
    namespace: str | None = None
    sender: str | None = None
    begin: int = 0
    end: int | None = None


def find(store: Store, wanted: Wanted) -> Iterator[Entry]:
    """The events, in order. What Motet itself publishes is none."""
    key = None if wanted.key in (None, "", ANY_CONDITION) else wanted.key
    namespace = None if wanted.namespace == ANY_CONDITION else wanted.namespace
    where = EventFilter(key, namespace or None, wanted.sender or None)
    after = wanted.begin
    while entries := store.read(after, limit=_AT_ONCE, published=True, where=where):
        for entry in entries:
            if wanted.end is not None and entry.offset > wanted.end:
                return
            if entry.namespace not in OWN_NAMESPACES:
                yield entry
        after = entries[-1].offset


def count(store: Store, wanted: Wanted) -> tuple[int, list[tuple[str, int]]]:
    """How many there are, and how many of each sender."""
    found = Counter(entry.sender for entry in find(store, wanted))
    return found.total(), sorted(found.items())


def offset_at(store: Store, at: datetime | float) -> int:
    """The offset after which the events of that time and later stand."""
    return store.offset_at(at.timestamp() if isinstance(at, datetime) else at)


def rules_of(event_keys: str | Sequence[str] | None, namespace: str | None, sender: str | None = None) -> list[OnEvent]:
    """What a listener for these keys hears; all of them where it names none. Those of any execution are meant."""
    given = [event_keys] if isinstance(event_keys, str) else list(event_keys or ())
    place = None if namespace == ANY_CONDITION else namespace
    return [
        OnEvent(key, place, run=ANY_CONDITION, sender=sender, pattern=key == ANY_CONDITION)
        for key in given or [ANY_CONDITION]
    ]


def text_of(value: Json) -> str:
    """A value as the text of an event: text as it is, others as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
