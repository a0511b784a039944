"""Finding runs by what a user types, and what is said of them."""

from __future__ import annotations

import time

from motet import questions
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, RUNNING, WAITING
from motet.owners import LEASE_S, is_dead
from motet.ports import RunRow, StepRow, Store

CRASHED = "crashed"
INTERRUPTED = "interrupted"
_FEW = 10
"""Of so many steps that wait a run's lists tell."""

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


def with_waits(store: Store, rows: list[RunRow]) -> list[RunRow]:
    """The runs, those that wait for an event or an answer with what they wait for."""
    driven = [row for row in rows if row.status in DRIVEN]
    asked = questions.asked(store, driven)
    for row in driven:
        waiting = store.steps(row.id, status=WAITING, limit=_FEW, whole=True) if row.counts.get(WAITING) else ()
        told = [body for each in waiting if (body := questions.of_row(each))]
        if told or row.id in asked:
            row.waits = [each.body for each in asked.get(row.id, ())] + told
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
    """The step's status, with `interrupted` for one that ran when the process that drove its run was lost, and
    `waiting` for one that waits for an event or an answer.
    """
    if step.status != RUNNING:
        return step.status
    if any(step.key == each["step"] for each in run.waits or ()):
        return WAITING
    return INTERRUPTED if status_of(run) == CRASHED else RUNNING


def duration_of(row: RunRow | StepRow) -> float | None:
    """How long it took, or has been taking by now; None if it has not begun."""
    if row.started_at is None:
        return None
    if row.ended_at is None and isinstance(row, RunRow) and status_of(row) == CRASHED:
        return None
    return (time.time() if row.ended_at is None else row.ended_at) - row.started_at


def error_line(error: Json) -> str:
    """An error's record on one line."""
    if not isinstance(error, dict):
        return "" if error is None else str(error)
    first = str(error.get("message", "")).partition("\n")[0]
    return f"{error.get('type', 'Error')}: {first}".rstrip(": ")
