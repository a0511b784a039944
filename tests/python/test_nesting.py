"""Tasks in tasks, flows in tasks, subflows in parallel; and what runs how often if some of it is tried again."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli  # noqa: F401 - a fixture

from motet import as_completed, flow, task, unmapped
from motet.app import hosts
from motet.errors import RunFailed, UsageError


def keys() -> dict[str, str]:
    """The steps of the newest run, with their statuses."""
    store = hosts.current().store
    return {step.key: step.status for step in store.steps(store.runs(limit=1)[0].id)}


@task
def double(value: int) -> int:
    return 2 * value


# ---------------------------------------------------------------- subflows in parallel


def test_submitted_flows_run_beside_each_other() -> None:
    barrier = threading.Barrier(3)

    @flow
    def below(value: int) -> int:
        barrier.wait(PATIENCE_S)
        return double(value)

    @flow
    def pipeline() -> Any:
        futures = [below.submit(1), below.submit(value=2)]
        barrier.wait(PATIENCE_S)
        later = double.submit(futures[0])  # a future like any other
        return [each.result() for each in futures], later.result(), futures[0].state.name

    assert pipeline() == ([2, 4], 4, "Completed")
    assert keys()["pipeline/below-1/double-0"] == "succeeded"


def test_a_submitted_flow_waits_for_what_it_is_given() -> None:
    @flow
    def below(value: int) -> int:
        return value + 1

    @flow
    def pipeline() -> int:
        return below.submit(double.submit(double.submit(3)), wait_for=[double.submit(0)]).result()

    assert pipeline() == 13


def test_a_flow_waits_for_the_flows_that_it_submitted_and_sees_their_failures() -> None:
    @flow
    def broken() -> None:
        raise ValueError("below")

    @flow
    def pipeline() -> None:
        broken.submit()

    with pytest.raises(RunFailed, match="below"):
        pipeline()


def test_flows_submitted_by_flows_do_not_wait_for_each_others_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_THREADS", "1")

    @flow
    def tree(depth: int) -> int:
        return 1 if not depth else sum(future.result() for future in [tree.submit(depth - 1) for _ in range(2)])

    assert tree(4) == 16


def test_a_submitted_flow_is_tried_again() -> None:
    ran: Counter[str] = Counter()

    @task
    def once() -> None:
        ran["once"] += 1

    @flow(retries=2)
    def below() -> int:
        once()
        ran["below"] += 1
        if ran["below"] < 3:
            raise ValueError("not yet")
        return ran["below"]

    @flow
    def pipeline() -> int:
        return below.submit().result()

    assert pipeline() == 3
    assert ran == {"once": 1, "below": 3}


def test_submit_outside_a_flow_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"below\.submit\(\) was called outside a flow"):
        flow(lambda: 1, name="below").submit()  # type: ignore[call-overload]


def test_kill_and_resume_of_parallel_subflows(cli: Cli) -> None:  # noqa: F811
    cli.write(
        "flows.py",
        """
        import os
        import time
        from motet import flow, task

        @task
        def step(name, seconds):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{name}\\n")
            time.sleep(seconds)
            return name

        @flow
        def below(name: str, seconds: float):
            return [step(f"{name}{number}", seconds) for number in range(3)]

        @flow
        def pipeline(seconds: float = 0.3):
            futures = [below.submit(name, seconds) for name in "ab"]
            return sum((future.result() for future in futures), [])
        """,
    )
    process = cli.start("run", "flows.py:pipeline", "--name", "mine")
    while not {"a1", "b1"} <= set(cli.counted()):
        cli.wait_for_count(len(cli.counted()) + 1, process)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    done = cli("resume", "mine", "--rerun-changed")
    assert "Result: ['a0', 'a1', 'a2', 'b0', 'b1', 'b2']" in done.out
    counts = Counter(cli.counted())
    assert set(counts) == {"a0", "a1", "a2", "b0", "b1", "b2"}
    assert counts["a0"] == counts["b0"] == 1, "what was recorded is not run again"


# ---------------------------------------------------------------- in tasks


@pytest.mark.parametrize("executor", ["", "threads"])
def test_tasks_and_flows_in_a_task(executor: str) -> None:
    @flow
    def below(value: int) -> int:
        return double(value)

    @task(executor=executor)
    def outer(value: int) -> Any:
        return double(value), double.submit(value + 1).result(), double.map([1, 2]).result(), below(value)

    @flow
    def pipeline() -> Any:
        return outer(1)

    assert pipeline() == (2, 4, [2, 4], 2)
    assert {
        "pipeline/outer-0/double-0", "pipeline/outer-0/double-1", "pipeline/outer-0/double-2",
        "pipeline/outer-0/below-0", "pipeline/outer-0/below-0/double-0",
    } <= set(keys())  # fmt: skip


def test_in_a_worker_process_a_task_is_its_function() -> None:
    outer = task(executor="processes")(_calls_a_task)

    @flow
    def pipeline() -> Any:
        return outer(3)

    assert pipeline() == 6
    assert set(keys()) == {"pipeline", "pipeline/_calls_a_task-0"}


def _calls_a_task(value: int) -> int:
    return double(value)


@pytest.mark.parametrize("how", ["call", "submit", "map", "await"])
def test_a_task_that_is_tried_again_runs_anew_what_failed_below_it(how: str) -> None:
    ran: Counter[str] = Counter()

    @task
    def good() -> None:
        ran["good"] += 1

    @task
    def bad() -> None:
        ran["bad"] += 1
        if ran["bad"] < 3:
            raise ValueError("not yet")

    def body(_: int) -> str:
        ran["outer"] += 1
        good()
        bad()
        return "done"

    async def async_body(_: int) -> str:
        return body(_)

    outer = task(retries=2)(async_body if how == "await" else body)

    @flow
    def pipeline() -> Any:
        if how == "map":
            return outer.map([0]).result()[0]
        if how == "await":
            return asyncio.run(outer(0))
        return outer(0) if how == "call" else outer.submit(0).result()

    assert pipeline() == "done"
    assert ran == {"outer": 3, "good": 1, "bad": 3}


# ---------------------------------------------------------------- four levels of flows with retries


FAILS: dict[str, dict[str, int]] = {
    "nothing fails": {},
    "the task once": {"task": 1},
    "the task twice, which is one more than it may": {"task": 2},
    "the innermost flow once": {"flow 4": 1},
    "the innermost flow more often than it may": {"flow 4": 2},
    "every level once": {"task": 1, "flow 4": 1, "flow 3": 1, "flow 2": 1, "flow 1": 1},
    "a level in between more often than it may": {"flow 3": 2},
    "two levels more often than they may": {"flow 4": 4},
    "the outermost flow once": {"flow 1": 1},
}
"""How often each fails before it succeeds. Each flow and the task has one retry."""

RUNS: dict[str, dict[str, int]] = {
    "nothing fails": {"flow 1": 1, "flow 2": 1, "flow 3": 1, "flow 4": 1, "task": 1},
    "the task once": {"flow 1": 1, "flow 2": 1, "flow 3": 1, "flow 4": 1, "task": 2},
    "the task twice, which is one more than it may": {"flow 1": 1, "flow 2": 1, "flow 3": 1, "flow 4": 2, "task": 3},
    "the innermost flow once": {"flow 1": 1, "flow 2": 1, "flow 3": 1, "flow 4": 2, "task": 1},
    "the innermost flow more often than it may": {"flow 1": 1, "flow 2": 1, "flow 3": 2, "flow 4": 3, "task": 1},
    "every level once": {"flow 1": 2, "flow 2": 2, "flow 3": 2, "flow 4": 2, "task": 2},
    "a level in between more often than it may": {"flow 1": 1, "flow 2": 2, "flow 3": 3, "flow 4": 1, "task": 1},
    "two levels more often than they may": {"flow 1": 1, "flow 2": 2, "flow 3": 3, "flow 4": 5, "task": 1},
    "the outermost flow once": {"flow 1": 2, "flow 2": 1, "flow 3": 1, "flow 4": 1, "task": 1},
}
"""How often each is run in all. What succeeded is never run again, whichever level is tried again."""


def nest(fails: dict[str, int], ran: Counter[str]) -> Callable[[], Any]:
    """Four flows, each in the next: each calls a task of its own, then what is in it, and then may fail."""

    failed: Counter[str] = Counter()

    def may_fail(name: str) -> None:
        if failed[name] < fails.get(name, 0):
            failed[name] += 1
            raise ValueError(f"{name} for the {failed[name]}. time")

    @task(retries=1)
    def innermost() -> str:
        ran["task"] += 1
        may_fail("task")
        return "done"

    @task
    def before(name: str) -> None:
        ran[f"before {name}"] += 1

    def level(number: int, inner: Callable[[], Any]) -> Callable[[], Any]:
        def body() -> Any:
            ran[f"flow {number}"] += 1
            before(f"flow {number}")
            value = inner()
            may_fail(f"flow {number}")
            return value

        return flow(body, name=f"level{number}", retries=1)  # type: ignore[call-overload, no-any-return]

    return level(1, level(2, level(3, level(4, innermost))))


@pytest.mark.parametrize("case", FAILS)
def test_run_counts_of_a_nest_of_flows(case: str) -> None:
    ran: Counter[str] = Counter()
    assert nest(FAILS[case], ran)() == "done"
    assert {name: count for name, count in ran.items() if not name.startswith("before")} == RUNS[case]
    assert {count for name, count in ran.items() if name.startswith("before")} == {1}
    assert set(keys().values()) == {"succeeded"}


def test_a_nest_of_flows_that_fails_for_good() -> None:
    ran: Counter[str] = Counter()
    with pytest.raises(ValueError, match="flow 4"):
        nest({"flow 4": 99}, ran)()
    flows = {name: count for name, count in ran.items() if name.startswith("flow")}
    assert flows == {"flow 1": 2, "flow 2": 4, "flow 3": 8, "flow 4": 16}, "each level tries twice what is in it"
    assert ran["task"] == 1


def test_a_nest_that_failed_goes_on_where_it_failed(cli: Cli) -> None:  # noqa: F811
    """The same, with the failure lasting until the run is resumed."""
    cli.write(
        "flows.py",
        """
        import os
        from motet import flow, task

        @task
        def step(name):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{name}\\n")
            if name == "bad" and not os.path.exists("mended"):
                raise ValueError("not mended")

        @flow(retries=1)
        def inner():
            step("inner")
            step("bad")

        @flow(retries=1)
        def outer():
            step("outer")
            inner()
            step("last")
        """,
    )
    cli("run", "flows.py:outer", "--name", "mine", code=1)
    assert Counter(cli.counted()) == {"outer": 1, "inner": 1, "bad": 4}
    (cli.folder / "mended").touch()
    cli("resume", "mine")
    assert Counter(cli.counted()) == {"outer": 1, "inner": 1, "bad": 5, "last": 1}


# ---------------------------------------------------------------- code that changed


@pytest.mark.parametrize(("before", "after"), [("step()", "step.submit()"), ("step.submit()", "step()")])
def test_an_unfinished_step_runs_as_the_code_now_says(cli: Cli, before: str, after: str) -> None:  # noqa: F811
    text = """
        import os
        import time
        from motet import flow, task

        @task
        def step():
            with open(os.environ["COUNT"], "a") as file:
                file.write("x\\n")
            time.sleep(float(os.environ.get("PAUSE_S", "0")))
            return 7

        @flow
        def pipeline():
            value = CALL
            return getattr(value, "result", lambda: value)()
        """
    cli.write("flows.py", text.replace("CALL", before))
    process = cli.start("run", "flows.py", "--name", "mine", env={**cli.env, "PAUSE_S": "60"})
    cli.wait_for_count(1, process)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    cli.write("flows.py", text.replace("CALL", after))
    assert "Result: 7" in cli("resume", "mine").out


def test_a_declared_step_without_an_executor_says_so(cli: Cli) -> None:  # noqa: F811
    cli.write(
        "steps.py",
        """
        from motet.kernel.program import AddStep

        class Program:
            def advance(self, view):
                return [AddStep("a", "a", call={"target": "os:getpid"})]

        def make(params):
            return Program()
        """,
    )
    done = cli("run", "steps:make", code=1)
    assert "names no executor" in done.err


def test_tasks_in_a_worker_process_are_their_functions_however_they_are_called() -> None:
    @task
    def add(left: int, right: int = 1) -> int:
        return left + right

    @task
    def fail() -> None:
        raise ValueError("no")

    @task
    async def later(value: int) -> int:
        return value

    @flow
    def below(value: int) -> int:
        return add(value)

    @task(executor="processes")
    def outer() -> list[Any]:
        first = add.submit(1)
        second = add.submit(first)
        mapped = add.map([first, 10], unmapped(100))
        ended = [each.result() for each in as_completed([first, second])]
        failed = fail.submit()
        return [ended, add(second), mapped.result(), failed.state.name, later.submit(5).result(), below(1)]

    @flow
    def pipeline() -> list[Any]:
        return outer()

    assert pipeline() == [[2, 3], 4, [102, 110], "Failed", 5, 2]


FORKS = """
import os
from motet import flow, task

