"""Tasks that are called outside of any flow: their options hold there, too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from motet import app, flow, task, transaction
from motet.cache_policies import INPUTS
from motet.states import Completed, Failed


def runs() -> list[str]:
    return [each.workflow for each in app.hosts.current().store.runs()]


@pytest.fixture
def tries() -> list[Any]:
    return []


def test_retries_and_hooks_hold(tries: list[Any]) -> None:
    def told(task: Any, run: Any, state: Any) -> None:
        tries.append(state.name)

    @task(retries=2, on_completion=[told])
    def flaky(value: int) -> int:
        tries.append(value)
        if len(tries) < 3:
            raise ValueError("not yet")
        return value

    assert flaky(4) == 4
    assert tries == [4, 4, 4, "Completed"]
    assert runs() == ["flaky"]


def test_a_failure_is_raised_or_stands_in_the_state(tries: list[Any]) -> None:
    @task(retries=1)
    def bad() -> None:
        tries.append(1)
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        bad()
    state = bad(return_state=True)
    assert state.is_failed()
    assert len(tries) == 4


def test_a_cache_policy_holds(tries: list[Any]) -> None:
    @task(cache_policy=INPUTS)
    def counted(value: int) -> int:
        tries.append(value)
        return value

    assert [counted(1), counted(1), counted(2)] == [1, 1, 2]
    assert tries == [1, 2]


def test_a_coroutine_is_awaited(tries: list[Any]) -> None:
    @task(retries=1)
    async def later(value: int) -> int:
        tries.append(value)
        if len(tries) == 1:
            raise ValueError("not yet")
        return value

    async def main() -> int:
        return await later(3)

    assert asyncio.run(main()) == 3
    assert tries == [3, 3]


def test_a_task_that_asks_for_nothing_is_its_function() -> None:
    @task
    def plain(value: int) -> int:
        return value

    assert plain(3) == 3
    assert runs() == []


# ---------------------------------------------------------------- an outcome that is declared


@task
def bad() -> None:
    raise ValueError("boom")


@task
def good() -> int:
    return 1


@pytest.mark.parametrize("given", ["state", "future", "states", "futures"])
def test_a_flow_that_returns_states_or_futures_says_itself_how_it_ended(given: str) -> None:
    @flow
    def declared() -> Any:
        bad.submit()
        own = good.submit()
        own.wait()
        return {"state": Completed(message="enough"), "future": own, "states": [own.state], "futures": [own]}[given]

    assert declared(return_state=True).is_completed()


def test_what_it_says_may_be_a_failure() -> None:
    @flow
    def declared() -> Any:
        bad.submit()
        return Failed(message="as told")

    assert str(declared(return_state=True)) == "Failed('as told')"


def test_a_value_says_nothing_of_it() -> None:
    @flow
    def plain() -> Any:
        bad.submit()
        return 3

    assert "did not look at" in plain(return_state=True).message


def test_a_block_without_a_value_is_remembered_by_its_key() -> None:
    @flow
    def once(key: str) -> str:
        with transaction(key) as txn:
            return "already" if txn.is_committed() else "working"

    assert [once("a"), once("a"), once("b")] == ["working", "already", "working"]
    with transaction("a") as txn:
        assert txn.is_committed()
        assert txn.read() is None
