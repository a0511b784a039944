"""Tasks as the beta has them: a call in a flow gives a future at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from threading import Lock
from typing import Any, NoReturn, ParamSpec, TypeVar, Unpack, overload

from motet.dialects.python import arguments, tasks
from motet.dialects.python.bodies.plain import carry_out
from motet.dialects.python.calls import TaskCall
from motet.dialects.python.options import TaskOptions
from motet.dialects.python.orion.futures import PrefectFuture, settled
from motet.dialects.python.orion.names import task_key
from motet.dialects.python.orion.scopes import FlowScope, TaskScope, calling, tell_failure, tell_how_it_ends
from motet.dialects.python.orion.states import Completed, Failed, State, concluded
from motet.dialects.python.orion.telling import Teller
from motet.dialects.python.scope import current
from motet.dialects.python.states import StateType
from motet.errors import StateFailed, UsageError
from motet.kernel.program import AddStep
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled

P = ParamSpec("P")
R = TypeVar("R")


class Task(tasks.Task[P, R]):
    """A function whose calls in a flow are runs of their own.

    task_key   the beta's key: a hash of name, function and tags
    """

    def __init__(self, fn: Callable[P, R], options: TaskOptions) -> None:
        super().__init__(fn, options)
        if iscoroutinefunction(fn):
            raise UsageError(f"Task {self.name} is async, which motet.orion does not speak.", "Write it with def.")
        self.task_key = task_key(self.name, fn, options.get("tags", ()))

    @overload  # type: ignore[override]
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> PrefectFuture[R]: ...
    @overload
    def __call__(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> PrefectFuture[R]: ...
    def __call__(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> PrefectFuture[R]:
        """Have the flow's task runner run the task once what it is given, and waits for, is there; gives a future.

        Futures and states may stand anywhere in the arguments; the task gets their values. Raises TypeError
        for arguments that the function does not take, RuntimeError outside of a flow and inside a task.
        """
        scope = calling("task")
        if scope is None:
            raise RuntimeError("Tasks cannot be called outside of a flow.")
        try:
            self.bound(args, kwargs)
        except TypeError as error:
            raise TypeError(f"Task {self.name!r} cannot be called like that: {error}.") from None
        driver, key = scope.driver, scope.next_key(self.name)
        new = key not in driver.state.steps
        name = scope.next_name(self.name, self.task_key)
        teller = Teller(driver, key, f"Task run {name!r}")
        call = OrionCall(self, driver, key, scope.lineage, args, kwargs)
        call.teller = teller
        future: PrefectFuture[R] = call.future(scope)  # type: ignore[assignment]
        scope.futures.append(future)
        if new:
            scope.teller.tell(f"Created task run {name!r} for task {self.name!r}")
        related = arguments.relations((args, kwargs, wait_for), scope.lineage)
        policy = self.policy if scope.sequential else self._submit_policy(scope)
        asked, fingerprint = self.asked(scope, key, (args, kwargs))
        attempt = driver.add(
            AddStep(
                key, self.name, needs=list(related.needs), after=list(related.after), policy=policy,
                parent=scope.key, name=name, call=asked, fingerprint=fingerprint,
            ),
            call,
        )  # fmt: skip
        if new and related.needs:
            _tell_if_not_ready(scope, future, teller)
        if scope.sequential:
            self._finish_now(scope, call, future, attempt)
        return future

    def submit(  # type: ignore[override]
        self, *args: Any, wait_for: Any = None, **kwargs: Any
    ) -> PrefectFuture[R]:
        """The same as a call."""
        return self(*args, wait_for=wait_for, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> NoReturn:
        """The beta had none."""
        raise UsageError(
            f"{self.name}.map() is not part of the beta.", f"Write [{self.name}(each) for each in ...] in the flow."
        )

    def _finish_now(self, scope: FlowScope, call: OrionCall, future: PrefectFuture[R], attempt: int) -> None:
        """With the sequential runner, a call comes back when its run has ended."""
        if not self.policy.executor and not future.done():
            carry_out(scope.driver, call, attempt)
        scope.driver.wait(call.key)


def _tell_if_not_ready(scope: FlowScope, future: PrefectFuture[Any], teller: Teller) -> None:
    """Tell it once, as soon as it is known, and at the latest before the flow ends."""
    lock, told = Lock(), False

    def tell(_: object = None) -> None:
        nonlocal told
        with lock:
            state = None if told else future.get_state()
            told = True
            if state is not None and state.name == "NotReady":
                teller.error(f"Finished in state {state}")

    scope.untold.append(tell)
    future.add_done_callback(tell)


CACHED = Completed(name="Cached")


class OrionCall(TaskCall):
    """One call of a task. Its scope keeps the future."""

    __slots__ = ("_remote", "teller")
    teller: Teller
    future_type = PrefectFuture

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """In another process, what the function returns is made a state there."""
        self._remote = not here
        prepared = super().prepare(element, attempt, here=here)
        if here:
            return prepared
        if isinstance(prepared, Settled):
            self.teller.tell(f"Finished in state {CACHED}")
            return prepared
        return Prepared(value_of, (prepared.function, prepared.args, prepared.kwargs), context=prepared.context)

    def run(self) -> Any:
        """Call the function as the body of this step; gives its value, or a state that is more than that."""
        args, kwargs = self._resolved()
        hit = self._taken() or self._look_up(args, kwargs)
        if hit is not None:
            self.teller.tell(f"Finished in state {CACHED}")
            return hit
        token = current.set(TaskScope(self.driver, self.key, self.lineage, self.teller))
        try:
            return tell_how_it_ends(self.teller, "Task", lambda: concluded(settled(self.task.fn(*args, **kwargs))))
        finally:
            current.reset(token)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """Tell what another process did not."""
        if self._remote and isinstance(outcome, Failure):
            error = outcome.exception
            if isinstance(error, StateFailed) and isinstance(error.state, State):
                tell_failure(self.teller, error.state)
            else:
                known = outcome.error if isinstance(outcome.error, dict) else {}
                text = known.get("traceback") or f"{known.get('type')}: {known.get('message')}"
                self.teller.error("Encountered exception during execution:", traceback=text)
                tell_failure(self.teller, Failed("Task run encountered an exception."))
        elif self._remote and isinstance(outcome, Success):
            self.teller.tell(f"Finished in state {Completed()}")
        return super().settle(attempt, outcome)


def value_of(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Call the function, in another process. Gives a value, or a state that is more than that; raises StateFailed."""
    state = concluded(fn(*args, **kwargs))
    if state.type is not StateType.COMPLETED:
        raise StateFailed(state.message or str(state), state=state)
    return state if state.message or state.name != "Completed" else state.content


@overload
def task(fn: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(**options: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a task: `@task` or `@task(retries=3)`. For the options see `TaskOptions`."""
    if fn is None:
        return lambda function: Task(function, options)  # type: ignore[arg-type]
    if not callable(fn):
        raise TypeError("'fn' must be callable")
    return Task(fn, options)  # type: ignore[arg-type]
