"""Parameters against a JSON schema: what fits, what it becomes, and what is said of what does not."""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from motet.errors import ParameterError
from motet.ports.voice import Written
from motet.registry.schemas import fitted
from motet.values.coercion import coerce, schema_of


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    y: int = 0


FITS: list[tuple[Any, Any, Any]] = [
    (int, Written("3"), 3),
    (int, 3.0, 3),
    (float, Written("3"), 3),
    (str, Written("1.10"), "1.10"),
    (str, 0, "0"),
    (str, Written('"quoted"'), "quoted"),
    (bool, Written("yes"), True),
    (int | None, Written("null"), None),
    (int | str, Written("x"), "x"),
    (list[int], Written("[1, 2]"), [1, 2]),
    (dict[str, float], {"a": 1}, {"a": 1}),
    (tuple[int, str], [1, "a"], [1, "a"]),
    (Literal["a", "b"], Written("a"), "a"),
    (Colour, Written("red"), "red"),
    (Point, Written('{"x": 1}'), {"x": 1}),
    (list[Point], [{"x": 1, "y": 2}], [{"x": 1, "y": 2}]),
    (date, Written("2026-11-30"), "2026-11-30"),
    (Annotated[int, Field(ge=1, le=5)], Written("5"), 5),
    (Annotated[float, Field(multiple_of=0.1)], Written("0.7"), 0.7),
    (Annotated[str, Field(pattern=r"^\p{L}+$")], "word", "word"),
    (Any, {"any": ["thing"]}, {"any": ["thing"]}),
    (object, Written("text"), "text"),
]
REFUSED: list[tuple[Any, Any, str]] = [
    (int, Written("x"), "x is not a whole number"),
    (int, Written("2.5"), "2.5 is not a whole number"),
    (int, True, "true is not a whole number"),
    (int, Written("NaN"), '"NaN" is not a whole number'),
    (float, float("nan"), "NaN is no JSON"),
    (bool, Written("maybe"), "is not true or false"),
    (list[int], Written('["a"]'), r"\[0\] of workflow w: \"a\" is not a whole number"),
    (Literal["a", "b"], Written("c"), "none of"),
    (Colour, Written("green"), "none of"),
    (Point, Written('{"y": 1}'), "x is missing"),
    (list[Point], [{"x": "?"}], r"\[0\].x"),
    (date, Written("2026-13-30"), "format is date"),
    (Annotated[int, Field(ge=1)], Written("0"), "minimum is 1"),
    (Annotated[float, Field(multiple_of=0.1)], 0.75, "multipleOf is 0.1"),
    (Annotated[int, Field(multiple_of=10)], 10**18 + 1, "multipleOf is 10"),
    (Annotated[str, Field(pattern="^[a-z]+$")], "A", "pattern is"),
    (tuple[int, int], [1], "minItems"),
    (int | None, Written("x"), "does not fit"),
]


@pytest.mark.parametrize(("kind", "value", "becomes"), FITS)
def test_what_fits_becomes_json_that_the_annotation_takes(kind: Any, value: Any, becomes: Any) -> None:
    found = fitted(schema_of({"it": kind}, {}), {"it": value}, {}, "workflow w")["it"]
    assert found == becomes and type(found) is type(becomes)
    coerce(kind, found)  # raises Unfit for what a run would refuse later


@pytest.mark.parametrize(("kind", "value", "told"), REFUSED)
def test_what_does_not_fit_is_refused_with_its_place(kind: Any, value: Any, told: str) -> None:
    with pytest.raises(ParameterError, match=r"Parameter it.* of workflow w") as refused:
        fitted(schema_of({"it": kind}, {}), {"it": value}, {}, "workflow w")
    assert re.search(told, refused.value.what.replace('"x" is', "x is")), refused.value.what
    assert refused.value.cure.startswith("Asked for is")


def test_names_are_checked_and_what_is_there_need_not_be_given() -> None:
    schema = schema_of({"rate": float, "count": int}, {"count": 3})
    with pytest.raises(ParameterError, match="Workflow w needs rate"):
        fitted(schema, {}, {}, "workflow w")
    assert fitted(schema, {}, {"rate": 0.5}, "workflow w") == {}
    with pytest.raises(ParameterError) as refused:
        fitted(schema, {"rat": 1}, {}, "workflow w")
    assert refused.value.cure == "Did you mean rate?"


def test_a_schema_is_never_a_reason_to_fail_a_deep_value() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert fitted({"properties": {"it": {"type": "array"}}}, {"it": deep}, {}, "w") == {"it": deep}
