"""Python flows on the engine: crashes between any two commits, nested waits, time limits, taking up again."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.engine.hands import HandStore
from tests.engine.light import hang, slowly
from tests.programs.running import NoLogs

from motet import app, as_completed, flow, task, wait
from motet.app import SystemClock
from motet.artifacts.memory import MemoryArtifacts
from motet.dialects.python.flows import Flow
from motet.dialects.python.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from motet.engine.host import Host
from motet.errors import Cancelled, ReplayMismatch, StepSkipped, StoreUnavailable, TimedOut
from motet.executors.processes import ProcessExecutor
from motet.executors.threads import ThreadExecutor
from motet.ports import ExecutorSpec, Publication
from motet.values.identity.means import means


@means  # what ran how often is no value that a step depends on
class Ran(Counter[str]):
    """How often what ran."""


RAN = Ran()
"""What was executed in this process."""


@pytest.fixture(autouse=True)
def _forget() -> None:
    RAN.clear()


def host_on(store: HandStore, *, threads: int = 4, processes: int = 1) -> Host:
    return Host(
        store, MemoryArtifacts(), NoLogs, SystemClock(),
        {
            "threads": ExecutorSpec(lambda: ThreadExecutor(threads), threads, 64),
            "processes": ExecutorSpec(lambda: ProcessExecutor(processes), processes, 2),
        },
    )  # fmt: skip


def ended_within(seconds: float, act: Callable[[], Any]) -> Any:
    """What it gives; fails if it hangs."""
    told: list[Any] = []

    def work() -> None:
        try:
            told.append(act())
        except BaseException as error:  # noqa: BLE001 - raised again below
            told.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert told, "it hangs"
    if isinstance(told[0], BaseException):
        raise told[0]
    return told[0]


def run(made: Flow[..., Any], host: Host, **values: Any) -> Any:
    return made.start(host, values, run="r1", name="r1").result()


def resume(made: Flow[..., Any], host: Host, *, reopen: bool = False, changed: bool = False, **values: Any) -> Any:
    driver = host.take_up("r1", reopen=reopen)
    driver.rerun_changed = changed
    return made.drive(driver, values).result()


# ---------------------------------------------------------------- crashes


@task
def square(n: int) -> int:
    RAN[f"square-{n}"] += 1
    return n * n


@task(retries=1)
def second_time(n: int) -> int:
    RAN[f"second-{n}"] += 1
    if RAN[f"second-{n}"] == 1:
        raise ValueError("first time")
    return n


@task
def never(n: int) -> int:
    RAN["never"] += 1
    raise ValueError("never")


@flow
def inner(n: int) -> int:
    return square(n) + square.submit(n + 1).result()


@flow(retries=1)
def eventful() -> list[Any]:
    """A bit of all; its first attempt that comes to the end fails."""
    values: list[Any] = [square(2), second_time(1)]
    futures = square.map([3, 4, 5])
    values.append(never.submit(0).result(raise_on_failure=False).args)
    values.append(inner(6))
    values.append(futures.result())
    values.append(second_time.submit(7).result())
    RAN["end"] += 1
    if RAN["end"] == 1:
        raise RuntimeError("once")
    return values


EVENTFUL = [4, 1, ("never",), 85, [9, 16, 25], 7]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_crash_at_any_commit_costs_nothing_recorded(late: bool) -> None:
    """The store is lost before (or just after) the first commit, the second, ... and the run resumed each time."""
    number = 1
    while True:
        RAN.clear()
        number += 1
        store = HandStore()
        store.fail_at, store.late = number, late
        store.error = StoreUnavailable("It is gone.")
        host = host_on(store)
        try:
            assert ended_within(60, partial(run, eventful, host)) == EVENTFUL
        except StoreUnavailable:
            pass
        else:
            break
        finally:
            host.close()
        store.fail_at = 0
        if store.run("r1").status == "succeeded":
            continue
        ran, recorded = Counter(RAN), outcomes(store)
        host = host_on(store)
        assert ended_within(60, partial(resume, eventful, host)) == EVENTFUL, number
        host.close()
        assert store.run("r1").status == "succeeded"
        for key in recorded:
            word = {"eventful/square-0": "square-2", "eventful/second_time-0": "second-1"}.get(key)
            assert word is None or ran[word] == RAN[word], (number, key)
        attempts = Counter(
            event["key"] for event in store.history("r1") if event["event"] in ("step.succeeded", "step.failed")
        )
        assert attempts["eventful/square-0"] == 1
    assert number > 10


def outcomes(store: HandStore) -> set[str]:
    return {event["key"] for event in store.history("r1") if event["event"] == "step.succeeded"}


def test_a_crash_after_a_flow_has_failed_once_still_gives_it_its_second_attempt() -> None:
    """What failed below it is not taken for the second attempt's own failure."""

    @task
    def fails_once() -> int:
        RAN["fails"] += 1
        if RAN["fails"] == 1:
            raise ValueError("once")
        return 1

    @flow(retries=1)
    def again() -> int:
        return fails_once()

    store = HandStore()
    store.error = StoreUnavailable("It is gone.")
    while "step.retrying again" not in store.kinds():  # the commit of the flow's failure is the last one
        RAN.clear()
        failed_at = store.fail_at + 1
        store = HandStore()
        store.fail_at, store.late, store.error = failed_at, True, StoreUnavailable("It is gone.")
        host = host_on(store)
        with pytest.raises(StoreUnavailable):
            run(again, host)
        host.close()
    store.fail_at = 0
    assert "step.retrying" in [event["event"] for event in store.batches[-1]]
    host = host_on(store)
    assert resume(again, host) == 1
    host.close()


