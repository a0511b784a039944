"""The rows that lists and pages read, made from a run's state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from motet.kernel.state import RunState, Step
from motet.kernel.transitions import CANCELLED, ENDED
from motet.ports import StepRow


def rows_of(state: RunState, keys: Iterable[str]) -> list[StepRow]:
    """The rows of these steps, and of elements that have no step of their own any more."""
    steps = state.steps
    return [step_row(steps[key]) if key in steps else _element_row(state, key) for key in keys]


def _element_row(state: RunState, key: str) -> StepRow:
    found = state.element(key)
    if found is None:  # its map has become a smaller one
        return StepRow(key, key.rpartition("/")[2].rpartition("-")[0], "element", CANCELLED, key.rpartition("/")[0])
    step = found[0]
    return StepRow(key, step.task, "element", state.outcome(key), step.parent, "", step.attempt, step.added_at)


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
        }  # fmt: skip
    else:
        columns |= {"ended_at": None, "result": None, "error": None}
    return columns
