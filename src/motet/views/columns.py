"""Steps and edges of a run as columns, to be drawn: all of them, or those that became something else since."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from math import isnan

from motet.errors import NotFound
from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunFilter, RunRow, Store
from motet.views import documents, lookup
from motet.views.course import PLACE, STATUSES, Course, Elements, Track, status_of

IS_CACHED, IS_MAP, IS_FLOW, IS_CHILD, IS_REPEATED = 1, 4, 8, 16, 32
"""Flags of a step. 2 stands for one that is planned, which is told apart."""

_KEPT = 6
_MOST_CHILDREN = 1_000
_MOST_ABOVE = 20
_MOST_PLANNED = 2_000
_DIGITS = 4


class Courses:
    """The courses of the runs that were looked at last, each carried on from where it was. Safe from any thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[threading.Lock, Course]] = OrderedDict()

    @contextmanager
    def of(self, run: str) -> Iterator[Course]:
        """The run's course up to its newest event, for as long as nobody else has it."""
        with self._lock:
            lock, course = self._kept.setdefault(run, (threading.Lock(), Course()))
            self._kept.move_to_end(run)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        with lock:
            course.take(self._store.history(run, course.seq))
            yield course


def picture(store: Store, courses: Courses, run: RunRow, after: int = 0) -> Json:
    """The run's steps and edges as columns; those alone that changed after its event number `after`, unless steps were
    defined anew since.

    Times are seconds since the run's creation, None where a thing has not come about. `at` are the places of the steps
    told of, `from` and `to` the edges that lead to them (`elements`: from which element of a map), `maps` the statuses
    of elements as runs of equal ones, and which have a row of their `own`, as those that failed or were tried again.
    """
    with courses.of(run.id) as course:
        found = _picture(store, run, course, after)
    if found["whole"] and run.status not in st.ENDED:
        found["planned"] = _planned(store, courses, run)
    return found


def _picture(store: Store, run: RunRow, course: Course, after: int) -> Json:
    whole = not 0 < after <= course.seq or course.rebuilt_seq > after
    tracks = list(course.tracks) if whole else course.changed(after)
    children = _children(store, run, course)
    return {
        "run": documents.run_json(run), "offset": course.seq, "n": len(course.tracks), "whole": whole,
        "statuses": STATUSES, "driven": [[*_since(run, each[:2]), each[2]] for each in course.driven],
        **_columns(run, course, tracks, children),
        "children": list(children.values()), "above": _above(store, run),
    }  # fmt: skip


def _columns(run: RunRow, course: Course, tracks: Sequence[Track], children: Mapping[str, Json]) -> dict[str, Json]:
    tasks: dict[str, int] = {}
    parents = [_place(course, each.parent) for each in tracks]
    edges = [(*_end(course, need), each.number) for each in tracks for need in (*each.needs, *each.each)]
    edges = [edge for edge in dict.fromkeys(edges) if edge[0] >= 0]
    began = [each.spans[0].began_at if each.spans else None for each in tracks]
    return {
        "at": [each.number for each in tracks],
        "keys": [each.key for each in tracks],
        "task": [tasks.setdefault(each.task, len(tasks)) for each in tracks],
        "tasks": list(tasks),
        "names": {each.number: each.name for each in tracks if each.name and each.elements is None},
        "parent": parents,
        "status": [PLACE[status_of(each)] for each in tracks],
        "flags": [_flags(each, children) for each in tracks],
        "created": _since(run, [each.added_at for each in tracks]),
        "ready": _since(run, [each.spans[0].ready_at if each.spans else each.ready_at for each in tracks]),
        "began": _since(run, began),
        "ended": _since(run, [each.ended_at for each in tracks]),
        "attempts": [min(each.attempt, 255) for each in tracks],
        "from": [one for one, _, _ in edges],
        "to": [other for _, _, other in edges],
        "elements": {place: element for place, (_, element, _) in enumerate(edges) if element >= 0},
        "cause": {each.number: each.cause for each in tracks if each.cause},
        "due": {each.number: _since(run, [each.ready_at])[0] for each in tracks if each.status == st.RETRYING},
        "spans": {each.number: _spans(run, each) for each in tracks if _is_told(each)},
        "maps": {each.number: _map_json(each.elements) for each in tracks if each.elements is not None},
        "slots": {each.number: each.limits for each in tracks if each.limits and each.status == st.READY},
    }


def _is_told(track: Track) -> bool:
    """Whether more must be told of what befell it than when it began and ended."""
    return len(track.spans) > 1 or (len(track.spans) == 1 and track.spans[0].outcome in ("interrupted", st.WAITING))