# ---------------------------------------------------------------- nested waits


@task
def leaf(n: int) -> int:
    time.sleep(0.001)
    return n


@task
def branch(n: int, depth: int) -> int:
    """Submits and waits, from within a thread of the executor."""
    if not depth:
        return leaf.submit(n).result()
    futures = [branch.submit(n + each, depth - 1) for each in range(2)]
    return sum(future.result() for future in futures) + leaf(n)


@task
def gather(n: int, how: str) -> int:
    futures = [leaf.submit(n + each) for each in range(3)]
    if how == "map":
        return sum(leaf.map([n, n + 1, n + 2]).result())
    if how == "wait":
        done, missing = wait(futures)
        assert not missing
        return sum(future.result() for future in done)
    if how == "as_completed":
        return sum(future.result() for future in as_completed(futures))
    return sum(future.result(timeout=60) for future in futures)


@flow
def tree(width: int, depth: int) -> int:
    return sum(future.result() for future in [branch.submit(n, depth) for n in range(width)])


@flow
def gatherings(how: str) -> int:
    return sum(future.result() for future in [gather.submit(n, how) for n in range(5)])


def sum_of_branch(n: int, depth: int) -> int:
    return n + sum(sum_of_branch(n + each, depth - 1) for each in range(2)) if depth else n


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_attempts_that_wait_for_attempts_cannot_take_all_threads(threads: int) -> None:
    host = host_on(HandStore(), threads=threads)
    assert ended_within(120, lambda: run(tree, host, width=4, depth=3)) == sum(sum_of_branch(n, 3) for n in range(4))
    driver_limit = host.specs["threads"].capacity
    assert driver_limit == threads
    host.close()


@pytest.mark.parametrize("how", ["result", "map", "wait", "as_completed"])
def test_all_ways_to_wait_lend_the_place(how: str) -> None:
    host = host_on(HandStore(), threads=1)
    assert ended_within(120, lambda: run(gatherings, host, how=how)) == sum(3 * n + 3 for n in range(5))
    host.close()


def test_no_more_run_at_once_than_there_are_places() -> None:
    """A place that was lent is taken back: those that do not wait never are more than the threads."""
    busy, most, lock = [0], [0], threading.Lock()

    @task
    def work(n: int) -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.002)
        with lock:
            busy[0] -= 1
        return n

    @task
    def waiting(n: int) -> int:
        return sum(future.result() for future in [work.submit(n), work.submit(n)])

    @flow
    def crowd() -> int:
        return sum(future.result() for future in [waiting.submit(n) for n in range(20)])

    host = host_on(HandStore(), threads=3)
    assert ended_within(120, lambda: run(crowd, host)) == 380
    assert most[0] <= 3 + 1  # a thread whose wait has just ended may meet the one that had its place
    host.close()


# ---------------------------------------------------------------- time limits


stuck = task(timeout_seconds=0.5)(hang)


@task(timeout_seconds=0.2, retries=100, executor="threads")
def slow_once() -> str:
    RAN["slow"] += 1
    if RAN["slow"] == 1:
        ENDED_LATE.wait()
        return "late"
    return "in time"


ENDED_LATE = threading.Event()


@flow
def limited(path: str) -> str:
    try:
        stuck(path)
    except TimedOut as error:
        return str(error)
    return ""


@flow
def given_up() -> list[str]:
    value = slow_once.submit().result()
    ENDED_LATE.set()
    time.sleep(0.3)  # in which the late one is heard
    return [value, slow_once.submit().result()]


def test_a_process_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    path = str(tmp_path / "pid")
    while not (os.path.exists(path) and Path(path).read_text()):  # its limit may be over before it could say so
        host = host_on(HandStore())
        assert "ran longer than its limit of 0.5 s" in ended_within(60, partial(run, limited, host, path=path))
        host.close()
    assert not os.path.exists(f"/proc/{Path(path).read_text()}")


