"""The critical path of a run: from its end back to its beginning, at each moment what it waited for, as stretches that
cover its wall time without a gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from motet.kernel import transitions as st
from motet.views.course import LOST, Course, Span

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


class Stretch(NamedTuple):
    """From when to when the run waited for that; `step` is the step's place in the course, -1 for none."""

    from_at: float
    to_at: float
    cause: str
    step: int = -1


class _Part(NamedTuple):
    """A span of a step that no other stands below, as far as it has come by the end; `number` is the step's place."""

    ended_at: float
    began_at: float
    number: int
    place: int
    span: Span


def critical_path(course: Course, began_at: float, ended_at: float) -> list[Stretch]:
    """What the run waited for from `began_at` to `ended_at`: each stretch begins where the one before ends."""
    found = [
        each for each in _backwards(course, _parts(course, ended_at), began_at, ended_at) if each.from_at < each.to_at
    ]
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
                found.append(_Part(to, span.began_at, track.number, place, span))
    found.sort(key=itemgetter(0, 1))
    return found


def _backwards(course: Course, parts: list[_Part], begin: float, end: float) -> Iterator[Stretch]:
    ends = [each[0] for each in parts]
    cursor, later = end, None
    while cursor > begin:
        part = _before(course, parts, ends, later, cursor)
        to = begin if part is None else max(begin, part.ended_at)
        yield from _between(later, max(begin, min(to, cursor)), cursor)
        if part is None:
            return
        cursor = min(to, cursor)
        start = max(begin, min(part.began_at, cursor))
        yield Stretch(start, cursor, _cause(part), part.number)
        cursor, later = start, part


def _before(
    course: Course, parts: list[_Part], ends: list[float], later: _Part | None, cursor: float
) -> _Part | None:  # fmt: skip
    """What ended last of that which it waited for: its attempt before, what it needs, or whoever had its slot."""
    if later is not None and later.place:
        found = _part(course, later.number, later.place - 1)
        return found if found.began_at < cursor else None
    needs = course.tracks[later.number].needs if later is not None else ()
    if later is not None and needs and cursor - later.span.ready_at < _NOTICED_S:
        needed = [track for key in needs if (track := course.find(key)) is not None and track.spans]
        known = [_part(course, each.number, len(each.spans) - 1) for each in needed]
        known = [each for each in known if each.began_at < cursor]
        if known:
            return max(known, key=itemgetter(0))
    place = bisect_right(ends, cursor) - 1
    while place >= 0 and parts[place].began_at >= cursor:
        place -= 1
    return parts[place] if place >= 0 else None


def _part(course: Course, number: int, place: int) -> _Part:
    span = course.tracks[number].spans[place]
    return _Part(inf if span.ended_at is None else span.ended_at, span.began_at, number, place, span)


def _between(later: _Part | None, begin: float, end: float) -> Iterator[Stretch]:
    """What the time between the end of one part and the beginning of the next was, latest first."""
    if later is None:
        yield Stretch(begin, end, OWN)
        return
    ready_at = min(end, max(begin, later.span.ready_at))
    yield Stretch(ready_at, end, IN_LINE, later.number)
    yield Stretch(begin, ready_at, PAUSED if later.place else OWN, later.number if later.place else -1)


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
