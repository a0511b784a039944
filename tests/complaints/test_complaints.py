"""What users of Prefect and its like complain about, and that it does not occur here: one section for each group.

The numbers are those of public threads: P is Prefect's tracker, K Kubeflow's, M Metaflow's. None of these tests
measures speed; figures are in docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli

import motet
from motet import INPUTS, app, concurrency, flow, leases, task
from motet.errors import RunFailed
from motet.owners import is_dead
from motet.ports import Owner

__all__ = ["cli"]


# ---------------------------------------------------------------- 1: small tasks, big maps


def test_a_big_map_is_one_step_and_a_few_records() -> None:
    """ "Consolidate spawned tasks from .map": a large map breaks the server, or hangs (P 18883, 8770)."""

    @task
    def double(number: int) -> int:
        return 2 * number

    @flow
    def main() -> int:
        return sum(double.map(range(20_000)).result())

    assert main() == 20_000 * 19_999
    store = app.hosts.current().store
    (run,) = store.runs()
    assert [(each.key, each.done) for each in store.steps(run.id) if each.size] == [("main/double-0", 20_000)]
    assert sum(1 for _ in store.history(run.id)) < 10_000, "outcomes are recorded together"


def test_a_thousand_submitted_tasks_end() -> None:
    """A thousand submits get stuck, or hang behind a slow upstream (P 8982, 7934, 6961)."""

    @task
    def first() -> int:
        time.sleep(0.1)
        return 1

    @task
    def add(one: int, other: int) -> int:
        return one + other

    @flow
    def main() -> int:
        slow = first.submit()
        return sum(each.result() for each in [add.submit(slow, number) for number in range(1_000)])

    assert main() == 1_000 + sum(range(1_000))


# ---------------------------------------------------------------- 2: a locked database, a server


MANY = """
    from motet import flow, task

    @task
    def step(number):
        return number

    @flow
    def main(size: int = 200):
        return sum(step(number) for number in range(size)) + sum(step.map(range(size)).result())
"""


def test_processes_that_write_at_once_see_no_locked_database(cli: Cli) -> None:
    """ "database is locked" in the most basic examples, with two workers (P 10188, 18934, 23051)."""
    cli.write("script.py", MANY)
    processes = [cli.start("run", "script.py", "--name", f"run-{number}") for number in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert "locked" not in (out + err).lower()
    assert {each["status"] for each in cli.runs()} == {"succeeded"}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="the system does not list processes there")
def test_nothing_is_started_and_nothing_is_left_behind(cli: Cli) -> None:
    """A server appears in every app; "is it possible to support local mode?" (P 14878, 15927, 16397)."""
    cli.write("script.py", MANY)
    cli("run", "script.py")
    mark = f"MOTET_HOME={cli.home}".encode()
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if mark in environment.split(b"\0") and int(pid) != os.getpid():
            left.append(pid)
    assert left == []


# ---------------------------------------------------------------- 3: failed work that looks green


def test_a_flow_that_returns_nothing_fails_with_its_tasks() -> None:
    """A flow that drops a failed future, and returns None, is Completed (P 14470)."""

    @task
    def bad() -> None:
        raise ValueError("bad")

    @flow
    def main() -> None:
        bad.submit()

    with pytest.raises(RunFailed, match="1/1 submitted tasks did not succeed"):
        main()
    assert app.hosts.current().store.runs()[0].status == "failed"


def test_a_future_that_nobody_keeps_runs_all_the_same() -> None:
    """Futures are garbage-collected before they ran; a parent ends while its child runs (P 14018, 17517, 15716)."""
    done: list[int] = []

    @task
    def work(number: int) -> None:
        time.sleep(0.01)
        done.append(number)

    @flow
    def child() -> None:
        work.submit(0)

    @flow
    def main() -> None:
        child()
        for number in range(1, 10):
            work.submit(number)
            gc.collect()

    main()
    assert sorted(done) == list(range(10))


# ---------------------------------------------------------------- 4: retry from the failed task


def test_a_failed_run_goes_on_at_its_failure_without_any_setting_up(cli: Cli) -> None:
    """ "Restart flow runs from failed tasks", without persistence being set up before (P 7127, 9814, 21727; M 1918)."""
    cli.write(
        "script.py",
        """
        import os
        from motet import flow, task

        def note(word):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"{word}\\n")

        @task
        def prepare():
            note("prepare")
            return 20

        @task
        def train(size):
            note("train")
            if "GOOD" not in os.environ:
                raise MemoryError("too large")
            return size

        @flow
        def main():
            return train(prepare())
        """,
    )
    cli("run", "script.py", "--name", "mine", code=1)
    assert "Result: 20" in cli("retry", "mine", env={**cli.env, "GOOD": "1"}).out
    assert cli.counted() == ["prepare", "train", "train"]


# ---------------------------------------------------------------- 5: caching nobody can predict


def test_nothing_is_cached_that_was_not_asked_for() -> None:
    """ "Unsolicited caching": equal calls in one run are silently not made (P 14236)."""
    calls: list[int] = []

    @task
    def now(number: int) -> int:
        calls.append(number)
        return len(calls)

    @flow
    def main() -> list[int]:
        return [now(1), now(1), now(1)]

    assert main() == [1, 2, 3]


def test_a_policy_that_is_set_caches_across_runs() -> None:
    """ "Tasks not being cached", because the default key has the run in it (P 15559)."""
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def work(number: int) -> int:
        calls.append(number)
        return number

    @flow
    def main() -> int:
        return work(1)

    assert main() == main() == 1
    assert calls == [1]


def test_a_key_that_cannot_be_computed_means_not_cached(caplog: pytest.LogCaptureFixture) -> None:
    """A policy that fails to compute is dropped, so wrong results are reused; the log is flooded (P 15861)."""
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def work(number: int, connection: Any) -> int:
        calls.append(number)
        return number

    @flow
    def main() -> list[int]:
        return [work(number, threading.Lock()) for number in (1, 2, 2)]

    assert main() == [1, 2, 2]
    assert calls == [1, 2, 2]
    assert caplog.text.count("is not cached") == 1


# ---------------------------------------------------------------- 6: many tasks, large parameters


def test_lists_stay_small_whatever_runs_were_given(cli: Cli) -> None:
    """The list of runs returns gigabytes of parameters; pages cannot be used with thousands of tasks (P 9947, 9774)."""
    cli.write(
        "script.py",
        """
        from motet import flow, task

        @task
        def step(number):
            return "x" * 2000

        @flow
        def main(table: list, size: int = 1500):
            return [step(number) for number in range(size)]

        if __name__ == "__main__":
            main(list(range(300_000)))
        """,
    )
    cli("run", "script.py", "--name", "mine")
    assert len(cli("ls", "--json").out) < 10_000
    shown = cli("show", "mine").out
    assert len(shown) < 50_000
    assert "1500 calls" in shown, "like steps stand on one line"


# ---------------------------------------------------------------- 7: zombies, cancelling, timeouts, slots


SLEEPER = """
    import os, subprocess, sys, time
    from motet import flow, task

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task(timeout_seconds=float(os.environ.get("LIMIT_S", 1)), grace_seconds=0.2)
    def hang():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        note(child.pid)
        time.sleep(3600)

    @task
    def linger():
        note("linger")
        time.sleep(3600)

    @flow
    def timed():
        hang()

    @flow
    def main():
        linger()
