"""What the beta did, point by point."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from motet import orion
from motet.errors import ParameterError, StepSkipped
from motet.orion import (
    Completed,
    ConcurrentTaskRunner,
    Failed,
    PrefectFuture,
    SequentialTaskRunner,
    State,
    flow,
    get_run_logger,
    task,
    task_input_hash,
)


@task
def give(value: Any) -> Any:
    return value


@task
def fail(value: Any = None) -> Any:
    raise ValueError("no")


def test_a_task_call_gives_a_future_at_once() -> None:
    """Tasks run at the same time: each of the two waits for the other."""
    meet = threading.Barrier(2, timeout=60)

    @task
    def arrive(name: str) -> str:
        meet.wait()
        return name

    @flow
    def both() -> Any:
        first, second = arrive("a"), arrive("b")
        assert isinstance(first, PrefectFuture)
        return first.result() + second.result()

    assert both().result() == "ab"


def test_the_sequential_runner_runs_one_after_the_other() -> None:
    seen: list[str] = []

    @task
    def note(name: str, after: Any = None) -> str:
        seen.append(f"begin {name}")
        time.sleep(0.01)
        seen.append(f"end {name}")
        return name

    def calls() -> None:
        one = note("one")
        seen.append("called one")
        note("two", after=one)
        note("three")

    for runner in (SequentialTaskRunner, SequentialTaskRunner()):
        seen.clear()
        state = flow(task_runner=runner)(calls)()
        assert str(state) == "Completed('All states completed.')"
        assert seen == [
            "begin one", "end one", "called one", "begin two", "end two", "begin three", "end three"
        ]  # fmt: skip


def test_a_runner_may_be_a_class_or_an_object() -> None:
    for runner in (ConcurrentTaskRunner, ConcurrentTaskRunner()):
        assert flow(task_runner=runner)(lambda: give(1)).with_options(name="f")().is_completed()


def test_tasks_run_in_flows_only() -> None:
    with pytest.raises(RuntimeError, match=r"^Tasks cannot be called outside of a flow\.$"):
        give(1)


def test_no_task_and_no_flow_in_a_task() -> None:
    @flow
    def inner() -> None: ...

    @task
    def calls(what: str) -> None:
        give(1) if what == "task" else inner()

    @flow
    def outer() -> Any:
        return [calls("task"), calls("flow")]

    states = outer().result(raise_on_failure=False)
    assert [str(each.result(raise_on_failure=False)) for each in states] == [
        "Tasks cannot be called from within tasks. Did you mean to call this task in a flow?",
        "Flows cannot be called from within tasks. Did you mean to call this flow in a flow?",
    ]


def test_wait_and_result_of_a_future() -> None:
    gate = threading.Event()

    @task
    def slow() -> str:
        assert gate.wait(60)
        return "done"

    @flow
    def waits() -> None:
        future = slow()
        assert future.wait(0.01) is None
        assert not future.get_state().is_final()
        with pytest.raises(TimeoutError, match="timed out"):
            future.result(timeout=0.01)
        gate.set()
        state = future.wait()
        assert isinstance(state, State)
        assert str(state) == "Completed()"
        assert state.result() == future.result() == future.result(timeout=60) == "done"
        bad = fail()
        assert str(bad.wait()) == "Failed('Task run encountered an exception.')"
        with pytest.raises(ValueError, match="no"):
            bad.result()
        assert isinstance(bad.result(raise_on_failure=False), ValueError)

    assert str(waits()) == "Failed('1/2 states failed.')"


def test_a_future_is_no_value() -> None:
    @flow
    def misuses() -> str:
        future = give((1, 2))
        with pytest.raises(TypeError, match="cannot be iterated over or unpacked"):
            _x, _y = future
        with pytest.raises(TypeError, match="is not subscriptable"):
            future[0]
        with pytest.warns(UserWarning, match="cast to a boolean"):
            assert future
        return repr(future)

    said = misuses().result()
    assert said == f"PrefectFuture('give-{give.task_key[:8]}-0')"


@dataclass
class Pair:
    left: Any
    right: Any


def test_futures_in_containers_are_resolved() -> None:
    @flow
    def nests() -> Any:
        one, two = give(1), give(2)
        return give({"list": [one, (two,)], "pair": Pair(one, {"two": two}), "set": {3}}).result()

    assert nests().result() == {"list": [1, (2,)], "pair": Pair(1, {"two": 2}), "set": {3}}


def test_states_are_resolved_too() -> None:
    @flow
    def inner(given: list[int]) -> Any:
        return {"sum": sum(given)}

    @flow
    def outer() -> Any:
        total = inner([give("1"), 2])
        assert isinstance(total, State)
        return give([total, give(5).wait()]).result()

    assert outer().result() == [{"sum": 3}, 5]


def test_a_flow_call_gives_a_state_and_does_not_raise() -> None:
    @flow
    def raises() -> None:
        raise KeyError("x")

    state = raises()
    assert str(state) == "Failed('Flow run encountered an exception.')"
    assert repr(state) == (
        f"Failed(message='Flow run encountered an exception.', type=FAILED, result=KeyError('x'), "
        f"flow_run_id={state.flow_run_id})"
    )
    with pytest.raises(KeyError):
        state.result()


def test_parameters_are_coerced_and_bad_ones_fail_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    @flow
    def adds(number: int, text: str = "") -> Any:
        return number + 1, text

    assert adds("4", 0).result() == (5, "0")  # type: ignore[arg-type]
    capfd.readouterr()
    state = adds("four")  # type: ignore[arg-type]
    assert str(state) == "Failed('Flow run received invalid parameters.')"
    assert "Using task runner" not in capfd.readouterr().err
    with pytest.raises(ParameterError, match="number"):
        state.result()
    with pytest.raises(TypeError, match="missing a required argument"):
        adds()  # type: ignore[call-arg]
    assert adds.with_options(validate_parameters=False)("4").is_failed()  # type: ignore[arg-type]


def test_bad_parameters_of_a_subflow_fail_it_and_its_parent() -> None:
    @flow
    def inner(number: int) -> int:
        return number

    @flow
    def outer() -> None:
        assert str(inner(give("four"))) == "Failed('Flow run received invalid parameters.')"

    assert str(outer()) == "Failed('1/2 states failed.')"


def test_a_subflow_call_blocks_and_gives_a_state(capfd: pytest.CaptureFixture[str]) -> None:
    @flow
    def load_all(count: int) -> Any:
        return [give(each) for each in range(count)]

    @flow
    def main() -> None:
        state = load_all(2)
        assert str(state) == "Completed('All states completed.')"
        assert [each.result() for each in state.result()] == [0, 1]
        give("last")

    state = main()
    task_state, sub_state = state.result()
    assert task_state.result() == "last", "states of tasks come first, then those of subflows"
    assert task_state.task_run_id and not task_state.flow_run_id
    assert sub_state.flow_run_id not in (None, state.flow_run_id)
    assert sub_state.state_details.flow_run_id == sub_state.flow_run_id
    said = capfd.readouterr().err
    assert "Created subflow run '" in said
    assert "' for flow 'load-all'" in said


def test_nothing_returned_and_nothing_called() -> None:
    @flow
    def idle() -> None: ...

    state = idle()
    assert repr(state) == f"Completed(message=None, type=COMPLETED, result=None, flow_run_id={state.flow_run_id})"


def test_a_value_completes_whatever_failed() -> None:
    @flow
    def returns() -> int:
        fail()
        return 3

    state = returns()
    assert str(state) == "Completed()"
    assert state.result() == 3


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        (lambda: give(1), "Completed('All states completed.')"),
        (lambda: fail(), "Failed('1/1 states failed.')"),
        (lambda: (give(1), fail(), fail()), "Failed('2/3 states failed.')"),
        (lambda: [give(1).wait(), fail().wait()], "Failed('1/2 states failed.')"),
        (lambda: [give(1), "a value"], "Completed()"),
        (lambda: {"one": fail()}, "Completed()"),
        (lambda: Completed("as I say", data=5), "Completed('as I say')"),
        (lambda: Completed(name="Done"), "Done(type=COMPLETED)"),
        (lambda: Failed("as I say"), "Failed('as I say')"),
        (lambda: orion.Pending("not yet"), "Pending('not yet')"),
    ],
)
def test_what_is_returned_decides(calls: Any, told: str) -> None:
    calls.__name__ = "decides"
    assert str(flow(calls)()) == told


def test_what_a_task_returns_decides_too() -> None:
    tries: list[int] = []

    @task(retries=1)
    def returns(state: str) -> Any:
        tries.append(1)
        return Failed("by hand", data=ValueError("mine")) if state == "failed" else Completed("well", data=[1])

    @flow
    def both() -> Any:
        good, bad = returns("good"), returns("failed")
        assert str(good.wait()) == "Completed('well')"
        assert good.result() == [1]
        assert give(good).result() == [1]
        assert str(bad.wait()) == "Failed('by hand')"
        with pytest.raises(ValueError, match="mine"):
            bad.result()

    assert str(both()) == "Failed('1/3 states failed.')"
    assert len(tries) == 3


def test_a_failed_upstream_leaves_its_downstream_not_ready() -> None:
    @flow
    def chain() -> None:
        first = fail()
        second = give(first)
        state = second.wait()
        assert state is not None
        assert (state.name, state.type) == ("NotReady", "PENDING")
        assert state.message == f"Upstream task run '{first.run_id}' did not reach a 'COMPLETED' state."
        with pytest.raises(StepSkipped, match="NotReady"):
            second.result()
        assert second.result(raise_on_failure=False) is None
        give(0, wait_for=first)
        give(0, wait_for=[give(1), {"in": first}])

    state = chain()
    assert str(state) == "Failed('1/5 states failed.')"
    assert [each.name for each in state.result(raise_on_failure=False)] == [
        "Failed", "NotReady", "NotReady", "Completed", "NotReady"
    ]  # fmt: skip


def test_wait_for_orders_tasks() -> None:
    seen: list[int] = []

    @task
    def note(number: int) -> None:
        time.sleep(0.02 if number == 1 else 0)
        seen.append(number)

    @flow
    def orders() -> None:
        note(3, wait_for=[note(2, wait_for=note(1))])

    assert orders().is_completed()
    assert seen == [1, 2, 3]


def test_a_subflow_of_a_failed_task_is_not_ready() -> None:
    @flow
    def inner(value: Any) -> Any:
        return value

    @flow
    def outer() -> Any:
        return str(inner(fail()).name)

    assert outer().result() == "NotReady"


def test_the_flow_waits_for_all_tasks_even_when_it_raises() -> None:
    ended: list[int] = []

    @task
    def slow() -> None:
        time.sleep(0.05)
        ended.append(1)

    @flow
    def returns() -> int:
        slow()
        return 1

    @flow
    def raises() -> None:
        slow()
        raise ValueError

    assert returns().result() == 1
    assert raises().is_failed()
    assert ended == [1, 1]


def test_states_refer_to_values() -> None:
    @task
    def change(rows: list[int]) -> list[int]:
        rows.append(2)
        return rows

    @flow
    def shares() -> None:
        change(give([1]))

    assert [each.result() for each in shares().result()] == [[1, 2], [1, 2]]


def test_repeated_calls_run_anew_and_are_numbered(capfd: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []

    @task
    def count() -> int:
        tries.append(1)
        return len(tries)

    @flow
    def twice() -> Any:
        return [count().result(), count().result()]

    assert twice().result() == [1, 2]
    said = capfd.readouterr().err
    assert f"'count-{count.task_key[:8]}-0'" in said
    assert f"'count-{count.task_key[:8]}-1'" in said


def test_task_keys_are_the_betas() -> None:
    """Of a function in a main script: known from what the beta printed."""

    def keyed(name: str, **options: Any) -> str:
        def function() -> None: ...

        function.__module__, function.__qualname__, function.__name__ = "__main__", name, name
        return task(**options)(function).task_key[:8]

    assert keyed("call_unreliable_api") == "48f93715"
    assert keyed("augment_data") == "505b3e0c"
    assert keyed("create_model_features") == "f2884f55"
    assert keyed("augment_data", tags=["b", "a"]) == keyed("augment_data", tags=["a", "b"]) != "505b3e0c"


def test_arguments_a_task_does_not_take() -> None:
    @flow
    def calls() -> None:
        with pytest.raises(TypeError, match="'give' cannot be called like that: got an unexpected keyword"):
            give(1, wrong=1)

    assert str(calls()) == "Completed()"


def test_the_run_logger_writes_lines_of_the_same_form(capfd: pytest.CaptureFixture[str]) -> None:
    @task
    def speaks() -> None:
        get_run_logger().warning("from %s", "a task")

    @flow
    def logs() -> None:
        get_run_logger().info("from a flow")
        speaks()

    assert logs().is_completed()
    said = capfd.readouterr().err
    assert " | INFO    | Flow run '" in said
    assert "' - from a flow\n" in said
    assert f" | WARNING | Task run 'speaks-{speaks.task_key[:8]}-0' - from a task\n" in said
    with pytest.raises(RuntimeError, match="no active flow or task run"):
        get_run_logger()


def test_results_can_be_kept_across_runs(capfd: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []

    @task(cache_key_fn=task_input_hash)
    def count(start: int) -> int:
        tries.append(1)
        return start + len(tries)

    @flow
    def counts(start: int) -> Any:
        return count(start)

    assert counts(1).result().result() == 2
    again = counts(1)
    assert (str(again), again.result().result()) == ("Completed('All states completed.')", 2)
    assert str(again.result()) == "Cached(type=COMPLETED)"
    assert "Finished in state Cached(type=COMPLETED)" in capfd.readouterr().err
    assert counts(5).result().result() == 7


def test_methods_can_be_tasks() -> None:
    class Scale:
        factor = 3

        @task
        def times(self, value: int) -> int:
            return self.factor * value

    @flow
    def scales() -> Any:
        return Scale().times(2).result()

    assert scales().result() == 6


def test_tasks_in_processes() -> None:
    @task(executor="processes", retries=1)
    def apart(value: int) -> int:
        if value < 0:
            raise ValueError("negative")
        return value + 1

    @flow
    def far() -> Any:
        assert apart(apart(1)).result() == 3
        bad = apart(-1)
        assert isinstance(bad.result(raise_on_failure=False), ValueError)

    assert str(far()) == "Failed('1/3 states failed.')"


def test_what_is_not_spoken_is_said() -> None:
    with pytest.raises(orion.app.UsageError, match="async"):

        @task
        async def waits() -> None: ...

    with pytest.raises(orion.app.UsageError, match="not part of the beta"):
        give.map([1])


def test_a_flow_out_of_time_has_timed_out() -> None:
    @task
    def long() -> None:
        time.sleep(60)

    @flow(timeout_seconds=0.2)
    def busy() -> int:
        time.sleep(60)
        return 3

    @flow(timeout_seconds=0.2)
    def waits() -> None:
        long()
        long()

    for each in (busy, waits):
        assert str(each()) == "TimedOut('Flow run exceeded timeout of 0.2 seconds', type=FAILED)"
