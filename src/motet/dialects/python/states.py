"""States: how a step or run stands, as users see it. Names and behaviour are those of Prefect 3."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from motet.errors import Cancelled as CancelledError
from motet.errors import MotetError, StepFailed, StepSkipped
from motet.kernel import transitions as st


class StateType(StrEnum):
    """The kind of a state; several names may share one."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"


FINAL = frozenset((StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED))

NAMES: dict[str, tuple[StateType, str]] = {
    st.PENDING: (StateType.PENDING, "Pending"),
    st.READY: (StateType.PENDING, "Pending"),
    st.RUNNING: (StateType.RUNNING, "Running"),
    st.RETRYING: (StateType.SCHEDULED, "AwaitingRetry"),
    st.SUCCEEDED: (StateType.COMPLETED, "Completed"),
    st.FAILED: (StateType.FAILED, "Failed"),
    st.CANCELLED: (StateType.CANCELLED, "Cancelled"),
    st.SKIPPED: (StateType.PENDING, "NotReady"),
}
"""What this voice calls the engine's statuses."""


class State:
    """How a step or run stands: `type`, `name`, `message`; `result()` gives its value or raises its failure."""

    @property
    def step_key(self) -> str:
        """The key of the step that it is the state of; empty where that is not known."""
        return ""

    def __init__(
        self, type: StateType, name: str = "", message: str = "", *,  # noqa: A002 - the field's own name
        result: Callable[[], Any] | None = None, error: Callable[[], BaseException] | None = None,
    ) -> None:  # fmt: skip
        self.type = type
        self.name = name or type.value.title()
        self.message = message
        self._result = result
        self._error = error

    def result(self, raise_on_failure: bool = True) -> Any:
        """The value. A failure is raised, or given as an exception where `raise_on_failure` is False."""
        if self.type is StateType.COMPLETED:
            return self._result() if self._result is not None else None
        error = self._error() if self._error is not None else self._plain_error()
        if raise_on_failure:
            raise error
        return error

    def _plain_error(self) -> MotetError:
        what = f"The state is {self.name}{': ' + self.message if self.message else ''}."
        if self.type is StateType.CANCELLED:
            return CancelledError(what)
        if self.type is StateType.FAILED:
            return StepFailed(what)
        return StepSkipped(what, "Wait for it to end before asking for its result.")

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


def Completed(*, message: str = "", data: Any = None, name: str = "Completed") -> State:  # noqa: N802
    """A state that ended well, to be returned from a task or flow."""
    return State(StateType.COMPLETED, name, message, result=lambda: data)


def Failed(*, message: str = "", data: Any = None, name: str = "Failed") -> State:  # noqa: N802
    """A state that failed, to be returned from a task or flow: it then fails without a traceback."""
    error = data if isinstance(data, BaseException) else None
    return State(StateType.FAILED, name, message, error=(lambda: error) if error is not None else None)


def Cancelled(*, message: str = "", name: str = "Cancelled") -> State:  # noqa: N802
    """A state that was stopped."""
    return State(StateType.CANCELLED, name, message)
