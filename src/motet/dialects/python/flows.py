"""Flows: functions whose calls are runs; called inside another flow, they are steps of its run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, ParamSpec, TypeVar, Unpack, overload

from motet.dialects.python import arguments
from motet.dialects.python.bodies import outcome_here
from motet.dialects.python.calls import TaskCall
from motet.dialects.python.defining import definitions_only
from motet.dialects.python.futures import Future
from motet.dialects.python.hosting import begun
from motet.dialects.python.options import FLOW_OPTIONS, FlowOptions, checked, policy_of
from motet.dialects.python.outcomes import await_submitted
from motet.dialects.python.parameters import Parameters
from motet.dialects.python.running import hooks
from motet.dialects.python.running.about import tags_now
from motet.dialects.python.running.hooks import FlowHooked
from motet.dialects.python.running.keeping import Keeping
from motet.dialects.python.scope import Lineage, Scope, current
from motet.dialects.python.states import State, StateType
from motet.dialects.python.task_runners import TaskRunner, ThreadPoolTaskRunner
from motet.errors import UsageError
from motet.executors import capture
from motet.interrupts import held_back
from motet.kernel.events import Json
from motet.kernel.inputs import Failed, Input, Succeeded
from motet.kernel.program import AddStep, Finish
from motet.kernel.transitions import CANCELLING
from motet.ports import NewRun
from motet.values.naming import new_id, new_name
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.dialects.python.reuse import Reuse
    from motet.engine.driver import Driver
    from motet.engine.host import Host

P = ParamSpec("P")
R = TypeVar("R")


class Flow(FlowHooked, Keeping, Generic[P, R]):
    """A function whose calls are recorded runs.

    fn      the function
    name    what the workflow is called
    """

    call_type: ClassVar[type[TaskCall]] = TaskCall

    def __init__(self, fn: Callable[P, R], options: FlowOptions) -> None:
        checked("flow", fn, options, FLOW_OPTIONS)
        self.fn = fn
        self.options = options
        self.name = options.get("name") or fn.__name__
        self.policy = policy_of("flow", fn, options, "")
        self.keep_as(options)
        self.hooks = hooks.given(f"@flow on {self.name}", options, hooks.FLOW_EVENTS)
        runner = options.get("task_runner", ThreadPoolTaskRunner())
        self.task_runner: TaskRunner = runner() if isinstance(runner, type) else runner
        self.parameters = Parameters(self.name, fn, validate=options.get("validate_parameters", True))
        update_wrapper(self, fn)

    def with_options(self, **options: Unpack[FlowOptions]) -> Flow[P, R]:
        """The same flow with some options changed."""
        return type(self)(self.fn, {**self.options, **options})

    # ------------------------------------------------------------ calls

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: Any, return_state: Literal[True], wait_for: Any = None, **kwargs: Any) -> State: ...
    def __call__(self, *args: Any, return_state: Any = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the flow and give what its function returns; what it raises is raised.

        At the top this is a run of its own; inside another flow it is a step of that one's run.
        """
        scope = current.get()
        if scope is None:
            if definitions_only(self):
                return None
            future = begun(self, args, kwargs)
        else:
            future = self._as_step(scope, self.parameters.bind(args, kwargs), wait_for)
        return future.state if return_state else future.result()

    def start(
        self, on: Host, values: Mapping[str, Any], *, name: str = "", run: str = "",
        begun: Callable[[Driver], None] | None = None,
    ) -> Future[R]:  # fmt: skip
        """Begin a run of this flow and drive it to its end on this thread; gives the future of its root step.
        `begun` is told once the run was taken up.

        Raises errors of the engine, and interruptions; a failure of the flow is in the future.
        """
        new = self.new_run(on, values, name=name, run=run)
        on.create(new)
        driver = on.take_up(new.id)
        if begun is not None:
            begun(driver)
        return self.drive(driver, values)

    def new_run(self, on: Host, values: Mapping[str, Any], *, name: str = "", run: str = "") -> NewRun:
        """A run of this flow, not yet begun, with these parameters."""
        template = self.options.get("flow_run_name")
        return NewRun(
            id=run or new_id(on.clock.now()),
            name=name or (self._run_name(template, values) if template else new_name()),
            workflow=self.name,
            program=self._spec(),
            params={key: encode(value, on.artifacts) for key, value in values.items()},
            tags=sorted(tags_now.get().union(self.options.get("tags", ()))),
            created_at=on.clock.now(),
            offset=on.store.head(),
        )

    def drive(self, driver: Driver, values: Mapping[str, Any]) -> Future[R]:
        """Drive a run that was taken up to its end; what is recorded is not run again."""
        lineage = Lineage(_reuse_of(driver))
        outer = Scope(driver, "", lineage)
        action = self._action(self.name, "", values, arguments.Relations(), lineage)
        call = self.call_type(self, driver, self.name, lineage, (), values)  # type: ignore[arg-type]
        future = call.future(outer)
        capture.hold()
        try:
            with held_back():
                self._drive_within(driver, action, call)
        finally:
            capture.release()
        return future

    def _drive_within(self, driver: Driver, action: AddStep, call: TaskCall) -> None:
        try:
            attempt = driver.add(action, call)
            self._drive_root(driver, call, attempt)
        except BaseException as stop:
            if isinstance(stop, KeyboardInterrupt | SystemExit):
                driver.cancel(f"interrupted by {'Ctrl-C' if isinstance(stop, KeyboardInterrupt) else 'exit'}")
                hooks.flow_ended(self, driver, self.name, call.kwargs)
                driver.finish(Finish("cancelled"))
            elif driver.session.broken is None and driver.state.status == CANCELLING:
                driver.finish(Finish("cancelled"))  # stopped before its first step was there
            elif driver.session.broken is None:
                driver.leave()
            raise

    def _drive_root(self, driver: Driver, call: TaskCall, attempt: int) -> None:
        from motet.errors import Cancelled

        key = self.name
        while attempt or (attempt := driver.granted(key)):
            body = lambda: self._body(driver, key, call.lineage, call.kwargs)  # noqa: E731
            try:
                told = outcome_here(driver, call, attempt, body)
            except Cancelled:
                break
            if not self._tries_again(driver, told):
                if not self.hooks:
                    driver.finish(_finish(told), told)
                    return
                driver.conclude(told)  # hooks come after this, and before the run has ended: a crash repeats them
                break
            attempt = 0
        step = driver.state.steps[key]
        hooks.flow_ended(self, driver, key, call.kwargs)
        driver.finish(Finish(step.status, step.result, step.error))

    def _as_step(self, scope: Scope, values: Mapping[str, Any], wait_for: Any) -> Future[R]:
        driver, lineage = scope.driver, scope.lineage
        key = scope.next_key(self.name)
        related = arguments.relations((dict(values), wait_for), lineage)
        call = self.call_type(self, driver, key, lineage, (), values)  # type: ignore[arg-type]
        future = call.future(scope)
        attempt = driver.add(self._action(key, scope.key, values, related, lineage), call)
        while attempt or (attempt := driver.granted(key)):
            body = lambda: self._body(driver, key, lineage, arguments.resolve(dict(values)))  # noqa: E731
            told = outcome_here(driver, call, attempt, body)
            if not self._tries_again(driver, told):
                driver.conclude(told)
                hooks.flow_ended(self, driver, key, values)
                break
            attempt = 0
        return future

    # ------------------------------------------------------------ inside

    def _tries_again(self, driver: Driver, told: Input) -> bool:
        """Whether another attempt follows this outcome, which then is committed."""
        if not isinstance(told, Failed) or driver.state.status == CANCELLING:
            return False
        if driver.state.steps[told.key].failures >= self.policy.retries:
            return False
        driver.try_again(told)
        return True

    def _body(self, driver: Driver, key: str, lineage: Lineage, values: Mapping[str, Any]) -> Any:
        """Call the function with its scope around it; gives its value once all that it submitted has ended."""
        runner = self.task_runner
        scope = Scope(driver, key, lineage, runner.executor, runner.max_workers)
        driver.limit({**self.options.get("limits", {}), **scope.limits})
        args, kwargs = self.parameters.call(values)
        scope.outer, scope.owner, scope.values = current.get(), self, dict(values)
        hooks.flow_begins(self, driver, key, values)
        token = current.set(scope)
        try:
            self._log_prints(scope)
            try:
                value = self.fn(*args, **kwargs)
            except Exception:
                for each in list(scope.unlooked or ()):
                    driver.wait(each)
                raise
            value = _resolved(value)
            await_submitted(scope)
        finally:
            current.reset(token)
            scope.end()
        return value

    def _log_prints(self, scope: Scope) -> None:
        own = self.options.get("log_prints")
        scope.prints = bool(own) if own is not None else scope.outer is not None and scope.outer.prints
        if scope.prints:
            from motet.dialects.python.running import logs

            logs.log_prints()

    def _action(
        self, key: str, parent: str, values: Mapping[str, Any], related: arguments.Relations, lineage: Lineage
    ) -> AddStep:
        return AddStep(
            key, self.name, needs=list(related.needs), after=list(related.after), policy=self.policy,
            form="flow", parent=parent,
            fingerprint=arguments.digest((), values, lineage),
        )  # fmt: skip

    def _run_name(self, template: str, values: Mapping[str, Any]) -> str:
        try:
            return template.format(**values)
        except (KeyError, IndexError, ValueError) as error:
            raise UsageError(
                f"flow_run_name {template!r} of flow {self.name} does not fit its parameters: {error!r}.",
                "Use the names of its parameters in braces.",
            ) from None

    def _spec(self) -> Json:
        """How another process finds this flow again."""
        module = self.fn.__module__
        file = getattr(sys.modules.get(module), "__file__", None)
        return {
            "voice": "python", "module": module, "qualname": self.fn.__qualname__, "cwd": os.getcwd(),
            "file": os.path.abspath(file) if file and module == "__main__" else None, "path": sys.path[0],
        }  # fmt: skip


def _resolved(value: Any) -> Any:
    """What a flow returns: futures give their values; a state decides how the flow ended."""
    if isinstance(value, State) and value.type is not StateType.COMPLETED:
        return value.result()
    return arguments.resolve(value, wait=True)


def _reuse_of(driver: Driver) -> Reuse | None:
    """What may be taken over, for a run that was forked from another."""
    if "fork" not in driver.run.program:
        return None
    from motet.dialects.python.reuse import reuse_of

    return reuse_of(driver.host, driver.run.program["fork"])


def _finish(told: Any) -> Finish:
    if isinstance(told, Succeeded):
        return Finish("succeeded", told.result)
    return Finish("failed", error=told.error)


@overload
def flow(fn: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(**options: Unpack[FlowOptions]) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function a flow: `@flow` or `@flow(retries=1)`. For the options see `FlowOptions`."""
    if fn is None:
        return lambda function: Flow(function, options)  # type: ignore[arg-type]
    if not callable(fn):
        raise UsageError(f"@flow was given {fn!r}.", "Write @flow above a function.")
    return Flow(fn, options)  # type: ignore[arg-type]
