"""Steps by runs: how each step of a workflow went in its runs, the newest first, a few runs at a time."""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunFilter, RunRow, StepRow, Store
from motet.views import lookup
from motet.views.course import CACHED

MOST_ROWS = 300
"""Of runs with more steps than this each task is one row."""

_WORST = (st.FAILED, st.RETRYING, st.WAITING, st.RUNNING, st.CANCELLED, st.SKIPPED, st.READY, st.PENDING, st.SUCCEEDED)


def grid(store: Store, run: RunRow, start: str | None, limit: int) -> Json:
    """Some runs of the workflow of that run, newest first: for each, by step or by task, [status, seconds or None], and
    by task how many steps are in each status.

    `by` says which, as the run that is asked about has few steps or many, and `rows` what these are, in the order of
    that run; `next` is where to go on, None at the end.
    """
    where = RunFilter(workflow=run.workflow, voice=run.program.get("voice"))
    page = store.run_page(where, start=start, limit=limit)
    by_step = sum(run.counts.values()) <= MOST_ROWS
    told = [_column(store, each, by_step) for each in lookup.with_waits(store, page.runs)]
    return {
        "by": "step" if by_step else "task", "rows": _rows(store, run, by_step), "columns": told, "next": page.next
    }  # fmt: skip


def _rows(store: Store, run: RunRow, by_step: bool) -> list[str]:
    """The rows that the run has, in the order of its steps; tasks by their names."""
    if by_step:
        return [each.key for each in store.steps(run.id)]
    return list(store.summary(run.id).tasks)


def _column(store: Store, row: RunRow, by_step: bool) -> Json:
    few = sum(row.counts.values()) <= MOST_ROWS
    cells = _by_step(store.steps(row.id)) if by_step and few else _by_task(store.summary(row.id).tasks)
    return {
        "run": row.id, "name": row.name, "status": lookup.status_of(row), "created_at": row.created_at,
        "took_s": lookup.duration_of(row), "cells": cells,
    }  # fmt: skip


def _by_step(steps: list[StepRow]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for each in steps:
        took_s = None if each.started_at is None or each.ended_at is None else each.ended_at - each.started_at
        found[each.key] = [CACHED if each.cached and each.status == st.SUCCEEDED else each.status, took_s]
    return found


def _by_task(tasks: Mapping[str, Mapping[str, int]]) -> dict[str, Json]:
    """Each task has the status of the worst of its steps."""
    found: dict[str, Json] = {}
    for task, counts in tasks.items():
        worst = next((each for each in _WORST if each in counts), None)
        if worst is not None:
            found[task] = [worst, None, dict(counts)]
    return found
