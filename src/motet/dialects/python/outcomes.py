"""How outcomes are recorded, what a returned value means, and what a body owes to what it submitted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from motet.dialects.python import arguments
from motet.dialects.python.annotations import Annotation
from motet.dialects.python.futures import Future, FutureList, final
from motet.dialects.python.states import State, StateType, aggregated
from motet.errors import ResultUnavailable, RunFailed, StateFailed, UsedUp
from motet.executors.current import concluding
from motet.kernel.transitions import SKIPPED, SUCCEEDED
from motet.ports import Failure, Outcome, Success
from motet.ports.execution import Settled
from motet.typed import TYPE_CHECKING, Any
from motet.values.containers import PLAIN
from motet.values.errors import decode_error, encode_error
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope
    from motet.engine.driver import Driver


def settle(driver: Driver, key: str, outcome: Outcome, *, persist: bool = True) -> Settled:
    """The outcome as it is recorded; a value that cannot be pickled is said once, and is kept in memory only.

    One that is not to be persisted is kept in memory only, too. Where the value is in the memory of another process,
    that is of no use to anybody: the attempt has failed.
    """
    if isinstance(outcome, Success) and not persist:
        return Settled(True, {"lost": "its task says persist_result=False"})
    if isinstance(outcome, Success):
        try:
            record = outcome.record if outcome.record is not None else encode(outcome.value, driver.host.artifacts)
        except Exception as error:  # noqa: BLE001 - boundary: a value that cannot be kept must not take the run with it
            return Settled(False, error=encode_error(error), retry=False)
        if type(record) is dict and "lost" in record:
            if outcome.record is not None:
                return Settled(False, error=encode_error(_left_behind(record["lost"])), retry=False)
            _say_lost(driver, key, record["lost"])
        return Settled(True, record)
    assert isinstance(outcome, Failure)
    return Settled(
        False, error=outcome.error, retry=not isinstance(outcome.exception, UsedUp), stopped=_cancelled(outcome)
    )


def _cancelled(outcome: Failure) -> str | None:
    """What the state says that was returned, if it says that the step was cancelled: then that is how it ends."""
    if outcome.error.get("type") != StateFailed.__name__:
        return None
    error = outcome.exception or decode_error(outcome.error)
    state = error.state if isinstance(error, StateFailed) else None
    return state.message if isinstance(state, State) and state.is_cancelled() else None


def _left_behind(why: str) -> ResultUnavailable:
    return ResultUnavailable(
        f"The result cannot come back from the worker process: {why}.",
        "Return what can be pickled, or run the task in threads.",
    )


def _say_lost(driver: Driver, key: str, why: str) -> None:
    task = driver.state.steps[key].task
    if task not in driver.said:
        import logging

        driver.said.add(task)
        logging.getLogger("motet").warning(
            "The result of task %s (step %s) is kept in memory only: %s. The run goes on as usual; should it be "
            "resumed, this step will run again. Return something that can be pickled to avoid that.",
            task, key, why,
        )  # fmt: skip


# ---------------------------------------------------------------- what a returned value means


def concluded(value: Any, *, deep: bool) -> Any:
    """What a body that returned `value` has come to; raises if that is a failure.

    A state that was made by hand is that, with its name and message. Futures and states stand for their values; where
    a list, tuple or set holds nothing else, all of them must be completed. `deep`: futures count wherever they are;
    a state that is held beside others, or stands in `opaque` or `quote`, is a value like any.
    """
    if isinstance(value, Future) and not (ended := final(value)).is_cancelled():
        return value.result()
    if isinstance(value, Future):
        return _given(ended)
    if isinstance(value, FutureList):
        return value.result()
    if isinstance(value, State):
        return _given(value)
    if isinstance(value, Annotation) and isinstance(value.value, State):
        return value
    if isinstance(value, list | tuple | set) and value and all(isinstance(each, State | Future) for each in value):
        states = [each if isinstance(each, State) else final(each) for each in value]
        whole = aggregated(states)
        if whole.type is not StateType.COMPLETED:
            raise StateFailed(whole.message, state=whole)
        return type(value)(each.result() for each in states)
    return arguments.resolve(value, wait=True, kinds=(Future, FutureList, Annotation)) if deep else value


concluding.append(lambda value: concluded(value, deep=False))  # in worker processes, where no body does so


def declares(value: Any) -> bool:
    """Whether a body that returns this says itself how it ended: then failures that nobody looked at are looked at."""
    if isinstance(value, list | tuple | set):
        return bool(value) and all(isinstance(each, State | Future) for each in value)
    return isinstance(value, State | Future | FutureList)


def pending(value: Any, *, deep: bool) -> Iterable[str]:
    """The keys of the steps that `concluded` waits for."""
    if type(value) in PLAIN:
        return ()
    if deep:
        related = arguments.relations((value,), None)
        return [*related.needs, *related.after]
    members = value if isinstance(value, list | tuple | set) else (value,)
    return [each.step_key for each in members if isinstance(each, Future | FutureList)]


def _given(state: State) -> Any:
    if state.type is not StateType.COMPLETED:
        raise StateFailed(state.message or str(state), state=state)
    return state.result() if state.step_key or (state.name == "Completed" and not state.message) else state


# ---------------------------------------------------------------- what was submitted


def wait_for_submitted(scope: Scope) -> None:
    """Wait for all that a body submitted."""
    for key in list(scope.unlooked or ()):
        scope.driver.wait(key)


def check_submitted(scope: Scope) -> None:
    """Raise RunFailed if some of what a body submitted, which has ended, failed and nobody looked at that."""
    unlooked = scope.unlooked or {}
    failed = [found for key, looked in unlooked.items() if (found := _failure(scope.driver, key, looked, ()))]
    if failed:
        excused = _excused(scope, unlooked)
        failed = [found for key, looked in unlooked.items() if (found := _failure(scope.driver, key, looked, excused))]
    if failed:
        raise RunFailed(
            f"{len(failed)}/{len(unlooked)} submitted tasks did not succeed, and the flow did not look at "
            f"their results:\n  " + "\n  ".join(failed[:10]),
            "Call .result() on their futures, or .state where a failure is expected.",
        )


def _excused(scope: Scope, unlooked: Mapping[str, set[int]]) -> Collection[str]:
    """The steps because of which others were not run whose outcome was looked at: that was a look at the cause."""
    steps = scope.driver.state.steps
    excused: set[str] = set()
    for step in list(steps.values()):  # other bodies of the run may add to them meanwhile
        looked = unlooked.get(step.of or step.key)
        cause = step.doomed if looked is None or step.element in looked else ""
        while cause and cause not in excused:
            excused.add(cause)
            found = steps.get(cause)
            cause = found.doomed if found is not None and found.status == SKIPPED else ""
    return excused


def _failure(driver: Driver, key: str, looked: set[int], excused: Collection[str]) -> str:
    step = driver.state.steps[key]
    if step.status == SUCCEEDED or key in excused:
        return ""
    if step.map is not None:
        own = [each for each in list(driver.state.steps.values()) if each.of == key and each.status != SUCCEEDED]
        unseen = [each for each in own if each.element not in looked and each.key not in excused]
        if not unseen and (looked or excused):
            return ""
        step = unseen[0] if unseen else step
    error = step.error if isinstance(step.error, dict) else {}
    why = f"{error['type']}: {error['message']}" if error else step.doomed and f"{step.doomed} did not succeed"
    return f"{step.key} {step.status}: {why}".rstrip(": ")
