"""When a schedule is due, in words; and what the clocks' changes make of its times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim

from motet.records import Record
from motet.scheduling.times import FAMILY, Schedule, due, zone_of
from motet.views import human


class Moment(Record):
    """One time: in seconds since the epoch, as the clocks of the schedule's zone show it, and what is odd about it."""

    at: float
    local: str
    note: str = ""


def in_words(schedule: Schedule) -> str:
    """When it is due: "At 02:30 every day, Europe/Berlin"."""
    if schedule.cron:
        told = CronSim(FAMILY.get(schedule.cron.lower(), schedule.cron), datetime.now(UTC)).explain()
        return f"{told}, {schedule.zone}"
    if schedule.every_s:
        return f"Every {human.length(schedule.every_s)}"
    return f"Once, at {datetime.fromtimestamp(schedule.at or 0.0, zone_of(schedule.zone)):%Y-%m-%d %H:%M:%S}"


def moments(schedule: Schedule, after: float, count: int) -> list[Moment]:
    """The next times it is due beyond `after`, with what is said of doubled and missing hours."""
    zone, found = zone_of(schedule.zone), []
    for at in due(schedule, after):
        there = datetime.fromtimestamp(at, zone)
        note = _note(schedule.cron, at, zone) if schedule.cron else ""
        found.append(Moment(at, there.isoformat(timespec="seconds"), note))
        if len(found) == count:
            break
    return found


def _note(cron: str, at: float, zone: tzinfo) -> str:
    there, before = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(at - 1, zone)
    if there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset():
        which = "second" if there.fold else "first"
        return f"{there:%H:%M} comes twice on {_day(there)}, this is the {which}"
    gap = (there.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    if gap <= timedelta() or any(each.startswith("*") for each in FAMILY.get(cron.lower(), cron).split()[:2]):
        return ""
    end = there.replace(tzinfo=None)
    missing = next(CronSim(FAMILY.get(cron.lower(), cron), end - gap - timedelta(minutes=1)), None)
    if missing is None or not end - gap <= missing < end:
        return ""
    return f"{missing:%H:%M} does not exist on {_day(there)}, runs at {there:%H:%M}"


def _day(there: datetime) -> str:
    return f"{there.day} {there:%b}"