def _spans(run: RunRow, track: Track) -> Json:
    return [[*_since(run, (it.ready_at, it.began_at, it.ended_at)), it.outcome] for it in track.spans]


def _place(course: Course, key: str) -> int:
    """Where the step of that key stands; -1 for none."""
    track = course.find(key) if key else None
    return -1 if track is None else track.number


def _end(course: Course, key: str) -> tuple[int, int]:
    """The step from which an edge leads, and which element of it (-1: all of it)."""
    place = _place(course, key)
    index = key.rpartition("[")[2].removesuffix("]")
    is_element = place >= 0 and course.tracks[place].key != key and index.isdigit()
    return place, int(index) if is_element else -1


def _since(run: RunRow, times: Iterable[float | None]) -> list[float | None]:
    began = run.created_at
    return [None if each is None else round(each - began, _DIGITS) for each in times]


def _flags(track: Track, children: Mapping[str, Json]) -> int:
    found = IS_CACHED if track.cached else 0
    found |= IS_MAP if track.elements is not None else 0
    found |= IS_FLOW if track.form == "flow" else 0
    found |= IS_CHILD if track.key in children else 0
    return found | (IS_REPEATED if "#" in track.key.rpartition("/")[2] else 0)


def _map_json(elements: Elements) -> Json:
    """How many elements are in each status, and the statuses in order as pairs of status and length."""
    runs: list[int] = []
    for place, alike in groupby(elements.statuses):
        runs += (place, sum(1 for _ in alike))
    return {
        "size": len(elements.statuses), "counts": elements.counts(), "statuses": runs, "own": sorted(elements.attempts)
    }  # fmt: skip


# ---------------------------------------------------------------- child runs, and what is to come


def _children(store: Store, run: RunRow, course: Course) -> dict[str, Json]:
    """The runs that steps of this one began, by the step's key; by their own id where no step is known."""
    rows = store.run_page(RunFilter(parent=run.id), limit=_MOST_CHILDREN).runs
    begun_by = course.begun_by(run.id) if rows else {}
    return {begun_by.get(row.id, row.id): _child_json(row, begun_by.get(row.id, "")) for row in rows}


def _above(store: Store, run: RunRow) -> list[Json]:
    """The runs that it is a part of, the outermost first."""
    found: list[Json] = []
    while run.parent and len(found) < _MOST_ABOVE:
        try:
            run = store.run(run.parent)
        except NotFound:
            break
        found.insert(0, {"id": run.id, "name": run.name})
    return found


def _child_json(row: RunRow, step: str) -> Json:
    told = {name: getattr(row, name) for name in ("id", "name", "workflow", "created_at", "started_at", "ended_at")}
    counts = {"voice": row.program.get("voice", ""), "counts": dict(row.counts)}
    return {"step": step, "status": lookup.status_of(row), **told, **counts}


def _planned(store: Store, courses: Courses, run: RunRow) -> Json:
    """The steps that are to come if this run goes as the last one of its workflow did that succeeded; None if there was
    none. Each as [key, task, key of what it is part of, keys of what it needs].
    """
    where = RunFilter(workflow=run.workflow, status=st.SUCCEEDED, voice=run.program.get("voice"))
    before = store.run_page(where, limit=1).runs
    if not before or sum(before[0].counts.values()) > _MOST_PLANNED:
        return None
    # one course at a time: the last run that succeeded may be this very one, which has just done so
    with courses.of(before[0].id) as last:
        there = {each.key: [each.key, each.task, each.parent, [*each.needs, *each.each]] for each in last.tracks}
    with courses.of(run.id) as course:
        steps = [step for key, step in there.items() if course.find(key) is None]
    return {"run": before[0].id, "name": before[0].name, "steps": steps}


# ---------------------------------------------------------------- elements


def elements_json(run: RunRow, course: Course, key: str, start: int, limit: int) -> Json:
    """Elements of a map as columns, from the one numbered `start` on; None where the step is no map."""
    track = course.find(key)
    if track is None or track.elements is None:
        return None
    of = track.elements
    end = min(start + limit, len(of.statuses))
    began = [None if isnan(each) else each for each in of.began_at[start:end]]
    ended = [None if isnan(each) else each for each in of.ended_at[start:end]]
    return {
        "step": track.key, "size": len(of.statuses), "start": start, "statuses": list(of.statuses[start:end]),
        "began": _since(run, began), "ended": _since(run, ended),
        "attempts": {index: count for index, count in of.attempts.items() if start <= index < end},
        "errors": {index: text for index, text in of.errors.items() if start <= index < end},
    }  # fmt: skip
