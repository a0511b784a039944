"""When cron's expressions are due over changes of the clocks: as a table written by hand has it, and as a walk minute
by minute by the rules of Debian's cron finds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from motet.errors import UsageError
from motet.scheduling.times import FAMILY, Schedule, check, due, latest_by, local_zone, next_due, next_times

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"

HOURS = "0 * * * *"
TABLE: list[tuple[str, str, str, str]] = [
    # 29 March, Berlin: 02:00 +01 is 03:00 +02. What falls into the missing hour runs at its end, once.
    (BERLIN, "2026-03-29", "30 2 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "0 2 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "59 2 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "30 1 * * *", "01:30+01"),
    (BERLIN, "2026-03-29", "0 3 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "30 3 * * *", "03:30+02"),
    (BERLIN, "2026-03-29", "0 2,3 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "15,45 2 * * *", "03:00+02"),
    (BERLIN, "2026-03-29", "*/30 2 * * *", ""),
    (BERLIN, "2026-03-29", "0 */2 * * *", "00:00+01 04:00+02 06:00+02"),
    (BERLIN, "2026-03-29", HOURS, "00:00+01 01:00+01 03:00+02 04:00+02 05:00+02 06:00+02"),
    (BERLIN, "2026-03-29", "*/30 1-3 * * *", "01:00+01 01:30+01 03:00+02 03:30+02"),
    (BERLIN, "2026-03-29", "30 2 29 3 *", "03:00+02"),
    (BERLIN, "2026-03-29", "30 2 * * 0", "03:00+02"),
    (BERLIN, "2026-03-29", "30 2 * * 1", ""),
    # 25 October, Berlin: 03:00 +02 is 02:00 +01. A fixed time runs in the first of the two hours alone.
    (BERLIN, "2026-10-25", "30 2 * * *", "02:30+02"),
    (BERLIN, "2026-10-25", "0 2 * * *", "02:00+02"),
    (BERLIN, "2026-10-25", "59 2 * * *", "02:59+02"),
    (BERLIN, "2026-10-25", "0 3 * * *", "03:00+01"),
    (BERLIN, "2026-10-25", "15,45 2 * * *", "02:15+02 02:45+02"),
    (BERLIN, "2026-10-25", "*/30 2 * * *", "02:00+02 02:30+02 02:00+01 02:30+01"),
    (BERLIN, "2026-10-25", "5 * * * *", "00:05+02 01:05+02 02:05+02 02:05+01 03:05+01 04:05+01 05:05+01 06:05+01"),
    (BERLIN, "2026-10-25", "30 1 * * *", "01:30+02"),
    (BERLIN, "2026-10-25", "@daily", "00:00+02"),
    # 8 March, New York: 02:00 -05 is 03:00 -04; 1 November: 02:00 -04 is 01:00 -05.
    (NEW_YORK, "2026-03-08", "30 2 * * *", "03:00-04"),
    (NEW_YORK, "2026-03-08", HOURS, "00:00-05 01:00-05 03:00-04 04:00-04 05:00-04 06:00-04"),
    (NEW_YORK, "2026-03-08", "*/15 2 * * *", ""),
    (NEW_YORK, "2026-03-08", "5 0 * * *", "00:05-05"),
    (NEW_YORK, "2026-03-08", "@midnight", "00:00-05"),
    (NEW_YORK, "2026-11-01", "30 1 * * *", "01:30-04"),
    (NEW_YORK, "2026-11-01", "0 1 * * *", "01:00-04"),
    (NEW_YORK, "2026-11-01", "*/30 1 * * *", "01:00-04 01:30-04 01:00-05 01:30-05"),
    (NEW_YORK, "2026-11-01", "0 2 * * *", "02:00-05"),
    (NEW_YORK, "2026-11-01", "@monthly", "00:00-04"),
    # Lord Howe moves by half an hour: 5 April 02:00 +11 is 01:30 +10:30; 4 October 02:00 +10:30 is 02:30 +11.
    (LORD_HOWE, "2026-04-05", "45 1 * * *", "01:45+11"),
    (LORD_HOWE, "2026-04-05", "15 1 * * *", "01:15+11"),
    (LORD_HOWE, "2026-04-05", "0 2 * * *", "02:00+10:30"),
    (LORD_HOWE, "2026-04-05", "*/30 1 * * *", "01:00+11 01:30+11 01:30+10:30"),
    (LORD_HOWE, "2026-10-04", "15 2 * * *", "02:30+11"),
    (LORD_HOWE, "2026-10-04", "0 2 * * *", "02:30+11"),
    (LORD_HOWE, "2026-10-04", "*/15 2 * * *", "02:30+11 02:45+11"),
    (LORD_HOWE, "2026-10-04", "30 2 * * *", "02:30+11"),
]
"""Zone, day, expression, and when it is due on that day up to half past six, with the distance to UTC."""


def told(moment: float, zone: str) -> str:
    local = datetime.fromtimestamp(moment, ZoneInfo(zone))
    return local.strftime("%H:%M%z").removesuffix("00").replace("1030", "10:30")


def of_day(zone: str, day: str, expression: str) -> list[float]:
    """The times of the day up to half past six."""
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(zone)).timestamp()
    end = datetime.fromisoformat(f"{day}T06:30").replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = []
    for each in due(Schedule("s", "w", cron=expression, zone=zone), start - 1):
        if each > end:
            return found
        found.append(each)
    return found


@pytest.mark.parametrize(("zone", "day", "expression", "wanted"), TABLE)
def test_the_table(zone: str, day: str, expression: str, wanted: str) -> None:
    assert [told(each, zone) for each in of_day(zone, day, expression)] == wanted.split()


@pytest.mark.parametrize(("zone", "day", "expression"), [row[:3] for row in TABLE])
def test_whoever_begins_in_the_midst_goes_on_alike(zone: str, day: str, expression: str) -> None:
    """A scheduler that begins anew at any moment finds the same next time: also within the doubled hour."""
    times = of_day(zone, day, expression)
    schedule = Schedule("s", "w", cron=expression, zone=zone)
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(zone)).timestamp()
    for quarter in range(24):
        moment = start + quarter * 900 + 1
        following = next_due(schedule, moment)
        assert following == next((each for each in times if each > moment), following)
        assert following is not None and following > moment


# ---------------------------------------------------------------- a walk through a year


def allowed(text: str, first: int, last: int) -> set[int]:
    """The numbers that a field of cron's allows."""
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = ("*" if span == "*" else span).partition("-")
        start, end = (first, last) if low == "*" else (int(low), int(high or low))
        found |= set(range(start, end + 1, int(step or 1)))
    return found


