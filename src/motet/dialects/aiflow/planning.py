"""Schedules and triggers of workflows, by the numbers that the language gives them. What they say is carried out by
the scheduler of the home, for workflows of all voices alike.

Times are told as `cron@MINUTE HOUR DAY MONTH WEEKDAY` or `interval@DAYS HOURS MINUTES SECONDS`, of schedules and of
periodic tasks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from motet.dialects.aiflow import registry
from motet.dialects.aiflow.metadata import WorkflowEventTriggerMeta, WorkflowMeta, WorkflowScheduleMeta
from motet.dialects.aiflow.model.conditions import Condition, MeetAnyCondition, SingleEventCondition, WorkflowRule
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import Store
from motet.scheduling import living, schedules, triggers
from motet.scheduling.times import Schedule, check, due, local_zone
from motet.scheduling.triggers import Trigger

if TYPE_CHECKING:
    from motet.ports.voice import Host

_SCHEDULE, _TRIGGER = "schedule", "trigger"
_PAUSED = "paused"
"""The documents that keep what was paused because its workflow was disabled."""

_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60
_FACTORS = (_DAY_S, _HOUR_S, _MINUTE_S, 1)
_FIELDS = 5

M = TypeVar("M", WorkflowScheduleMeta, WorkflowEventTriggerMeta)


def _wake(host: Host) -> None:
    """Have a scheduler live, unless the user wants none to be started."""
    living.want(host.home)
    if os.environ.get("MOTET_SCHEDULER") != "none":
        living.start(host.home)


# ---------------------------------------------------------------- times


def parsed(expression: str) -> Schedule:
    """What the expression means, as a schedule of nothing. Crons go by the zone of the machine. Raises UsageError."""
    kind, _, told = str(expression).partition("@")
    made = Schedule("", "", zone=local_zone())
    if kind == "cron" and len(told.split()) == _FIELDS:
        made.cron = told.strip()
    elif kind == "cron":
        raise UsageError(f"{expression!r:.80} is no cron expression.", 'Write five fields: "cron@*/5 * * * *".')
    elif kind == "interval":
        made.every_s = _total_s(told, expression)
    else:
        cure = 'Write "interval@DAYS HOURS MINUTES SECONDS", or "cron@* * * * *".'
        raise UsageError(f"{expression!r:.80} says no times.", cure)
    check(made)
    return made


def next_at(periodic: Schedule, due_at: float, now: float) -> float:
    """The first tick after `now`; intervals are counted from `due_at` on."""
    return next(due(replace(periodic, start_at=due_at), max(now, due_at)))


def _total_s(told: str, expression: str) -> int:
    """Four numbers with single spaces between them; a number that is left out is 0."""
    parts = told.split(" ")
    if len(parts) != len(_FACTORS) or not all(each == "" or each.isdecimal() for each in parts):
        raise UsageError(
            f"{expression!r:.80} is no interval.", 'Write four numbers: "interval@0 1 30 0" is an hour and a half.'
        )
    total = sum(int(each or 0) * factor for each, factor in zip(parts, _FACTORS, strict=True))
    if not total:
        raise UsageError(f"{expression!r:.80} is no time at all.", 'Write at least a second: "interval@0 0 0 1".')
    return total


# ---------------------------------------------------------------- schedules


def add_schedule(host: Host, meta: WorkflowMeta, expression: str) -> WorkflowScheduleMeta:
    """Have executions started by the expression: see `parsed`. Raises UsageError."""
    made, now = parsed(expression), host.clock.now()
    number = registry.number(host.store, _SCHEDULE)
    made.name, made.target = _name(number), meta.title
    schedules.add(host.store, made, now)
    registry.keep(host.store, _SCHEDULE, registry.numbered(number), {"workflow_id": meta.id, "expression": expression})
    _wake(host)
    return WorkflowScheduleMeta(number, meta.id, expression, now)


def schedule(store: Store, number: int) -> WorkflowScheduleMeta | None:
    """The schedule of that number."""
    found = registry.known(store, _SCHEDULE, registry.numbered(number))
    try:
        kept = schedules.find(store, _name(number))
    except NotFound:
        return None
    told = found or {"workflow_id": 0, "expression": ""}
    return WorkflowScheduleMeta(number, told["workflow_id"], told["expression"], kept.created_at, kept.paused)


def schedules_of(store: Store, meta: WorkflowMeta) -> list[WorkflowScheduleMeta]:
    """Those of the workflow, by number."""
    found = (schedule(store, number) for number in _numbers(store, _SCHEDULE, meta))
    return [each for each in found if each is not None]


def change_schedule(host: Host, number: int, change: str) -> None:
    """Pause, resume or delete it: safe to repeat. Raises NotFound."""
    _change(host, number, change, _SCHEDULE, [_name(number)])


# ---------------------------------------------------------------- triggers


def add_trigger(host: Host, meta: WorkflowMeta, rule: WorkflowRule) -> WorkflowEventTriggerMeta:
    """Have an execution started by each event that meets the rule. Raises UsageError for a condition that remembers."""
    keys, now = _keys(rule.condition), host.clock.now()
    number = registry.number(host.store, _TRIGGER)
    for place, key in enumerate(keys, 1):
        triggers.add(host.store, Trigger(_name(number, place), meta.title, key, meta.namespace), now)
    told = {"workflow_id": meta.id, "keys": keys, "created_at": now}
    registry.keep(host.store, _TRIGGER, registry.numbered(number), told)
    _wake(host)
    return WorkflowEventTriggerMeta(number, meta.id, {"any": keys}, now)


def _keys(condition: Condition) -> list[str]:
    if type(condition) is SingleEventCondition:
        return [condition.expect_event_keys[0]]
    if type(condition) is MeetAnyCondition:
        return list(dict.fromkeys(key for each in condition.conditions for key in _keys(each)))
    raise UsageError(
        f"A workflow cannot be triggered by a {type(condition).__name__} here.",
        "Use SingleEventCondition or MeetAnyCondition; or let a task of the workflow wait by that condition.",
    )


def trigger(store: Store, number: int) -> WorkflowEventTriggerMeta | None:
    """The trigger of that number."""
    found = registry.known(store, _TRIGGER, registry.numbered(number))
    if found is None:
        return None
    kept = triggers.find(store, _name(number, 1))
    return WorkflowEventTriggerMeta(
        number, found["workflow_id"], {"any": found["keys"]}, found["created_at"], kept.paused
    )  # fmt: skip


def triggers_of(store: Store, meta: WorkflowMeta) -> list[WorkflowEventTriggerMeta]:
    """Those of the workflow, by number."""
    found = (trigger(store, number) for number in _numbers(store, _TRIGGER, meta))
    return [each for each in found if each is not None]


def change_trigger(host: Host, number: int, change: str) -> None:
    """Pause, resume or delete it: safe to repeat. Raises NotFound."""
    found = registry.known(host.store, _TRIGGER, registry.numbered(number))
    keys = found["keys"] if found is not None else []
    _change(host, number, change, _TRIGGER, [_name(number, place) for place in range(1, len(keys) + 1)])


# ---------------------------------------------------------------- both


def _name(number: int, place: int = 0) -> str:
    """What it is called among those of all voices."""
    return f"aiflow-{number}-{place}" if place else f"aiflow-{number}"


def _numbers(store: Store, kind: str, meta: WorkflowMeta) -> Iterator[int]:
    for each in store.documents("aiflow", kind):
        if each.body["workflow_id"] == meta.id:
            yield int(each.key)


def _change(host: Host, number: int, change: str, kind: str, names: list[str]) -> None:
    if registry.known(host.store, kind, registry.numbered(number)) is None:
        raise NotFound(f"There is no workflow {kind} {number}.", f"aiflow workflow-{kind} list WORKFLOW shows them.")
    kept = schedules if kind == _SCHEDULE else triggers
    for name in names:
        getattr(kept, {"pause": "pause", "resume": "resume", "delete": "remove"}[change])(
            host.store, name, host.clock.now()
        )
    if change == "delete":
        registry.forget(host.store, kind, registry.numbered(number))


def delete_all(host: Host, meta: WorkflowMeta, kind: str) -> int:
    """Delete all schedules (or triggers) of the workflow; gives how many there were."""
    numbers = list(_numbers(host.store, kind, meta))
    for number in numbers:
        (change_schedule if kind == _SCHEDULE else change_trigger)(host, number, "delete")
    return len(numbers)


def hold(host: Host, meta: WorkflowMeta) -> None:
    """Pause all that starts the workflow, since it is disabled."""
    found: dict[str, Json] = {
        _SCHEDULE: [each.id for each in schedules_of(host.store, meta) if not each.is_paused],
        _TRIGGER: [each.id for each in triggers_of(host.store, meta) if not each.is_paused],
    }
    if any(found.values()):
        registry.keep(host.store, _PAUSED, meta.title, found)
    _change_all(host, found, "pause")


def let_go(host: Host, meta: WorkflowMeta) -> None:
    """Resume what was paused by `hold`."""
    found = registry.known(host.store, _PAUSED, meta.title) or {}
    registry.forget(host.store, _PAUSED, meta.title)
    _change_all(host, found, "resume")


def _change_all(host: Host, found: dict[str, Json], change: str) -> None:
    for kind, changed in ((_SCHEDULE, change_schedule), (_TRIGGER, change_trigger)):
        for number in found.get(kind, ()):
            if registry.known(host.store, kind, registry.numbered(number)) is not None:
                changed(host, number, change)