def test_a_thread_that_takes_too_long_is_given_up_and_its_late_result_dropped() -> None:
    store = HandStore()
    host = host_on(store)
    assert ended_within(60, lambda: run(given_up, host)) == ["in time", "in time"]
    assert next(event["attempt"] for event in store.history("r1") if event["event"] == "step.succeeded") > 1
    host.close()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_time_limit_counts_from_when_the_attempt_begins(executor: str) -> None:
    """Neither the time in a backlog counts nor that in which a worker process comes up."""
    unhurried = task(timeout_seconds=2, executor=executor)(slowly)

    @flow
    def many() -> list[int]:
        return unhurried.map(range(30)).result()

    host = host_on(HandStore(), threads=2, processes=2)
    assert ended_within(120, lambda: run(many, host)) == list(range(30))
    host.close()


def test_a_late_value_of_an_element_is_not_taken_for_the_recorded_one() -> None:
    second_done = threading.Event()

    @task(timeout_seconds=0.1, retries=100, executor="threads")
    def late(n: int) -> list[str]:
        RAN[f"late-{n}"] += 1
        if n or RAN["late-0"] > 1:
            return ["in time"]
        second_done.wait(60)
        return ["late"]

    @flow
    def belated() -> Any:
        futures = late.map([0, 1])
        futures.wait()
        second_done.set()
        time.sleep(0.3)
        return futures.result(), futures[0].result()

    host = host_on(HandStore(), threads=2)
    assert ended_within(60, lambda: run(belated, host)) == ([["in time"], ["in time"]], ["in time"])
    host.close()


@task(limits={"db": 1})
def with_database(n: int) -> int:
    with_database_at_once.append(n)
    assert len(with_database_at_once) <= 2
    time.sleep(0.002)
    with_database_at_once.pop()
    return n


with_database_at_once: list[int] = []


@task
def around(n: int) -> int:
    """Waits for what needs the limit, inline and submitted, without having it itself."""
    return with_database.submit(n).result() + with_database(n)


@flow(limits={"db": 2})
def databases() -> int:
    return sum(with_database.map(range(20)).result()) + sum(around.map(range(20)).result()) + with_database(1)


def test_limits_that_tasks_of_a_run_share() -> None:
    host = host_on(HandStore(), threads=4)
    assert ended_within(60, lambda: run(databases, host)) == 3 * sum(range(20)) + 1
    host.close()


def test_threads_that_are_stuck_do_not_keep_others_from_running() -> None:
    stop = threading.Event()

    @task(timeout_seconds=0.05, executor="threads")
    def hangs(n: int) -> None:
        stop.wait(60)

    @flow
    def hung() -> list[int]:
        hangs.map(range(6)).result(raise_on_failure=False)
        return square.map(range(6)).result()

    store = HandStore()
    host = host_on(store, threads=2)
    assert ended_within(60, lambda: run(hung, host)) == [n * n for n in range(6)]
    ended_within(60, lambda: [host.close()])  # it does not wait for them either
    assert not stop.is_set()
    stop.set()


# ---------------------------------------------------------------- arguments and processes


@task
def both(left: Any, right: Any = 0) -> Any:
    return left + right


@flow(task_runner=ProcessPoolTaskRunner())
def in_processes() -> Any:
    """Futures among the arguments of what runs in processes, alone, in containers, and mapped."""
    one = both.submit(1, 2)
    two = both.submit(one, right=one)
    listed = both.submit([one, two], [1])
    mapped = both.map([one, 10], right=two)
    followed = both.map(mapped, 1)
    return two.result(), listed.result(), followed.result()


@pytest.mark.parametrize("runner", [ProcessPoolTaskRunner, ThreadPoolTaskRunner])
def test_futures_as_arguments(runner: Any) -> None:
    host = host_on(HandStore(), processes=2)
    made = in_processes.with_options(task_runner=runner())
    assert ended_within(120, lambda: run(made, host)) == (6, [3, 6, 1], [10, 17])
    host.close()


# ---------------------------------------------------------------- taking up again


@task
def told(value: Any) -> Any:
    RAN[f"told-{value}"] += 1
    return value


@task
def maybe() -> int:
    RAN["maybe"] += 1
    if RAN["maybe"] == 1:
        raise ValueError("not now")
    return 1


@flow
def failing() -> int:
    return told(5) + sum(told.map([1, 2]).result()) + maybe()


def test_a_failed_run_is_reopened_and_keeps_what_succeeded() -> None:
    store = HandStore()
    host = host_on(store)
    with pytest.raises(ValueError, match="not now"):
        run(failing, host)
    assert store.run("r1").status == "failed"
    assert resume(failing, host, reopen=True) == 9
    assert store.run("r1").status == "succeeded"
    assert RAN == {"told-5": 1, "told-1": 1, "told-2": 1, "maybe": 2}
    host.close()


