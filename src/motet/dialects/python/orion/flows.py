"""Flows as the beta has them: a call gives a state, and raises for no failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from motet.dialects.python import flows
from motet.dialects.python.binding.parameters import Parameters
from motet.dialects.python.bodies.deadline import limit
from motet.dialects.python.hosting import taken_up
from motet.dialects.python.options import FlowOptions
from motet.dialects.python.orion.futures import settled
from motet.dialects.python.orion.names import name_of
from motet.dialects.python.orion.scopes import FlowScope, calling, tell_how_it_ends
from motet.dialects.python.orion.states import Completed, Failed, State, concluded
from motet.dialects.python.orion.tasks import OrionCall
from motet.dialects.python.orion.telling import ENGINE, Teller
from motet.dialects.python.scope import Lineage, current
from motet.dialects.python.task_runners import ConcurrentTaskRunner
from motet.engine.driver import Driver
from motet.errors import ParameterError, UsageError
from motet.kernel.events import Json
from motet.mains import definitions_only
from motet.ports.voice import Written

P = ParamSpec("P")
R = TypeVar("R")


class LenientParameters(Parameters):
    """Values that do not fit are let through: the run is made, and fails for it."""

    def __init__(self, name: str, function: Callable[..., Any], *, validate: bool) -> None:
        super().__init__(name, function, validate=validate)
        self._names_only = Parameters(name, function, validate=False)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The value of every parameter, fit where that can be. What was typed on a command line must fit."""
        try:
            return super().bind(args, kwargs)
        except ParameterError:
            if any(type(each) is Written for each in (*args, *kwargs.values())):
                raise
            return self._names_only.bind(args, kwargs)

    def fit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the annotations ask for them. Raises ParameterError."""
        args, kwargs = self.call(values)
        return super().bind(args, kwargs)


class OrionFlowCall(OrionCall):
    """One call of a flow."""

    __slots__ = ()

    def run(self) -> Any:
        """Call the function as the body of this step; gives its value, or a state that is more than that."""
        flow: Any = self.task
        return flow.run(self.driver, self.key, self.lineage, self._resolved()[1])


class Flow(flows.Flow[P, R]):
    """A function whose calls are recorded runs."""

    call_type = OrionFlowCall
    parameters: LenientParameters

    def __init__(self, fn: Callable[P, R], options: FlowOptions) -> None:
        super().__init__(fn, {"task_runner": ConcurrentTaskRunner, **options})
        if iscoroutinefunction(fn):
            raise UsageError(f"Flow {self.name} is async, which motet.orion does not speak.", "Write it with def.")
        self.parameters = LenientParameters(self.name, fn, validate=options.get("validate_parameters", True))

    @overload  # type: ignore[override]
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> State: ...
    @overload
    def __call__(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> State: ...
    def __call__(self, *args: Any, wait_for: Any = None, **kwargs: Any) -> State:
        """Run the flow; gives its final state, whose `result()` is the value. What the flow raises is in the state.

        Values that do not fit the annotations fail the run. Raises TypeError for arguments that the function does
        not take, RuntimeError inside a task.
        """
        scope = calling("flow")
        try:
            if scope is not None:
                state = self._as_step(scope, self.parameters.bind(args, kwargs), wait_for, True)
                assert isinstance(state, State)
                scope.states.append(state)
                return state
            if definitions_only(self.fn):
                return Completed()
            driver, values = taken_up(self, args, kwargs)
        except ParameterError as error:
            self._check_names(args, kwargs)
            raise error
        state = self.drive(driver, values).state
        assert isinstance(state, State)
        return state

    def _check_names(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        try:
            self.parameters.bind(args, kwargs)
        except ParameterError as error:
            raise TypeError(f"{error.what} {error.cure}") from None

    def run(self, driver: Driver, key: str, lineage: Lineage, values: Mapping[str, Any]) -> Any:
        """Call the function, as an attempt at the step `key`; gives its value, or a state that is more than that."""
        driver.tells_itself = True
        parent = current.get()
        name = driver.run.name if parent is None else name_of(driver.run.id, key)
        teller = Teller(driver, key, f"Flow run {name!r}")
        if driver.state.steps[key].attempt <= 1:
            if isinstance(parent, FlowScope):
                parent.teller.tell(f"Created subflow run {name!r} for flow {self.name!r}")
            else:
                teller.tell(f"Created flow run {name!r} for flow {self.name!r}", who=ENGINE)
        scope = FlowScope(driver, key, lineage, self.task_runner, teller)
        return tell_how_it_ends(teller, "Flow", lambda: self._conclude(scope, values, parent is None))

    def _conclude(self, scope: FlowScope, values: Mapping[str, Any], top: bool) -> State:
        """Call the function with its scope around it, wait for all that it began; gives the state that follows."""
        try:
            args, kwargs = self.parameters.call(self.parameters.fit(values))
        except ParameterError as error:
            return Failed("Flow run received invalid parameters.", data=error)
        if top:
            scope.teller.tell(f"Using task runner {type(self.task_runner).__name__!r}")
        scope.driver.limit({**self.options.get("limits", {}), **scope.limits})
        if self.policy.timeout_s is not None:
            limit(scope, self.policy.timeout_s)
        token = current.set(scope)
        try:
            value = self.fn(*args, **kwargs)
            states = scope.wait()
        except Exception:  # boundary: out of time, it matters no more what the user's function raises
            scope.wait()
            if scope.over is None:
                raise
        finally:
            current.reset(token)
            late = scope.over is not None
            scope.end()
        if late:
            return Failed(f"Flow run exceeded timeout of {self.policy.timeout_s} seconds", name="TimedOut")
        return concluded(settled(value) if value is not None else states or None)

    def _spec(self) -> Json:
        return {**super()._spec(), "gives": "state"}


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**options: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a flow: `@flow` or `@flow(task_runner=...)`. For the options see `FlowOptions`."""
    if fn is None:
        return lambda function: Flow(function, options)  # type: ignore[arg-type]
    if not callable(fn):
        raise TypeError("'fn' must be callable")
    return Flow(fn, options)  # type: ignore[arg-type]
