"""Which status follows which, in one literal table for steps and one for runs. Nothing else decides it."""

from __future__ import annotations

from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

PENDING: Final = "pending"
READY: Final = "ready"
RUNNING: Final = "running"
RETRYING: Final = "retrying"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
SKIPPED: Final = "skipped"
WAITING: Final = "waiting"
CANCELLING: Final = "cancelling"

ENDED: Final = frozenset((SUCCEEDED, FAILED, CANCELLED, SKIPPED))
"""Statuses that a step, or a run, leaves only by a reset."""

RUN_ENDED: Final = ENDED - {SKIPPED}
"""Those that a run can end with."""

NEEDS_MET: Final = "needs.met"
"""Not an event of the journal: folding derives it when the last thing a step waits for has come about."""

NEEDS_LOST: Final = "needs.lost"
"""Derived likewise, when a step that it waits for is reset."""

STEP: Final[dict[tuple[str, str], str]] = {
    (PENDING, NEEDS_MET): READY,
    (PENDING, "step.skipped"): SKIPPED,
    (PENDING, "step.stopping"): PENDING,
    (PENDING, "step.cancelled"): CANCELLED,
    (PENDING, "step.reset"): PENDING,
    (PENDING, "step.redefined"): PENDING,
    (READY, NEEDS_LOST): PENDING,
    (READY, "step.started"): RUNNING,
    (READY, "step.waiting"): WAITING,
    (READY, "step.succeeded"): SUCCEEDED,  # cached: nothing had to run
    (READY, "step.failed"): FAILED,  # it could not be handed out; or a map that never began
    (READY, "step.skipped"): SKIPPED,
    (READY, "step.stopping"): READY,
    (READY, "step.cancelled"): CANCELLED,
    (READY, "step.reset"): PENDING,
    (READY, "step.redefined"): PENDING,
    (RUNNING, "step.checkpointed"): RUNNING,
    (RUNNING, "step.succeeded"): SUCCEEDED,
    (RUNNING, "step.failed"): FAILED,
    (RUNNING, "step.retrying"): RETRYING,
    (RUNNING, "step.stopping"): RUNNING,
    (RUNNING, "step.cancelled"): CANCELLED,
    (RUNNING, "step.interrupted"): READY,
    (RUNNING, "step.reset"): PENDING,  # a map of which nothing is in hand
    (WAITING, "step.succeeded"): SUCCEEDED,
    (WAITING, "step.failed"): FAILED,
    (WAITING, "step.stopping"): WAITING,
    (WAITING, "step.cancelled"): CANCELLED,
    (WAITING, "step.reset"): PENDING,
    (RETRYING, "step.started"): RUNNING,
    (RETRYING, "step.skipped"): SKIPPED,
    (RETRYING, "step.stopping"): RETRYING,
    (RETRYING, "step.cancelled"): CANCELLED,
    (RETRYING, "step.reset"): PENDING,
    (RETRYING, "step.redefined"): PENDING,
    (SUCCEEDED, "step.reset"): PENDING,
    (FAILED, "step.reset"): PENDING,
    (CANCELLED, "step.reset"): PENDING,
    (SKIPPED, "step.reset"): PENDING,
}

RUN: Final[dict[tuple[str, str], str]] = {
    (PENDING, "run.started"): RUNNING,
    (PENDING, "run.cancelling"): CANCELLING,
    (PENDING, "run.finished"): "",  # the status that the event itself carries, one of RUN_ENDED
    (RUNNING, "run.started"): RUNNING,
    (RUNNING, "run.cancelling"): CANCELLING,
    (RUNNING, "run.finishing"): RUNNING,
    (RUNNING, "run.finished"): "",
    (CANCELLING, "run.started"): CANCELLING,
    (CANCELLING, "run.cancelling"): CANCELLING,
    (CANCELLING, "run.finished"): "",
    (FAILED, "run.reopened"): RUNNING,
    (CANCELLED, "run.reopened"): RUNNING,
}
