"""Caching: what is kept, when it is found again, and what is said of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from motet import flow, task, unmapped
from motet.dialects.python.cache_policies import DEFAULT, INPUTS, NO_CACHE, RUN_ID, TASK_SOURCE, CachePolicy
from motet.errors import UsageError
from motet.values.identity.code import plan_of


class Counter:
    """A file that a task adds a line to, so that runs in other processes count too."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "count"
        self.path.touch()

    def __call__(self) -> int:
        return len(self.path.read_text().splitlines())


@pytest.fixture
def count(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def add(path: str, value: Any, other: int = 0) -> Any:
    with open(path, "a") as file:
        file.write("x\n")
    return [value, other]


def test_nothing_is_cached_by_default(count: Counter) -> None:
    plain = task(add)

    @flow
    def twice() -> None:
        plain(str(count.path), 1)
        plain(str(count.path), 1)

    twice()
    assert count() == 2


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_equal_inputs_are_found_in_another_run(count: Counter, executor: str) -> None:
    kept = task(cache_policy=INPUTS, executor=executor)(add)

    @flow
    def once(value: int) -> Any:
        state = kept(str(count.path), value, return_state=True)
        return state.name, state.result()

    assert once(1) == ("Completed", [1, 0])
    assert once(1) == ("Cached", [1, 0])
    assert once(2) == ("Completed", [2, 0])
    assert count() == 2


def test_futures_count_by_the_values_they_give(count: Counter) -> None:
    kept = task(cache_policy=INPUTS)(add)

    @task
    def give(value: int) -> int:
        return value

    @flow
    def chained(value: int) -> Any:
        return kept.submit(str(count.path), give.submit(value)).result()

    assert chained(3) == chained(3) == [3, 0]
    assert count() == 1


def test_elements_of_maps_are_cached_one_by_one(count: Counter) -> None:
    kept = task(cache_policy=INPUTS)(add)

    @flow
    def mapped(values: list[int]) -> Any:
        return kept.map(unmapped(str(count.path)), values).result()

    assert mapped([1, 2, 3]) == [[1, 0], [2, 0], [3, 0]]
    assert mapped([2, 3, 4]) == [[2, 0], [3, 0], [4, 0]]
    assert count() == 4


def test_an_input_can_be_left_out(count: Counter) -> None:
    kept = task(cache_policy=INPUTS - "other")(add)

    @flow
    def once(other: int) -> Any:
        return kept(str(count.path), 1, other)

    assert once(1) == once(2) == [1, 1]
    assert count() == 1


def test_policies_add_up(count: Counter) -> None:
    within = task(cache_policy=INPUTS + RUN_ID)(add)
    never = task(cache_policy=NO_CACHE)(add)

    @flow
    def thrice() -> None:
        within(str(count.path), 1)
        within(str(count.path), 1)
        never(str(count.path), 1)

    thrice()
    assert count() == 2
    thrice()
    assert count() == 4
    assert DEFAULT is not None


def test_a_key_function_decides_alone(count: Counter) -> None:
    kept = task(cache_key_fn=lambda context, inputs: f"parity {inputs['value'] % 2}")(add)

    @flow
    def once(value: int) -> Any:
        return kept(str(count.path), value)

    assert once(1) == once(3) == [1, 0]
    assert once(2) == [2, 0]
    assert count() == 2


def test_kept_results_expire_and_can_be_refreshed(count: Counter) -> None:
    short = task(cache_policy=INPUTS, cache_expiration=timedelta(seconds=-1))(add)
    fresh = task(cache_policy=INPUTS, refresh_cache=True)(add)

    @flow
    def once(which: Any) -> None:
        which(str(count.path), 1)

    once.with_options(validate_parameters=False)(short)
    once.with_options(validate_parameters=False)(short)
    assert count() == 2
    once.with_options(validate_parameters=False)(fresh)
    once.with_options(validate_parameters=False)(fresh)
    assert count() == 4


def test_what_has_no_stable_content_is_not_cached_and_that_is_said_once(
    count: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    kept = task(cache_policy=INPUTS)(lambda path, lock: add(path, 1))

    @flow
    def twice() -> None:
        kept(str(count.path), threading.Lock())
        kept(str(count.path), threading.Lock())

    with caplog.at_level(logging.WARNING):
        twice()
    assert count() == 2
    assert len([each for each in caplog.records if "not cached: argument lock" in each.getMessage()]) == 1


def test_a_failure_is_not_kept(count: Counter) -> None:
    @task(cache_policy=INPUTS)
    def fail(path: str) -> None:
        add(path, 0)
        raise ValueError("no")

    @flow
    def once() -> Any:
        return fail(str(count.path), return_state=True).is_failed()

    assert once() and once()
    assert count() == 2


def test_the_source_digest_follows_what_the_function_does() -> None:
    def compiled(text: str) -> Any:
        space: dict[str, Any] = {"__name__": "somewhere"}
        exec(text, space)
        return space["outer"]

    first = compiled("def inner(x): return x + 1\ndef outer(x): return inner(x)\n")
    moved = compiled("# a comment\n\n\ndef inner(x): return x + 1\n\ndef outer(x):\n    return inner(x)\n")
    other = compiled("def inner(x): return x + 2\ndef outer(x): return inner(x)\n")
    assert plan_of(first).code == plan_of(moved).code != plan_of(other).code
    assert TASK_SOURCE is not None


def test_a_policy_of_ones_own(count: Counter) -> None:
    class Parity(CachePolicy):
        def compute_key(
            self, task_ctx: Any, inputs: Mapping[str, Any], flow_parameters: Mapping[str, Any], **kwargs: Any
        ) -> str | None:
            return None if inputs["value"] is None else f"{flow_parameters['of']} {inputs['value'] % 2}"

    kept = task(cache_policy=Parity() + (INPUTS - "other" - "value"))(add)

    @flow
    def below(of: str, *values: int | None) -> int:
        for each in values:
            kept(str(count.path), each)
        return count()

    @flow
    def around(of: str, *values: int | None) -> int:
        return below("flow" if of == "same" else of, *values)

    assert around("same", 1, 3, 2) == 2
    assert around("same", 5, 6) == 2
    assert around("other", 5) == 3
    assert around("other", None, None) == 4


def test_a_policy_without_a_key_says_what_to_write() -> None:
    @flow
    def pipeline() -> None:
        task(cache_policy=CachePolicy())(lambda: 1)()

    with pytest.raises(UsageError, match="CachePolicy gives no key"):
        pipeline()
