"""Names by templates and functions, time limits of flows, `return_state` everywhere."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S

from motet import flow, task
from motet.app import hosts
from motet.errors import TimedOut, UsageError
from motet.runtime import flow_run, task_run
from motet.task_runners import ThreadPoolTaskRunner


@task
def double(value: int) -> int:
    return 2 * value


def names() -> tuple[str, list[str]]:
    """The newest run's name, and those of its tasks' steps."""
    store = hosts.current().store
    run = store.runs(limit=1)[0]
    found = [store.step(run.id, step.key) for step in store.steps(run.id) if step.form == "call"]
    return run.name, [step.name for step in found if step is not None]


def test_names_of_flows_have_hyphens() -> None:
    @flow
    def preprocess_data() -> None: ...

    @flow(name="as given_here")
    def other() -> None: ...

    assert (preprocess_data.name, other.name) == ("preprocess-data", "as given_here")


def test_names_by_templates_and_functions() -> None:
    count = iter(range(9))

    @task(task_run_name="train {data} for {epochs}")
    def train(data: str, epochs: int = 3) -> None: ...

    plain = train.with_options(task_run_name=lambda: f"number {next(count)}")
    told = train.with_options(task_run_name=lambda parameters: f"{parameters['data']}!")

    @flow(flow_run_name="about {subject}")
    def pipeline(subject: str) -> None:
        train("a")
        train.submit("b", epochs=4).wait()
        plain("c")
        told("d")

    pipeline("cats")
    assert names() == ("about cats", ["train a for 3", "train b for 4", "number 0", "d!"])
    pipeline.with_options(flow_run_name=lambda: "always this")("dogs")
    assert names()[0] == "always this"
    pipeline.with_options(flow_run_name=lambda parameters: parameters["subject"].upper())("dogs")
    assert names()[0] == "DOGS"


def test_functions_that_give_names_may_ask_what_they_name() -> None:
    def of_flow() -> str:
        return f"{flow_run.flow_name} {flow_run.parameters['subject']}"

    def of_task() -> str:
        return f"{flow_run.flow_name} {task_run.task_name} {task_run.parameters['value']}"

    @task(task_run_name=of_task)
    def told(value: int) -> str:
        return str(task_run.name)

    @flow(flow_run_name="below {depth}")
    def below(depth: int) -> str:
        return str(flow_run.name)

    @flow(flow_run_name=of_flow)
    def pipeline(subject: str) -> list[str]:
        return [told(1), *told.map([2, 3]).result(), below(7)]

    assert pipeline("cats") == ["pipeline told 1", "pipeline told 2", "pipeline told 3", "below 7"]
    assert names()[0] == "pipeline cats"


@pytest.mark.parametrize(("name", "told"), [("{nothing}", "nothing"), (lambda: 3, "gave 3"), ("{0}", "does not fit")])
def test_names_that_cannot_be_made(name: Any, told: str) -> None:
    @flow
    def pipeline() -> None:
        double.with_options(task_run_name=name)(1)

    with pytest.raises(UsageError, match=told):
        pipeline()
    with pytest.raises(UsageError, match=told):
        pipeline.with_options(flow_run_name=name)()


@pytest.mark.parametrize("executor", ["processes", "threads"])
def test_a_sync_flow_out_of_time_stops_its_steps(executor: str) -> None:
    @flow(timeout_seconds=0.3)
    def slow() -> None:
        task(_sleep, executor=executor, grace_seconds=0.1).submit().result()

    @flow
    def pipeline() -> Any:
        with pytest.raises(TimedOut, match=r"slow-0 ran longer than its limit of 0\.3 s"):
            slow()
        return slow(return_state=True).name, slow.submit(return_state=True).name

    assert pipeline() == ("TimedOut", "TimedOut")
    with pytest.raises(TimedOut):
        slow()


def _sleep() -> None:
    time.sleep(PATIENCE_S)


def _work() -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        sum(range(100))


@pytest.mark.parametrize("busy", [_sleep, _work])
def test_code_of_a_sync_flow_out_of_time_is_interrupted(busy: Callable[[], None]) -> None:
    done: list[str] = []

    @task
    def below() -> None:
        try:
            busy()
        finally:
            done.append("cleaned up")

    @flow(timeout_seconds=0.2)
    def slow() -> None:
        below()
        done.append("went on")

    @flow
    def pipeline() -> str:
        state = slow(return_state=True)
        return f"{state.name} {double(2)}"

    began = time.monotonic()
    assert pipeline() == "TimedOut 4"
    assert done == ["cleaned up"]
    assert time.monotonic() - began < PATIENCE_S


def test_hooks_and_conditions_hear_of_time_that_is_up() -> None:
    told: list[tuple[str, str]] = []

    def wanted(task: Any, run: Any, state: Any) -> bool:
        told.append(("asked", state.name))
        return False

    def failed(task: Any, run: Any, state: Any) -> None:
        told.append(("failed", state.name))

    for executor in ("threads", "processes"):
        timed = task(executor=executor, timeout_seconds=0.3, retries=3, retry_condition_fn=wanted, on_failure=[failed])(
            _doze
        )

        @flow
        def pipeline(of: Any = timed) -> list[str]:
            futures = of.map([PATIENCE_S, PATIENCE_S])
            futures.wait()
            return [each.name for each in futures.states]

        assert pipeline() == ["TimedOut", "TimedOut"]
        assert sorted(told) == [("asked", "TimedOut")] * 2 + [("failed", "TimedOut")] * 2
        told.clear()


def _doze(seconds: float) -> None:
    time.sleep(seconds)


def test_a_busy_flow_out_of_time_ends_at_its_next_call() -> None:
    @flow(timeout_seconds=0.2, retries=20)
    def busy() -> None:
        ran.append("began")
        if ran.count("began") < 3:
            time.sleep(0.4)
            double(1)
            ran.append("went on")

    ran: list[str] = []
    with pytest.raises(TimedOut):
        busy.with_options(retries=0)()
    busy()
    assert "went on" not in ran
    assert flow(timeout_seconds=PATIENCE_S)(lambda: double(2))() == 4


def test_return_state_everywhere() -> None:
    @flow
    def below(value: int) -> int:
        return double(value)

    @flow
    def pipeline() -> Any:
        states = [
            double(1, return_state=True), double.submit(2, return_state=True), below(3, return_state=True),
            below.submit(4, return_state=True), *double.map([5, 6], return_state=True),
        ]  # fmt: skip
        return [(state.name, state.result()) for state in states]

    assert pipeline() == [("Completed", value) for value in (2, 4, 6, 8, 10, 12)]
    assert pipeline(return_state=True).is_completed()


def test_return_state_of_coroutines() -> None:
    @flow
    async def pipeline() -> int:
        return 3

    assert asyncio.run(pipeline(return_state=True)).result() == 3


def test_worker_processes_see_the_environment_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    look = task(_variable, executor="processes")

    @flow
    def pipeline() -> Any:
        found = [look("MOTET_TEST_VARIABLE")]
        for value in ("one", "two \udcff"):
            monkeypatch.setenv("MOTET_TEST_VARIABLE", value)
            found.append(look("MOTET_TEST_VARIABLE"))
        monkeypatch.delenv("MOTET_TEST_VARIABLE")
        return [*found, look("MOTET_TEST_VARIABLE"), look("PATH") == os.environ["PATH"]]

    assert pipeline() == [None, "one", "two \udcff", None, True]


def _variable(name: str) -> str | None:
    return os.environ.get(name)


@pytest.mark.parametrize(
    "option",
    [
        {"timeout_seconds": "3"}, {"timeout_seconds": 0}, {"cache_policy": "INPUTS"}, {"cache_expiration": 5},
        {"cache_key_fn": "key"}, {"task_run_name": 3},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_the_wrong_kind_are_refused_where_the_function_is_decorated(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"@task on .*: {next(iter(option))} is "):
        task(**option)(lambda: None)


def test_a_runner_has_to_be_one_with_workers() -> None:
    for wrong in ("threads", ThreadPoolTaskRunner(max_workers=0)):
        with pytest.raises(UsageError, match=r"@flow on .*: task_runner is "):
            flow(task_runner=wrong)(lambda: None)  # type: ignore[call-overload]


@pytest.mark.parametrize(("asked", "told"), [(flow, "serve"), (flow, "deploy"), (flow, "visualize"), (task, "delay")])
def test_what_there_is_not_says_what_to_do_instead(asked: Any, told: str) -> None:
    with pytest.raises(AttributeError, match=f"no attribute '{told}'. .*motet (submit|show)"):
        getattr(asked(lambda: None), told)


# ---------------------------------------------------------------- with_options on methods


class Study:
    """A flow and a task of each kind of method; `once_*` are such with other options, in the class itself."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @flow
    def run(self, value: int) -> Any:
        return self.factor * value

    @flow
    @classmethod
    def of(cls, value: int) -> Any:
        return cls.__name__, value

    @flow
    @staticmethod
    def plain(value: int) -> Any:
        return -value

    @task
    def scaled(self, value: int) -> Any:
        return self.factor * value

    @task
    @classmethod
    def named(cls, value: int) -> Any:
        return cls.__name__, value

    @task
    @staticmethod
    def negative(value: int) -> Any:
        return -value

    once_run, once_of, once_plain = run.with_options(name="x"), of.with_options(name="x"), plain.with_options(name="x")
    once_scaled, once_named = scaled.with_options(retries=1), named.with_options(retries=1)
    once_negative = negative.with_options(retries=1)


