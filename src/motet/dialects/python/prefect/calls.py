"""Calls of tasks and flows, with log lines in Prefect's words for what becomes of them."""

from __future__ import annotations

from typing import Any

from motet.dialects.python.bodies.body import Body
from motet.dialects.python.caching import Hit
from motet.dialects.python.calls import FlowCall, MapCall, TaskCall
from motet.dialects.python.flows import Flow
from motet.dialects.python.futures import Future, FutureList
from motet.dialects.python.orion.telling import ENGINE, Teller
from motet.dialects.python.prefect.runs import uuid_of
from motet.dialects.python.prefect.states import FLOW_WORDS, TASK_WORDS, dressed, given_back
from motet.dialects.python.running.surrounding import left
from motet.dialects.python.scope import Scope
from motet.dialects.python.states import State, StateType, made
from motet.engine.driver import Driver
from motet.errors import StateFailed
from motet.kernel.events import Json
from motet.kernel.state import element_key
from motet.ports import Attempt, Failure, Outcome, Success
from motet.ports.execution import Prepared, Settled
from motet.values.errors import encode_error

_OWN_WORDS = ("StateFailed", "TimedOut")
"""Failures whose message is said as it stands."""


class PrefectFuture(Future[Any]):
    """The run of a task, now or later."""

    __slots__ = ()
    words = TASK_WORDS

    @property
    def task_run_id(self) -> Any:
        """The id of the run."""
        return uuid_of(f"{self._scope.driver.run.id}/{self.step_key}")

    def get_state(self) -> State:
        """How it stands now."""
        return self.state

    @property
    def state(self) -> State:
        """How it stands now, in Prefect's words."""
        found, step = super().state, self._step()
        if found.is_failed() and step is not None and step.error.get("type") not in _OWN_WORDS:
            found.message = f"{self.words} {found.message}"
        run = self._scope.driver.run.id
        at = step.ended_at if step is not None else None
        return dressed(found, at, flow_run_id=uuid_of(run), task_run_id=self.task_run_id)


class PrefectFutureList(FutureList[Any]):
    """The futures of a map."""

    future_type = PrefectFuture


