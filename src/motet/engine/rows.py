"""The rows that lists and pages read, made from a run's state."""

from __future__ import annotations

from typing import Any

from motet.kernel.state import RunState, Step
from motet.kernel.transitions import ENDED
from motet.ports import StepRow


def step_row(step: Step) -> StepRow:
    """The step as lists and pages show it."""
    marks = step.map
    return StepRow(
        step.key, step.task, step.form, step.status, step.parent, step.name, step.attempt, step.added_at,
        step.started_at, step.ended_at, step.cached, step.needs,
        marks.size if marks is not None else None, marks.ended if marks is not None else 0,
        step.result, step.error,
    )  # fmt: skip


def run_columns(state: RunState) -> dict[str, Any]:
    """The columns of the run's row."""
    columns: dict[str, Any] = {"status": state.shown_status, "started_at": state.started_at}
    if state.status in ENDED:
        columns |= {
            "ended_at": state.ended_at, "result": state.result, "error": state.error,
            "counts": {status: count for status, count in state.counts.items() if count},
        }  # fmt: skip
    else:
        columns |= {"ended_at": None}
    return columns