"""


def test_a_dead_run_is_known_by_the_next_command(cli: Cli) -> None:
    """A worker dies, and its runs are Running for ever (P 16746, 7239, 21022)."""
    cli.write("script.py", SLEEPER)
    process = cli.start("run", "script.py:main", "--name", "mine")
    cli.wait_for_count(1, process)
    assert cli.json("show", "mine")["status"] == "running"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert cli.json("show", "mine")["status"] == "crashed"
    assert "has crashed" in cli("doctor", code=1).out


def test_a_timeout_kills_what_blocks_and_what_it_has_started(cli: Cli) -> None:
    """Timeouts are not enforced in threads; a limit of 4 h let a task run for 9 h (P 15760, 10926, 23044)."""
    cli.write("script.py", SLEEPER)
    for limit_s in ("1", "10", "100"):  # it may be over before the task could begin anything
        cli("run", "script.py:timed", "--name", f"limit-{limit_s}", code=1, env={**cli.env, "LIMIT_S": limit_s})
        assert f"ran longer than its limit of {limit_s} s" in cli("show", f"limit-{limit_s}").out
        if cli.counted():
            break
    child = int(cli.counted()[0])
    until = time.monotonic() + PATIENCE_S
    while os.path.isdir(f"/proc/{child}") and "Z" not in Path(f"/proc/{child}/stat").read_text().rsplit(")")[1][:3]:
        assert time.monotonic() < until, "the child still lives"
        time.sleep(0.02)


def test_a_run_is_cancelled_without_any_deployment(cli: Cli) -> None:
    """Cancelling needs a deployment and a worker (P 17867)."""
    cli.write("script.py", SLEEPER)
    process = cli.start("run", "script.py:main", "--name", "mine")
    cli.wait_for_count(1, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert cli.json("show", "mine")["status"] == "cancelled"


def test_slots_do_not_leak() -> None:
    """Concurrency slots leak, or lie idle until a lease has run out (P 8251, 23183, 19367)."""
    store = app.hosts.current().store
    leases.define(store, "db", 1)
    process = subprocess.run(
        [sys.executable, "-c", "from motet import concurrency; import os; concurrency('db').__enter__(); os._exit(9)"],
        env=os.environ.copy(),
    )
    assert process.returncode == 9
    document = store.document("motet", "limit", "db")
    assert document is not None and is_dead(Owner(**document.body["holders"][0]["owner"])), "it died with the slot"
    with concurrency("db", timeout_seconds=PATIENCE_S):
        pass


# ---------------------------------------------------------------- 8: memory


class Large:
    """A result that can be told to be alive."""

    alive: ClassVar[weakref.WeakSet[Large]] = weakref.WeakSet()

    def __init__(self) -> None:
        Large.alive.add(self)
        self.content = bytes(1000)


@pytest.mark.parametrize("how", ["call", "submit"])
def test_results_that_nobody_holds_are_let_go(how: str) -> None:
    """Inputs and outputs of all tasks are kept in memory, which grows with each task (P 10952, 14329)."""

    @task
    def make(number: int) -> Large:
        return Large()

    @task
    def size(large: Large) -> int:
        return len(large.content)

    most = 0

    @flow
    def main() -> None:
        nonlocal most
        for number in range(60):
            large = make(number) if how == "call" else make.submit(number).result()
            assert size(large) == 1000
            gc.collect()
            most = max(most, len(Large.alive))

    main()
    assert most < 10


# ---------------------------------------------------------------- 9: start, weight


def test_a_command_loads_no_web_framework_and_nothing_that_talks_to_a_network() -> None:
    """Import takes 1.4 s, commands take up to 10 s; analytics at import (P 12619, 12274, 9529)."""
    code = (
        "import sys, motet.cli.main as cli; cli.main(['ls']); from motet import flow, task;"
        "print(','.join(sorted(name for name in sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split(","))
    assert "motet.views.facts" in loaded
    assert loaded & {"ssl", "http.client", "urllib.request", "fastapi", "sqlalchemy", "pydantic", "asyncio"} == set()


def test_few_packages_are_needed() -> None:
    """113 packages and 454 MB for an install that then fails to import its own server."""
    from importlib.metadata import requires

    needed = [each for each in requires("motet") or () if "extra ==" not in each]
    assert len(needed) <= 10, needed


# ---------------------------------------------------------------- 10: sync and async


def test_no_function_is_sync_or_async_depending_on_its_caller() -> None:
    """ "sync_compatible": what a call gives depends on whether a loop runs (P 15008, 9898)."""

    @task
    def plain(number: int) -> int:
        return number

    @task
    async def awaited(number: int) -> int:
        return number

    @flow
    def inside() -> list[Any]:
        return [plain(1), plain.submit(2).result()]

    @flow
    async def inside_a_loop() -> list[Any]:
        return [plain(1), plain.submit(2).result(), await awaited(3)]

    assert inside() == [1, 2]
    assert asyncio.run(inside_a_loop()) == [1, 2, 3]
    for name in motet.__all__:
        public = getattr(motet, name)
        if inspect.iscoroutinefunction(public):
            assert name.startswith("a"), f"{name} is async, and its name does not say so"


# ---------------------------------------------------------------- 11: subflows in parallel


def test_subflows_run_side_by_side() -> None:
    """ "Flow.submit", the oldest open wish (P 6689, 7322)."""
    meet = threading.Barrier(2, timeout=PATIENCE_S)

    @flow
    def part(number: int) -> int:
        meet.wait()
        return number

    @flow
    def main() -> list[int]:
        return [each.result() for each in [part.submit(1), part.submit(2)]]

    assert main() == [1, 2]


# ---------------------------------------------------------------- 12: growth


def test_everything_of_an_old_run_can_be_removed(cli: Cli) -> None:
    """The database only grows: resources of events are never deleted (P 16054, 16906)."""
    cli.write("script.py", MANY)
    for _ in range(3):
        cli("run", "script.py")
    before = cli.json("events")
    assert before
    cli("prune", "--older-than", "0s")
    assert cli.runs() == []
    assert cli.json("events") == []
    assert list((cli.home / "logs").glob("*.jsonl")) == []


# ---------------------------------------------------------------- 13: testing


def test_plain_pytest_tests_flows(tmp_path: Path) -> None:
    """A harness with a server makes each session of tests many seconds longer, or fails (P 19342, 16397)."""
    (tmp_path / "test_mine.py").write_text(
        """
