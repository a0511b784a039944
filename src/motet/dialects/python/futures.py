"""Futures: what `.submit` and `.map` give. They can be passed on to tasks, which then wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from motet.dialects.python.states import NAMES, State
from motet.errors import Cancelled, StepSkipped, TimedOut
from motet.interrupts import take
from motet.kernel import transitions as st
from motet.kernel.state import element_key
from motet.values.errors import decode_error
from motet.values.records import decode

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope
    from motet.kernel.state import Step

R = TypeVar("R")


class Future(Generic[R]):
    """The outcome of a step, now or later. Equal and hashed by identity."""

    __slots__ = ("__weakref__", "_element", "_kept", "_scope", "key")

    def __init__(self, scope: Scope, key: str, element: int = -1) -> None:
        self.key = key
        self._scope = scope
        self._element = element
        self._kept: tuple[int, Any] | None = None

    def keep(self, attempt: int, value: Any) -> None:
        """Hold the live value of an attempt until its outcome is committed; the voice's own business."""
        self._kept = (attempt, value)

    @property
    def step_key(self) -> str:
        """The key of the step, or of the element of a map."""
        return self.key if self._element < 0 else element_key(self.key, self._element)

    def wait(self, timeout: float | None = None) -> None:
        """Block until the outcome is there, or `timeout` seconds have passed."""
        self._scope.driver.wait(self.key, self._element, timeout)

    def idling(self) -> AbstractContextManager[None]:
        """Around a wait for this future and others of its run."""
        return self._scope.driver.idling()

    def done(self) -> bool:
        """Whether the outcome is there."""
        return self._scope.driver.ended(self.key, self._element)

    @property
    def state(self) -> State:
        """How it stands now."""
        driver = self._scope.driver
        if driver.ended(self.key, self._element):
            self._scope.looked_at(self.key, self._element)
        status = driver.state.outcome(self.step_key)
        type_, name = NAMES[status]
        step = self._step()
        if status == st.SUCCEEDED and step is not None and step.cached:
            name = "Cached"
        return State(type_, name, message_of(status, step), result=self._value, error=self._error)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """The value, as soon as it is there. A failure is raised, or given where `raise_on_failure` is False.

        Raises TimeoutError after `timeout` seconds.
        """
        driver = self._scope.driver
        if not driver.wait(self.key, self._element, timeout):
            raise TimeoutError(f"{self.step_key} has not ended within {timeout:g} s; it goes on.")
        self._scope.looked_at(self.key, self._element)
        if driver.state.outcome(self.step_key) == st.SUCCEEDED:
            value: R = self.value(self._step())
            return value
        error = self._error()
        if raise_on_failure:
            raise error
        return error  # type: ignore[return-value]

    def known(self) -> Any:
        """The value of a step that is known to have ended, or its failure. Neither waits nor locks."""
        succeeded = self._scope.driver.state.outcome(self.step_key) == st.SUCCEEDED
        return self._value() if succeeded else self._error()

    def add_done_callback(self, fn: Callable[[Future[R]], None]) -> None:
        """Call `fn` with this future when it has its outcome: at once if it has it, else from any thread.

        What it raises is logged.
        """

        def call() -> None:
            try:
                fn(self)
            except Exception:  # boundary: a callback is nobody's outcome
                import logging

                logging.getLogger("motet").exception("A callback of %s failed", self.step_key)

        if self._scope.driver.when_ended(self.key, self._element, call):
            call()

    def _step(self) -> Step | None:
        return self._scope.driver.state.steps.get(self.step_key)

    def _value(self) -> Any:
        return self.value(self._step())

    def value(self, step: Step | None) -> Any:
        """The value of the step (None: an element without one of its own), which has succeeded."""
        value = self.held(step)
        self._scope.lineage.add(value, self.step_key)
        return value

    def held(self, step: Step | None) -> Any:
        """The value as `value` gives it, without a note of where it came from."""
        kept = self._kept
        if kept is not None and (step is None or step.attempt == kept[0]):
            return kept[1]
        value = decode(self._record(step), self._scope.driver.host.artifacts)
        self._kept = (step.attempt if step is not None else 1, value)
        return value

    def _record(self, step: Step | None) -> Any:
        if step is not None:
            return step.result
        marks = self._scope.driver.state.steps[self.key].map
        assert marks is not None
        return marks.results[self._element]

    def _error(self) -> BaseException:
        step = self._step()
        assert step is not None
        kept = self._kept
        if kept is not None and kept[0] == step.attempt and isinstance(kept[1], BaseException):
            return kept[1]
        return error_of(step)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.step_key!r}, {self._scope.driver.state.outcome(self.step_key)})"