@task
def once_bad(n: int) -> int:
    RAN[f"bad-{n}"] += 1
    if n % 2 and RAN[f"bad-{n}"] == 1:
        raise ValueError(n)
    return n


@flow
def deep(n: int) -> int:
    return once_bad(n) + told(n + 100)


@flow
def wide() -> list[Any]:
    futures = once_bad.map(range(6))
    followers = told.map(futures)
    return [deep(10), followers.result(), told.submit(futures).result(), deep(11)]


def test_reopening_runs_only_what_did_not_succeed() -> None:
    """Elements of maps, what follows them element by element, what needs them all, and subflows."""
    store = HandStore()
    host = host_on(store)
    with pytest.raises(StepSkipped, match=r"told-0\[1\] was not run"):
        run(wide, host)
    whole = [120 + 0, list(range(6)), list(range(6)), 122]
    with pytest.raises(ValueError, match="11"):
        resume(wide, host, reopen=True)
    assert resume(wide, host, reopen=True) == whole
    assert [RAN[f"bad-{n}"] for n in (0, 1, 2, 3, 4, 5, 10, 11)] == [1, 2, 1, 2, 1, 2, 1, 2]
    assert all(count == 1 for word, count in RAN.items() if word.startswith("told"))
    assert {step.status for step in store.steps("r1") if "[" not in step.key} == {"succeeded"}
    host.close()


def test_a_cancelled_run_is_reopened() -> None:
    go_on = threading.Event()

    @task
    def stops(n: int) -> int:
        RAN[f"stops-{n}"] += 1
        if not go_on.is_set():
            driver.cancel("enough")
        return n

    @flow
    def stopped() -> int:
        return told(1) + sum(stops.map([2, 3, 4]).result()) + told(5)

    store = HandStore()
    host = host_on(store, threads=1)
    host.create(stopped.new_run(host, {}, name="r1", run="r1"))
    driver = host.take_up("r1")
    with pytest.raises(Cancelled):
        ended_within(60, lambda: stopped.drive(driver, {}).result())
    assert store.run("r1").status == "cancelled"
    go_on.set()
    assert ended_within(60, lambda: resume(stopped, host, reopen=True)) == 15
    assert RAN["told-1"] == RAN["told-5"] == 1
    host.close()


def version(first: Any) -> Flow[..., Any]:
    """A flow whose code is another one for each `first`."""

    def changing() -> Any:
        value = told.submit(first)
        after = both.submit(value, 1)
        apart = told(99)
        return after.result(), apart

    return flow(name="changing")(changing)


def test_changed_code_is_noticed_or_run_anew() -> None:
    store = HandStore()
    store.error = StoreUnavailable("It is gone.")
    host = host_on(store)
    while "step.succeeded changing/told-1" not in store.kinds():
        RAN.clear()
        fail_at = store.fail_at + 1
        store = HandStore()
        store.fail_at, store.late, store.error = fail_at, True, StoreUnavailable("It is gone.")
        host = host_on(store)
        with pytest.raises(StoreUnavailable):
            run(version(1), host)
        host.close()
    store.fail_at = 0
    host = host_on(store)
    with pytest.raises(ReplayMismatch, match="changing/told-0"):
        resume(version(2), host)
    assert RAN["told-2"] == 0
    assert resume(version(2), host, changed=True) == (3, 99)
    assert (RAN["told-99"], RAN["told-2"]) == (1, 1)
    host.close()


def test_cancelling_while_steps_run_and_wait() -> None:
    stop = threading.Event()

    @task
    def blocks() -> None:
        stop.wait(60)

    @flow
    def endless() -> None:
        futures = [blocks.submit() for _ in range(3)]
        for future in futures:
            future.result()

    store = HandStore()
    host = host_on(store)
    endless_run = endless.new_run(host, {}, name="r1", run="r1")
    host.create(endless_run)
    driver = host.take_up("r1")
    canceller = threading.Timer(0.1, lambda: driver.cancel("enough"))
    canceller.start()
    future = ended_within(60, lambda: endless.drive(driver, {}))
    with pytest.raises(Cancelled):
        future.result()
    assert store.run("r1").status == "cancelled"
    assert {step.status for step in store.steps("r1")} == {"cancelled"}
    stop.set()
    host.close()


def test_a_run_that_is_stopped_before_its_first_step_is_cancelled() -> None:
    @flow
    def never() -> None:
        raise AssertionError("it was stopped before")

    host = app.hosts.current()
    new = never.new_run(host, {})
    host.create(new)
    host.store.publish([Publication("run.stop", "too early", namespace="motet", run=new.id, at=time.time())])
    with pytest.raises(Cancelled, match="too early"):
        never.drive(host.take_up(new.id), {})
    row = host.store.run(new.id)
    assert (row.status, row.owner) == ("cancelled", None)
