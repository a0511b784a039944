"""The futures that task calls give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from motet.dialects.python.futures import Future, error_of
from motet.dialects.python.orion.names import uuid_of
from motet.dialects.python.orion.states import Origin, State, made
from motet.dialects.python.states import NAMES, StateType
from motet.errors import StateFailed
from motet.kernel import transitions as st

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope
    from motet.kernel.state import Step

R = TypeVar("R")


class PrefectFuture(Future[R]):
    """The run of a task (or flow), now or later. To be passed to tasks and flows as it is."""

    __slots__ = ()

    def wait(self, timeout: float | None = None) -> State | None:  # type: ignore[override]
        """The final state, as soon as it is there; None if it is not within `timeout` seconds."""
        return self._state() if self._scope.driver.wait(self.key, -1, timeout) else None

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """The value, as soon as it is there. A failure is raised, or given where `raise_on_failure` is False.

        Raises TimeoutError after `timeout` seconds; StepSkipped where the task was not run, since what it
        needs failed.
        """
        state = self.wait(timeout)
        if state is None:
            raise TimeoutError("Call timed out before task finished.")
        value: R = state.result(raise_on_failure)
        self._scope.lineage.add(value, self.key)
        return value

    def get_state(self) -> State:
        """How it stands now."""
        self._scope.driver.ended(self.key)
        return self._state()

    @property
    def state(self) -> State:
        """How it stands now."""
        return self.get_state()

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return uuid_of(self._scope.driver.run.id, self.key)

    def known(self) -> Any:
        """The value of a step that is known to have ended, or its failure. Neither waits nor locks."""
        return self._state().content

    def value(self, step: Step | None) -> Any:
        """What the step, which has succeeded, gave. Where it came from is noted in the flow's own thread only."""
        return self.held(step)

    def _state(self) -> State:
        step = self._step()
        assert step is not None
        what = "flow" if step.form == "flow" else "task"
        origin = Origin(self.key, f"{what}_run_id", self.run_id)
        if step.status == st.SUCCEEDED:
            state = self._made(self.held(step), origin)
            state.name = "Cached" if step.cached else state.name
            return state
        if step.status == st.FAILED:
            return self._failed(step, origin, f"{what.title()} run encountered an exception.")
        kind, name = NAMES[step.status]
        if step.status == st.SKIPPED:
            upstream = uuid_of(self._scope.driver.run.id, step.doomed)
            message = f"Upstream task run '{upstream}' did not reach a 'COMPLETED' state."
            return State(kind, name, message, load=lambda: None, origin=origin)
        error = error_of(step) if step.status == st.CANCELLED else None
        return State(kind, name, str(error) if error else None, load=lambda: error, origin=origin)

    def _made(self, value: Any, origin: Origin) -> State:
        """The state of a step that gave this: a value, or a state of its own making."""
        value = attached(value, self._scope)
        if isinstance(value, State) and value.origin is None:
            return State(value.type, value.name, value.message, load=value.load, origin=origin)
        return State(StateType.COMPLETED, load=lambda: value, origin=origin)

    def _failed(self, step: Step, origin: Origin, message: str) -> State:
        error = self._failure()
        if isinstance(error, StateFailed) and isinstance(error.state, State):
            return self._made(error.state, origin)
        if isinstance(step.error, dict) and step.error.get("type") == StateFailed.__name__:
            # The states themselves were too many to be kept beside the message.
            children = [each for each in self._scope.driver.state.steps.values() if each.parent == self.key]
            children.sort(key=lambda each: each.form == "flow")
            states = [PrefectFuture[Any](self._scope, each.key).get_state() for each in children]
            return State(StateType.FAILED, "", step.error["message"], load=lambda: states, origin=origin)
        return State(StateType.FAILED, "", message, load=lambda: error, origin=origin)

    # ------------------------------------------------------------ what a future is not

    def __repr__(self) -> str:
        step = self._step()
        return f"{type(self).__name__}({step.name or self.key if step is not None else self.key!r})"

    def __bool__(self) -> bool:
        import warnings

        warnings.warn(
            "A 'PrefectFuture' from a task call was cast to a boolean; did you mean to check the result of the "
            "task instead? e.g. `if my_task().result(): ...`",
            stacklevel=2,
        )
        return True

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "A 'PrefectFuture' cannot be iterated over or unpacked: pass it to a task as it is and unpack it there, "
            "or unpack its value, e.g. `x, y = my_task().result()`."
        )

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError(
            f"A 'PrefectFuture' is not subscriptable: pass it to a task as it is, or ask for its value first, "
            f"e.g. `my_task().result()[{index!r}]`."
        )


def attached(value: Any, scope: Scope) -> Any:
    """The value, with states in it that came from the journal able again to tell their results."""
    if isinstance(value, State):
        if value.origin is not None and value.load is None:
            return PrefectFuture[Any](scope, value.origin.key).get_state()
        if value.origin is None and value.load is not None:
            data = attached(value.content, scope)
            return value if data is value.content else made(value.type, value.name, value.message, data)
        return value
    if isinstance(value, list | tuple | set) and any(isinstance(each, State) for each in value):
        return type(value)(attached(each, scope) for each in value)
    if isinstance(value, dict) and any(isinstance(each, State) for each in value.values()):
        return {name: attached(each, scope) for name, each in value.items()}
    return value


def settled(value: Any) -> Any:
    """The value with the futures in it replaced by their final states, which are waited for."""
    if isinstance(value, PrefectFuture):
        return value.wait()
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(settled(each) for each in value)
    if kind is dict:
        return {name: settled(each) for name, each in value.items()}
    return value
