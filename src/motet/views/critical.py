"""The critical path of a run: from its end back to its beginning, at each moment what it waited for, as stretches that
cover its wall time without a gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motet.kernel import transitions as st
from motet.views.course import LOST, Course, Span, Track

if TYPE_CHECKING:
    from typing import Final

RAN: Final = "ran"
FAILED: Final = "failed attempts"
PAUSED: Final = "retry pauses"
IN_LINE: Final = "waited for a slot"
WAITED: Final = "waited for an event or an answer"
OWN: Final = "its own code"
LOST_IN_CRASH: Final = "lost in a crash"
DOWN: Final = "no process drove it"

CAUSES = (RAN, FAILED, PAUSED, IN_LINE, WAITED, OWN, LOST_IN_CRASH, DOWN)

_MOST_SHOWN = 2_000
_NOTICED_S = 0.01
"""What begins so soon after its last need has ended waited for that, and not for a slot."""


@dataclass(slots=True, frozen=True)
class Stretch:
    """From when to when the run waited for that; `step` is the step's place in the course, -1 for none."""

    from_at: float
    to_at: float
    cause: str
    step: int = -1


@dataclass(slots=True, frozen=True)
class _Part:
    """A span of a step that no other stands below, as far as it has come by the end."""

    ended_at: float
    span: Span
    track: Track
    place: int


def critical_path(course: Course, began_at: float, ended_at: float) -> list[Stretch]:
    """What the run waited for from `began_at` to `ended_at`: each stretch begins where the one before ends."""
    found = [each for each in _backwards(_parts(course, ended_at), began_at, ended_at) if each.from_at < each.to_at]
    down = [(one[1], other[0]) for one, other in zip(course.driven, course.driven[1:], strict=False)]
    cut = [piece for each in reversed(found) for piece in _cut(each, [(a, b) for a, b in down if a is not None])]
    return list(_joined(cut))


def by_cause(path: list[Stretch]) -> dict[str, float]:
    """How much of the wall time went to each cause, in seconds; their sum is the wall time."""
    found = dict.fromkeys(CAUSES, 0.0)
    for each in path:
        found[each.cause] += each.to_at - each.from_at
    return {cause: took_s for cause, took_s in found.items() if took_s}


def by_task(course: Course, path: list[Stretch]) -> dict[str, float]:
    """How much of the time in which steps ran went to each task, in seconds."""
    found: dict[str, float] = {}
    for each in path:
        if each.cause == RAN and each.step >= 0:
            task = course.tracks[each.step].task
            found[task] = found.get(task, 0.0) + each.to_at - each.from_at
    return found


def noticed(path: list[Stretch]) -> list[Stretch]:
    """The stretches that can be seen where the whole path is drawn, if there are more than that shows."""
    if len(path) <= _MOST_SHOWN:
        return path
    least_s = (path[-1].to_at - path[0].from_at) / _MOST_SHOWN
    return [each for each in path if each.to_at - each.from_at >= least_s]


def _parts(course: Course, end: float) -> list[_Part]:
    above = map(course.find, {each.parent for each in course.tracks if each.parent})
    around = {each.number for each in above if each is not None}
    found = []
    for track in course.tracks:
        if track.form == "flow" or track.number in around:
            continue
        for place, span in enumerate(track.spans):
            to = end if span.ended_at is None else min(span.ended_at, end)
            if span.began_at < to:
                found.append(_Part(to, span, track, place))
    return sorted(found, key=lambda each: (each.ended_at, each.span.began_at))


def _backwards(parts: list[_Part], begin: float, end: float) -> Iterator[Stretch]:
    ends = [each.ended_at for each in parts]
    by_span = {(each.track.key, each.place): each for each in parts}
    cursor, later = end, None
    while cursor > begin:
        part = _before(parts, ends, by_span, later, cursor)
        to = begin if part is None else max(begin, part.ended_at)
        yield from _between(later, max(begin, min(to, cursor)), cursor)
        if part is None:
            return
        cursor = min(to, cursor)
        start = max(begin, min(part.span.began_at, cursor))
        yield Stretch(start, cursor, _cause(part), part.track.number)
        cursor, later = start, part


def _before(
    parts: list[_Part], ends: list[float], by_span: dict[tuple[str, int], _Part], later: _Part | None, cursor: float
) -> _Part | None:  # fmt: skip
    """What ended last of that which it waited for: its attempt before, what it needs, or whoever had its slot."""
    if later is not None and later.place and (found := by_span.get((later.track.key, later.place - 1))):
        return found if found.span.began_at < cursor else None
    if later is not None and later.track.needs and cursor - later.span.ready_at < _NOTICED_S:
        needed = [by_span.get((key, _last(by_span, key))) for key in later.track.needs]
        known = [each for each in needed if each is not None and each.span.began_at < cursor]
        if known:
            return max(known, key=lambda each: each.ended_at)
    place = bisect_right(ends, cursor) - 1
    while place >= 0 and parts[place].span.began_at >= cursor:
        place -= 1
    return parts[place] if place >= 0 else None


def _last(by_span: dict[tuple[str, int], _Part], key: str) -> int:
    place = 0
    while (key, place + 1) in by_span:
        place += 1
    return place


def _between(later: _Part | None, begin: float, end: float) -> Iterator[Stretch]:
    """What the time between the end of one part and the beginning of the next was, latest first."""
    if later is None:
        yield Stretch(begin, end, OWN)
        return
    ready_at = min(end, max(begin, later.span.ready_at))
    yield Stretch(ready_at, end, IN_LINE, later.track.number)
    yield Stretch(begin, ready_at, PAUSED if later.place else OWN, later.track.number if later.place else -1)


def _cause(part: _Part) -> str:
    if part.span.outcome == st.WAITING:
        return WAITED
    return {st.FAILED: FAILED, LOST: LOST_IN_CRASH}.get(part.span.outcome, RAN)


def _cut(stretch: Stretch, down: list[tuple[float, float]]) -> Iterator[Stretch]:
    """The stretch, but for where nobody drove the run, if it was a wait that ended with that."""
    if stretch.cause in (RAN, WAITED):
        yield stretch
        return
    at = stretch.from_at
    for since, until in down:
        begin, end = max(at, since), min(stretch.to_at, until)
        if begin < end:
            if at < begin:
                yield Stretch(at, begin, stretch.cause, stretch.step)
            yield Stretch(begin, end, DOWN)
            at = end
    if at < stretch.to_at:
        yield Stretch(at, stretch.to_at, stretch.cause, stretch.step)


def _joined(path: list[Stretch]) -> Iterator[Stretch]:
    held: Stretch | None = None
    for each in path:
        if held is not None and (held.cause, held.step) == (each.cause, each.step):
            held = Stretch(held.from_at, each.to_at, each.cause, each.step)
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held
