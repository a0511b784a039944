"""What becomes of times that have come: each is begun or told as skipped, once, whatever the clock does."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from motet.scheduling.judging import Judgement, judge
from motet.scheduling.times import CATCH_UP, OVERLAP, Schedule, due

HOUR = 3600.0


def hourly(**more: Any) -> Schedule:
    return Schedule("s", "w", cron="@hourly", created_at=HOUR * 1000 + 1, **more)


def looked(schedule: Schedule, hours: float, busy: bool = False) -> Judgement:
    """A look so many hours after it was made, whose state is kept."""
    found = judge(schedule, HOUR * (1000 + hours), busy)
    schedule.state = json.loads(json.dumps({**found.state, "starting": []}))
    return found


def hours(found: Judgement) -> list[float]:
    return [each / HOUR - 1000 for each in found.starts]


def test_what_comes_while_it_is_looked_at_begins() -> None:
    schedule = hourly()
    assert hours(looked(schedule, 0.5)) == []
    assert hours(looked(schedule, 1.001)) == [1]
    assert hours(looked(schedule, 1.002)) == []
    assert hours(looked(schedule, 2)) == [2]


@pytest.mark.parametrize(
    ("catch_up", "begun", "skipped"), [("all", [1, 2, 3, 4], 0), ("last", [4], 3), ("skip", [], 4)]
)
def test_times_that_were_missed(catch_up: str, begun: list[int], skipped: int) -> None:
    schedule = hourly(catch_up=catch_up)
    found = looked(schedule, 4.5)
    assert hours(found) == begun
    assert sum(each["count"] for each in found.skipped) == schedule.state["skipped"] == skipped
    assert all(f"catch-up is {catch_up}" in each["why"] for each in found.skipped)


def test_a_time_that_is_on_time_stands_for_those_that_were_missed() -> None:
    found = looked(hourly(catch_up="last"), 4.01)
    assert hours(found) == [4] and found.skipped[0]["count"] == 3
    assert hours(looked(hourly(catch_up="skip"), 4.01)) == [4]


def test_while_a_run_is_under_way() -> None:
    assert hours(looked(hourly(overlap="allow"), 1, busy=True)) == [1]
    schedule = hourly(overlap="skip")
    found = looked(schedule, 1, busy=True)
    assert hours(found) == [] and found.skipped[0]["why"] == "the run before had not ended"
    assert hours(looked(schedule, 2)) == [2]
    stopping = looked(hourly(overlap="stop", catch_up="all"), 3, busy=True)
    assert hours(stopping) == [3] and stopping.stops and stopping.skipped[0]["count"] == 2


def test_waiting_times_begin_one_after_the_other() -> None:
    schedule = hourly(overlap="wait", catch_up="all")
    assert hours(looked(schedule, 3.5)) == [1]
    assert hours(looked(schedule, 3.6, busy=True)) == []
    assert hours(looked(schedule, 4.0, busy=True)) == []
    assert [hours(looked(schedule, 4.1)) for _ in range(4)] == [[2], [3], [4], []]


def test_what_is_paused_tells_what_it_leaves_out() -> None:
    found = looked(hourly(paused=True), 2.5)
    assert hours(found) == [] and found.skipped == [
        {"from": HOUR * 1001, "to": HOUR * 1002, "count": 2, "why": "paused"}
    ]


def test_years_of_minutes_that_were_missed_cost_little_and_are_told() -> None:
    schedule = Schedule("s", "w", cron="* * * * *", created_at=0.0, catch_up="all")
    found = judge(schedule, 3 * 366 * 86400.0 + 30, busy=False)
    assert found.starts[-1] == 3 * 366 * 86400.0
    assert found.skipped[0]["count"] >= 10_000


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("catch_up", CATCH_UP)
def test_a_year_with_a_clock_that_is_set_forth_and_back(zone: str, catch_up: str, rng: random.Random) -> None:
    """Each time that has come is begun or skipped exactly once, in order; with "all", all are begun."""
    start = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    schedule = Schedule("s", "w", cron="30 */2,2 * * *", zone=zone, created_at=start, catch_up=catch_up)
    now = latest = start
    begun: list[float] = []
    skipped = 0
    while now < start + 365 * 86400:
        drawn = rng.random()
        now += -rng.uniform(0, 3 * HOUR) if drawn < 0.1 else rng.uniform(0, 30 * HOUR if drawn < 0.12 else 2 * HOUR)
        latest = max(latest, now)
        found = judge(schedule, now, busy=False)
        if found.starts or found.skipped:  # else it is not written down
            schedule.state = json.loads(json.dumps({**found.state, "starting": []}))
        begun += found.starts
        skipped += sum(each["count"] for each in found.skipped)
    wanted = []
    for each in due(schedule, start):
        if each > latest:
            break
        wanted.append(each)
    assert begun == sorted(set(begun)) and set(begun) <= set(wanted)
    assert len(begun) + skipped == len(wanted)
    assert catch_up != "all" or begun == wanted


@pytest.mark.parametrize("overlap", OVERLAP)
def test_nothing_is_lost_by_any_policy(overlap: str, rng: random.Random) -> None:
    schedule = hourly(overlap=overlap, catch_up=rng.choice(CATCH_UP))
    begun = skipped = 0
    at = 0.0
    for _ in range(300):
        at += rng.uniform(0, 2)
        found = looked(schedule, at, busy=rng.random() < 0.5)
        begun += len(found.starts)
        skipped += sum(each["count"] for each in found.skipped)
    assert begun + skipped + len(schedule.state["waiting"]) == int(at)
