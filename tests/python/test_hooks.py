"""Hooks: when they are called, with what, and that they change nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli

from motet import INPUTS, State, flow, task
from motet.dialects.python.running.about import FlowRun, TaskRun
from motet.errors import UsageError

__all__ = ["cli"]


class Told:
    """A hook that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def __call__(self, of: Any, run: FlowRun | TaskRun, state: State) -> None:
        self.told.append((of.name, run.name, state.name))


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_task_hooks_are_called_as_options_and_as_decorators(executor: str) -> None:
    told = Told()

    @task(on_running=[told], on_completion=[told], on_failure=[told], executor=executor)
    def half(number: int) -> int:
        if number % 2:
            raise ValueError("odd")
        return number // 2

    second = Told()
    half.on_completion(second)

    @flow
    def main() -> None:
        half(2)
        half(3, return_state=True)

    main()
    assert told.told == [
        ("half", "half-0", "Running"),
        ("half", "half-0", "Completed"),
        ("half", "half-1", "Running"),
        ("half", "half-1", "Failed"),
    ]
    assert second.told == [("half", "half-0", "Completed")]


def test_a_hook_of_a_call_is_called_before_the_call_returns() -> None:
    order: list[str] = []

    @task(on_completion=[lambda *_: order.append("hook")])
    def work() -> None:
        order.append("work")

    @flow
    def main() -> None:
        work()
        order.append("after")

    main()
    assert order == ["work", "hook", "after"]


def test_hooks_of_submitted_and_mapped_tasks_are_called_before_the_flow_ends() -> None:
    told = Told()
    seen: list[int] = []

    @task(on_completion=[told])
    def work(number: int) -> int:
        return number

    @work.on_completion
    def value(of: Any, run: TaskRun, state: State) -> None:
        seen.append(state.result())

    @flow
    def main() -> None:
        work.submit(7)
        work.map([1, 2, 3])

    main()
    assert sorted(name for _, name, _ in told.told) == ["work-0", "work-1[0]", "work-1[1]", "work-1[2]"]
    assert sorted(seen) == [1, 2, 3, 7]


def test_hooks_wait_for_the_last_retry() -> None:
    told = Told()
    tries: list[int] = []

    @task(retries=2, on_running=[told], on_failure=[told], on_completion=[told])
    def third_time() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("again")

    @flow(retries=1, on_running=[told], on_failure=[told])
    def main() -> None:
        third_time()
        raise ValueError("always")

    with pytest.raises(ValueError, match="always"):
        main.with_options(name="main")()
    assert told.told[0][2] == "Running" and told.told[0][0] == "main"
    assert [state for _, name, state in told.told[1:-1] if name == "third_time-0"] == ["Running", "Completed"]
    assert told.told[-1][0] == "main" and told.told[-1][2] == "Failed"
    assert len(told.told) == 4


def test_a_flow_hook_gets_the_run_and_its_state() -> None:
    found: list[Any] = []

    @flow
    def inner(number: int) -> int:
        return number

    @inner.on_completion
    def told(of: Any, run: FlowRun, state: State) -> None:
        found.append((of is inner, run.flow_name, dict(run.parameters), run.parent_flow_run_id, state.result()))

    @flow(flow_run_name="outer-{number}")
    def outer(number: int) -> int:
        return inner(number) + 1

    @outer.on_completion
    async def told_later(of: Any, run: FlowRun, state: State) -> None:
        await asyncio.sleep(0)
        found.append((of is outer, run.name, dict(run.parameters), run.id, state.result()))

    assert outer(4) == 5
    (own, name, parameters, parent, value), (of_outer, outer_name, _, run, outer_value) = found
    assert own and name == "inner" and parameters == {"number": 4} and value == 4
    assert of_outer and outer_name == "outer-4" and parent == run and outer_value == 5


def test_a_hook_that_fails_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()

    def broken(*_: Any) -> None:
        raise RuntimeError("the mail server is down")

    @task(on_completion=[broken, told])
    def work() -> int:
        return 1

    @flow(on_completion=[broken, told])
    def main() -> int:
        return work()

    assert main() == 1
    assert [name for name, _, _ in told.told] == ["work", "main"]
    assert caplog.text.count("Hook broken failed") == 2


def test_what_is_recorded_is_not_told_again_on_a_replay_in_the_same_run() -> None:
    told = Told()
    tries: list[int] = []

    @task(on_completion=[told])
    def work() -> None:
        pass

    @flow(retries=1)
    def main() -> None:
        work()
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once more")

    main()
    assert len(told.told) == 1


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_what_a_cache_gives_is_told(executor: str) -> None:
    told = Told()

    @task(cache_policy=INPUTS, on_completion=[told], executor=executor)
    def work(number: int) -> int:
        return number

    @flow
    def main() -> None:
        work(1)
        work(1)
        work.map([1, 2])

    main()
    assert sorted(told.told) == [
        ("work", "work-0", "Completed"),
        ("work", "work-1", "Cached"),
        ("work", "work-2[0]", "Completed"),
        ("work", "work-2[1]", "Completed"),
    ]


def test_hooks_are_given_on_with_options() -> None:
    @task
    def work() -> None:
        pass

    work.on_failure(print)
    assert work.with_options(name="other").hooks == work.hooks
    assert work.with_options(on_failure=[]).hooks == {}


def test_a_decorator_wants_a_function() -> None:
    with pytest.raises(UsageError, match="no function"):
        task(abs).on_failure("tell")  # type: ignore[type-var]


SCRIPT = """
    import os, time
    from motet import flow, task

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task
    def first():
        note("first")

    @task
    def second():
        note("second")
        if os.environ.get("LINGER"):
            time.sleep(3600)

    @flow
    def main():
        first()
        second()
        note("body")

    @main.on_crashed
    def crashed(flow, flow_run, state):
        note(f"{state.name}:{flow_run.name}")

    @main.on_cancellation
    def cancelled(flow, flow_run, state):
        note(f"{state.name}:{flow_run.name}")

    @main.on_completion
    def completed(flow, flow_run, state):
        note(f"{state.name}:{flow_run.name}")
        if os.environ.get("LINGER_AT_END"):
            time.sleep(3600)
"""


def test_crashed_hooks_are_called_when_the_run_is_taken_up(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli.env["LINGER"] = "1"
    process = cli.start("run", "script.py", "--name", "mine")
    cli.wait_for_count(2, process)
    process.kill()
    process.communicate()
    assert cli.counted() == ["first", "second"], "nobody has found the crash yet"
    cli.env.pop("LINGER")
    cli("resume", "mine")
    assert cli.counted() == ["first", "second", "Crashed:mine", "second", "body", "Completed:mine"]


def test_cancellation_hooks_are_called_when_the_run_is_stopped(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli.env["LINGER"] = "1"
    process = cli.start("run", "script.py", "--name", "mine")
    cli.wait_for_count(2, process)
    process.send_signal(2)
    process.communicate()
    assert process.returncode == 130
    assert cli.counted()[2:] == ["Cancelled:mine"]


def test_a_flow_hook_that_was_killed_is_called_again_on_resume(cli: Cli) -> None:
    """A run has ended only when its hooks were called: so none is lost."""
    cli.write("script.py", SCRIPT)
    cli.env["LINGER_AT_END"] = "1"
    process = cli.start("run", "script.py", "--name", "mine")
    cli.wait_for_count(4, process)
    process.kill()
    process.communicate()
    cli.env.pop("LINGER_AT_END")
    cli("resume", "mine")
    assert cli.counted() == ["first", "second", "body", "Completed:mine", "Crashed:mine", "Completed:mine"]
