"""`motet why`: why a step ran, was taken from the cache, waits, was skipped, failed, was tried again."""

from __future__ import annotations

import time
from pathlib import Path

from tests.cli.conftest import PATIENCE_S, Cli

KEPT = """
    from motet import flow, task
    from motet.dialects.python.cache_policies import INPUTS, TASK_SOURCE

    @task(cache_policy=INPUTS + TASK_SOURCE)
    def load(rows, seed=1):
        return list(range(rows))

    @task
    def plain(values):
        return sum(values)

    @flow
    def pipe(rows: int = 3, seed: int = 1):
        return plain(load(rows, seed))
"""


def test_a_step_that_no_policy_lets_be_cached(cli: Cli) -> None:
    cli.write("pipe.py", KEPT)
    cli("run", "pipe.py", "--name", "first")
    told = cli("why", "first", "plain-0").out
    assert "pipe/plain-0  succeeded  in run first" in told
    assert "no cache policy" in told
    assert "needs pipe/load-0" in told


def test_a_cached_step_names_the_parts_of_its_key_and_where_it_comes_from(cli: Cli) -> None:
    cli.write("pipe.py", KEPT)
    cli("run", "pipe.py", "--name", "first")
    assert "no earlier result of task load was kept" in cli("why", "first", "load-0").out
    cli("run", "pipe.py", "--name", "second")
    told = cli("why", "second", "load-0").out
    assert "It did not run" in told
    assert "step pipe/load-0 of run first" in told
    for part in ("input rows:", "input seed:", "source:"):
        assert part in told
    whole = cli.json("why", "second", "load-0")
    assert whole["cached"]
    assert sorted(whole["cache"]["parts"]) == ["input rows", "input seed", "source"]


def test_a_miss_names_the_part_that_differs_from_the_nearest_result(cli: Cli) -> None:
    path = cli.write("pipe.py", KEPT)
    cli("run", "pipe.py", "--name", "first", "-p", "seed=2")
    cli("run", "pipe.py", "--name", "second", "-p", "rows=4")
    cli("run", "pipe.py", "--name", "third", "-p", "rows=4", "-p", "seed=2")
    nearest = cli.json("why", "third", "load-0")["nearest"]
    second, first = (run["id"] for run in cli.runs()[1:])
    assert nearest["run"] in (first, second)
    assert nearest["differs"] == (["input rows"] if nearest["run"] == first else ["input seed"])
    path.write_text(path.read_text().replace("list(range(rows))", "[*range(rows)]"))
    cli("run", "pipe.py", "--name", "fourth", "-p", "seed=2")
    told = cli("why", "fourth", "load-0").out
    assert "what differs: source" in told
    assert "(differs)" in told


def test_refreshing_expiry_and_arguments_without_stable_content(cli: Cli) -> None:
    cli.write(
        "more.py",
        """
        from datetime import timedelta
        from motet import flow, task
        from motet.dialects.python.cache_policies import INPUTS

        @task(cache_policy=INPUTS, refresh_cache=True)
        def fresh(number):
            return number

        @task(cache_policy=INPUTS, cache_expiration=timedelta(microseconds=1))
        def brief(number):
            return number

        @task(cache_policy=INPUTS)
        def odd(thing):
            return 1

        @flow
        def more():
            fresh(1)
            brief(1)
            odd(open("/dev/null"))
        """,
    )
    cli("run", "more.py", "--name", "first")
    cli("run", "more.py", "--name", "second")
    assert "refresh_cache asks" in cli("why", "second", "fresh-0").out
    assert "has expired" in cli("why", "second", "brief-0").out
    assert "argument thing" in cli("why", "second", "odd-0").out


def test_failures_retries_and_skips(cli: Cli) -> None:
    cli.write(
        "bad.py",
        """
        from motet import flow, task

        @task(retries=2, retry_delay_seconds=0.01)
        def bad():
            raise ValueError("no data")

        @task
        def after(value):
            return value

        @task
        def last(value):
            return value

        @task
        def half(number):
            return 1 // number

        @flow
        def failing():
            half.map([1, 0]).wait()
            last.submit(after.submit(bad.submit())).wait()
        """,
    )
    cli("run", "bad.py", "--name", "mine", code=1)
    failed = cli("why", "mine", "bad-0").out
    assert "It failed: ValueError: no data." in failed
    assert "Retries allowed: 2, used: 2." in failed
    assert failed.count("the next is due") == 2
    skipped = cli("why", "mine", "last-0").out
    assert "failing/after-0 did not succeed" in skipped
    assert "failing/bad-0 failed: ValueError: no data." in skipped
    assert "element 1 failed: ZeroDivisionError" in cli("why", "mine", "half-0").out
    assert "ZeroDivisionError" in cli("why", "mine", "half-0[1]").out
    assert "succeeded" in cli("why", "mine", "half-0[0]").out
    assert "no step" in cli("why", "mine", "nothing", code=2).err