class FlowFuture(PrefectFuture):
    """The run of a flow. One that returned states has these as its value, also where it failed for them."""

    __slots__ = ()
    words = FLOW_WORDS

    @property
    def state(self) -> State:
        """How it stands now, in Prefect's words."""
        found = super().state
        given = self._given(self._scope.driver.state.outcome(self.step_key), self._step())
        if given is not None:
            found.data = given.data
        return found

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The value; a failure is raised, or given where `raise_on_failure` is False."""
        self.wait(timeout)
        step = self._step()
        given = self._given(self._scope.driver.state.outcome(self.step_key), step) if self.done() else None
        if given is not None and isinstance(given.data, list | tuple | set) and not given.is_completed():
            self._scope.looked_at(self.key)
            return given.data
        return super().result(timeout, raise_on_failure)


class _Telling:
    """Tells what becomes of attempts: to the console, and the log of the step."""

    task: Any
    driver: Any
    key: str

    def teller(self, element: int = -1) -> Teller:
        """Tells in the name of the step, or of the element."""
        key = self.key if element < 0 else element_key(self.key, element)
        step = self.driver.state.steps.get(key)
        name = (step.name if step is not None else "") or key.rpartition("/")[2]
        return Teller(self.driver, key, f"Task run {name!r}")

    def tell_end(self, settled: Settled, outcome: Outcome, element: int = -1) -> None:
        """An attempt has ended so."""
        teller = self.teller(element)
        if settled.ok:
            value = outcome.value if isinstance(outcome, Success) else None
            state = made(StateType.COMPLETED, "Cached") if type(value) is Hit else _state_of(value)
            teller.tell(f"Finished in state {state}")
            return
        error: Json = settled.error if isinstance(settled.error, dict) else {}
        raised = outcome.exception if isinstance(outcome, Failure) else None
        if isinstance(raised, StateFailed) and isinstance(raised.state, State):
            teller.error(f"Finished in state {raised.state}")
            return
        told = repr(raised) if raised is not None else f"{error.get('type')}: {error.get('message')}"
        trace = encode_error(raised)["traceback"] if raised is not None else error.get("traceback", "")
        self._tell_failure(teller, told, trace, left(self, settled, element), element)  # type: ignore[arg-type]
        if not left(self, settled, element):  # type: ignore[arg-type]
            kind = "TimedOut" if error.get("type") == "TimedOut" else "Failed"
            why = f"Task run encountered an exception {error.get('type')}: {error.get('message')}"
            teller.error(f"Finished in state {made(StateType.FAILED, kind, why)}")

    def _tell_failure(self, teller: Teller, told: str, trace: str, again: bool, element: int) -> None:
        retries = self.task.policy.retries
        if again:
            key = self.key if element < 0 else element_key(self.key, element)
            step = self.driver.state.steps.get(key)
            number = (step.failures if step is not None else 0) + 1
            delays = self.task.policy.delays_s
            delay_s = delays[min(number, len(delays)) - 1] if delays else 0
            then = f"will start {delay_s:g} second(s) from now" if delay_s else "will start immediately"
            teller.error(f"Task run failed with exception: {told} - Retry {number}/{retries} {then}", traceback=trace)
        else:
            then = "Retries are exhausted" if retries else "no retries are configured"
            teller.error(f"Task run failed with exception: {told} - {then}", traceback=trace)


def _state_of(value: Any) -> State:
    return value if isinstance(value, State) else made(StateType.COMPLETED)


def _of_flow(scope: Scope) -> Teller:
    """Tells in the name of the flow's run that calls: of a subflow's, where that is what is running."""
    key = scope.key if isinstance(scope.owner, Flow) else ""
    return Teller(scope.driver, scope.key, f"Flow run {_flow_name(scope.driver, key)!r}")


def _flow_name(driver: Driver, key: str) -> str:
    step = driver.state.steps.get(key) if "/" in key else None
    return step.name or key.rpartition("/")[2] if step is not None else driver.run.name


class PrefectTaskCall(_Telling, TaskCall):
    """One call of a task."""

    __slots__ = ()
    future_type = PrefectFuture

    def future(self, scope: Scope) -> Future[Any]:
        """The future that is to get the live value."""
        if self.key not in self.driver.state.steps:
            name = self.key.rpartition("/")[2]
            _of_flow(scope).tell(f"Created task run {name!r} for task {self.task.name!r}")
        return super().future(scope)

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """As for any call; what nothing had to run for is told."""
        prepared = super().prepare(element, attempt, here=here)
        if isinstance(prepared, Settled):
            self.teller().tell("Finished in state Cached(type=COMPLETED)")
        return prepared

    def settled(self, number: int, outcome: Outcome) -> Settled:
        """Encode the value; tell how it ended."""
        settled = super().settled(number, outcome)
        self.tell_end(settled, outcome)
        return settled


class PrefectMapCall(_Telling, MapCall):
    """One `.map` call."""

    __slots__ = ()
    list_type = PrefectFutureList

    def futures(self, scope: Scope) -> FutureList[Any]:
        """The futures that are to get the live values."""
        if self.key not in self.driver.state.steps:
            name = self.key.rpartition("/")[2]
            _of_flow(scope).tell(f"Created {self.size} task runs '{name}[...]' for task {self.task.name!r}")
        return super().futures(scope)

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """Encode the value; tell how it ended."""
        settled = super().settle(attempt, outcome)
        self.tell_end(settled, outcome, attempt.element)
        return settled


class PrefectFlowCall(_Telling, FlowCall):
    """One call of a flow."""

    __slots__ = ()
    future_type = FlowFuture

    def teller(self, element: int = -1) -> Teller:
        """Tells in the name of the run."""
        return Teller(self.driver, self.key, f"Flow run {_flow_name(self.driver, self.key)!r}")

    def body(self) -> Body:
        """The function, which is about to be called; what it returns is given back as Prefect gives it."""
        self.driver.tells_itself = True
        teller, top = self.teller(), "/" not in self.key
        if self.driver.state.steps[self.key].attempt <= 1:
            name = teller.who.removeprefix("Flow run ")
            teller.tell(
                f"Created {'flow' if top else 'subflow'} run {name} for flow {self.task.name!r}",
                who=ENGINE if top else "",
            )
        body = super().body()
        body.conclude, body.lenient = given_back, True
        return body

    def settled(self, number: int, outcome: Outcome) -> Settled:
        """Encode the value; tell how it ended."""
        settled = super().settled(number, outcome)
        teller = self.teller()
        if settled.ok:
            teller.tell(f"Finished in state {_state_of(outcome.value if isinstance(outcome, Success) else None)}")
            return settled
        raised = outcome.exception if isinstance(outcome, Failure) else None
        if isinstance(raised, StateFailed) and isinstance(raised.state, State):
            teller.error(f"Finished in state {raised.state}")
            return settled
        error: Json = settled.error if isinstance(settled.error, dict) else {}
        again = left(self, settled)
        teller.error("Encountered exception during execution:", raised, traceback=error.get("traceback", ""))
        late = error.get("type") == "TimedOut"
        why = f"Flow run encountered an exception: {error.get('type')}: {error.get('message')}"
        state = made(StateType.FAILED, "TimedOut" if late else "", error["message"] if late else why)
        state = made(StateType.SCHEDULED, "AwaitingRetry") if again else state
        teller.error(f"Received non-final state {state}" if again else f"Finished in state {state}")
        return settled
