"""What type checkers know of flows and tasks: every line here is to be accepted. Never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, assert_type

from motet import Flow, Future, State, Task, as_completed, flow, task, wait
from motet.futures import FutureList
from motet.task_runners import ProcessPoolTaskRunner

# ---------------------------------------------------------------- tasks


@task
def length(text: str, more: int = 0) -> int:
    return len(text) + more


@task(name="other", retries=3, retry_delay_seconds=[1, 2], timeout_seconds=5, tags=["a"], limits={"database": 1})
def optioned(text: str) -> list[str]:
    return [text]


@task
async def fetch(url: str) -> bytes:
    return url.encode()


@task
def numbers(size: int) -> Iterator[int]:
    yield from range(size)


@task
async def numbers_async(size: int) -> AsyncIterator[int]:
    for number in range(size):
        yield number


class Model:
    @task
    def train(self, epochs: int) -> float:
        return 1.0 * epochs

    @task
    async def train_later(self, epochs: int) -> float:
        return 1.0 * epochs

    @staticmethod
    @task
    def score(value: float) -> str:
        return str(value)

    @flow
    def pipeline(self, epochs: int) -> float:
        return self.train(epochs)


# ---------------------------------------------------------------- flows


@flow
def plain(count: int, name: str = "x") -> dict[str, int]:
    return {name: count}


@flow(name="later", retries=1, task_runner=ProcessPoolTaskRunner(max_workers=2), log_prints=True)
async def later(count: int) -> str:
    value = await fetch("a")
    assert_type(value, bytes)
    return str(count)


def calls(model: Model) -> None:
    assert_type(length("a", more=1), int)
    assert_type(optioned("a"), list[str])
    assert_type(length("a", return_state=True), State)
    assert_type(length.submit("a"), Future[int])
    assert_type(length.submit("a").result(), int)
    assert_type(length.map(["a", "b"]), FutureList[int])
    assert_type(length.map(["a", "b"]).result(), list[int])
    assert_type(length.map(["a", "b"])[0], Future[int])
    assert_type(length.with_options(retries=2)("a"), int)
    assert_type(length.fn("a"), int)
    assert_type(plain(1), dict[str, int])
    assert_type(plain(1, return_state=True), State)
    assert_type(plain.submit(1), Future[dict[str, int]])
    assert_type(plain.with_options(name="y")(1), dict[str, int])
    assert_type(numbers(3), Iterator[int])
    assert_type(numbers.submit(3), Future[list[int]])
    assert_type(numbers_async(3), AsyncIterator[int])
    assert_type(model.train(3), float)
    assert_type(model.train.submit(3), Future[float])
    assert_type(model.train.map([3]), FutureList[float])
    assert_type(Model.score(1.0), str)
    assert_type(model.pipeline(3), float)
    assert_type(length.submit("a").state, State)
    assert_type(length.submit("a").cancel(), bool)
    done, not_done = wait([length.submit("a")])
    assert_type(done, set[Future[int]])
    assert_type(not_done, set[Future[int]])
    for future in as_completed([length.submit("a")]):
        assert_type(future.result(), int)


async def awaits(model: Model) -> None:
    coroutine: Coroutine[Any, Any, bytes] = fetch("a")
    assert_type(await coroutine, bytes)
    assert_type(await fetch("a"), bytes)
    assert_type(await fetch("a", return_state=True), State)
    assert_type(fetch.submit("a"), Future[bytes])
    assert_type(await fetch.submit("a"), bytes)
    assert_type(await fetch.map(["a"]), list[bytes])
    assert_type(await length.submit("a"), int)
    assert_type(await later(1), str)
    assert_type(await later(1, return_state=True), State)
    assert_type(later.submit(1), Future[str])
    assert_type(await model.train_later(3), float)
    assert_type(await model.train_later.submit(3).result_async(), float)
    async for number in numbers_async(3):
        assert_type(number, int)
    async for future in as_completed([length.submit("a")]):
        assert_type(future, Future[int])


def named(given: Task[[str], int], other: Flow[[int], str]) -> None:
    assert_type(given("a"), int)
    assert_type(other(1), str)


def states() -> None:
    assert_type(length.submit("a", return_state=True), State)
    assert_type(length.map(["a"], return_state=True), list[State])
    assert_type(later.submit(1, return_state=True), State)
