"""Events in flows: `wait_for_event` gives what somebody publishes, once and for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motet.dialects.python import hosting
from motet.dialects.python.scope import current
from motet.dialects.python.tasks import Task
from motet.dialects.python.world import waits
from motet.errors import UsageError
from motet.ports import Entry
from motet.values.published import NAMESPACE


@dataclass(frozen=True)
class Event:
    """What was published: its key and value, whose it is, who sent it, when, and its place in the journal."""

    key: str
    value: Any
    namespace: str
    sender: str
    at: float
    offset: int


def wait_for_event(key: str, *, namespace: str | None = None, value: Any = None, timeout: float | None = None) -> Event:
    """Wait for a published event with that key, and with that namespace and value where they are given.

    In a flow or task: the first one since the run was created, so none is missed that came before the call, or while no
    process drove the run; a further wait of the same body for the same key gives the next one. It is a step: what it
    gave is recorded, and given again after a resume. Elsewhere: the first one from now on.

    timeout   seconds, counted from when the wait began, also across a resume; then TimeoutError
    """
    if not key or not isinstance(key, str):
        raise UsageError(f"{key!r} is no key of an event.", "Name what is to happen.")
    scope = current.get()
    if scope is None:
        host = hosting.host()
        until_at = None if timeout is None else host.clock.now() + timeout
        return _given(waits.first(host, host.store.head(), _wanted(key, namespace, value), until_at), key, timeout)
    heard = scope.heard if scope.heard is not None else {}
    scope.heard = heard
    event = _step(key, namespace, value, heard.get(key, scope.driver.run.offset), timeout)
    heard[key] = event.offset
    return event


def _listen(key: str, namespace: str | None, value: Any, after: int, timeout: float | None) -> Event:
    scope = current.get()
    assert scope is not None
    driver, wanted = scope.driver, _wanted(key, namespace, value)
    with waits.told(scope, {"for": "event", "event": key}) as document, driver.idling():
        until_at = None if timeout is None else document.body["since"] + timeout
        entry = waits.first(driver.host, after, wanted, until_at)
    return _given(entry, key, timeout)


_OWN = ("motet", NAMESPACE)
"""What Motet and artifacts say in the journal is heard only by whoever names the namespace."""

_step: Task[..., Event] = Task(_listen, {"name": "wait_for_event"})


def _wanted(key: str, namespace: str | None, value: Any) -> Any:
    def wanted(entry: Entry) -> bool:
        return (
            entry.key == key
            and (entry.namespace == namespace if namespace is not None else entry.namespace not in _OWN)
            and (value is None or entry.value == value)
        )

    return wanted


def _given(entry: Entry | None, key: str, timeout: float | None) -> Event:
    if entry is None:
        raise TimeoutError(f"No event {key!r} came within {timeout or 0:g} s.")
    return Event(entry.key, entry.value, entry.namespace, entry.sender, entry.at, entry.offset)
