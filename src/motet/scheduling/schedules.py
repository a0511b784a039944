"""Schedules of registered workflows: added, listed, paused, resumed, removed; and what they begin."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports import Publication, Store
from motet.registry import definitions, starting
from motet.scheduling import judging
from motet.scheduling.beginning import NOT_YET, Beginner
from motet.scheduling.kept import Kept
from motet.scheduling.times import Schedule, check, next_due, next_times, zone_of

__all__ = ["Schedule", "add", "every", "find", "next_times", "pause", "remove", "resume"]

KEPT = Kept("schedule", Schedule)

NAMESPACE = "schedules"
"""The namespace of the events that tell of times that were skipped."""

_RUNS = 20
_AGAIN_S = 5.0

find, every = KEPT.find, KEPT.every


def add(store: Store, schedule: Schedule, now: float) -> Schedule:
    """Keep the schedule. Its workflow must be registered, and take its parameters.

    Raises UsageError, ParameterError, NotFound; Conflict for a name that is taken.
    """
    schedule.created_at = now
    check(schedule)
    definition = definitions.find(store, schedule.target)
    schedule.params = starting.parameters(definition, schedule.params)
    schedule.state = {"judged_at": now}
    return KEPT.add(store, schedule, now)


def pause(store: Store, name: str, now: float) -> Schedule:
    """Begin nothing from now on; what comes meanwhile is told as skipped. What has come and was not begun yet is judged
    first. Raises NotFound.
    """

    def change(schedule: Schedule) -> bool:
        schedule.state = judging.judge(schedule, now, busy=True).state
        schedule.paused = True
        return True

    return KEPT.change_and_tell(store, name, change, now)


def resume(store: Store, name: str, now: float) -> Schedule:
    """Go on from now, whatever was missed. Raises NotFound."""

    def change(schedule: Schedule) -> bool:
        if schedule.paused:
            schedule.state = judging.judge(schedule, now, busy=True).state
        schedule.state = {**schedule.state, "judged_at": now}
        schedule.paused = False
        return True

    return KEPT.change_and_tell(store, name, change, now)


def remove(store: Store, name: str, now: float) -> Schedule:
    """Remove it; runs that it has begun go on. Raises NotFound."""
    return KEPT.remove(store, name, now)


def run_id(schedule: Schedule, due_at: float) -> str:
    """The run of that time: the same in whatever process, so it is made once."""
    moment = datetime.fromtimestamp(due_at, UTC)
    fraction = f"{moment:%f}" if moment.microsecond else ""
    return f"s{schedule.number}-{moment:%Y%m%dT%H%M%S}{fraction}Z"


# ---------------------------------------------------------------- what a scheduler does


def look(beginner: Beginner) -> float | None:
    """Judge all schedules and begin what is due; gives when to look again at the latest, None if nothing comes."""
    upcoming: list[float] = []
    for schedule in every(beginner.store):
        now = beginner.now()
        try:
            following = _following(schedule)
        except UsageError as error:  # its time zone is not known on this machine: the others go on
            beginner.say(f"Schedule {schedule.name}: {error.what}")
            continue
        is_due = following is not None and following <= now
        if is_due or schedule.state.get("starting") or schedule.state.get("waiting"):
            try:
                schedule = _attend(beginner, schedule.name, now)
            except NotFound:  # removed at this moment
                continue
            following = next_due(schedule, max(now, schedule.state["judged_at"]))
        if schedule.state.get("starting") or schedule.state.get("waiting"):
            upcoming.append(now + _AGAIN_S)
        upcoming += [] if following is None or schedule.paused else [following]
    return min(upcoming, default=None)


def _following(schedule: Schedule) -> float | None:
    """The first time that is not judged yet. It is asked for at each look, and seldom another."""
    timing = (schedule.cron, schedule.every_s, schedule.at, schedule.zone, schedule.start_at, schedule.end_at)
    return _next_due(timing, schedule.created_at, schedule.state["judged_at"])


@lru_cache(maxsize=4096)
def _next_due(timing: tuple[Any, ...], created_at: float, after: float) -> float | None:
    cron, every_s, at, zone, start_at, end_at = timing
    return next_due(Schedule("", "", {}, cron, every_s, at, zone, start_at, end_at, created_at=created_at), after)


def _attend(beginner: Beginner, name: str, now: float) -> Schedule:
    """First write down what is to be begun, then begin it, then write down that it was."""
    judged: list[judging.Judgement] = []

    def change(schedule: Schedule) -> bool:
        found = judging.judge(schedule, now, schedule.overlap != "allow" and is_busy(beginner, schedule))
        judged[:] = [found]
        is_news = bool(found.starts or found.skipped or found.state["waiting"] != schedule.state.get("waiting", []))
        schedule.state = found.state
        return is_news

    schedule = KEPT.change(beginner.store, name, change)
    for each in judged[0].skipped:
        tell_skipped(beginner, schedule, each)
    if judged[0].stops:
        for run in schedule.state.get("runs", ()):
            beginner.stop(run, f"schedule {name} begins the next one")
    begun = {due_at: _begin(beginner, schedule, due_at) for due_at in schedule.state.get("starting", ())}
    return KEPT.change(beginner.store, name, partial(_note, begun)) if begun else schedule


def _begin(beginner: Beginner, schedule: Schedule, due_at: float) -> str:
    run = run_id(schedule, due_at)
    local = datetime.fromtimestamp(due_at, zone_of(schedule.zone))
    why = beginner.begin(
        schedule.target, schedule.params, run, f"{schedule.name}-{local:%Y-%m-%d-%H%M%S}",
        {"by": "schedule", "schedule": schedule.name, "due_at": due_at},
    )  # fmt: skip
    if why and why != NOT_YET:
        tell_skipped(beginner, schedule, {"from": due_at, "to": due_at, "count": 1, "why": why})
    elif not why:
        beginner.say(f"Schedule {schedule.name}: run {run} begins.")
    return why


def _note(begun: dict[float, str], schedule: Schedule) -> bool:
    """Take out of the state what was begun, and what cannot be."""
    state = schedule.state
    there = list(state.get("starting", ()))
    done = [each for each in there if begun.get(each, NOT_YET) != NOT_YET]
    made = [each for each in done if not begun[each]]
    wrong = [{"from": each, "to": each, "count": 1, "why": begun[each]} for each in done if begun[each]]
    state["starting"] = [each for each in there if each not in done]
    state["started"] = state.get("started", 0) + len(made)
    state["skipped"] = state.get("skipped", 0) + len(wrong)
    state["told"] = [*state.get("told", ()), *wrong][-_RUNS:]
    state["runs"] = [*state.get("runs", ()), *(run_id(schedule, each) for each in made)][-_RUNS:]
    return bool(done)


def is_busy(beginner: Beginner, schedule: Schedule) -> bool:
    """Whether a run of it is under way, or about to begin."""
    runs = [*schedule.state.get("runs", ()), *(run_id(schedule, each) for each in schedule.state.get("starting", ()))]
    return any(beginner.is_under_way(run) for run in runs)


def tell_skipped(beginner: Beginner, schedule: Schedule, skipped: Json) -> None:
    """Publish that times were skipped, once, and why."""
    key = f"s{schedule.number}/{skipped['from']}/{skipped['to']}/{skipped['why']}"
    value = {"schedule": schedule.name, **skipped}
    at = beginner.now()
    beginner.store.publish([Publication("schedule.skipped", value, NAMESPACE, "motet", client_key=key, at=at)])
    beginner.say(f"Schedule {schedule.name}: {skipped['count']} skipped: {skipped['why']}.")
