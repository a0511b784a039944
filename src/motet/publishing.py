"""Events that users publish: facts for whoever listens, in this run or any other."""

from __future__ import annotations

from collections.abc import Iterable

from motet import app
from motet.executors import current
from motet.kernel.events import Json
from motet.ports import Publication
from motet.values.naming import KEY_CHARS, said


def publish(key: str, value: Json = None, *, namespace: str = "", client_key: str = "") -> int:
    """Publish an event; gives its offset in the journal. `value` is JSON.
    Raises UsageError for a key of more than 1 KB, a value of more than 1 MB or nested more than 100 deep.

    In a flow, or a step of any voice, the sender is the step. The same `client_key` twice is one event, so a step that
    runs again after a crash does not say it twice.
    """
    return _published([(key, value, client_key)], namespace)[0]


def publish_many(events: Iterable[tuple[str, Json]], *, namespace: str = "", client_key: str = "") -> list[int]:
    """Publish events, each a key and a value, in one commit: all of them, in this order, or none; gives their offsets.
    Raises what `publish` does, before any is published.

    `client_key` names the batch: the same event of the same batch is one event, however often it is published.
    """
    keyed = enumerate(events)
    named = [(key, value, f"{client_key}/{number}" if client_key else "") for number, (key, value) in keyed]
    return _published(named, namespace) if named else []


def _published(events: Iterable[tuple[str, Json, str]], namespace: str) -> list[int]:
    here, host = current.get(), app.hosts.current()
    sender = f"{here.context['run']}/{here.context['key']}"[:KEY_CHARS] if here is not None else ""
    at = host.clock.now()
    return host.store.publish(
        [said(Publication(key, value, namespace, sender, "", client_key, at)) for key, value, client_key in events]
    )
