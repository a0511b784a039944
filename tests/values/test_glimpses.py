"""What is shown of arrays, tables, images and arguments without loading them: small, true, and cheap to make."""

from __future__ import annotations

import json
from typing import Any

import numpy
import pandas  # type: ignore[import-untyped]
import pytest

from motet.artifacts.memory import MemoryArtifacts
from motet.values import containers, glimpses, records


def told(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(glimpses.preview(value)))
    return found


def test_an_array_is_told_by_its_numbers() -> None:
    array = numpy.array([[1.0, numpy.nan], [3.0, numpy.inf]], dtype="float32")
    found = told(array)
    assert (found["dtype"], found["shape"], found["size_bytes"]) == ("float32", [2, 2], 16)
    assert (found["empty"], found["low"], found["high"], found["mean"], found["deviation"]) == (1, 1, 3, 2, 1)
    assert (found["bars"][0], found["bars"][-1], sum(found["bars"]), found["sampled"]) == (1, 1, 2, False)


@pytest.mark.parametrize("array", [
    numpy.empty((0, 3)), numpy.array(["a", "b"]), numpy.full(5, 7), numpy.full(4, numpy.nan), numpy.array([True]),
    numpy.array([object()]), numpy.zeros((2, 2), dtype="complex128"),
])  # fmt: skip
def test_any_array_can_be_told(array: Any) -> None:
    assert told(array)["shape"] == list(array.shape)


@pytest.mark.parametrize("turn", [lambda it: it, lambda it: it.T, lambda it: it[:, ::2], lambda it: it[::-1]])
def test_of_large_arrays_some_numbers_do_wherever_they_stand(turn: Any) -> None:
    array = turn(numpy.arange(1_000_000, dtype="float64").reshape(1000, 1000))
    found = told(array)
    assert found["sampled"]
    assert sum(found["bars"]) <= glimpses.SAMPLE * 2
    assert abs(found["mean"] - array.mean()) < 20_000
    assert all(each > 0 for each in found["bars"])


def test_a_table_is_told_by_its_head_and_columns() -> None:
    table = pandas.DataFrame({"a": range(100), "b": [None, *"x" * 99], "when": pandas.Timestamp("2026-01-01")})
    found = told(table)
    assert (found["n_rows"], found["n_columns"], len(found["rows"]), found["columns"]) == (
        100,
        3,
        20,
        ["a", "b", "when"],
    )
    assert [each["empty"] for each in found["about"]] == [0, 1, 0]
    assert found["about"][0]["mean"] == 49.5
    assert told(pandas.DataFrame({each: [1] for each in map(str, range(50))}))["n_columns"] == 50


class Figure:
    """As matplotlib's."""

    def savefig(self, into: Any, **how: Any) -> None:
        into.write(b"\x89PNG small")


def test_a_figure_is_told_by_a_small_picture_of_it() -> None:
    artifacts = MemoryArtifacts()
    found = glimpses.beside(Figure(), artifacts)
    assert bytes(artifacts.get(found["thumbnail"]["artifact"])) == b"\x89PNG small"
    assert glimpses.beside(object(), artifacts) is None


def test_of_wide_tables_fewer_rows_are_shown_and_values_come_back() -> None:
    artifacts = MemoryArtifacts()
    table = pandas.DataFrame({f"column {each}": ["x" * 60] * 30 for each in range(12)})
    record = records.encode(table, artifacts)
    assert len(json.dumps(record["preview"])) <= glimpses.MOST_CHARS
    assert (record["preview"]["n_rows"], len(record["preview"]["rows"])) == (30, 2)
    assert records.decode(record, artifacts).equals(table)
    assert "preview" in records.encode(numpy.arange(3), None)
    assert "preview" not in records.encode({"a": [1, 2]}, artifacts)


def test_arguments_are_told_as_far_as_they_are_plain() -> None:
    inputs = {"a": "#1", "b": "#2", "c": 3, "d": "@s", "e": ["#3", 1], "f": "#4", "g": "#5"}
    values = {
        "a": {"x": 1, "deep": [[[[1]]]]}, "b": numpy.zeros((2, 3)), "c": 3, "d": object(),
        "e": [{"y": float("nan")}, 1], "f": ["z" * 70] * 30, "g": list(range(1000)),
    }  # fmt: skip
    found = json.loads(json.dumps(containers.given(inputs, values)))
    assert found == {
        "a": {"x": 1, "deep": [["<list>"]]}, "b": "<ndarray (2, 3)>", "e": [{"y": "nan"}, None],
        "g": [*range(20), "… 980 more"],
    }  # fmt: skip