def test_what_runs_in_a_worker_process_says_by_which_option(cli: Cli) -> None:
    cli.write(
        "places.py",
        """
        from motet import flow, task
        from motet.task_runners import ProcessPoolTaskRunner

        @task
        def plain():
            return 1

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
        def places():
            plain()
            plain.with_options(timeout_seconds=60)()
            plain.with_options(executor="processes")()
            plain.submit().result()
        """,
    )
    cli("run", "places.py", "--name", "mine")
    told = [cli.json("why", "mine", f"plain-{number}")["story"][0]["what"] for number in range(4)]
    assert told == [
        "called by places",
        "called by places, for a worker process, by its time limit of 60 s",
        'called by places, for a worker process, by executor="processes"',
        "called by places, for a worker process, by the task runner of its flow",
    ]


def test_what_waits_says_for_what(cli: Cli) -> None:
    cli.write(
        "waiting.py",
        """
        import os, time
        from motet import flow, task

        @task(limits={"gpu": 1})
        def hold(number, go):
            with open(os.environ["COUNT"], "a") as file:
                file.write(f"waiting/hold-{number}\\n")
            while go is None and not os.path.exists("go"):
                time.sleep(0.01)
            return number

        @task
        def after(value):
            return value

        @flow(limits={"gpu": 1})
        def waiting():
            first = hold.submit(0, None)
            second = hold.submit(1, None)
            return after.submit([first, second]).result()
        """,
    )
    process = cli.start("run", "waiting.py", "--name", "mine")
    cli.wait_for_count(1, process)
    cli.wait_for_steps("mine", "waiting/after-0")
    (holder,) = cli.counted()
    (other,) = {"waiting/hold-0", "waiting/hold-1"} - {holder}
    cli.wait_for_running("mine", holder)
    assert "limit gpu; it is held by " + holder in cli("why", "mine", other).out
    assert "It waits for 2 steps" in cli("why", "mine", "after-0").out
    (cli.folder / "go").touch()
    process.communicate(timeout=120)
    assert "for its turn at the limit gpu" in cli("why", "mine", other).out
    assert "the last that it needs to end" in cli("why", "mine", "after-0").out


def test_a_wait_for_an_event_names_it(cli: Cli) -> None:
    cli.write(
        "listening.py",
        """
        from motet import artifact, flow, wait_for_event

        @flow
        def listening():
            artifact.metric("data_ready", 1)
            return wait_for_event("data_ready").value
        """,
    )
    process = cli.start("run", "listening.py", "--name", "mine")
    cli.wait_for_steps("mine", "listening/wait_for_event-0")
    until = time.monotonic() + PATIENCE_S
    while "the event data_ready" not in (told := cli("why", "mine", "wait_for_event-0").out):
        assert time.monotonic() < until, told
    cli("publish", "data_ready", "7")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Result: 7" in out, "an artifact of that key is no such event"
    assert process.returncode == 0, err


def test_a_wait_for_slots_of_a_shared_limit_names_it(cli: Cli) -> None:
    cli.write(
        "slots.py",
        """
        import os, time
        from motet import flow, task
        from motet import concurrency

        @task
        def use(number):
            with concurrency("db"):
                with open(os.environ["COUNT"], "a") as file:
                    file.write(f"{number}\\n")
                while not os.path.exists("go"):
                    time.sleep(0.01)

        @flow
        def slots():
            for each in [use.submit(0), use.submit(1)]:
                each.result()
        """,
    )
    cli("limit", "set", "db", "1")
    process = cli.start("run", "slots.py", "--name", "mine")
    cli.wait_for_count(1, process)
    holder = cli.counted()[0]
    other = "1" if holder == "0" else "0"
    cli.wait_for_steps("mine", f"slots/use-{other}")
    until = time.monotonic() + PATIENCE_S
    while f"limit db; it is held by mine slots/use-{holder}" not in (told := cli("why", "mine", f"use-{other}").out):
        assert time.monotonic() < until, told
    (cli.folder / "go").touch()
    assert process.wait(PATIENCE_S) == 0


def test_a_step_is_found_by_its_task_and_its_nearest_name_is_told(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total", "-p", "size=2", "--name", "mine")
    assert "total/step-0" in cli("why", "mine", "step-0").out
    assert "total " in cli("why", "mine", "total").out
    several = cli("why", "mine", "step", code=2).err
    assert "has 2 steps of that name:\n  total/step-0\n  total/step-1\n" in several
    assert "Did you mean step-0?" in cli("why", "mine", "stepp-0", code=2).err
