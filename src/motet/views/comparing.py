"""Runs beside each other: what differs in parameters, metrics, code, environment and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import RunRow, Store
from motet.ports.spec import recorded_spec
from motet.views import human, lookup
from motet.views.listing import figures
from motet.views.values import as_json, told
from motet.views.versions import changed, made_with

Side = Mapping[str, Mapping[str, str]]
"""Of one run: what is told of it, by section and name."""

_DEPTH = 4
SECTIONS = ("run", "params", "metrics", "code", "environment", "results")


def side_of(store: Store, run: RunRow) -> Side:
    """What is compared of a run. Code is told by its digest, for each task; packages by their versions."""
    code, environment = _asked(store, run)
    made = made_with(run).get("code") or {}
    if made.get("commit"):
        code["commit"] = made["commit"][:12]
        code["changed since"] = ", ".join(changed(made) or ())
    if version := made_with(run).get("interpreter"):
        environment["interpreter"] = version
    params = run.params if isinstance(run.params, dict) else {}
    return {
        "run": {
            "workflow": run.workflow, "status": lookup.status_of(run), "took": human.length(lookup.duration_of(run)),
            "steps": ", ".join(f"{count} {status}" for status, count in run.counts.items()),
            "tags": ", ".join(run.tags),
        },
        "params": {name: told(value) for name, value in params.items()},
        "metrics": {name: f"{value:.6g}" for name, value in figures(store, run).items()},
        "code": code,
        "environment": environment,
        "results": _results(store, run),
    }  # fmt: skip


def _asked(store: Store, run: RunRow) -> tuple[dict[str, str], dict[str, str]]:
    """The code of each task, and the packages that steps reach."""
    code: dict[str, str] = {}
    environment: dict[str, str] = {}
    for event in store.history(run.id):
        spec = recorded_spec(event.get("call")) if event["event"].startswith("step.") else None
        if spec is not None:
            if spec.code and not spec.target.startswith("motet."):
                code[spec.target or event.get("task", "")] = spec.code[:12]
            environment |= {name: str(version) for name, version in spec.environment.items()}
    return code, environment


def _results(store: Store, run: RunRow) -> dict[str, str]:
    found = {"": told(run.result)} if run.status == SUCCEEDED and run.result is not None else {}
    for step in store.steps(run.id, status=SUCCEEDED, whole=True):
        if step.form not in ("flow", "element") and step.result is not None:
            found[step.key.partition("/")[2] or step.key] = told(step.result)
    return found


def differing(sides: Sequence[Side]) -> dict[str, dict[str, list[str]]]:
    """What is not the same in all runs, by section and name: one text for each run, "" where it has none."""
    found: dict[str, dict[str, list[str]]] = {}
    for section in SECTIONS:
        names = dict.fromkeys(name for side in sides for name in side[section])
        rows = {name: [side[section].get(name, "") for side in sides] for name in names}
        found[section] = {name: row for name, row in rows.items() if len(set(row)) > 1}
    return found


def everything(sides: Sequence[Side]) -> dict[str, dict[str, list[str]]]:
    """The same with what is the same in all runs."""
    return {
        section: {
            name: [side[section].get(name, "") for side in sides]
            for name in dict.fromkeys(name for side in sides for name in side[section])
        }
        for section in SECTIONS
    }


def change(row: Sequence[str]) -> Json:
    """By how much the last of the numbers differs from the first; None for what are no numbers."""
    try:
        first, last = float(row[0]), float(row[-1])
    except ValueError:
        return None
    return last - first


def columns(store: Store, runs: Sequence[RunRow]) -> Json:
    """Many runs beside each other: {"runs": [...], "params": {name: [a value for each run]}, "metrics": alike}.

    Parameters of an object stand under their path, "model.depth"; None is where a run has none.
    """
    params = [dict(_flat(each.params if isinstance(each.params, dict) else {})) for each in runs]
    metrics = [figures(store, each) for each in runs]
    told = [
        {
            "id": each.id, "name": each.name, "workflow": each.workflow, "status": lookup.status_of(each),
            "created_at": each.created_at, "duration_s": lookup.duration_of(each),
        }
        for each in runs
    ]  # fmt: skip
    return {"runs": told, "params": _columns(params), "metrics": _columns(metrics)}


def _columns(rows: Sequence[Mapping[str, Json]]) -> dict[str, list[Json]]:
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}


def _flat(params: Mapping[str, Json], within: str = "") -> Iterator[tuple[str, Json]]:
    for name, record in params.items():
        value = as_json(record)
        if isinstance(value, dict) and value and within.count(".") < _DEPTH:
            yield from _flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value if isinstance(value, str | int | float | None) else told(record)
