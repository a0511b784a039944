"""Schedules, triggers and alerts: what there is, and what is to be."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from typing_extensions import TypedDict

from motet.errors import UsageError
from motet.scheduling import alerts, documents, living, schedules, times, triggers, wording
from motet.scheduling.alerts import Alert
from motet.scheduling.schedules import Schedule
from motet.scheduling.triggers import Trigger
from motet.server.api.documents import Json
from motet.server.table import ADMIN, OPERATE, PREFIX, READ, Call, Text, asked, delete, get, post

Name = Annotated[str, MinLen(1), MaxLen(200)]
Few = Annotated[list[Text], MaxLen(100)]
Moment = Annotated[float, Ge(0), Le(4e9)]
"""Seconds since the epoch."""

Span = Annotated[float, Ge(1), Le(9e8)]


class Scheduled(TypedDict):
    """A schedule. `told` are the last times that were skipped, and why; `next_at` is None where none comes."""

    name: str
    number: int
    target: str
    params: dict[str, Json]
    cron: str | None
    every_s: float | None
    at: float | None
    zone: str
    start_at: float | None
    end_at: float | None
    catch_up: str
    overlap: str
    paused: bool
    created_at: float
    started: int
    skipped: int
    told: list[Json]
    runs: list[str]
    waiting: list[float]
    next_at: float | None


class Triggered(TypedDict):
    """A trigger."""

    name: str
    number: int
    target: str
    key: str
    namespace: str | None
    sender: str | None
    where: list[str]
    params: dict[str, Json]
    take: dict[str, str]
    paused: bool
    created_at: float
    started: int
    runs: list[str]
    told: list[Json]


class Alerted(TypedDict):
    """An alert. `told` is what could not be delivered."""

    name: str
    number: int
    on: list[str]
    workflow: str
    tag: str
    late_s: float | None
    command: list[str]
    mail: str
    smtp: str
    sender: str
    hook: str
    headers: list[str]
    created_at: float
    delivered: int
    failed: int
    told: list[Json]


@asked
class ScheduleWanted:
    """When runs of a registered workflow are to begin: one of `cron`, `every_s` and `at`."""

    name: Name
    target: Name
    params: dict[str, Any] | None = None
    cron: Text = ""
    every_s: Span | None = None
    at: Moment | None = None
    zone: Annotated[str, MaxLen(100)] = "UTC"
    start_at: Moment | None = None
    end_at: Moment | None = None
    catch_up: Literal["last", "all", "skip"] = "last"
    overlap: Literal["allow", "skip", "wait", "stop"] = "allow"


@asked
class WhichTimes:
    """When: one of `cron`, `every_s` and `at`. `created_at` is from when intervals count that have no `start_at`."""

    cron: Text = ""
    every_s: Span | None = None
    at: Moment | None = None
    zone: Annotated[str, MaxLen(100)] = "UTC"
    start_at: Moment | None = None
    end_at: Moment | None = None
    created_at: Moment | None = None
    count: Annotated[int, Ge(1), Le(100)] = 10


class Due(TypedDict):
    """A time, as clocks of the schedule's zone show it, too; and what is odd about it."""

    at: float
    local: str
    note: str


class Times(TypedDict):
    """When a schedule is due."""

    words: str
    times: list[Due]


@asked
class TriggerWanted:
    """Which events are to begin a run of a registered workflow: patterns, and conditions as "value.score>=0.9"."""

    name: Name
    target: Name
    key: Annotated[Text, MinLen(1)]
    namespace: Text | None = None
    sender: Text | None = None
    where: Few | None = None
    params: dict[str, Any] | None = None
    take: dict[str, Text] | None = None


@asked
class AlertWanted:
    """Who is to be told of what, by `mail` or `hook`. One by a command is made on the server's machine alone."""

    name: Name
    on: Annotated[list[Literal["failed", "crashed", "waiting", "late"]], MinLen(1), MaxLen(4)] | None = None
    workflow: Text = "*"
    tag: Text = ""
    late_s: Span | None = None
    mail: Text = ""
    smtp: Text = "smtp://localhost"
    sender: Text = ""
    hook: Text = ""
    headers: Few | None = None


# ---------------------------------------------------------------- schedules


def schedules_listed(call: Call) -> list[Scheduled]:
    """All schedules, by name."""
    return [_scheduled(call, each) for each in schedules.every(call.site.store)]


def schedule(call: Call, schedule: Text) -> Scheduled:
    """One schedule."""
    return _scheduled(call, schedules.find(call.site.store, schedule))


def schedule_times(call: Call, schedule: Text, count: Annotated[int, Ge(1), Le(100)] = 5) -> list[float]:
    """The next times it is due."""
    return times.next_times(schedules.find(call.site.store, schedule), call.site.now(), count)


def times_told(call: Call, query: WhichTimes) -> Times:
    """When a schedule is due that is, or would be, so: in words, and its next times with what the clocks' changes make
    of them. It checks as adding it does, but for the workflow.
    """
    made = Schedule(
        "asked", "", cron=query.cron, every_s=query.every_s or 0.0, at=query.at, zone=query.zone,
        start_at=query.start_at, end_at=query.end_at, created_at=query.created_at or call.site.now(),
    )  # fmt: skip
    times.check(made)
    found = wording.moments(made, call.site.now(), query.count)
    shown: list[Due] = [{"at": each.at, "local": each.local, "note": each.note} for each in found]
    return {"words": wording.in_words(made), "times": shown}


