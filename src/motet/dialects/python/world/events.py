"""Events in flows: `wait_for_event` gives what somebody publishes, once and for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from motet.dialects.python import hosting
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.tasks import Task
from motet.dialects.python.world import waits
from motet.engine.attempts import World
from motet.errors import UsageError
from motet.ports import Entry
from motet.rules import OnEvent


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
    _check(key)
    scope = current.get()
    if scope is None:
        return _given(waits.first(*_from_now(key, namespace, value, timeout)), key, timeout)
    event = _step(key, namespace, value, _heard(scope, key), timeout)
    scope.heard = {**(scope.heard or {}), key: event.offset}
    return event


async def await_for_event(
    key: str, *, namespace: str | None = None, value: Any = None, timeout: float | None = None
) -> Event:
    """As `wait_for_event`, for coroutines: the event loop goes on."""
    _check(key)
    scope = current.get()
    if scope is None:
        return _given(await waits.first_async(*_from_now(key, namespace, value, timeout)), key, timeout)
    event: Event = await _async_step(key, namespace, value, _heard(scope, key), timeout)
    scope.heard = {**(scope.heard or {}), key: event.offset}
    return event


def _check(key: str) -> None:
    if not key or not isinstance(key, str):
        raise UsageError(f"{key!r} is no key of an event.", "Name what is to happen.")


def _heard(scope: Scope, key: str) -> int:
    return (scope.heard or {}).get(key, scope.driver.run.offset)


def _from_now(
    key: str, namespace: str | None, value: Any, timeout: float | None
) -> tuple[World, int, Any, float | None]:
    host = hosting.host()
    until_at = None if timeout is None else host.clock.now() + timeout
    return host, host.store.head(), _wanted(key, namespace, value), until_at


@contextmanager
def _told(
    key: str, namespace: str | None, value: Any, after: int, timeout: float | None
) -> Iterator[tuple[World, int, Any, float | None]]:
    """Around the wait of a step, which lists show: what to wait for, and until when."""
    scope = current.get()
    assert scope is not None
    with waits.told(scope, {"for": "event", "event": key}) as document, scope.driver.idling():
        wanted = _wanted(key, namespace, value, scope.driver.run.id)
        yield scope.driver.host, after, wanted, None if timeout is None else document.body["since"] + timeout


def _listen(key: str, namespace: str | None, value: Any, after: int, timeout: float | None) -> Event:
    with _told(key, namespace, value, after, timeout) as what:
        entry = waits.first(*what)
    return _given(entry, key, timeout)


async def _listen_async(key: str, namespace: str | None, value: Any, after: int, timeout: float | None) -> Event:
    with _told(key, namespace, value, after, timeout) as what:
        entry = await waits.first_async(*what)
    return _given(entry, key, timeout)


_step: Task[..., Event] = Task(_listen, {"name": "wait_for_event"})
_async_step: Task[..., Any] = Task(_listen_async, {"name": "wait_for_event"})


def _wanted(key: str, namespace: str | None, value: Any, run: str = "") -> Callable[[Entry], bool]:
    """What a run hears, as a rule of the kernel does: Motet's own namespaces by name only, nothing meant for others."""
    rule = OnEvent(key, namespace, value)

    def wanted(entry: Entry) -> bool:
        return rule.meets(entry.received_by(run))

    return wanted


def _given(entry: Entry | None, key: str, timeout: float | None) -> Event:
    if entry is None:
        raise TimeoutError(f"No event {key!r} came within {timeout or 0:g} s.")
    return Event(entry.key, entry.value, entry.namespace, entry.sender, entry.at, entry.offset)