class FutureList(Sequence[Future[R]]):
    """The futures of a map, in the order of its elements; made one by one as they are asked for."""

    def __init__(self, scope: Scope, key: str, size: int) -> None:
        self.key = key
        self._scope = scope
        self._size = size
        self._values: dict[int, tuple[int, Any]] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Future[R]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Future[R]]: ...
    def __getitem__(self, index: int | slice) -> Future[R] | list[Future[R]]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._size))]
        place = index + self._size if index < 0 else index
        if not 0 <= place < self._size:
            raise IndexError(index)
        future: Future[R] = Future(self._scope, self.key, place)
        if place in self._values:
            future.keep(*self._values[place])
        return future

    @property
    def step_key(self) -> str:
        """The key of the map's step."""
        return self.key

    def keep(self, index: int, attempt: int, value: Any) -> None:
        """Hold the live value of an attempt at an element; the voice's own business."""
        self._values[index] = attempt, value

    @property
    def states(self) -> list[State]:
        """How each of them stands now."""
        return [each.state for each in self]

    def wait(self, timeout: float | None = None) -> None:
        """Block until all have their outcomes, or `timeout` seconds have passed."""
        self._scope.driver.wait(self.key, -1, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """All values. The first failure (by place) is raised, or stands in its place."""
        driver = self._scope.driver
        if not driver.wait(self.key, -1, timeout):
            raise TimeoutError(f"{self.key} has not ended within {timeout:g} s; it goes on.")
        self._scope.looked_at(self.key)
        if driver.state.steps[self.key].status != st.SUCCEEDED:
            return [each.result(raise_on_failure=raise_on_failure) for each in self]
        return self.known()

    def known(self) -> list[Any]:
        """The values of a map that is known to have ended, failures in their places. Neither waits nor locks."""
        driver = self._scope.driver
        step = driver.state.steps[self.key]
        marks = step.map
        assert marks is not None
        if step.status != st.SUCCEEDED:
            return [each.known() for each in self]
        kept, own, artifacts = self._values, marks.own, driver.host.artifacts
        return [
            kept[index][1]
            if index in kept and (index not in own or own[index].attempt == kept[index][0])  # else it came too late
            else decode(record, artifacts)
            for index, record in enumerate(marks.results)
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r}, {self._size} elements)"


def message_of(status: str, step: Step | None) -> str:
    """What a state says beside its name."""
    if step is None or status in (st.SUCCEEDED, st.RUNNING):
        return ""
    if status == st.SKIPPED:
        return f"Upstream step {step.doomed} did not succeed."
    if isinstance(step.error, dict):
        return f"{step.error.get('type', 'Error')}: {step.error.get('message', '')}"
    return ""


def error_of(step: Step) -> BaseException:
    """The failure of a step that ended without success, as an exception."""
    if step.status == st.SKIPPED:
        return StepSkipped(
            f"{step.key} was not run, because {step.doomed} did not succeed.", "See why that one failed."
        )
    if step.status == st.CANCELLED:
        reason = step.error["message"] if isinstance(step.error, dict) else "on request"
        return Cancelled(f"{step.key} was stopped: {reason}.")
    if isinstance(step.error, dict) and step.error.get("type") == "TimedOut":
        return TimedOut(step.error["message"])
    return decode_error(step.error)


def wait(futures: Iterable[Future[R]], timeout: float | None = None) -> tuple[set[Future[R]], set[Future[R]]]:
    """Block until all have their outcomes, or `timeout` seconds have passed; gives those done and those not."""
    waiting = list(futures)
    until = None if timeout is None else time.monotonic() + timeout
    for each in waiting:
        each.wait(None if until is None else max(0.0, until - time.monotonic()))
    done = {each for each in waiting if each.done()}
    return done, set(waiting) - done


def as_completed(futures: Iterable[Future[R]], timeout: float | None = None) -> Iterator[Future[R]]:
    """The futures in the order in which they get their outcomes. Raises TimeoutError after `timeout` seconds."""
    from queue import Empty, SimpleQueue

    ended: SimpleQueue[Future[R]] = SimpleQueue()
    waiting = list(futures)
    until = None if timeout is None else time.monotonic() + timeout
    for each in waiting:
        each.add_done_callback(ended.put)
    for _ in waiting:
        try:
            with waiting[0].idling():
                found = take(ended, None if until is None else max(0.0, until - time.monotonic()))
            yield found
        except Empty:
            raise TimeoutError(f"Not all of {len(waiting)} futures have ended within {timeout:g} s.") from None
