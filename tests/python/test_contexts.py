"""Context variables: a task of this process sees them as they were where it was called, submitted or mapped."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

from motet import flow, get_transaction, tags, task, transaction

tenant: ContextVar[str] = ContextVar("tenant", default="none")


@task
def see(value: int = 0) -> str:
    return tenant.get()


@task(executor="threads")
def see_elsewhere(value: int = 0) -> str:
    return tenant.get()


@task
async def see_waiting(value: int = 0) -> str:
    return tenant.get()


@task
def change() -> str:
    tenant.set("changed")
    return tenant.get()


def test_a_task_sees_what_its_caller_has_set() -> None:
    @flow
    def pipeline() -> list[Any]:
        tenant.set("acme")
        found = [each() for each in (see, see_elsewhere)]
        for each in (see, see_elsewhere, see_waiting):
            found += [each.submit().result(), *each.map([1, 2]).result()]
        return found

    assert pipeline() == ["acme"] * 11


def test_a_coroutine_too_and_each_sees_its_own() -> None:
    @flow
    async def pipeline() -> list[Any]:
        futures = []
        for name in ("a", "b"):
            tenant.set(name)
            futures.append([see.submit(), see_waiting.submit(), see_elsewhere.map([1, 2])])
        found = [await each for some in futures for each in some]
        return [*found, await see_waiting(), await change.submit(), tenant.get()]

    assert asyncio.run(pipeline()) == ["a", "a", ["a", "a"], "b", "b", ["b", "b"], "b", "changed", "b"]


def test_what_a_submitted_task_sets_is_its_own() -> None:
    @flow
    def pipeline() -> Any:
        tenant.set("acme")
        assert change.submit().result() == "changed"
        assert see.submit().result() == "acme"
        return tenant.get(), change(), tenant.get()

    assert pipeline() == ("acme", "changed", "changed")


def test_a_submitted_subflow_and_blocks_of_motets_own() -> None:
    @flow
    def inner() -> str:
        return see()

    @task
    def is_within(value: int = 0) -> bool:
        return get_transaction() is not None

    @flow
    def pipeline() -> Any:
        tenant.set("acme")
        with transaction(), tags("nightly"):
            inside = is_within.submit().result(), is_within.map([1]).result()
        return inner.submit().result(), inside, is_within.submit().result()

    assert pipeline() == ("acme", (True, [True]), False)
