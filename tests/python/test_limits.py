"""Limits by name: across threads, runs and processes; fair; nothing leaks when a process dies."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli

from motet import app, arate_limit, concurrency, flow, leases, rate_limit, tags, task
from motet.errors import Cancelled, UsageError
from motet.ports import Store

__all__ = ["cli"]


@pytest.fixture
def store() -> Store:
    return app.hosts.current().store


def limit(store: Store, name: str) -> leases.Limit:
    return next(each for each in leases.every(store, time.time()) if each.name == name)


def until(true: Callable[[], object]) -> None:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.005)


class Gauge:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


def test_no_more_hold_it_than_it_has_slots(store: Store) -> None:
    leases.define(store, "db", 2)
    gauge, both = Gauge(), threading.Barrier(2, timeout=PATIENCE_S)

    @task
    def work(number: int) -> int:
        with concurrency("db"), gauge:
            both.wait()
        return number

    @flow
    def main() -> list[int]:
        return work.map(range(12)).result()

    assert main() == list(range(12))
    assert gauge.most == 2
    assert limit(store, "db").used == 0 and limit(store, "db").line == []


def test_first_come_first_served(store: Store) -> None:
    leases.define(store, "db", 1)
    order: list[int] = []

    def work(number: int) -> None:
        with concurrency("db"):
            order.append(number)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(6)]
    with concurrency("db"):
        for count, thread in enumerate(threads):
            thread.start()
            until(lambda count=count: len(limit(store, "db").line) == count + 1)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert order == list(range(6))


def test_who_asks_for_much_is_not_passed_by_those_who_ask_for_little(store: Store) -> None:
    leases.define(store, "db", 2)
    order: list[str] = []

    def work(name: str, slots: int) -> None:
        with concurrency("db", occupy=slots):
            order.append(name)

    large, small = (threading.Thread(target=work, args=each) for each in [("large", 2), ("small", 1)])
    with concurrency("db"):
        large.start()
        until(lambda: len(limit(store, "db").line) == 1)
        small.start()
        until(lambda: len(limit(store, "db").line) == 2)
        assert order == [], "one slot is free, but it is the large one's turn"
    large.join()
    small.join()
    assert order == ["large", "small"]


def test_several_limits_are_taken_without_a_circle(store: Store) -> None:
    leases.define(store, "a", 1)
    leases.define(store, "b", 1)
    done: list[int] = []

    def work(names: list[str]) -> None:
        for _ in range(10):
            with concurrency(names):
                done.append(1)

    threads = [threading.Thread(target=work, args=(names,)) for names in (["a", "b"], ["b", "a"]) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(done) == 40


def test_a_timeout_leaves_the_line(store: Store) -> None:
    leases.define(store, "db", 1)
    assert leases.take(store, "db", leases.ticket("one", 1, "somebody else"), time.time())
    with pytest.raises(TimeoutError, match="limit 'db'"), concurrency("db", timeout_seconds=0.05):
        pass
    assert limit(store, "db").line == []
    leases.let_go(store, "db", "one")
    assert limit(store, "db").used == 0


def test_a_limit_that_does_not_exist(caplog: pytest.LogCaptureFixture) -> None:
    with concurrency("nowhere"):
        pass
    assert "motet limit set nowhere" in caplog.text
    with pytest.raises(UsageError, match="no limit 'nowhere'"), concurrency("nowhere", strict=True):
        pass
    with pytest.raises(UsageError, match="no limit 'nowhere'"):
        rate_limit("nowhere", strict=True)


def test_more_than_there_will_ever_be_is_refused_at_once(store: Store) -> None:
    leases.define(store, "db", 2)
    with pytest.raises(UsageError, match="3 slots"), concurrency("db", occupy=3):
        pass
    with pytest.raises(UsageError, match="occupy"):
        concurrency("db", occupy=0)


def test_a_limit_of_0_lets_nobody_in_until_it_is_raised(store: Store) -> None:
    leases.define(store, "db", 0)
    entered = threading.Event()

    def work() -> None:
        with concurrency("db"):
            entered.set()

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: limit(store, "db").line)
    assert not entered.is_set()
    leases.define(store, "db", 1)
    thread.join(PATIENCE_S)
    assert entered.is_set()


def test_a_limit_that_is_removed_lets_those_go_who_wait(store: Store) -> None:
    leases.define(store, "db", 0)
    thread = threading.Thread(target=lambda: concurrency("db").__enter__())
    thread.start()
    until(lambda: limit(store, "db").line)
    leases.remove(store, "db")
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_async_holds_up_no_loop_and_a_cancelled_wait_leaks_nothing(store: Store) -> None:
    leases.define(store, "db", 1)

    async def main() -> list[str]:
        order: list[str] = []

        async def work(name: str) -> None:
            async with concurrency("db"):
                order.append(name)

        assert leases.take(store, "db", leases.ticket("one", 1, "somebody else"), time.time())
        first = asyncio.create_task(work("cancelled"))
        while not limit(store, "db").line:
            await asyncio.sleep(0.005)
        first.cancel()
        second = asyncio.create_task(work("second"))
        with pytest.raises(asyncio.CancelledError):
            await first
        leases.let_go(store, "db", "one")
        await second
        return order

    assert asyncio.run(main()) == ["second"]
    until(lambda: limit(store, "db").used == 0 and not limit(store, "db").line)


def test_a_rate_is_kept_in_the_order_of_asking(store: Store) -> None:
    leases.define(store, "api", 2, 50)
    waits = [leases.book(store, "api", 1, now=100.0, most_s=9) for _ in range(5)]
    assert waits == pytest.approx([0, 0, 0.02, 0.04, 0.06])
    assert leases.book(store, "api", 1, now=100.1, most_s=9) == pytest.approx(0)
    assert leases.book(store, "api", 1, now=90.0, most_s=9) == pytest.approx(0), "a clock that was set back is no wait"


def test_a_rate_that_cannot_be_had_in_time_takes_nothing(store: Store) -> None:
    leases.define(store, "api", 1, 0.001)
    rate_limit("api")
    with pytest.raises(TimeoutError, match="limit 'api'"):
        rate_limit("api", timeout_seconds=1)
    assert limit(store, "api").used == pytest.approx(1, abs=0.1)


def test_rates_in_flows_and_loops(store: Store) -> None:
    leases.define(store, "api", 1, 200)
    leases.define(store, "slots", 1)

    @flow
    def main() -> None:
        for _ in range(4):
            rate_limit("api")

    began = time.monotonic()
    main()
    asyncio.run(arate_limit("api"))
    assert time.monotonic() - began >= 4 / 200 - 0.005
    with pytest.raises(UsageError, match="no decay"):
        rate_limit("slots")


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_tasks_with_a_tag_are_limited_across_maps(store: Store, executor: str) -> None:
    leases.define(store, "tag:gpu", 1)

    @task(tags=["gpu"], executor=executor)
    def train(number: int) -> tuple[float, float]:
        began = time.monotonic()
        time.sleep(0.02)
        return began, time.monotonic()

    @task(executor=executor)
    def free(number: int) -> int:
        return number

    @flow
    def main() -> Any:
        with tags("gpu"):
            tagged = free.map(range(2))
        return sorted(train.map(range(4)).result()), tagged.result()

    spans, _ = main()
    assert all(one[1] <= other[0] for one, other in pairwise(spans)), spans
    assert limit(store, "tag:gpu").used == 0


SCRIPT = """
    import os, time
    from motet import concurrency, flow

    def note(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @flow
    def hold():
        with concurrency("db"):
            note("held")
            time.sleep(3600)

    @flow
    def quick():
        with concurrency("db"):
            note("quick")

    @flow
    def waits():
        note("waits")
        with concurrency("db"):
            note("never")
"""


def test_the_slot_of_a_killed_process_is_free_at_once(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli("limit", "set", "db", "1")
    holder = cli.start("run", "script.py:hold", "--name", "holder")
    cli.wait_for_count(1, holder)
    (held,) = cli.json("limit", "ls")
    assert held["used"] == 1 and held["holders"][0]["by"] == "holder hold"
    waiter = cli.start("run", "script.py:quick")
    while not cli.json("limit", "ls")[0]["line"]:
        time.sleep(0.02)
    holder.kill()
    holder.communicate()
    _, err = waiter.communicate(timeout=PATIENCE_S)
    assert waiter.returncode == 0, err
    assert cli.counted() == ["held", "quick"]
    assert cli.json("limit", "ls")[0]["holders"] == []


def test_a_run_that_waits_for_a_limit_can_be_stopped(cli: Cli) -> None:
    cli.write("script.py", SCRIPT)
    cli("limit", "set", "db", "0")
    process = cli.start("run", "script.py:waits", "--name", "mine")
    while not cli.json("limit", "ls")[0]["line"]:
        time.sleep(0.02)
    assert "cancelled" in cli("stop", "mine").out
    process.communicate(timeout=PATIENCE_S)
    assert cli.json("limit", "ls")[0]["line"] == []
    assert cli.counted() == ["waits"]


def test_a_wait_in_a_stopped_run_raises_cancelled(store: Store) -> None:
    leases.define(store, "db", 0)
    seen: list[str] = []

    @flow
    def main() -> None:
        from motet.dialects.python.scope import current

        scope = current.get()
        assert scope is not None
        scope.driver.cancel("enough")
        try:
            concurrency("db").__enter__()
        except Cancelled as error:
            seen.append(str(error))
            raise

    with pytest.raises(Cancelled):
        main()
    assert "enough" in seen[0]


def test_the_command(cli: Cli) -> None:
    assert "no limits" in cli("limit", "ls").out
    cli("limit", "set", "gpu", "2", "--tag")
    cli("limit", "set", "api", "10", "--decay", "2.5")
    told = cli("limit", "ls").out
    assert "tag:gpu" in told and "2.5/s" in told
    cli("limit", "rm", "gpu", "--tag")
    assert "no limit 'gpu'" in cli("limit", "rm", "gpu", code=2).err
    for wrong in (["set", "db"], ["set"], ["rm"], ["set", "db", "-1"], ["set", "db", "many"], ["add", "db", "1"]):
        assert "motet" in cli("limit", *wrong, code=2).err