def walked(expression: str, zone: str, year: int) -> list[float]:
    """Every minute of the year as Debian's cron goes through it: what falls into skipped minutes of the wall clock is
    run after them, what the wall clock shows again is not run again, unless minute or hour begin with `*`.
    """
    minute, hour, day, month, weekday = expression.split()
    minutes, hours = allowed(minute, 0, 59), allowed(hour, 0, 23)
    days, months, weekdays = allowed(day, 1, 31), allowed(month, 1, 12), {each % 7 for each in allowed(weekday, 0, 7)}
    both = day.startswith("*") or weekday.startswith("*")
    by_day: dict[int, bool] = {}

    def is_day(number: int) -> bool:
        if number not in by_day:
            at = date.fromordinal(number)
            of_month, of_week = at.day in days, at.isoweekday() % 7 in weekdays
            by_day[number] = at.month in months and ((of_month and of_week) if both else (of_month or of_week))
        return by_day[number]

    def fits(wall: int) -> bool:
        return wall % 60 in minutes and wall // 60 % 24 in hours and is_day(wall // 1440)

    by_time = minute.startswith("*") or hour.startswith("*")
    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 60
    epoch, seen, found = date(1970, 1, 1).toordinal() * 1440, None, []
    for half_hour in range(start, start + 365 * 1440, 30):
        distance = datetime.fromtimestamp(half_hour * 60, ZoneInfo(zone)).utcoffset()
        assert distance is not None
        wall = half_hour + distance // timedelta(minutes=1) + epoch
        seen = wall - 1 if seen is None else seen
        for step in range(30):
            now = wall + step
            if by_time:
                if fits(now):
                    found.append(float((half_hour + step) * 60))
            elif now > seen:
                if any(fits(each) for each in range(seen + 1, now + 1)):
                    found.append(float((half_hour + step) * 60))
                seen = now
    return found


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("30 2 * * *", BERLIN), ("7-59/13 * 1,15 * 1-5", BERLIN), ("15,45 1,2 * * 0", NEW_YORK),
        ("*/20 0-3 * * *", NEW_YORK), ("45 1 * 4,10 0", LORD_HOWE), ("0 2 1-7 * 7", LORD_HOWE),
    ],
)  # fmt: skip
def test_a_year_is_what_a_walk_through_its_minutes_finds(expression: str, zone: str) -> None:
    wanted = walked(expression, zone, 2026)
    assert next_times(Schedule("s", "w", cron=expression, zone=zone), wanted[0] - 1, len(wanted)) == wanted


