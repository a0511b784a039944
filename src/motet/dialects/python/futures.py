"""Futures: what `.submit` and `.map` give. They can be passed on to tasks, which then wait for them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager

from motet.dialects.python.scope import UNTRACKED
from motet.dialects.python.states import NAMES, State, StateType
from motet.errors import Cancelled, ResultUnavailable, StateFailed, StepFailed, StepSkipped, TimedOut, UsageError
from motet.kernel import transitions as st
from motet.kernel.program import StopStep
from motet.kernel.state import element_key
from motet.typed import TYPE_CHECKING, Any, Generic, TypeVar, overload
from motet.values.errors import decode_error, with_outputs
from motet.values.records import decode, of_step

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope
    from motet.engine.driver import Driver
    from motet.kernel.events import Json
    from motet.kernel.state import Step

R = TypeVar("R")


class Future(Generic[R]):
    """The outcome of a step, now or later. Futures of the same step are equal."""

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
        self._scope.check()

    def idling(self) -> AbstractContextManager[None]:
        """Around a wait for this future and others of its run."""
        return self._scope.driver.idling()

    def done(self) -> bool:
        """Whether the outcome is there."""
        return self._scope.driver.ended(self.key, self._element)

    @property
    def state(self) -> State:
        """How it stands now. What its function returned as a state is that state, with its name and message."""
        driver = self._scope.driver
        if driver.ended(self.key, self._element):
            self._scope.looked_at(self.key, self._element)
        status, step = driver.state.outcome(self.step_key), self._step()
        given = self._given(status, step)
        type_, name = named(status, step)
        message = message_of(status, step)
        if given is not None:
            type_, name, message = given.type, given.name, given.message
        return StepState((driver.run.id, self.step_key), type_, name, message, result=self._value, error=self._error)

    def _given(self, status: str, step: Step | None) -> State | None:
        """The state that its function returned, if it returned one."""
        if status == st.SUCCEEDED:
            held = self.held(step) if step is None or type(step.result) is dict else None
            return held if isinstance(held, State) else None
        if status == st.FAILED and step is not None and step.error.get("type") == StateFailed.__name__:
            error = self._failure()
            return error.state if isinstance(error, StateFailed) and isinstance(error.state, State) else None
        return None

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """The value, as soon as it is there. A failure is raised, or given where `raise_on_failure` is False.

        Raises TimeoutError after `timeout` seconds.
        """
        driver = self._scope.driver
        if not driver.wait(self.key, self._element, timeout):
            raise TimeoutError(f"{self.step_key} has not ended within {timeout:g} s; it goes on.")
        self._scope.check()
        self._scope.looked_at(self.key, self._element)
        if driver.state.outcome(self.step_key) == st.SUCCEEDED:
            value: R = self.value(self._step())
            return value
        error = self._error()
        if raise_on_failure:
            raise error
        return error  # type: ignore[return-value]

    def cancel(self) -> bool:
        """Ask the step to stop: in a process by force after its grace, in a thread by giving it up.

        False if it has ended. The future of one element of a map cannot be cancelled: cancel the whole list.
        """
        if self._element >= 0:
            raise UsageError(f"{self.step_key} is part of a map.", "Cancel the whole map: futures.cancel().")
        return cancel(self._scope, self.key)

    async def wait_async(self, timeout: float | None = None) -> None:
        """As `wait`, for coroutines: the event loop goes on."""
        from motet.dialects.python.waking import wait

        await wait(self._scope.driver, self.key, self._element, timeout)
        self._scope.check()

    async def result_async(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """As `result`, for coroutines. `await future` is the same without a time limit."""
        await self.wait_async(timeout)
        return self.result(0, raise_on_failure)

    def __await__(self) -> Generator[Any, Any, R]:
        return self.result_async().__await__()

    def __eq__(self, other: object) -> bool:
        mine = self._scope.driver, self.step_key
        return isinstance(other, Future) and mine == (other._scope.driver, other.step_key)

    def __hash__(self) -> int:
        return hash((id(self._scope.driver), self.key, self._element))

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
        if isinstance(value, State):
            value = value.result()
        if type(value) not in UNTRACKED:
            self._scope.lineage.add(value, self.step_key)
        return value

    def held(self, step: Step | None) -> Any:
        """The value as `value` gives it, without a note of where it came from."""
        kept = self._kept
        if kept is not None and (step is None or step.attempt == kept[0]):
            return kept[1]
        value = kept_value(self._scope.driver, self.step_key, self._record(step))
        self._kept = (step.attempt if step is not None else 1, value)
        return value

    def _record(self, step: Step | None) -> Any:
        if step is not None:
            return step.result
        marks = self._scope.driver.state.steps[self.key].map
        assert marks is not None
        return marks.results[self._element]

    def _error(self) -> BaseException:
        error = self._failure()
        state = error.state if isinstance(error, StateFailed) else None
        own = state.result(raise_on_failure=False) if isinstance(state, State) else None
        return own if isinstance(own, BaseException) and not isinstance(own, StepFailed | StepSkipped) else error

    def _failure(self) -> BaseException:
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

    future_type: type[Future[Any]] = Future

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
        future: Future[R] = self.future_type(self._scope, self.key, place)
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

    def cancel(self) -> bool:
        """Ask the whole map to stop; False if it has ended."""
        return cancel(self._scope, self.key)

    async def wait_async(self, timeout: float | None = None) -> None:
        """As `wait`, for coroutines: the event loop goes on."""
        await Future[Any](self._scope, self.key).wait_async(timeout)

    async def result_async(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """As `result`, for coroutines. `await futures` is the same without a time limit."""
        await self.wait_async(timeout)
        return self.result(0, raise_on_failure)

    def __await__(self) -> Generator[Any, Any, list[R]]:
        return self.result_async().__await__()

    def wait(self, timeout: float | None = None) -> None:
        """Block until all have their outcomes, or `timeout` seconds have passed."""
        self._scope.driver.wait(self.key, -1, timeout)
        self._scope.check()

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """All values. The first failure (by place) is raised, or stands in its place."""
        driver = self._scope.driver
        if not driver.wait(self.key, -1, timeout):
            raise TimeoutError(f"{self.key} has not ended within {timeout:g} s; it goes on.")
        self._scope.check()
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
        kept, own = self._values, marks.own
        return [
            bare(kept[index][1])
            if index in kept and (index not in own or own[index].attempt == kept[index][0])  # else it came too late
            else bare(kept_value(driver, self.key, record, index))
            for index, record in enumerate(marks.results)
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.key!r}, {self._size} elements)"


def kept_value(driver: Driver, key: str, record: Json, element: int = -1) -> Any:
    """The recorded result of the step `key`, or of an element of it. One that is not to be had is told with the step
    and the command that runs it anew.
    """
    try:
        return decode(record, driver.host.artifacts)
    except ResultUnavailable as error:
        from shlex import quote

        key = key if element < 0 else element_key(key, element)
        anew = f"To run this step anew, and what used its result: motet resume {driver.run.id} --rerun {quote(key)}"
        raise of_step(error, key, anew) from error


def final(future: Future[Any]) -> State:
    """The state that it ends in, which is waited for."""
    future.wait()
    return future.state


def bare(value: Any) -> Any:
    """The value; that of a state which a function returned."""
    return value.result() if isinstance(value, State) else value


def cancel(scope: Scope, key: str) -> bool:
    """Ask a step to stop, as the flow's own wish: that it does not succeed then is nobody's failure."""
    driver = scope.driver
    if driver.ended(key):
        return False
    scope.looked_at(key)
    driver.act([StopStep(key, "cancelled by its flow")], commit=True)
    return True


class StepState(State):
    """The state of a step, of which it knows run and key."""

    def __init__(self, step: tuple[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run, self._key = step

    @property
    def step_key(self) -> str:
        """The key of the step."""
        return self._key


def named(status: str, step: Step | None) -> tuple[StateType, str]:
    """What this voice calls how a step stands."""
    if step is not None:
        error = step.error.get("type") if status == st.FAILED and isinstance(step.error, dict) else ""
        if error == "TimedOut":
            return StateType.FAILED, "TimedOut"
        if error == "WorkerDied":
            return StateType.CRASHED, "Crashed"
        if status == st.SUCCEEDED and step.cached:
            return StateType.COMPLETED, "Cached"
        if status == st.RUNNING and (step.stopping or step.failures):
            return (StateType.CANCELLING, "Cancelling") if step.stopping else (StateType.RUNNING, "Retrying")
    return NAMES[status]


def message_of(status: str, step: Step | None) -> str:
    """What a state says beside its name."""
    if step is None or status in (st.SUCCEEDED, st.RUNNING):
        return ""
    if status == st.SKIPPED:
        return f"Upstream step {step.doomed} did not succeed."
    if isinstance(step.error, dict):
        said = str(step.error.get("message", ""))
        return said if status == st.CANCELLED else f"{step.error.get('type', 'Error')}: {said}"
    return ""


def error_of(step: Step) -> BaseException:
    """The failure of a step that ended without success, as an exception."""
    if step.status == st.SKIPPED:
        return StepSkipped(
            f"{step.key} was not run, because {step.doomed} did not succeed.", "See why that one failed."
        )
    if step.status == st.CANCELLED:
        reason = step.error["message"] if isinstance(step.error, dict) else "on request"
        return with_outputs(Cancelled(f"{step.key} was stopped: {reason}."), step.result)
    if isinstance(step.error, dict) and step.error.get("type") == "TimedOut":
        return with_outputs(TimedOut(step.error["message"]), step.error.get("finished"))
    return decode_error(step.error)
