"""What all stores agree on about rows."""

from __future__ import annotations

from typing import Any

from motet.ports import StepRow

CHANGEABLE = frozenset({"status", "started_at", "ended_at", "result", "error", "counts"})
"""The columns of a run that a batch may change."""

ENDED = ("succeeded", "failed", "cancelled")
"""The statuses of a run that has ended."""


def step_cells(step: StepRow) -> list[Any]:
    """The step as a list, in the order of its columns; `result` is the last."""
    return [
        step.key, step.task, step.form, step.status, step.parent, step.name, step.attempt,
        step.added_at, step.started_at, step.ended_at, step.cached,
        step.needs, step.size, step.done, step.error, step.result,
    ]  # fmt: skip


def step_of_cells(cells: list[Any], *, light: bool = False) -> StepRow:
    """The step that `step_cells` listed; without its result where that is not wanted."""
    (key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached,
     needs, size, done, error, result) = cells  # fmt: skip
    return StepRow(
        key, task, form, status, parent, name, attempt, added_at, started_at, ended_at, cached,
        needs, size, done, None if light else result, error,
    )  # fmt: skip