def schedule_added(call: Call, body: ScheduleWanted) -> Scheduled:
    """Begin runs of a registered workflow at these times from now on."""
    made = Schedule(
        body.name, body.target, body.params or {}, body.cron, body.every_s or 0.0, body.at, body.zone, body.start_at,
        body.end_at, body.catch_up, body.overlap,
    )  # fmt: skip
    schedules.add(call.site.store, made, call.site.now())
    living.want(call.site.home)
    return _scheduled(call, made)


def schedule_paused(call: Call, schedule: Text) -> Scheduled:
    """Begin nothing by it until it is resumed; what comes meanwhile is told as skipped."""
    return _scheduled(call, schedules.pause(call.site.store, schedule, call.site.now()))


def schedule_resumed(call: Call, schedule: Text) -> Scheduled:
    """Let it go on from now."""
    return _scheduled(call, schedules.resume(call.site.store, schedule, call.site.now()))


def schedule_removed(call: Call, schedule: Text) -> Scheduled:
    """Remove it; gives it as it was. Runs that it has begun go on."""
    return _scheduled(call, schedules.remove(call.site.store, schedule, call.site.now()))


def _scheduled(call: Call, found: Schedule) -> Scheduled:
    shown: Scheduled = documents.schedule_json(found, call.site.now())
    return shown


# ---------------------------------------------------------------- triggers


def triggers_listed(call: Call) -> list[Triggered]:
    """All triggers, by name."""
    return [_triggered(each) for each in triggers.every(call.site.store)]


def trigger_added(call: Call, body: TriggerWanted) -> Triggered:
    """Begin a run of a registered workflow for each event that fits, from now on."""
    made = Trigger(
        body.name, body.target, body.key, body.namespace, body.sender, body.where or [], body.params or {},
        dict(body.take or {}),
    )  # fmt: skip
    triggers.add(call.site.store, made, call.site.now())
    living.want(call.site.home)
    return _triggered(made)


def trigger_paused(call: Call, trigger: Text) -> Triggered:
    """Let events pass until it is resumed."""
    return _triggered(triggers.pause(call.site.store, trigger, call.site.now()))


def trigger_resumed(call: Call, trigger: Text) -> Triggered:
    """Let events count again, from now on."""
    return _triggered(triggers.resume(call.site.store, trigger, call.site.now()))


def trigger_removed(call: Call, trigger: Text) -> Triggered:
    """Remove it; gives it as it was. Runs that it has begun go on."""
    return _triggered(triggers.remove(call.site.store, trigger, call.site.now()))


def _triggered(found: Trigger) -> Triggered:
    shown: Triggered = documents.trigger_json(found)
    return shown


# ---------------------------------------------------------------- alerts


def alerts_listed(call: Call) -> list[Alerted]:
    """All alerts, by name."""
    return [_alerted(each) for each in alerts.every(call.site.store)]


def alert_added(call: Call, body: AlertWanted) -> Alerted:
    """Have somebody told of what happens from now on."""
    if not (body.mail or body.hook):
        raise UsageError("The alert says no way to tell.", "Give a mail or a hook.")
    made = Alert(
        body.name, body.on or ["failed", "crashed"], body.workflow, body.tag, body.late_s or 0.0, [], body.mail,
        body.smtp, body.sender, body.hook, body.headers or [],
    )  # fmt: skip
    alerts.add(call.site.store, call.site.home, made, call.site.now())
    living.want(call.site.home)
    return _alerted(made)


def alert_removed(call: Call, alert: Text) -> Alerted:
    """Remove it, with what it has not told yet; gives it as it was."""
    return _alerted(alerts.remove(call.site.store, alert, call.site.now()))


def _alerted(found: Alert) -> Alerted:
    shown: Alerted = documents.alert_json(found)
    return shown


ROUTES = (
    get(f"{PREFIX}/schedules", READ, schedules_listed),
    post(f"{PREFIX}/schedules", OPERATE, schedule_added, status=201),
    get(f"{PREFIX}/schedules/{{schedule}}", READ, schedule),
    delete(f"{PREFIX}/schedules/{{schedule}}", OPERATE, schedule_removed),
    get(f"{PREFIX}/schedules/{{schedule}}/times", READ, schedule_times),
    post(f"{PREFIX}/schedules/{{schedule}}/pause", OPERATE, schedule_paused),
    post(f"{PREFIX}/schedules/{{schedule}}/resume", OPERATE, schedule_resumed),
    get(f"{PREFIX}/times", READ, times_told),
    get(f"{PREFIX}/triggers", READ, triggers_listed),
    post(f"{PREFIX}/triggers", OPERATE, trigger_added, status=201),
    delete(f"{PREFIX}/triggers/{{trigger}}", OPERATE, trigger_removed),
    post(f"{PREFIX}/triggers/{{trigger}}/pause", OPERATE, trigger_paused),
    post(f"{PREFIX}/triggers/{{trigger}}/resume", OPERATE, trigger_resumed),
    get(f"{PREFIX}/alerts", ADMIN, alerts_listed),
    post(f"{PREFIX}/alerts", ADMIN, alert_added, status=201),
    delete(f"{PREFIX}/alerts/{{alert}}", ADMIN, alert_removed),
)