class Further(Study):
    """Inherits them."""


@pytest.mark.parametrize("name", ["run", "of", "plain", "scaled", "named", "negative"])
@pytest.mark.parametrize("owner", [Study(3), Further(4), Study, Further], ids=["3", "further 4", "class", "further"])
def test_with_options_keeps_what_a_method_is_bound_to(owner: Any, name: str) -> None:
    if isinstance(owner, type) and name in ("run", "scaled"):
        return
    bound, once = getattr(owner, name), getattr(owner, f"once_{name}")

    @flow
    def calls() -> list[Any]:
        twice = bound.with_options(name="y").with_options(retries=1)
        return [each(2) for each in (bound, bound.with_options(name="y"), twice, once, once.with_options(retries=2))]

    factor = getattr(owner, "factor", 0)
    own = (owner if isinstance(owner, type) else type(owner)).__name__
    expected = {"run": 2 * factor, "scaled": 2 * factor, "of": (own, 2), "named": (own, 2)}.get(name, -2)
    assert calls() == [expected] * 5
    assert bound.with_options(retries=1)(2) == once(2) == expected, "outside of a flow"


@pytest.mark.parametrize("name", ["scaled", "named", "negative", "once_scaled", "once_named", "once_negative"])
def test_tasks_are_methods_of_the_same_kind_when_pickled(name: str) -> None:
    from motet.values.pickle import dumps, loads

    method = loads(b"".join(map(bytes, dumps(vars(Study)[name], by_value=__name__))))
    other = type("Other", (), {name: method, "factor": 5})
    expected = {"scaled": 15, "named": ("Other", 3), "negative": -3}
    assert getattr(other(), name)(3) == expected[name.removeprefix("once_")]
