"""The attempts at a step, from what was recorded of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from motet.ports import AttemptRow

_ENDS = {
    "step.succeeded": "succeeded", "step.failed": "failed", "step.cancelled": "cancelled", "step.skipped": "skipped",
    "step.retrying": "failed", "step.interrupted": "interrupted",
}  # fmt: skip
"""How an attempt ended, by the event that says so."""


def attempts_of(events: Iterable[dict[str, Any]], needs_met_at: float | None) -> list[AttemptRow]:
    """The attempts that the step's events tell of, in order; at last the one to come, if it only has to begin.

    `needs_met_at` is when the last of those ended that the step waited for, None if it waited for none.
    """
    found: list[AttemptRow] = []
    ready_at: float | None = None
    for event in events:
        kind, at = event["event"], event.get("at", 0.0)
        if kind == "step.added":
            ready_at = at if needs_met_at is None else max(at, needs_met_at)
        elif kind == "step.started":
            found.append(AttemptRow(event.get("attempt", 1), ready_at, at))
            ready_at = None
        elif kind in _ENDS:
            if found and not found[-1].outcome:
                found[-1].ended_at, found[-1].outcome, found[-1].facts = at, _ENDS[kind], event.get("facts")
            ready_at = {"step.retrying": event.get("due_at"), "step.interrupted": at}.get(kind)
        elif kind == "step.reset":
            ready_at = at
    if ready_at is not None:
        found.append(AttemptRow(found[-1].number + 1 if found else 1, ready_at))
    return found
