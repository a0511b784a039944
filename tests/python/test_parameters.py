"""Parameters of flows: values come as their annotations say, can be read as often as one likes, and all is checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel

from motet import flow, task
from motet.errors import ParameterError, UsageError

if TYPE_CHECKING:
    from absent import Missing  # type: ignore[import-not-found]


def twice(values: Any) -> tuple[list[Any], list[Any]]:
    return list(values), list(values)


@pytest.mark.parametrize(
    ("annotation", "given", "found"),
    [
        (Iterable[int], [1, 2], [1, 2]), (Iterable[int], ["1", 2], [1, 2]), (Iterable[int], (1, 2), (1, 2)),
        (Iterable[int], range(3), range(3)), (Iterable[int], {"a": 1}.values(), [1]), (Iterable[str], "ab", "ab"),
        (Iterable[int], (each for each in "12"), [1, 2]), (Iterable[int], map(int, "12"), [1, 2]),
        (Iterable[int] | None, [1], [1]), (Annotated[Iterable[int], "note"], [1], [1]), (Iterable, [1], [1]),
        (dict[str, Iterable[int]], {"a": ("1",)}, {"a": [1]}), (tuple[Iterable[int], int], ([1], 2), ([1], 2)),
        (Iterable[Iterable[int]], [["1"], [2]], [[1], [2]]), (Sequence[int], (1, "2"), (1, 2)),
        (Mapping[str, Iterable[int]], {"a": [1]}, {"a": [1]}),
    ],
)  # fmt: skip
def test_what_can_be_iterated_can_be_iterated_again(annotation: Any, given: Any, found: Any) -> None:
    def pipeline(rows: Any) -> Any:
        return rows

    pipeline.__annotations__ = {"rows": annotation}
    values = flow(pipeline)(given)
    assert values == found
    assert type(values) is type(found)
    first, second = twice(values)
    assert first == second


@pytest.mark.parametrize(
    "annotation", [Iterator[int], Generator[int, None, None], Iterator[int] | None, "Iterator[int]"]
)
def test_an_iterator_begins_anew_with_each_attempt(annotation: Any) -> None:
    seen: list[Any] = []

    def pipeline(rows: Any) -> Any:
        seen.append((next(rows), list(rows)))
        if len(seen) == 1:
            raise OSError("once")

    pipeline.__annotations__ = {"rows": annotation}
    for given in ([1, "2", 3], (each for each in (1, 2, 3))):
        seen.clear()
        flow(retries=1)(pipeline)(given)
        assert seen == [(1, [2, 3])] * 2


def test_what_has_no_end_is_given_as_it_is() -> None:
    @flow
    def pipeline(rows: Iterable[int]) -> list[int]:
        return list(islice(rows, 3))

    assert pipeline(count()) == [0, 1, 2]


class Rows(BaseModel):
    rows: Iterable[int]


def test_models_with_iterables_can_be_read_again_and_name_the_place_that_does_not_fit() -> None:
    @flow
    def pipeline(data: Rows) -> Any:
        return twice(data.rows)

    assert pipeline({"rows": ["1", 2]}) == ([1, 2], [1, 2])  # type: ignore[arg-type]
    assert pipeline(Rows(rows=[1, 2])) == ([1, 2], [1, 2])
    with pytest.raises(ParameterError, match=r"Parameter data\.?(rows)?\[1\] of flow.*valid integer"):
        pipeline({"rows": [1, "x"]})  # type: ignore[arg-type]


@dataclass
class Config:
    rate: float
    owner: Missing | None = None


class Model(BaseModel):
    rate: float
    owner: Missing | None = None


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


@pytest.mark.parametrize("kind", ["Missing", "list[Missing] | None", "dict[str, absent.deep.Thing[int]]", "'Missing'"])
def test_a_type_that_is_not_known_costs_only_itself_and_is_said(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    def pipeline(rate: float, out: Any = None, when: int = 0) -> Any:
        return rate * 2, out, when

    pipeline.__annotations__ = {"rate": "float", "out": kind, "when": "int"}
    made = flow(pipeline)
    for _ in range(2):
        assert made("1.5", None if "None" in kind else {}, "3") == (3.0, None if "None" in kind else {}, 3)  # type: ignore[arg-type]
    (told,) = warnings(caplog)
    assert "Parameter out of flow pipeline" in told
    assert ("absent" if "absent" in kind else "Missing") in told
    with pytest.raises(ParameterError, match="Parameter rate"):
        made("abc")  # type: ignore[arg-type]


def test_what_is_known_of_such_a_type_is_checked() -> None:
    @flow
    def pipeline(out: list[Missing]) -> Any:
        return out

    assert pipeline(("a", 1)) == ["a", 1]  # type: ignore[arg-type, list-item]
    with pytest.raises(ParameterError, match="Parameter out"):
        pipeline(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Config, Model])
def test_fields_of_such_types_cost_only_themselves(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    @flow
    def pipeline(config: Any, rate: int) -> Any:
        return type(config), config.rate, config.owner, rate

    pipeline.fn.__annotations__["config"] = kind
    assert pipeline({"rate": "0.5", "owner": 7}, "2") == (kind, 0.5, 7, 2)  # type: ignore[arg-type]
    (told,) = warnings(caplog)
    assert "Parameter config of flow pipeline" in told
    assert "Missing" in told
    with pytest.raises(ParameterError, match=r"Parameter config\.rate of flow"):
        pipeline({"rate": "x"}, 2)


def test_types_that_a_flow_closes_over_are_known() -> None:
    class Local(BaseModel):
        n: int

    @flow
    def pipeline(config: Local) -> Any:
        return type(config) is Local, config.n

    assert pipeline({"n": "3"}) == (True, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [lambda: None, print, len])
def test_whatever_is_annotated_wrongly_is_only_said(
    function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    def pipeline(value: Any) -> Any:
        return value

    pipeline.__annotations__ = {"value": "not an annotation ["}
    assert flow(pipeline)(3) == 3
    assert len(warnings(caplog)) == 1


def test_names_that_calls_take_for_themselves_are_refused_at_definition() -> None:
    for make in (flow, task):
        for name in ("return_state", "wait_for"):
            namespace: dict[str, Any] = {}
            exec(f"def made(value, {name}=None): pass", namespace)
            with pytest.raises(UsageError, match=f"has a parameter called {name}"):
                make(namespace["made"])


def test_a_parameter_may_be_called_self() -> None:
    @flow
    def pipeline(self: int) -> int:
        return one(self=self)

    @task
    def one(self: int) -> int:
        return self + 1

    assert pipeline(self=1) == 2