# ---------------------------------------------------------------- intervals, single times, bounds, what is refused


def test_intervals_are_counted_from_their_start_and_do_not_drift() -> None:
    schedule = Schedule("s", "w", every_s=90.0, created_at=1000.5)
    assert next_times(schedule, 1000.5, 3) == [1090.5, 1180.5, 1270.5]
    assert next_due(schedule, 1000.5 + 90 * 1_000_000) == 1000.5 + 90 * 1_000_001
    assert latest_by(schedule, 1200.0) == 1180.5
    assert next_times(Schedule("s", "w", every_s=60, start_at=5000.0, created_at=0.0), 0.0, 2) == [5000.0, 5060.0]


def test_bounds_hold_and_a_single_time_comes_once() -> None:
    once = Schedule("s", "w", at=500.0)
    assert next_times(once, 0.0, 9) == [500.0] and next_due(once, 500.0) is None
    within = Schedule("s", "w", cron="* * * * *", start_at=600.0, end_at=780.0)
    assert next_times(within, 0.0, 9) == [600.0, 660.0, 720.0, 780.0]


def test_the_last_time_is_found_from_behind() -> None:
    schedule = Schedule("s", "w", cron="30 2 * * *", zone=BERLIN)
    until = datetime(2026, 3, 29, 12, tzinfo=UTC).timestamp()
    assert told(latest_by(schedule, until), BERLIN) == "03:00+02"
    yearly = Schedule("s", "w", cron="@yearly")
    assert latest_by(yearly, until) == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cron": "61 * * * *"}, "no cron expression"), ({"cron": "0 0 31 2 *"}, "no cron expression"),
        ({"cron": "@reboot"}, "@reboot is no time"), ({"cron": "* * * *"}, "no cron expression"),
        ({"cron": "@daily", "zone": "Mars/Base"}, "no time zone"),
        ({"cron": "@daily", "zone": "../etc"}, "no time zone"),
        ({}, "one of"), ({"cron": "@daily", "every_s": 5.0}, "one of"), ({"every_s": 0.1}, "at least a second"),
        ({"at": 5.0, "created_at": 9.0}, "still to come"), ({"cron": "@daily", "catch_up": "some"}, "no policy"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check(Schedule("s", "w", **given))  # type: ignore[arg-type]


def test_words_of_cron_are_taken_whatever_their_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in FAMILY:
        check(Schedule("s", "w", cron=word.upper()))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert local_zone() == "Asia/Tokyo"
