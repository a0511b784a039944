"""Retries as users ask for them: lists, functions, conditions; and options that make no sense."""

from __future__ import annotations

from typing import Any

import pytest

from motet import State, exponential_backoff, flow, task
from motet.dialects.python.running.about import TaskRun
from motet.errors import UsageError
from motet.kernel.policy import retry_delay_s


def test_delays_are_numbers_lists_or_functions_of_the_number_of_retries() -> None:
    for given, wanted in [
        (3, (3.0,)),
        ([1, 2.5], (1.0, 2.5)),
        (exponential_backoff(10), (10.0, 20.0, 40.0)),
        (lambda retries: [retries] * retries, (3.0, 3.0, 3.0)),
        (None, ()),
    ]:
        made = task(retries=3, retry_delay_seconds=given)(abs)
        assert made.policy.delays_s == wanted
        assert flow(retries=3, retry_delay_seconds=given)(lambda: None).policy.delays_s == wanted


def test_a_delay_of_more_than_a_day_is_kept() -> None:
    policy = task(retries=1, retry_delay_seconds=200_000)(abs).policy
    assert retry_delay_s(policy, "a", 1) == 200_000


def test_jitter_lengthens_a_wait_equally_in_every_process() -> None:
    policy = task(retries=9, retry_delay_seconds=10, retry_jitter_factor=0.5)(abs).policy
    waits = [retry_delay_s(policy, "a", failures) for failures in range(1, 9)]
    assert waits == [retry_delay_s(policy, "a", failures) for failures in range(1, 9)]
    assert all(10 <= each <= 15 for each in waits)
    assert len(set(waits)) == len(waits)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"retries": -1}, "0 or more"),
        ({"retries": "3"}, "whole number"),
        ({"retry_delay_seconds": -2}, "retry_delay_seconds is -2"),
        ({"retry_delay_seconds": "soon"}, "retry_delay_seconds is 'soon'"),
        ({"retry_delay_seconds": [1.0] * 51}, "50 at most"),
        ({"retry_jitter_factor": -1}, "retry_jitter_factor"),
        ({"retry_condition_fn": 3}, "a function"),
        ({"tags": "gpu"}, r'tags=\["gpu"\]'),
        ({"executor": "thread"}, "Did you mean threads"),
        ({"log_prints": "yes"}, "True or False"),
        ({"retry": 3}, "Did you mean retries"),
        ({"on_fail": []}, "Did you mean on_failure"),
        ({"on_failure": print}, "a list of functions"),
        ({"on_failure": ["tell"]}, "no function"),
        ({"result_storage": "s3"}, "MOTET_HOME"),
        ({"result_storage_key": "x"}, "cache_key_fn"),
        ({"name": 7}, "Give text"),
    ],
)
def test_what_makes_no_sense_is_said_at_the_decorator(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        task(**options)(abs)


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_a_condition_decides_whether_a_retry_is_of_use(executor: str) -> None:
    asked: list[tuple[str, str]] = []

    def transient(task: Any, run: TaskRun, state: State) -> bool:
        asked.append((run.name, state.message))
        return isinstance(state.result(raise_on_failure=False), ConnectionError)

    @task(retries=2, retry_condition_fn=transient, executor=executor)
    def fetch(kind: str) -> None:
        raise ConnectionError("gone") if kind == "net" else ValueError("bad")

    @flow
    def both() -> list[int]:
        states = [fetch(kind, return_state=True) for kind in ("net", "bug")]
        assert all(each.is_failed() for each in states)
        return []

    both()
    assert asked == [
        ("fetch-0", "ConnectionError: gone"),
        ("fetch-0", "ConnectionError: gone"),
        ("fetch-1", "ValueError: bad"),
    ]


def test_a_condition_is_asked_for_each_element_and_may_be_async() -> None:
    asked: list[str] = []

    async def even(task: Any, run: TaskRun, state: State) -> bool:
        asked.append(run.name)
        return run.parameters["number"] == 0

    @task(retries=1, retry_condition_fn=even)
    def bad(number: int) -> None:
        raise ValueError(number)

    @flow
    def mapped() -> None:
        bad.map([0, 1]).wait()

    with pytest.raises(Exception, match=r"2/2|1/1"):
        mapped()
    assert sorted(asked) == ["bad-0[0]", "bad-0[1]"]


def test_a_condition_that_fails_means_no_retry(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    @task(retries=5, retry_condition_fn=lambda *_: 1 / 0)
    def bad() -> None:
        tried.append(1)
        raise ValueError("bad")

    @flow
    def once() -> None:
        bad()

    with pytest.raises(ValueError, match="bad"):
        once()
    assert len(tried) == 1
    assert "retry_condition_fn of task bad failed" in caplog.text


def test_a_result_that_is_not_to_be_kept_stays_in_memory() -> None:
    @task(persist_result=False)
    def large() -> list[int]:
        return [1, 2]

    @task(cache_result_in_memory=False)
    def copied(given: list[int]) -> list[int]:
        return given

    @flow
    def main() -> tuple[list[int], bool]:
        mine = large()
        mine.append(3)
        return mine, copied(mine) is mine

    assert main() == ([1, 2, 3], False)
