"""Events in flows: `wait_for_event` gives what somebody publishes, once and for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motet.dialects.python import hosting
from motet.dialects.python.calls import TaskCall
from motet.dialects.python.futures import Future
from motet.dialects.python.scope import Scope, current
from motet.dialects.python.tasks import Task
from motet.engine.replay import GIVEN_UP
from motet.errors import TimedOut, UsageError
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep, StopStep
from motet.kernel.state import Step
from motet.listening import Event as Event
from motet.listening import event_of, from_now
from motet.ports import Entry
from motet.rules import OnEvent
from motet.values.naming import check_published

_AT_ONCE_S = 1e-6


class EventFuture(Future[Event]):
    """The event that a step waits for."""

    __slots__ = ()

    def held(self, step: Step | None) -> Any:
        """The event; one that was recorded by an earlier version is kept as it is."""
        found = super().held(step)
        return made(found["event"]) if isinstance(found, dict) else found

    def _failure(self) -> BaseException:
        error, step = super()._failure(), self._step()
        if not isinstance(error, TimedOut) or step is None or step.until is None:
            return error
        return late(step.until["key"], step.policy.timeout_s)


class Waiting(Task[..., Event]):
    """The task that steps are of which wait for an event: nothing of it runs, and no thread is held."""

    def future(
        self, scope: Scope, args: tuple[Any, ...], until: OnEvent, since: int, limit_s: float | None
    ) -> EventFuture:
        """Add the step, which hears what is published beyond the offset `since`, and at most so long."""
        call = _Call(self, scope.driver, scope.next_key(self.name), scope.lineage, args, {})
        policy = Policy(timeout_s=None if limit_s is None else max(_AT_ONCE_S, limit_s))
        action: AddStep = self._action(scope, call, None, policy)
        action.until, action.since = until, since
        future: Any = call.future(scope)
        scope.driver.add(action, call)
        return future  # type: ignore[no-any-return]


class _Call(TaskCall):
    __slots__ = ()
    future_type = EventFuture


def made(told: Mapping[str, Any]) -> Event:
    """The event that a wait has recorded."""
    return Event(**{name: told[name] for name in Event.__match_args__ if name in told})


def late(key: str, limit_s: float | None) -> TimeoutError:
    """What is raised where the event has not come in time."""
    return TimeoutError(f"No event {key!r} came within {limit_s if limit_s and limit_s > _AT_ONCE_S else 0:g} s.")


def wait_for_event(key: str, *, namespace: str | None = None, value: Any = None, timeout: float | None = None) -> Event:
    """Wait for a published event with that key, and with that namespace and value where they are given.

    In a flow or task: the first one since the run was created, so none is missed that came before the call, or while no
    process drove the run; a further wait of the same body for the same key gives the next one. It is a step: what it
    gave is recorded, and given again after a resume. Elsewhere: the first one from now on.

    timeout   seconds, counted from when the wait began, also across a resume; then TimeoutError
    """
    _check(key, value)
    scope = current.get()
    if scope is None:
        return _given(from_now(hosting.host(), OnEvent(key, namespace, value), timeout).first(), key, timeout)
    return _noted(scope, _begun(scope, key, namespace, value, timeout).result())


def expect_event(
    key: str, *, namespace: str | None = None, value: Any = None, timeout: float | None = None
) -> Future[Event]:
    """As `wait_for_event` in a flow, but gives a future at once, and holds no thread. Several that expect the same key
    beside one another are given the same event.
    """
    _check(key, value)
    scope = current.get()
    if scope is None:
        raise UsageError("expect_event was called outside of a flow.", "wait_for_event(...) waits anywhere.")
    future = _begun(scope, key, namespace, value, timeout)
    scope.submitted(future.key)
    return future


async def await_for_event(
    key: str, *, namespace: str | None = None, value: Any = None, timeout: float | None = None
) -> Event:
    """As `wait_for_event`, for coroutines: the event loop goes on. If it is cancelled, the step is given up."""
    from motet.dialects.python.waking import Wake

    _check(key, value)
    scope = current.get()
    if scope is None:
        return _given(
            await from_now(hosting.host(), OnEvent(key, namespace, value), timeout).first_async(), key, timeout
        )
    future, driver, wake = _begun(scope, key, namespace, value, timeout), scope.driver, Wake()
    scope.awaited.add(future.key)
    try:
        if not driver.when_ended(future.key, -1, wake):  # by the shortest way, in one coroutine: many may wait
            with driver.idling():
                await wake
    except BaseException:
        driver.forget(future.key, wake)
        driver.act([StopStep(future.key, GIVEN_UP)])
        raise
    finally:
        scope.awaited.discard(future.key)
    return _noted(scope, future.result(0))


def _check(key: str, value: Any) -> None:
    if not key or not isinstance(key, str):
        raise UsageError(f"{key!r} is no key of an event.", "Name what is to happen.")
    if value is not None:
        check_published("value", "", "", value)


def _begun(scope: Scope, key: str, namespace: str | None, value: Any, timeout: float | None) -> EventFuture:
    since = (scope.heard or {}).get(key, scope.driver.run.offset)
    return _step.future(scope, (key, namespace, value, since, timeout), OnEvent(key, namespace, value), since, timeout)


def _noted(scope: Scope, event: Event) -> Event:
    """The next wait of the body for that key is to give the next one."""
    scope.heard = {**(scope.heard or {}), event.key: event.offset}
    return event


def _listen(key: str, namespace: str | None, value: Any, after: int, timeout: float | None) -> Event:
    raise AssertionError("a step that waits runs nothing")


_step = Waiting(_listen, {"name": "wait_for_event"})


def _given(entry: Entry | None, key: str, timeout: float | None) -> Event:
    if entry is None:
        raise late(key, timeout)
    return event_of(entry)
