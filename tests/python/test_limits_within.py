"""Limits of every kind around code that takes more of the same: nobody waits for what is held around it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.python.test_limits import Gauge, limit

from motet import app, concurrency, flow, leases, tags, task
from motet.ports import Store
from motet.task_runners import ThreadPoolTaskRunner


@pytest.fixture
def store() -> Store:
    store = app.hosts.current().store
    leases.define(store, "gate", 1)
    leases.define(store, "tag:gate", 1)
    return store


Kind = dict[str, Any]
_OF_FLOW: Kind = {"limits": {"gate": 1}}
_TAGGED: Kind = {"tags": ["gate"]}
_OF_MACHINE: Kind = {"resources": {"whatsit": 1}}

KINDS = pytest.mark.parametrize("kind", [_OF_FLOW, _TAGGED, _OF_MACHINE], ids=["flow", "tag", "machine"])


@KINDS
@pytest.mark.parametrize("executor", [{}, {"executor": "threads"}], ids=["inline", "threads"])
def test_a_task_calls_one_that_takes_the_same(store: Store, kind: Kind, executor: Kind) -> None:
    @task(**kind)
    def inner() -> int:
        return 1

    @task(**kind, **executor)
    def outer() -> int:
        return inner() + inner.submit().result()

    @flow(limits={"gate": 1})
    def main() -> int:
        return outer.submit().result() + outer()

    assert main() == 4
    assert limit(store, "tag:gate").used == 0


@KINDS
def test_what_uses_it_below_a_holder_does_so_one_at_a_time(store: Store, kind: Kind) -> None:
    gauge = Gauge()

    @task(**kind, executor="threads")
    def inner(number: int) -> int:
        with gauge:
            time.sleep(0.005)
        return number

    @task(**kind)
    def outer() -> list[int]:
        return inner.map(range(4)).result()

    @flow(limits={"gate": 1, "resource:whatsit": 1})
    def main() -> list[int]:
        return outer()

    assert main() == [0, 1, 2, 3]
    assert gauge.most == 1


@KINDS
def test_several_holders_that_all_need_another(store: Store, kind: Kind) -> None:
    leases.define(store, "tag:gate", 2)
    both = threading.Barrier(2)

    @task(**kind)
    def inner(number: int) -> int:
        return number

    @task(**kind, executor="threads")
    def outer(number: int) -> int:
        if kind is not _OF_MACHINE:
            both.wait()
        return inner(number)

    @flow(limits={"gate": 2})
    def main() -> list[int]:
        return outer.map(range(2)).result()

    assert main() == [0, 1]


@KINDS
def test_it_passes_those_who_wait_already(store: Store, kind: Kind) -> None:
    waiting = threading.Event()

    @task(**kind)
    def inner() -> int:
        return 1

    @task(**kind, executor="threads")
    def outer() -> int:
        waiting.wait()
        return inner()

    @task(**kind, executor="threads")
    def other() -> int:
        return 2

    @flow(limits={"gate": 1, "resource:whatsit": 1})
    def main() -> int:
        first, second = outer.submit(), other.submit()
        waiting.set()
        return first.result() + second.result()

    assert main() == 3


@KINDS
def test_flows_below_tasks_and_coroutines(store: Store, kind: Kind) -> None:
    @task(**kind)
    async def inner() -> int:
        return 1

    @flow
    async def between() -> int:
        return sum(await asyncio.gather(inner(), inner()))

    @task(**kind)
    async def outer() -> int:
        return await between()

    @flow(limits={"gate": 1})
    async def main() -> int:
        return await outer()

    assert asyncio.run(main()) == 2


def test_tags_in_processes(store: Store) -> None:
    @task(executor="processes")
    def inner() -> int:
        with concurrency("gate"):
            return 1

    @task
    def outer() -> int:
        return inner()

    @flow
    def main() -> int:
        with concurrency("gate"), tags("gate"):
            return outer()

    assert main() == 1
    assert limit(store, "gate").used == limit(store, "tag:gate").used == 0


def _nested(store: Store) -> int:
    with concurrency("gate"), concurrency("gate"):
        return 1


def _for_more(store: Store) -> int:
    leases.define(store, "gate", 2)
    with concurrency("gate"), concurrency("gate", occupy=2):
        return 1


def _around_a_run(store: Store) -> int:
    @task
    def inner() -> int:
        with concurrency("gate"):
            return 1

    @flow
    def main() -> int:
        return inner.submit().result()

    with concurrency("gate"):
        return main()


async def _around_a_run_in_a_loop(store: Store) -> int:
    @flow
    async def main() -> int:
        async with concurrency("gate"):
            return 1

    async with concurrency("gate"):
        return await main()


@pytest.mark.parametrize("within", [_nested, _for_more, _around_a_run, _around_a_run_in_a_loop])
@pytest.mark.parametrize("in_a_flow", [True, False])
def test_blocks(store: Store, within: Callable[[Store], Any], in_a_flow: bool) -> None:
    def whole() -> int:
        found = within(store)
        return asyncio.run(found) if asyncio.iscoroutine(found) else found  # type: ignore[no-any-return]

    assert (flow(whole) if in_a_flow else whole)() == 1
    assert limit(store, "gate").used == 0 and not limit(store, "gate").line


def test_asyncio_tasks_beside_one_another_exclude_each_other(store: Store) -> None:
    gauge = Gauge()

    async def work() -> None:
        async with concurrency("gate"):
            with gauge:
                await asyncio.sleep(0.005)

    @flow
    async def main() -> None:
        await asyncio.gather(work(), work(), work())

    asyncio.run(main())
    assert gauge.most == 1


def test_what_is_left_behind_by_a_block_waits_no_longer(store: Store) -> None:
    with concurrency("gate"):
        pass
    entered = threading.Event()
    with concurrency("gate"):
        thread = threading.Thread(target=lambda: concurrency("gate").__enter__() and entered.set())
        thread.start()
        assert not entered.wait(0.05), "another thread of nobody's is not within the block"
    thread.join()


def test_a_runner_with_one_worker(store: Store) -> None:
    @task
    def inner() -> int:
        return 1

    @task
    def outer() -> int:
        return inner.submit().result()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def main() -> int:
        return outer.submit().result() + outer.submit().result()

    assert main() == 2
