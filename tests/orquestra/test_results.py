"""The formats of results: every key, every id, in both of the engine's formats; and the tables made of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from motet.dialects.orquestra import tables
from motet.dialects.orquestra.ids import step_id, workflow_id
from motet.dialects.orquestra.results import StepResult, document, text
from motet.dialects.orquestra.spec import Input, Output, Step

RUN = "pair-0f8fad5b-d9cb-469f-a165-70867728950e"


def results() -> list[StepResult]:
    first = Step(
        "first", (), inputs=[Input("size", "int", (), 2), Input("rate", "float", (), 2.0)],
        outputs=[Output("grid", "cells", (), "grid.json")],
    )  # fmt: skip
    second = Step(
        "second", (), image="example/own:v3", inputs=[Input("cells", "cells", (), None, ("first", "grid"))],
        outputs=[Output("sum", "number", (), "sum.json")],
    )  # fmt: skip
    grid = {"schema": "own-grid", "rows": [[1.0, 0.5], [0, 3]], "notes": [{"at": [1, 2]}], "inner": {"list": [4]}}
    return [StepResult(first, {"grid": grid}), StepResult(second, {"sum": {"schema": "own-sum", "sum": 4.5}})]


def test_step_ids_hash_both_names_by_fnv() -> None:
    assert step_id("run-1", "a") == f"run-1-{_fnv1a(b'run-1.a')}"
    assert step_id("w", "step") != step_id("w", "Step")
    made = workflow_id("pair")
    assert made.startswith("pair-")
    assert made[5:].count("-") == 4
    assert len({workflow_id("pair") for _ in range(100)}) == 100


def _fnv1a(content: bytes) -> int:
    value = 2166136261
    for each in content:
        value = ((value ^ each) * 16777619) % 2**32
    return value


def test_exact_loses_nothing() -> None:
    assert json.loads(text("exact", RUN, results()))["first"]["grid"]["rows"][0] == [1.0, 0.5]
    assert "1.0" in text("exact", RUN, results())


def test_v2_key_for_key() -> None:
    first, second = step_id(RUN, "first"), step_id(RUN, "second")
    assert document("v2", RUN, results()) == {
        first: {
            "grid": {
                "schema": "own-grid", "rows": [[1, 0.5], [0, 3]], "notes": [{"at": [1, 2]}], "inner": {"list": [4]},
            },
            "inputs": {"size": {"type": "int", "value": 2}, "rate": {"type": "float", "value": 2}},
            "stepID": first, "stepName": "first", "workflowId": RUN,
        },
        second: {
            "sum": {"schema": "own-sum", "sum": 4.5},
            "inputs": {"cells": {"sourceArtifactName": "grid", "sourceStepID": first}},
            "stepID": second, "stepName": "second", "workflowId": RUN,
        },
    }  # fmt: skip
    said = text("v2", RUN, results())
    assert said == json.dumps(json.loads(said), sort_keys=True, separators=(",", ":"))
    assert "1.0" not in said


def test_legacy_key_for_key() -> None:
    first, second = step_id(RUN, "first"), step_id(RUN, "second")
    grid = f"{first}/grid"
    found = document("legacy", RUN, results())
    assert found[second] == {
        "class": "second", "id": second, "workflowId": RUN, "inputArtifact:cells": grid,
        "inputParam:docker-image": "own", "inputParam:docker-registry": "example", "inputParam:docker-tag": "v3",
        "sum": {
            "schema": "own-sum", "sum": 4.5, "id": f"{second}/sum", "taskClass": "second", "taskId": second,
            "workflowId": RUN,
        },
    }  # fmt: skip
    assert found[first]["inputParam:docker-image"] == "z-quantum-default"
    assert not [key for key in found[first] if key.startswith("inputParam:s")], "literals are not in this format"
    assert found[first]["grid"]["inner"] == {"list": [4]}, "lists inside objects are left alone"
    assert found[first]["grid"]["notes"] == [
        {"at": [1, 2], "id": f"{grid}_notes[0]", "own-grid_notes_index": 0, "parentId": grid, "parentType": "own-grid",
         "workflowId": RUN}
    ]  # fmt: skip
    row = found[first]["grid"]["rows"][1]
    assert {key: value for key, value in row.items() if key != "rows"} == {
        "id": f"{grid}_rows[1]", "own-grid_rows_index": 1, "parentId": grid, "parentType": "own-grid",
        "workflowId": RUN,
    }  # fmt: skip
    assert row["rows"][1] == {
        "rows": 3, "id": f"{grid}_rows[1]_rows[1]", "own-grid_rows_rows_index": 1, "parentId": f"{grid}_rows[1]",
        "parentType": "own-grid_rows", "workflowId": RUN,
    }  # fmt: skip


def test_tables(tmp_path: Path) -> None:
    found = tables.tables(RUN, results())
    assert list(found) == ["cells", "number"]
    (path, _) = tables.write(str(tmp_path), "csv", found)
    with open(path, newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["stepName"], first["first.size"], first["rows"], second["rows"]) == (
        "first",
        "2",
        "[1.0, 0.5]",
        "[0, 3]",
    )
    parquet = pytest.importorskip("pyarrow.parquet")
    (path, _) = tables.write(str(tmp_path), "parquet", found)
    assert parquet.read_table(path).column("rows").to_pylist() == [[1.0, 0.5], [0.0, 3.0]]
    pytest.importorskip("pandas")
    assert tables.frames(found)["number"].iloc[0]["sum"] == 4.5
