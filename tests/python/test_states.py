"""States as users make, return and ask for them; and futures: cancelling, callbacks, sets."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S

from motet import Future, as_completed, flow, states, task, wait
from motet.errors import Cancelled as CancelledError
from motet.errors import StateFailed, StepFailed, UsageError
from motet.states import Cancelled, Completed, Crashed, Failed, Paused, Running, State, StateType


@task
def double(value: int) -> int:
    return 2 * value


@task
def broken() -> None:
    raise ValueError("broken")


# ---------------------------------------------------------------- states

NAMES = {
    "Scheduled": "SCHEDULED", "Late": "SCHEDULED", "AwaitingRetry": "SCHEDULED", "AwaitingConcurrencySlot": "SCHEDULED",
    "Resuming": "SCHEDULED", "Pending": "PENDING", "Submitting": "PENDING", "InfrastructurePending": "PENDING",
    "NotReady": "PENDING", "Running": "RUNNING", "Retrying": "RUNNING", "Paused": "PAUSED", "Suspended": "PAUSED",
    "Cancelling": "CANCELLING", "Cancelled": "CANCELLED", "Completed": "COMPLETED", "Cached": "COMPLETED",
    "RolledBack": "COMPLETED", "Failed": "FAILED", "TimedOut": "FAILED", "Crashed": "CRASHED",
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_every_name_that_prefect_has(name: str, kind: str) -> None:
    state = getattr(states, name)(message="why")
    assert (state.name, state.type, state.message) == (name, kind, "why")
    asked = {each for each in dir(state) if each.startswith("is_") and each != "is_final" and getattr(state, each)()}
    assert asked == {f"is_{kind.lower()}"}
    assert state.is_final() == (kind in ("COMPLETED", "FAILED", "CANCELLED", "CRASHED"))
    assert repr(pickle.loads(pickle.dumps(state))) == repr(state)


def test_results_of_states_made_by_hand() -> None:
    assert Completed(data=3).result() == 3
    assert pickle.loads(pickle.dumps(Completed(data=[3]))).result() == [3]
    with pytest.raises(ValueError, match="why"):
        Failed(data=ValueError("why")).result()
    assert isinstance(Failed(data=ValueError("why")).result(raise_on_failure=False), ValueError)
    with pytest.raises(StepFailed, match="because"):
        Failed(message="because").result()
    with pytest.raises(CancelledError):
        Cancelled().result()
    assert str(Completed()) == "Completed()"
    assert str(Failed(message="no", name="Odd")) == "Odd('no', type=FAILED)"


def test_asking_for_exceptions() -> None:
    assert str(states.get_state_exception(Failed(data=KeyError(1)))) == "1"
    with pytest.raises(ValueError, match="has no exception"):
        states.get_state_exception(Completed())
    with pytest.raises(KeyError):
        states.raise_state_exception(Crashed(data=KeyError(1)))
    states.raise_state_exception(Running())
    assert states.get_state_result(Completed(data=1)) == 1
    assert states.is_state(Paused())
    assert not states.is_state(3)
    assert states.is_state_iterable([Completed()])
    assert not states.is_state_iterable([])
    assert not states.is_state_iterable([Completed(), 1])


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([Completed(), Completed()], "COMPLETED", "All states completed."),
        ([Completed(), Failed(), Crashed()], "FAILED", "2/3 states failed."),
        ([Completed(), Running()], "FAILED", "1/2 states are not final."),
        ([Completed(), Cancelled()], "CANCELLED", "1/2 states cancelled."),
    ],
)
def test_what_several_states_come_to(given: list[State], kind: str, message: str) -> None:
    whole = states.aggregated(given)
    assert (whole.type, whole.message) == (kind, message)


# ---------------------------------------------------------------- returned states


def test_a_task_that_returns_a_state() -> None:
    @task
    def given(good: bool) -> Any:
        return Completed(message="fine", name="Odd", data=[7]) if good else Failed(message="not fine")

    @flow
    def pipeline() -> Any:
        state, value, submitted = given(True, return_state=True), given(True), given.submit(True)
        assert (state.name, state.type, state.message, state.result()) == ("Odd", "COMPLETED", "fine", [7])
        assert value == [7] == submitted.result() == given.map([True]).result()[0]
        assert submitted.state.message == "fine"
        failed = given(False, return_state=True)
        assert (failed.name, failed.message) == ("Failed", "not fine")
        with pytest.raises(StateFailed, match="not fine"):
            given(False)
        return double(given.submit(True).result()[0])

    assert pipeline() == 14


@pytest.mark.parametrize("as_futures", [False, True])
def test_a_flow_that_returns_several_states(as_futures: bool) -> None:
    @flow
    def pipeline(bad: bool) -> Any:
        futures = [double.submit(1), broken.submit() if bad else double.submit(2)]
        return futures if as_futures else [(future.wait(), future.state)[1] for future in futures]

    assert pipeline(False) == [2, 4]
    state = pipeline(True, return_state=True)
    assert (state.type, state.message) == ("FAILED", "1/2 states failed.")
    with pytest.raises(ValueError, match="broken"):
        state.result()
    with pytest.raises(ValueError, match="broken"):
        pipeline(True)


def test_a_flow_that_returns_a_state() -> None:
    @flow
    def pipeline(state: str) -> Any:
        return getattr(states, state)(message="by hand")

    done = pipeline("Completed", return_state=True)
    assert (done.name, done.message) == ("Completed", "by hand")
    stopped = pipeline("Cancelled", return_state=True)
    assert (stopped.name, stopped.type) == ("Cancelled", "CANCELLED")
    with pytest.raises(CancelledError):
        stopped.result()


def test_names_of_states_that_the_engine_knows() -> None:
    @task(timeout_seconds=0.2)
    def endless() -> None:
        time.sleep(PATIENCE_S)

    @task(executor="processes")
    def dies() -> None:
        import os

        os.kill(os.getpid(), 9)

    assert flow(_names)(endless, dies) == [
        ("TimedOut", "FAILED"), ("Crashed", "CRASHED"), ("Failed", "FAILED"), ("NotReady", "PENDING"),
        ("Completed", "COMPLETED"),
    ]  # fmt: skip


def _names(endless: Any, dies: Any) -> Any:
    failing = broken.submit()
    skipped = double.submit(failing)
    skipped.wait()
    found = (
        endless(return_state=True), dies(return_state=True), failing.state, skipped.state, double(1, return_state=True),
    )  # fmt: skip
    return [(each.name, each.type.value) for each in found]


# ---------------------------------------------------------------- futures


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_cancelling_what_runs_what_waits_and_what_has_ended(executor: str) -> None:
    @flow
    def pipeline() -> Any:
        running = task(_sleep, executor=executor).submit()
        waiting = double.submit(running)
        ended = double.submit(1)
        ended.wait()
        while running.state.name == "Pending":
            time.sleep(0.01)
        assert waiting.cancel()
        assert running.cancel()
        assert not ended.cancel()
        running.wait()
        with pytest.raises(CancelledError, match="cancelled by its flow"):
            running.result()
        return running.state.name, waiting.state.name, ended.result()

    assert pipeline() == ("Cancelled", "Cancelled", 2)


def _sleep() -> None:
    time.sleep(PATIENCE_S)


def test_a_cancelled_map_and_a_cancelled_coroutine() -> None:
    begun, ended = threading.Event(), threading.Event()

    @task
    async def endless(n: int) -> None:
        import asyncio

        try:
            if n == 3:
                begun.set()
            await asyncio.sleep(PATIENCE_S)
        finally:
            ended.set()

    @flow
    def pipeline() -> Any:
        futures = endless.map([1, 2])
        single = endless.submit(3)
        assert begun.wait(PATIENCE_S), "one that has not begun has nothing to end"
        with pytest.raises(UsageError, match="Cancel the whole map"):
            futures[0].cancel()
        assert futures.cancel()
        assert single.cancel()
        futures.wait()
        return [state.name for state in futures.states], single.state.name

    assert pipeline() == (["Cancelled", "Cancelled"], "Cancelled")
    assert ended.wait(PATIENCE_S), "a coroutine in a thread is cancelled where it waits"


def test_callbacks() -> None:
    told: list[Any] = []

    @flow
    def pipeline() -> None:
        future = double.submit(1)
        future.add_done_callback(lambda each: told.append(each.result()))
        future.wait()
        future.add_done_callback(lambda each: told.append(each.state.name))
        future.add_done_callback(lambda _: 1 / 0)  # logged, and nobody's failure

    pipeline()
    assert sorted(map(str, told)) == ["2", "Completed"]


def test_futures_in_sets_and_as_keys() -> None:
    @flow
    def pipeline() -> Any:
        futures = double.map([0, 1, 2])
        places = {future: place for place, future in enumerate(futures)}
        assert futures[1] in places
        assert futures[1] == futures[1] != futures[2]
        single = double.submit(3)
        assert len({single, single, *futures}) == 4
        done, not_done = wait([*futures, single])
        assert done == {*futures, single}
        assert not not_done
        assert all(isinstance(each, Future) for each in done)
        return {places[future]: future.result() for future in as_completed(futures)}

    assert pipeline() == {0: 0, 1: 2, 2: 4}


def test_the_state_of_what_is_under_way() -> None:
    go = threading.Event()

    @task
    def held() -> None:
        go.wait(PATIENCE_S)

    @flow
    def pipeline() -> Any:
        running, waiting = held.submit(), double.submit(1, wait_for=[held.submit()])
        while not running.state.is_running():
            time.sleep(0.01)
        before = waiting.state.type
        go.set()
        waiting.wait()
        return before

    assert pipeline() is StateType.PENDING
