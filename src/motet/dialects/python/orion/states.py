"""States as the beta has them: how they are written, what they hold, and how many of them make one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from motet.dialects.python import states as plain
from motet.dialects.python.states import FINAL, StateType
from motet.errors import ResultUnavailable, StateFailed, StepSkipped


class Origin(NamedTuple):
    """The step that a state is the state of: its key, and its id, which is a `task_run_id` or a `flow_run_id`."""

    key: str
    kind: str
    id: str


class State(plain.State):
    """How a run of a task or flow stands. It refers to its value, so what others do to the value shows in it.

    origin   None for a state that was made by hand, or of others
    """

    message: str | None  # type: ignore[assignment]

    def __init__(
        self, type: StateType, name: str = "", message: str | None = None, *,  # noqa: A002 - the field's own name
        load: Callable[[], Any] | None = None, origin: Origin | None = None,
    ) -> None:  # fmt: skip
        super().__init__(type, name)
        self.message = message
        self.load = load
        self.origin = origin

    @property
    def step_key(self) -> str:
        """The key of its step, empty if it has none."""
        return self.origin.key if self.origin is not None else ""

    @property
    def task_run_id(self) -> str | None:
        """The id of the task's run, if it is the state of one."""
        return self.origin.id if self.origin is not None and self.origin.kind == "task_run_id" else None

    @property
    def flow_run_id(self) -> str | None:
        """The id of the flow's run, if it is the state of one."""
        return self.origin.id if self.origin is not None and self.origin.kind == "flow_run_id" else None

    @property
    def state_details(self) -> SimpleNamespace:
        """Both ids, as the beta has them."""
        return SimpleNamespace(task_run_id=self.task_run_id, flow_run_id=self.flow_run_id)

    @property
    def content(self) -> Any:
        """The value, or the exception, or the states that it was made of."""
        if self.load is None:
            raise ResultUnavailable(
                f"The result of {self.step_key} is known to its run only.", "Ask the state that the flow itself gave."
            )
        return self.load()

    def result(self, raise_on_failure: bool = True, fetch: bool = True) -> Any:
        """The value. A failure is raised (of several states the first), or given where `raise_on_failure` is False.

        A run that has not ended well and has not failed either, such as one that is NotReady, raises StepSkipped.
        """
        data = self.content
        if self.type is StateType.COMPLETED or not raise_on_failure:
            return data
        if isinstance(data, BaseException):
            raise data
        if self.type not in FINAL:
            raise StepSkipped(f"{self} has no result.", "Look at what it needs.")
        for each in states_in(data):
            if each.type is not StateType.COMPLETED:
                each.result()
        raise StateFailed(self.message or str(self), state=self)

    def __str__(self) -> str:
        parts = [repr(self.message)] if self.message else []
        if self.name.lower() != self.type.value.lower():
            parts.append(f"type={self.type.value}")
        return f"{self.name}({', '.join(parts)})"

    def __repr__(self) -> str:
        result = "..." if self.load is None else repr(self.content)
        whose = f", {self.origin.kind}={self.origin.id}" if self.origin is not None else ""
        return f"{self.name}(message={self.message!r}, type={self.type.value}, result={result}{whose})"

    def __reduce__(self) -> Any:
        """What has a step is a reference to it: its value is kept there already."""
        held = None if self.origin is not None else (self.content,)
        return _rebuilt, (self.type.value, self.name, self.message, self.origin, held)


def _rebuilt(kind: str, name: str, message: str | None, origin: Origin | None, held: tuple[Any] | None) -> State:
    return State(StateType(kind), name, message, load=(lambda: held[0]) if held is not None else None, origin=origin)


def made(type: StateType, name: str = "", message: str | None = None, data: Any = None) -> State:  # noqa: A002
    """A state with this result."""
    return State(type, name, message, load=lambda: data)


def Completed(message: str | None = None, *, data: Any = None, name: str = "") -> State:  # noqa: N802
    """A state that ended well, to be returned from a task or flow."""
    return made(StateType.COMPLETED, name, message, data)


def Failed(message: str | None = None, *, data: Any = None, name: str = "") -> State:  # noqa: N802
    """A state that failed, to be returned from a task or flow: it then fails without a traceback."""
    return made(StateType.FAILED, name, message, data)


def Cancelled(message: str | None = None, *, data: Any = None, name: str = "") -> State:  # noqa: N802
    """A state that was stopped, to be returned from a task or flow."""
    return made(StateType.CANCELLED, name, message, data)


def Pending(message: str | None = None, *, name: str = "") -> State:  # noqa: N802
    """A state that has not begun."""
    return made(StateType.PENDING, name, message)


def Running(message: str | None = None, *, name: str = "") -> State:  # noqa: N802
    """A state that runs."""
    return made(StateType.RUNNING, name, message)


def states_in(data: Any) -> Sequence[State]:
    """The states that the data is: one, or those of a list, tuple or set of nothing else; else none."""
    if isinstance(data, State):
        return (data,)
    if isinstance(data, list | tuple | set | frozenset) and data and all(isinstance(each, State) for each in data):
        return tuple(data)
    return ()


def concluded(value: Any) -> State:
    """The state that a function's return value means.

    A state that was made by hand is that; of states of runs it is made by the beta's rule: completed if all
    are. Anything else is the value of a completed state.
    """
    if isinstance(value, State) and value.origin is None:
        return value
    states = states_in(value)
    if not states:
        return Completed(data=value)
    total = len(states)
    failed = sum(each.type is StateType.FAILED for each in states)
    open_ = sum(each.type not in FINAL for each in states)
    if all(each.type is StateType.COMPLETED for each in states):
        return Completed("All states completed.", data=value)
    if failed:
        return Failed(f"{failed}/{total} states failed.", data=value)
    if open_:
        return Failed(f"{open_}/{total} states are not final.", data=value)
    told = ", ".join(f"{kind.value}: {count}" for kind in StateType if (count := sum(s.type is kind for s in states)))
    return Failed(f"Given states: {told}", data=value)
