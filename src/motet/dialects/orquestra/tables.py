"""Results as tables, for CSV, Parquet and pandas: one table for each type of output.

A row is an element of an artifact's lists; what is no list stands in each of its rows. The first columns say where a
row comes from: workflowId, stepName, stepId, output, index; then the literal inputs that it goes back to, those of the
step and of all before it, as STEP.INPUT with the step's name in the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from motet.dialects.orquestra.ids import step_id
from motet.dialects.orquestra.results import StepResult
from motet.dialects.orquestra.spec import Step
from motet.errors import UsageError
from motet.kernel.events import Json

Table = list[dict[str, Json]]


def tables(workflow: str, results: Sequence[StepResult]) -> dict[str, Table]:
    """The rows of each type of output (of each name, where an output has no type)."""
    found: dict[str, Table] = {}
    steps = {each.step.name: each.step for each in results}
    for each in results:
        types = {output.name: output.type for output in each.step.outputs}
        inputs = _inputs(each.step, steps)
        for name, content in each.artifacts.items():
            origin = {"workflowId": workflow, "stepName": each.step.name, "stepId": step_id(workflow, each.step.name),
                      "output": name}  # fmt: skip
            rows = _rows(content if isinstance(content, dict) else {name: content})
            table = found.setdefault(types.get(name) or name, [])
            table += [{**origin, "index": index, **inputs, **row} for index, row in enumerate(rows)]
    return found


def _inputs(step: Step, steps: Mapping[str, Step]) -> dict[str, Json]:
    """The literal inputs of the step and of all steps that it goes back to."""
    seen = {step.name: step}
    todo = [step]
    while todo:
        for name in todo.pop().needs:
            if name in steps and name not in seen:
                seen[name] = steps[name]
                todo.append(steps[name])
    ordered = [each for name, each in steps.items() if name in seen]
    return {
        f"{each.origin}.{given.name}": given.value for each in ordered for given in each.inputs if given.source is None
    }


def _rows(content: Mapping[str, Json]) -> list[dict[str, Json]]:
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    plain = {key: value for key, value in content.items() if key not in lists}
    count = max(map(len, lists.values()), default=1)
    return [
        {**plain, **{key: value[index] if index < len(value) else None for key, value in lists.items()}}
        for index in range(count)
    ]


def write(folder: str, form: str, found: Mapping[str, Table]) -> list[str]:
    """Write each table as a file of that form (csv, parquet) below `folder`; gives their paths. Raises UsageError."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for name, table in found.items():
        path = os.path.join(folder, f"{name.replace(os.sep, '_')}.{form}")
        (_write_csv if form == "csv" else _write_parquet)(path, table)
        paths.append(path)
    return paths


def _columns(table: Table) -> list[str]:
    return list(dict.fromkeys(key for row in table for key in row))


def _write_csv(path: str, table: Table) -> None:
    import csv

    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(table))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in table)


def _cell(value: Json) -> Json:
    """What stands in a cell: lists and objects as JSON text."""
    return json.dumps(value) if isinstance(value, list | dict | bool) else value


def _write_parquet(path: str, table: Table) -> None:
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed.", "pip install pyarrow, or write CSV."
        ) from None
    columns = {name: _column(pyarrow, [row.get(name) for row in table]) for name in _columns(table)}
    parquet.write_table(pyarrow.table(columns), path)


def _column(pyarrow: Any, values: list[Json]) -> Any:
    """A column with the type of its values; where they have several, or are objects, JSON text."""
    if not any(isinstance(each, dict) for each in values):
        try:
            return pyarrow.array(values)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
            pass
    return pyarrow.array([None if each is None else json.dumps(each) for each in values])


def frames(found: Mapping[str, Table]) -> dict[str, Any]:
    """The tables as pandas data frames. Raises UsageError without pandas."""
    try:
        import pandas  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError("Data frames need pandas, which is not installed.", "pip install pandas") from None
    return {name: pandas.DataFrame(table, columns=_columns(table)) for name, table in found.items()}