@task
def same(value: int) -> int:
    return value

@flow
def study() -> int:
    same(1)
    if (child := os.fork()) == 0:
        os._exit(same(2) == 2 and same.submit(3).result() == 3 and 7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    return same.submit(4).result()

print(study())
"""


def test_what_a_flow_forks_is_outside_of_its_run(tmp_path: Path) -> None:
    (tmp_path / "forks.py").write_text(FORKS)
    done = subprocess.run([sys.executable, "forks.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "4\n", done.stderr


@pytest.mark.parametrize("way", ["call", "submit", "map"])
def test_tasks_are_refused_in_threads_of_ones_own_since_their_calls_have_no_order(way: str) -> None:
    said: list[Any] = []

    @task
    def add(value: int) -> int:
        said.append(value)
        return value + 1

    @flow
    def beside(value: int) -> int:
        return add(value)

    def within() -> None:
        with pytest.raises(UsageError, match=r"add was called in a thread .* has started itself"):
            add(1) if way == "call" else add.submit(1) if way == "submit" else add.map([1])
        said.append(add.fn(2))
        said.append(beside(4))

    @flow
    def pipeline() -> int:
        thread = threading.Thread(target=within)
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(within).result()
            return pool.submit(contextvars.copy_context().run, add, 10).result()

    assert pipeline() == 11
    assert said == [2, 3, 4, 5, 2, 3, 4, 5, 10]
    assert sorted(each.workflow for each in hosts.current().store.runs()) == ["beside", "beside", "pipeline"]
