"""When a schedule is due: pure, in seconds since the epoch, from what was written down.

Cron's expressions mean what Debian's cron does with them: over a change of the clocks, a job of a fixed time that falls
into the missing hour runs once, at its end, one in the doubled hour once, in the first; one whose minute or hour begins
with `*` goes by the time that passes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from itertools import islice
from math import floor
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.records import Record, field

FAMILY: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
"""Short words of cron, and what they stand for."""

CATCH_UP = ("last", "all", "skip")
OVERLAP = ("allow", "skip", "wait", "stop")


class Schedule(Record):
    """When runs of a registered workflow begin: by `cron`, `every_s`, or once `at` a time.

    target    NAME of the workflow, or NAME@VERSION
    params    what each run is given
    zone      the time zone in which cron's expression is read, by its name
    start_at, end_at  only times from the one on, up to the other; intervals are counted from `start_at`
    catch_up  of times that were missed: the last one is run, all are, or none ("skip")
    overlap   while a run of it is under way: begin another one ("allow"), skip it, let it wait, or stop the old one
    number    counts schedules; `created_at` when it was added
    state     what became of it so far; see `motet.scheduling.judging`
    """

    name: str
    target: str
    params: Mapping[str, Json] = field(default_factory=dict)
    cron: str = ""
    every_s: float = 0.0
    at: float | None = None
    zone: str = "UTC"
    start_at: float | None = None
    end_at: float | None = None
    catch_up: str = "last"
    overlap: str = "allow"
    paused: bool = False
    number: int = 0
    created_at: float = 0.0
    state: dict[str, Json] = field(default_factory=dict)


def check(schedule: Schedule) -> None:
    """Raise UsageError for what cannot be meant."""
    if sum([bool(schedule.cron), schedule.every_s != 0, schedule.at is not None]) != 1:
        raise UsageError("A schedule has one of a cron expression, an interval and a time.", "Give one of them.")
    if schedule.catch_up not in CATCH_UP or schedule.overlap not in OVERLAP:
        raise UsageError(
            f"There is no policy {schedule.catch_up!r} or {schedule.overlap!r}.",
            f"Catch-up: {', '.join(CATCH_UP)}. Overlap: {', '.join(OVERLAP)}.",
        )
    if schedule.every_s and not 1 <= schedule.every_s < 1e9:
        raise UsageError("An interval is at least a second.", "Give it as 90s, 15m, 12h or 7d.")
    zone_of(schedule.zone)
    if next_due(schedule, schedule.created_at) is None:
        raise UsageError("The schedule has no time that is still to come.", "Give a later one.")


def zone_of(name: str) -> tzinfo:
    """The time zone of that name. Raises UsageError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        cure = "Name one as Europe/Berlin, or UTC. If the system knows none: pip install tzdata."
        raise UsageError(f"There is no time zone {name!r}.", cure) from None


def local_zone() -> str:
    """The name of this machine's time zone; UTC where it has no name."""
    named = os.environ.get("TZ", "").removeprefix(":")
    linked = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    for each in filter(None, (named, linked)):
        with suppress(UsageError):
            zone_of(each)
            return each
    return "UTC"


def next_due(schedule: Schedule, after: float) -> float | None:
    """The first time it is due beyond `after`; None if there is none any more."""
    return next(due(schedule, after), None)


def next_times(schedule: Schedule, after: float, count: int) -> list[float]:
    """The next times it is due beyond `after`."""
    return list(islice(due(schedule, after), count))


def due(schedule: Schedule, after: float) -> Iterator[float]:
    """The times it is due beyond `after`, in order."""
    if schedule.start_at is not None and after < schedule.start_at:
        after = schedule.start_at - 1e-3
    for each in _due(schedule, after):
        if schedule.end_at is not None and each > schedule.end_at:
            return
        yield each


def _due(schedule: Schedule, after: float) -> Iterator[float]:
    if schedule.at is not None:
        if schedule.at > after:
            yield schedule.at
    elif schedule.every_s:
        start = schedule.created_at if schedule.start_at is None else schedule.start_at
        number = max(floor((after - start) / schedule.every_s) - 1, 0 if schedule.start_at is not None else 1)
        while True:
            if (moment := start + number * schedule.every_s) > after:
                yield moment
            number += 1
    else:
        yield from _by_cron(schedule.cron, zone_of(schedule.zone), after)


def _by_cron(expression: str, zone: tzinfo, after: float) -> Iterator[float]:
    """Each once and later than the one before: what falls together at the end of a missing hour is one."""
    last = after
    for each in _cron(expression, datetime.fromtimestamp(after, zone)):
        if (moment := each.astimezone(UTC).timestamp()) > last:
            last = moment
            yield moment


def latest_by(schedule: Schedule, until: float) -> float:
    """The last time that it was due up to `until`, which there must be one of."""
    if not schedule.cron:
        start = schedule.created_at if schedule.start_at is None else schedule.start_at
        return start + floor((until - start) / schedule.every_s) * schedule.every_s
    # From two days before: going back, what a change of clocks has moved would not be found where it is run.
    span_s, found = 2 * 86400.0, None
    while found is None:
        for each in due(schedule, until - span_s):
            if each > until:
                break
            found = each
        span_s *= 8
    return found


def _cron(expression: str, start: datetime) -> CronSim:
    text = FAMILY.get(expression.lower(), expression)
    if text.lower() == "@reboot":
        raise UsageError("@reboot is no time.", "`motet scheduler` in cron's own @reboot line runs what was missed.")
    try:
        return CronSim(text, start)
    except (CronSimError, ValueError, OverflowError) as error:
        raise UsageError(
            f"{expression!r} is no cron expression: {error}.",
            "Write minute, hour, day of the month, month, day of the week, as in '30 2 * * 1-5'; or one of "
            f"{', '.join(FAMILY)}.",
        ) from None
