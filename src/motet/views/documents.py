"""Runs and steps as JSON documents, for programs that read them."""

from __future__ import annotations

from collections.abc import Sequence

from motet import checkpoints
from motet.checkpoints import Checkpoint
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow, Store
from motet.values.published import published
from motet.views import lookup, usage
from motet.views.facts import Facts
from motet.views.steps import elements
from motet.views.values import as_json
from motet.views.versions import made_with, packages


def run_document(store: Store, run: RunRow) -> Json:
    """The run with its steps and artifacts."""
    kept = checkpoints.of_run(store, run.id)
    steps = [{**step_json(each), **_checkpoints_json(kept.get(each.key, ()))} for each in store.steps(run.id)]
    made = {"made_with": {**made_with(run), "packages": packages(store, run)}}
    return {**run_json(run), **made, "steps": steps, "artifacts": [each.json for each in published(store, run.id)]}


def step_document(store: Store, run: RunRow, step: StepRow) -> Json:
    """The step with its artifacts; a map also with its elements."""
    of_map = {}
    if step.size is not None:
        of_map["elements"] = [step_json(each) for each in elements(store, run, step)]
    found = (*published(store, run.id), *usage.put_out(store, run))
    artifacts = [each.json for each in found if each.step == step.key]
    kept = _checkpoints_json(checkpoints.of_step(store, run.id, step.key))
    took = {"usage": Facts(store, run, step).used, "artifacts": artifacts}
    return {"run": run.id, **step_json(step), **of_map, **kept, **took}


def _checkpoints_json(found: Sequence[Checkpoint]) -> dict[str, Json]:
    """Those of a step that are kept, the oldest first; nothing where there are none."""
    return {"checkpoints": [each.json for each in found]} if found else {}


def run_json(row: RunRow) -> Json:
    """The run as a JSON document."""
    owner, params = row.owner, row.params
    if isinstance(params, dict):
        params = {name: as_json(each) for name, each in params.items()}
    return {
        "id": row.id, "name": row.name, "workflow": row.workflow, "status": lookup.status_of(row), "params": params,
        "tags": list(row.tags), "created_at": row.created_at, "started_at": row.started_at,
        "ended_at": row.ended_at, "duration_s": lookup.duration_of(row), "counts": dict(row.counts),
        "waits": row.waits or [],
        "result": as_json(row.result), "error": error_json(row.error), "program": row.program,
        "owner": None if owner is None else {"host": owner.host, "pid": owner.pid},
    }  # fmt: skip


def step_json(row: StepRow) -> Json:
    """The step as a JSON document."""
    return {
        "key": row.key,
        "task": row.task,
        "form": row.form,
        "status": row.status,
        "parent": row.parent,
        "name": row.name,
        "attempt": row.attempt,
        "cached": int(row.cached),
        "needs": list(row.needs),
        "size": row.size,
        "done": row.done,
        "added_at": row.added_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "duration_s": lookup.duration_of(row),
        "result": as_json(row.result),
        "error": error_json(row.error),
    }


def error_json(error: Json) -> Json:
    """An error's record without its pickle, which no reader of JSON can use."""
    return {name: value for name, value in error.items() if name != "pickle"} if isinstance(error, dict) else error
