"""Finding runs by what a user types, and what is said of them."""

from __future__ import annotations

import time
from contextlib import suppress

from motet import questions
from motet.errors import NotFound, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, RUNNING, WAITING
from motet.owners import LEASE_S, is_dead
from motet.ports import RunRow, StepRow, Store
from motet.values.plain import peek

CRASHED = "crashed"
INTERRUPTED = "interrupted"
DRIVEN = (RUNNING, CANCELLING, WAITING)
"""Statuses in which a run has an owner, unless it has crashed."""


def find_run(store: Store, text: str) -> RunRow:
    """The run with that id, unique beginning of an id or name, or name (of several, the newest).

    Raises NotFound; UsageError, listing them, for the beginning of several.
    """
    found = store.find_runs(text) if text else []
    if not found:
        raise NotFound(f"There is no run {text!r}.", "`motet ls` lists the runs.")
    if any(text in (row.id, row.name) for row in found) or len({row.name for row in found}) == 1:
        return with_waits(store, found[:1])[0]
    told = "".join(f"\n  {row.id}  {row.name}  {status_of(row)}" for row in found[:10])
    more = f"\n  ... and {len(found) - 10} more" if len(found) > 10 else ""
    raise UsageError(f"{text!r} is the beginning of {len(found)} runs:{told}{more}", "Write more of its id or name.")


def find_step(store: Store, run: RunRow, text: str) -> StepRow:
    """The step with that key; an element of a map; the only step whose key ends so, or that has that task or name."""
    try:
        return store.step(run.id, text)
    except NotFound:
        of, _, index = text.removesuffix("]").rpartition("[")
        if of and text.endswith("]") and index.isdigit():
            return _find_element(store, run, find_step(store, run, of), int(index))
        steps = [each for each in store.steps(run.id) if each.form != "element"]
        keys = [each.key for each in steps if each.key.endswith("/" + text)]
        keys = keys or [each.key for each in steps if text in (each.task, each.name)]
    if len(keys) == 1:
        return store.step(run.id, keys[0])
    if keys:
        told = "".join(f"\n  {key}" for key in keys[:10])
        raise NotFound(f"Run {run.name} has {len(keys)} steps of that name:{told}", "Write one of these keys.")
    cure = did_you_mean(text, (each.key.rpartition("/")[2] for each in steps))
    raise NotFound(f"Run {run.name} has no step {text!r}.", f"{cure} `motet show {run.name}` lists its steps.".lstrip())


def _find_element(store: Store, run: RunRow, of: StepRow, index: int) -> StepRow:
    """An element of a map. It has a row only if something befell it; else the journal tells of its success."""
    key = f"{of.key}[{index}]"
    if of.size is None or index >= of.size:
        told = "is no map" if of.size is None else f"has {of.size} elements, numbered from 0"
        raise NotFound(
            f"Run {run.name} has no step {key}: {of.key} {told}.", f"`motet show {run.name}` lists its steps."
        )
    with suppress(NotFound):
        return store.step(run.id, key)
    row = StepRow(key, of.task, "element", "pending", of.key, added_at=of.added_at, needs=of.needs)
    for event in store.history(run.id):
        if event.get("key") != of.key or event["event"] not in ("elements.succeeded", "step.reset"):
            continue
        indices = event.get("indices", ())
        if index in indices:
            results = event.get("results")
            row.status, row.attempt, row.ended_at = "succeeded", 1, event["at"]
            row.result = results[list(indices).index(index)] if results else None
    return row


def with_waits(store: Store, rows: list[RunRow]) -> list[RunRow]:
    """The runs, those that wait for an event or an answer with what they wait for."""
    asked = questions.asked(store, [row for row in rows if row.status in DRIVEN])
    for row in rows:
        if row.id in asked:
            row.waits = [each.body for each in asked[row.id]]
    return rows


def is_suspended(row: RunRow) -> bool:
    """Whether its process has let go of the run until somebody answers."""
    return row.owner is None and any(each.get("suspended") for each in row.waits or ())


def has_crashed(row: RunRow, now: float) -> bool:
    """Whether the run should be driven by a process, and none does."""
    if row.status not in DRIVEN:
        return False
    if row.owner is None or is_dead(row.owner):
        return not is_suspended(row)
    return row.lease_until is not None and row.lease_until + LEASE_S < now


def status_of(row: RunRow) -> str:
    """The run's status, with `crashed` for one whose process is gone, and `waiting` for one that waits for others."""
    if has_crashed(row, time.time()):
        return CRASHED
    return WAITING if row.waits and row.status == RUNNING else row.status


def step_status(run: RunRow, step: StepRow) -> str:
    """The step's status, with `interrupted` for one that ran when the process that drove its run was lost."""
    return INTERRUPTED if step.status == RUNNING and status_of(run) == CRASHED else step.status


def duration_of(row: RunRow | StepRow) -> float | None:
    """How long it took, or has been taking by now; None if it has not begun."""
    if row.started_at is None:
        return None
    if row.ended_at is None and isinstance(row, RunRow) and status_of(row) == CRASHED:
        return None
    return (time.time() if row.ended_at is None else row.ended_at) - row.started_at


def run_json(row: RunRow) -> Json:
    """The run as a JSON document."""
    owner, params = row.owner, row.params
    if isinstance(params, dict):
        params = {name: value_json(each) for name, each in params.items()}
    return {
        "id": row.id, "name": row.name, "workflow": row.workflow, "status": status_of(row), "params": params,
        "tags": list(row.tags), "created_at": row.created_at, "started_at": row.started_at,
        "ended_at": row.ended_at, "duration_s": duration_of(row), "counts": dict(row.counts), "waits": row.waits or [],
        "result": value_json(row.result), "error": error_json(row.error), "program": row.program,
        "owner": None if owner is None else {"host": owner.host, "pid": owner.pid},
    }  # fmt: skip


def step_json(row: StepRow) -> Json:
    """The step as a JSON document."""
    return {
        "key": row.key, "task": row.task, "form": row.form, "status": row.status, "parent": row.parent,
        "name": row.name, "attempt": row.attempt, "cached": row.cached, "needs": list(row.needs),
        "size": row.size, "done": row.done, "added_at": row.added_at, "started_at": row.started_at,
        "ended_at": row.ended_at, "duration_s": duration_of(row), "result": value_json(row.result),
        "error": error_json(row.error),
    }  # fmt: skip


def value_json(record: Json) -> Json:
    """A recorded value as JSON; one that is none as it is recorded (see `motet.values.records`)."""
    import json

    try:
        value = peek(record)
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return record
    return value


def error_json(error: Json) -> Json:
    """An error's record without its pickle, which no reader of JSON can use."""
    return {name: value for name, value in error.items() if name != "pickle"} if isinstance(error, dict) else error


def error_line(error: Json) -> str:
    """An error's record on one line."""
    if not isinstance(error, dict):
        return "" if error is None else str(error)
    first = str(error.get("message", "")).partition("\n")[0]
    return f"{error.get('type', 'Error')}: {first}".rstrip(": ")
