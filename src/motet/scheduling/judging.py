"""What is to be done about a schedule at a moment: which of the times that have come are run or skipped, and why.

Pure: the moment, and whether a run of it is under way, are handed in. The state that it goes by is JSON:

    judged_at   up to when times have been judged; it never goes back, whatever the clock does
    starting    times that are to be begun: written down before anything is begun, taken out when that is done
    waiting     times that wait for the run before (overlap "wait")
    started, skipped  how many so far
    told        the last of what was skipped: {"from", "to", "count", "why"}
    runs        the last runs that were begun
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from motet.kernel.events import Json
from motet.records import Record, field
from motet.scheduling.times import Schedule, due, latest_by

ON_TIME_S = 60.0
"""A time that came so long ago, or less, was not missed."""

MOST_AT_ONCE = 1000
"""So many times that were missed are run, however many there were; as many may wait."""

_LOOKED_AT = 10_000
_TOLD = 20


class Judgement(Record):
    """What becomes of a schedule at a moment.

    state    the new state
    starts   the times to be begun now; `stops` whether runs of it that are under way are stopped before
    skipped  what was skipped just now, as in `told`
    """

    state: dict[str, Json]
    starts: list[float] = field(default_factory=list)
    stops: bool = False
    skipped: list[Json] = field(default_factory=list)


def judge(schedule: Schedule, now: float, busy: bool) -> Judgement:
    """What is to be done at this moment. `busy`: a run of it is under way."""
    state = {"judged_at": schedule.created_at, "started": 0, "skipped": 0, **schedule.state}
    found = Judgement(state)
    waiting: list[float] = list(state.get("waiting", ()))
    if now > state["judged_at"]:
        come = _come(schedule, state["judged_at"], now, found)
        state["judged_at"] = now
        if schedule.paused:
            _skip(found, come, "paused")
        else:
            waiting = _overlapping(schedule, _caught_up(schedule, come, now, found), waiting, busy, found)
    if waiting and not busy and not found.starts and not state.get("starting"):
        found.starts.append(waiting.pop(0))
    state["waiting"] = waiting
    state["starting"] = [*state.get("starting", ()), *found.starts]
    state["skipped"] += sum(each["count"] for each in found.skipped)
    state["told"] = [*state.get("told", ()), *found.skipped][-_TOLD:]
    return found


def _come(schedule: Schedule, after: float, now: float, found: Judgement) -> list[float]:
    """The times that have come since. Of very many only the last is looked at: the others are told as skipped."""
    come: list[float] = []
    for each in islice(due(schedule, after), _LOOKED_AT + 1):
        if each > now:
            return come
        come.append(each)
    if len(come) <= _LOOKED_AT:
        return come
    last = latest_by(schedule, now)
    _skip(found, come[:-1] if last == come[-1] else come, "more than can be looked at were missed")
    return [last]


def _caught_up(schedule: Schedule, come: Sequence[float], now: float, found: Judgement) -> list[float]:
    """Those that are run, after what is to become of missed ones."""
    on_time = [each for each in come if now - each <= ON_TIME_S]
    late = list(come[: len(come) - len(on_time)])
    kept: list[float] = []
    if schedule.catch_up == "all":
        kept = late[-MOST_AT_ONCE:]
    elif schedule.catch_up == "last" and not on_time:
        kept = late[-1:]
    _skip(found, late[: len(late) - len(kept)], f"missed, and catch-up is {schedule.catch_up}")
    return [*kept, *on_time]


def _overlapping(
    schedule: Schedule, come: list[float], waiting: list[float], busy: bool, found: Judgement
) -> list[float]:  # fmt: skip
    """Decide which begin; gives those that wait."""
    if schedule.overlap == "allow":
        found.starts += come
    elif schedule.overlap == "skip":
        free = not busy and not schedule.state.get("starting")
        found.starts += come[:1] if free else []
        _skip(found, come[1:] if free else come, "the run before had not ended")
    elif schedule.overlap == "stop":
        found.starts += come[-1:]
        found.stops = bool(come)
        _skip(found, come[:-1], "a later one came")
    else:
        waiting = [*waiting, *come]
        _skip(found, waiting[MOST_AT_ONCE:], "too many wait already")
        return waiting[:MOST_AT_ONCE]
    return waiting


def _skip(found: Judgement, times: Sequence[float], why: str) -> None:
    if times:
        found.skipped.append({"from": times[0], "to": times[-1], "count": len(times), "why": why})


def reset(schedule: Schedule, now: float) -> None:
    """Let it go on from now: what came before counts for nothing."""
    schedule.state = {**schedule.state, "judged_at": now}