from motet import flow, task

@task
def double(number: int) -> int:
    return 2 * number

@flow
def main(size: int) -> int:
    return sum(double.map(range(size)).result())

def test_the_flow():
    assert main(3) == 6

def test_the_function_of_a_task():
    assert double.fn(2) == double(2) == 4
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)], capture_output=True, text=True
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


# ---------------------------------------------------------------- 14: what runs where


def test_a_task_is_called_as_the_function_that_it_is() -> None:
    """ "Why open a subprocess, why not just execute as python functions?" (K 7465)"""
    seen: list[tuple[int, int]] = []
    argument = ["the very object"]

    @task
    def look(given: list[str]) -> list[str]:
        assert given is argument
        seen.append((os.getpid(), threading.get_ident()))
        return given

    @flow
    def main() -> bool:
        return look(argument) is argument

    assert main()
    assert seen == [(os.getpid(), threading.get_ident())]


# ---------------------------------------------------------------- 15: deployment


def test_a_file_is_all_that_is_needed_to_run_in_the_background(cli: Cli) -> None:
    """Deployments, work pools and pull steps: "found it frustrating" (P 15575, 14489, 9220)."""
    cli.write("script.py", MANY)
    submitted = json.loads(cli("submit", "script.py", "-p", "size=3", "--name", "mine", "--json").out)
    assert submitted["name"] == "mine"
    assert cli.wait_for_status("mine", "succeeded", "failed")["status"] == "succeeded"
