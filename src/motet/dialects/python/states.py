"""States: how a step or run stands, as users see it. Names and behaviour are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from motet.errors import Cancelled as CancelledError
from motet.errors import MotetError, StepFailed, StepSkipped
from motet.kernel import transitions as st
from motet.typed import Any, TypeGuard


class StateType(StrEnum):
    """The kind of a state; several names may share one."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


FINAL = frozenset((StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED))

NAMES: dict[str, tuple[StateType, str]] = {
    st.PENDING: (StateType.PENDING, "Pending"),
    st.READY: (StateType.PENDING, "Pending"),
    st.RUNNING: (StateType.RUNNING, "Running"),
    st.WAITING: (StateType.RUNNING, "Waiting"),
    st.RETRYING: (StateType.SCHEDULED, "AwaitingRetry"),
    st.SUCCEEDED: (StateType.COMPLETED, "Completed"),
    st.FAILED: (StateType.FAILED, "Failed"),
    st.CANCELLED: (StateType.CANCELLED, "Cancelled"),
    st.SKIPPED: (StateType.PENDING, "NotReady"),
}
"""What this voice calls the engine's statuses."""


class State:
    """How a step or run stands: `type`, `name`, `message`; `result()` gives its value or raises its failure."""

    _run = ""

    @property
    def step_key(self) -> str:
        """The key of the step that it is the state of; empty where that is not known."""
        return ""

    def __init__(
        self, type: StateType, name: str = "", message: str = "", *,  # noqa: A002 - the field's own name
        result: Callable[[], Any] | None = None, error: Callable[[], BaseException] | None = None, data: Any = None,
    ) -> None:  # fmt: skip
        self.type = type
        self.name = name or type.value.title()
        self.message = message
        self._result = result
        self._error = error
        self.data = data  # as it was given, where the state was made by hand

    def result(self, raise_on_failure: bool = True, fetch: bool = True) -> Any:
        """The value. A failure is raised, or given as an exception where `raise_on_failure` is False. It is at hand, so
        that `fetch`, which Prefect 2 has, says nothing.
        """
        if self.type is StateType.COMPLETED:
            return self._result() if self._result is not None else None
        error = self._error() if self._error is not None else self._plain_error()
        if raise_on_failure:
            raise error
        return self.data if isinstance(self.data, list | tuple | set) else error

    async def aresult(self, raise_on_failure: bool = True) -> Any:
        """As `result`, awaited."""
        return self.result(raise_on_failure)

    def _plain_error(self) -> MotetError:
        what = f"The state is {self.name}{': ' + self.message if self.message else ''}."
        if self.type is StateType.CANCELLED:
            return CancelledError(what)
        if self.type in FINAL:
            return StepFailed(what)
        return StepSkipped(what, "Wait for it to end before asking for its result.")

    def __eq__(self, other: object) -> bool:
        """States are equal that say the same of the same step of the same run, or hold the same value."""
        if not isinstance(other, State) or self._said() != other._said():
            return False
        return bool(self.step_key or self._held() is (held := other._held()) or self._held() == held)

    def __hash__(self) -> int:
        return hash(self._said())

    def _said(self) -> tuple[str, ...]:
        return self._run, self.step_key, self.type, self.name, self.message

    def _held(self) -> Any:
        return self.result(raise_on_failure=False) if self._result is not None or self._error is not None else None

    def __reduce__(self) -> Any:
        held = self._held() if self.data is None else self.data
        return _rebuilt, (self.type.value, self.name, self.message, held)

    def is_completed(self) -> bool:
        """Whether it ended well."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """Whether it failed."""
        return self.type is StateType.FAILED

    def is_cancelled(self) -> bool:
        """Whether it was stopped."""
        return self.type is StateType.CANCELLED

    def is_running(self) -> bool:
        """Whether it runs."""
        return self.type is StateType.RUNNING

    def is_pending(self) -> bool:
        """Whether it has not begun."""
        return self.type is StateType.PENDING

    def is_scheduled(self) -> bool:
        """Whether it is due later, a retry for example."""
        return self.type is StateType.SCHEDULED

    def is_crashed(self) -> bool:
        """Whether what it ran in died."""
        return self.type is StateType.CRASHED

    def is_paused(self) -> bool:
        """Whether it waits for somebody."""
        return self.type is StateType.PAUSED

    def is_cancelling(self) -> bool:
        """Whether it was asked to stop, and has not ended yet."""
        return self.type is StateType.CANCELLING

    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self.type in FINAL

    def __str__(self) -> str:
        parts = [repr(self.message)] if self.message else []
        if self.name.upper() != self.type.value:
            parts.append(f"type={self.type.value}")
        return f"{self.name}({', '.join(parts)})"

    def __repr__(self) -> str:
        return f"{self.name}(message={self.message!r}, type={self.type.value})"


def _rebuilt(kind: str, name: str, message: str, value: Any) -> State:
    return made(StateType(kind), name, message, value)


def made(type: StateType, name: str = "", message: str = "", data: Any = None) -> State:  # noqa: A002
    """A state made by hand, to be returned from a task or flow. `data` is its value, or the exception of a failure."""
    inner = data.result(raise_on_failure=False) if isinstance(data, State) and not data.is_completed() else data
    error = inner if isinstance(inner, BaseException) else None
    return State(
        type, name, message, result=lambda: data, error=(lambda: error) if error is not None else None, data=data
    )


def failed_by(error: Exception) -> State:
    """The state of what has failed with that error."""
    return made(StateType.FAILED, "", f"{type(error).__name__}: {error}", error)


class Maker:
    """Makes states of one name: `Completed(message="done", data=3)`. What Prefect 3 has as functions."""

    def __init__(self, name: str, type: StateType) -> None:  # noqa: A002
        self._name = name
        self._type = type

    def __call__(self, *, message: str = "", data: Any = None, name: str = "") -> State:
        return made(self._type, name or self._name, message, data)

    def __repr__(self) -> str:
        return f"{self._name} ({self._type.value})"


Scheduled = Maker("Scheduled", StateType.SCHEDULED)
Late = Maker("Late", StateType.SCHEDULED)
AwaitingRetry = Maker("AwaitingRetry", StateType.SCHEDULED)
AwaitingConcurrencySlot = Maker("AwaitingConcurrencySlot", StateType.SCHEDULED)
Resuming = Maker("Resuming", StateType.SCHEDULED)
Pending = Maker("Pending", StateType.PENDING)
Submitting = Maker("Submitting", StateType.PENDING)
InfrastructurePending = Maker("InfrastructurePending", StateType.PENDING)
NotReady = Maker("NotReady", StateType.PENDING)
Running = Maker("Running", StateType.RUNNING)
Retrying = Maker("Retrying", StateType.RUNNING)
Paused = Maker("Paused", StateType.PAUSED)
Suspended = Maker("Suspended", StateType.PAUSED)
Cancelling = Maker("Cancelling", StateType.CANCELLING)
Cancelled = Maker("Cancelled", StateType.CANCELLED)
Completed = Maker("Completed", StateType.COMPLETED)
Cached = Maker("Cached", StateType.COMPLETED)
RolledBack = Maker("RolledBack", StateType.COMPLETED)
Failed = Maker("Failed", StateType.FAILED)
TimedOut = Maker("TimedOut", StateType.FAILED)
Crashed = Maker("Crashed", StateType.CRASHED)


def aggregated(states: Sequence[State]) -> State:
    """What several states come to, by Prefect's rule: completed if all are, else cancelled if any is, else failed."""
    bad, total = [each for each in states if each.is_failed() or each.is_crashed()], len(states)
    if all(each.is_completed() for each in states):
        return made(StateType.COMPLETED, "", "All states completed.")
    if cancelled := sum(each.is_cancelled() for each in states):
        return made(StateType.CANCELLED, "", f"{cancelled}/{total} states cancelled.")
    if bad:
        return made(StateType.FAILED, "", f"{len(bad)}/{total} states failed.", bad[0])
    return made(StateType.FAILED, "", f"{sum(not each.is_final() for each in states)}/{total} states are not final.")


def is_state(value: object) -> TypeGuard[State]:
    """Whether the value is a state."""
    return isinstance(value, State)


def is_state_iterable(value: object) -> TypeGuard[list[State] | tuple[State, ...] | set[State]]:
    """Whether the value is a list, tuple or set of states, and of at least one."""
    return isinstance(value, list | tuple | set) and bool(value) and all(map(is_state, value))


def get_state_result(state: State, raise_on_failure: bool = True) -> Any:
    """`state.result(...)`."""
    return state.result(raise_on_failure=raise_on_failure)


def get_state_exception(state: State) -> BaseException:
    """The exception of a state that has not ended well. Raises ValueError for any other."""
    found = None if state.is_completed() or not state.is_final() else state.result(raise_on_failure=False)
    if not isinstance(found, BaseException):
        raise ValueError(f"{state} has no exception.")
    return found


def raise_state_exception(state: State) -> None:
    """Raise the exception of a state that has ended, but not well."""
    if state.is_final() and not state.is_completed():
        raise get_state_exception(state)
