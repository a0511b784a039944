"""What may be given to tasks and flows, and in what: futures in containers, annotations around lists, late checks."""

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict

from motet import allow_failure, flow, quote, task
from motet.errors import ParameterError
from motet.states import State


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    value: Any


class Pair(NamedTuple):
    left: Any
    right: int


@dataclass(frozen=True)
class Holder:
    value: Any


@task
def one() -> int:
    return 1


@task
def fail(value: int = 0) -> int:
    raise ValueError(value)


@task
def same(value: Any, other: Any = None) -> Any:
    return value


@pytest.mark.parametrize(
    "around",
    [
        lambda each: Model(value=[each], more=each), lambda each: Pair(each, 2), lambda each: Holder({"deep": {each}}),
        lambda each: OrderedDict(first=each), lambda each: defaultdict(list, {"first": each}), lambda each: {each: 1},
    ],
    ids=["model", "named tuple", "dataclass", "ordered dict", "default dict", "key"],
)  # fmt: skip
def test_futures_stand_for_their_values_in_every_container(around: Callable[[Any], Any]) -> None:
    @flow
    def pipeline() -> Any:
        return same(around(one.submit())), same.submit(around(one.submit())).result()

    assert pipeline() == (around(1), around(1))
    assert type(pipeline()[0]) is type(around(1))


def test_a_container_that_holds_itself() -> None:
    @flow
    def pipeline() -> int:
        ring: list[Any] = [1]
        ring.append(ring)
        return len(same(ring))

    assert pipeline() == 2


def test_a_failure_that_is_passed_on_as_a_value_has_been_looked_at() -> None:
    @flow
    def pipeline() -> list[Any]:
        alone, several = fail.submit(1), fail.map([2, 3])
        after = one(wait_for=[allow_failure(fail.submit(4))])
        return [repr(same(allow_failure(alone))), repr(same.submit(allow_failure(several)).result()), after]

    assert pipeline() == ["ValueError(1)", "[ValueError(2), ValueError(3)]", 1]


def test_an_annotation_around_a_sequence_is_around_each_of_its_elements() -> None:
    @flow
    def pipeline() -> list[Any]:
        failed = fail.map([1, 2])
        return [
            repr(same.map(allow_failure(failed), 0).result()),
            same.map([1, 2], allow_failure(same.submit([3, 4]))).result(),
            same.map(quote([5, 6])).result(),
        ]

    assert pipeline() == ["[ValueError(1), ValueError(2)]", [1, 2], [5, 6]]


def test_a_map_goes_over_what_is_given_by_name_or_place_and_not_over_defaults() -> None:
    @task
    def train(rate: int, *more: int, layers: list[int] = [8, 8, 8], **options: Any) -> Any:  # noqa: B006
        return rate, more, layers, options

    @flow
    def pipeline() -> Any:
        return train.map([1, 2], [3, 4], seed=[5, 6], name="x").result(), train.map([7]).result()

    assert pipeline() == (
        [(1, (3,), [8, 8, 8], {"seed": 5, "name": "x"}), (2, (4,), [8, 8, 8], {"seed": 6, "name": "x"})],
        [(7, (), [8, 8, 8], {})],
    )


def test_parameters_of_subflows_are_checked_when_their_futures_have_values() -> None:
    @flow
    def sub(numbers: list[int], last: int = 0) -> Any:
        return numbers, last

    @flow
    def pipeline(last: str) -> Any:
        return sub.submit([one.submit(), "2"], same.submit(last)).result()

    assert pipeline("3") == ([1, 2], 3)
    with pytest.raises(ParameterError, match="Parameter last of flow sub: 'x' does not fit"):
        pipeline("x")


def test_variadic_parameters_are_made_to_fit_one_by_one() -> None:
    @flow
    def pipeline(*numbers: int, **shares: float) -> Any:
        return numbers, shares

    assert pipeline("1", 2, left="0.5") == ((1, 2), {"left": 0.5})  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"Parameter numbers\[1\] of flow pipeline: 'x'"):
        pipeline("1", "x")  # type: ignore[arg-type]


def test_a_recursion_without_end_is_an_error_of_the_flow() -> None:
    @task
    def deeper(depth: int) -> int:
        return deeper(depth + 1)

    @flow
    def pipeline() -> int:
        return deeper(0)

    before = sys.getrecursionlimit()
    sys.setrecursionlimit(900)
    try:
        with pytest.raises(RecursionError):
            pipeline()
    finally:
        sys.setrecursionlimit(before)
    assert one() == 1


def test_tasks_outside_flows_give_states_when_asked() -> None:
    states: list[State] = [one(return_state=True), fail(3, return_state=True)]
    assert [each.name for each in states] == ["Completed", "Failed"]
    assert states[0].result() == 1
    assert repr(states[1].result(raise_on_failure=False)) == "ValueError(3)"
