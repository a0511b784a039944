"""The course of a run: what befell each of its steps and when, folded from the journal, and carried on from there.

So whoever looks again pays for what is new only, and is told which steps became something else since a number of the
run's events. Elements of maps are kept as a byte and two times each.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.values.naming import id_within
from motet.views.lookup import error_line

CACHED, CRASHED = "cached", "crashed"

STATUSES = (
    st.PENDING, st.READY, st.WAITING, st.RUNNING, st.RETRYING, st.SUCCEEDED, CACHED, st.FAILED, st.CANCELLED,
    st.SKIPPED, CRASHED,
)  # fmt: skip
"""The statuses that are shown of steps; a byte names one by its place here."""

PLACE = {status: place for place, status in enumerate(STATUSES)}

LOST = "interrupted"
"""How an attempt ended whose engine died."""

_MOST_BEGUN = 1_000

_ENDS = {
    "step.succeeded": st.SUCCEEDED, "step.failed": st.FAILED, "step.cancelled": st.CANCELLED,
    "step.skipped": st.SKIPPED, "step.retrying": st.RETRYING, "step.interrupted": st.READY,
}  # fmt: skip
_OUTCOMES = {"step.retrying": st.FAILED, "step.interrupted": LOST}


@dataclass(slots=True)
class Span:
    """An attempt, or a wait: when it could have begun, when it began and ended (None: not yet), and how."""

    ready_at: float
    began_at: float
    ended_at: float | None = None
    outcome: str = ""


class Elements:
    """The elements of a map: a status, a beginning and an end for each (NaN: not known)."""

    def __init__(self, size: int) -> None:
        self.statuses = bytearray(size)
        self.began_at = array("d", [nan]) * size
        self.ended_at = array("d", [nan]) * size
        self.attempts: dict[int, int] = {}
        self.errors: dict[int, str] = {}

    def counts(self) -> dict[str, int]:
        """How many are in each status, without those that none is in."""
        found = {status: self.statuses.count(place) for place, status in enumerate(STATUSES)}
        return {status: count for status, count in found.items() if count}

    def succeed(self, event: Mapping[str, Any]) -> None:
        """Take in `elements.succeeded`."""
        cached, facts, at = set(event.get("cached", ())), event.get("facts") or (), event["at"]
        for place, index in enumerate(event["indices"]):
            if index >= len(self.statuses):  # of a map that was larger before it was defined anew
                continue
            self.statuses[index] = PLACE[CACHED if index in cached else st.SUCCEEDED]
            self.ended_at[index] = at
            ran_s = (facts[place] or {}).get("running_s") if place < len(facts) else None
            self.began_at[index] = nan if ran_s is None else at - ran_s

    def become(self, index: int, event: Mapping[str, Any]) -> None:
        """Take in what befell one by itself."""
        kind, at = event["event"], event["at"]
        if not 0 <= index < len(self.statuses):
            return
        self.attempts[index] = max(self.attempts.get(index, 0), event.get("attempt", 1))
        if kind == "step.started":
            self.statuses[index] = PLACE[st.RUNNING]
            if isnan(self.began_at[index]):
                self.began_at[index] = at
        elif kind in _ENDS:
            status = st.PENDING if kind == "step.interrupted" else _ENDS[kind]
            self.statuses[index] = PLACE[CACHED if event.get("cached") else status]
            if status in st.ENDED:
                self.ended_at[index] = at
        if event.get("error") is not None:
            self.errors[index] = error_line(event["error"])

    def reset(self, anew: object) -> None:
        """Put outcomes aside: all of them, or those that are no successes."""
        for index, place in enumerate(self.statuses):
            if anew or STATUSES[place] not in (st.SUCCEEDED, CACHED):
                self.statuses[index], self.began_at[index], self.ended_at[index] = 0, nan, nan

    def end(self, status: str) -> None:
        """Let those that never began share the fate of their map."""
        place = PLACE[st.CANCELLED if status == st.CANCELLED else st.SKIPPED]
        self.statuses[:] = self.statuses.replace(b"\0", bytes((place,)))


@dataclass(slots=True)
class Track:
    """One step. `number` is its place in the order in which steps were added; `seq` the event that changed it last."""

    number: int
    key: str
    task: str = ""
    name: str = ""
    form: str = "call"
    parent: str = ""
    needs: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    added_at: float = 0.0
    ready_at: float | None = None
    status: str = st.PENDING
    attempt: int = 0
    cached: bool = False
    cause: str = ""
    unmet: int = 0
    seq: int = 0
    spans: list[Span] = field(default_factory=list)
    elements: Elements | None = None
    ended_at: float | None = None


class Course:
    """What befell the steps of one run up to its event number `seq`.

    rebuilt_seq  the last event by which a step became another one, so that what was known before does not hold
    driven       the stretches in which a process drove it: from when, to when (None: to this day), and how it ended
    """

    def __init__(self) -> None:
        self.seq = 0
        self.rebuilt_seq = 0
        self.last_at = 0.0
        self.tracks: list[Track] = []
        self.driven: list[tuple[float, float | None, str]] = []
        self._by_key: dict[str, Track] = {}
        self._followers: dict[str, list[Track]] = {}
        self._begun_by: dict[str, str] = {}
        self._named = 0

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in the run's next events."""
        by_kind: dict[str, Callable[[Course, Any], None]] = _BY_KIND
        for event in events:
            self.seq += 1
            act = by_kind.get(event["event"])
            if act is not None:
                act(self, event)
            self.last_at = max(self.last_at, event.get("at", 0.0))

    def find(self, key: str) -> Track | None:
        """The step of that key; for an element, its map."""
        return self._by_key.get(key) or self._by_key.get(key.rpartition("[")[0])

    def changed(self, after: int) -> list[Track]:
        """The steps that became something else after that number."""
        return [each for each in self.tracks if each.seq > after]

    def begun_by(self, run: str) -> Mapping[str, str]:
        """By which step, or element, a run with that id would have been begun; `run` is this run's id."""
        for track in self.tracks[self._named :]:
            self._begun_by[id_within(run, track.key)] = track.key
            for index in range(min(_MOST_BEGUN, len(track.elements.statuses) if track.elements else 0)):
                self._begun_by[id_within(run, track.key, index)] = f"{track.key}[{index}]"
        self._named = len(self.tracks)
        return self._begun_by

    # ------------------------------------------------------------ the run

    def _started(self, event: Mapping[str, Any]) -> None:
        if self.driven and self.driven[-1][1] is None:
            since, _, _ = self.driven[-1]
            self.driven[-1] = since, self.last_at, event.get("died") or "let go"
        self.driven.append((event["at"], None, ""))

    def _finished(self, event: Mapping[str, Any]) -> None:
        if self.driven and self.driven[-1][1] is None:
            self.driven[-1] = self.driven[-1][0], event["at"], event.get("status", st.SUCCEEDED)

    # ------------------------------------------------------------ steps

    def _added(self, event: Mapping[str, Any]) -> None:
        key = event["key"]
        track = self._by_key.get(key)
        if track is None:
            track = self._by_key[key] = Track(len(self.tracks), key, added_at=event["at"])
            self.tracks.append(track)
        else:
            self.rebuilt_seq = self.seq
            for need in track.needs:
                self._followers[need].remove(track)
        track.task, track.name = event.get("task", ""), event.get("name", "")
        track.form, track.parent = event.get("form", "call"), event.get("parent", "")
        track.limits = tuple((event.get("policy") or {}).get("demands", ()))
        size = event.get("size")
        track.elements = None if size is None else Elements(size)
        track.needs, track.each = (*event.get("needs", ()), *event.get("after", ())), tuple(event.get("each", ()))
        for need in track.needs:
            self._followers.setdefault(need, []).append(track)
        self._wait(track, track.added_at)

    def _wait(self, track: Track, at: float) -> None:
        """Let it wait for what it needs; a map does not wait for those that it follows element by element."""
        track.unmet = sum(not self._has_ended(key) for key in track.needs) if track.needs else 0
        track.status, track.ready_at = (st.PENDING, None) if track.unmet else (st.READY, at)
        track.seq = self.seq

    def _has_ended(self, key: str) -> bool:
        track = self._by_key.get(key)
        if track is not None:
            return track.status in st.ENDED
        of, _, index = key.rstrip("]").rpartition("[")
        elements = of in self._by_key and self._by_key[of].elements
        if not elements or not index.isdigit() or int(index) >= len(elements.statuses):
            return True
        return STATUSES[elements.statuses[int(index)]] in (*st.ENDED, CACHED)

    def _begun(self, event: Mapping[str, Any]) -> None:
        track = self._of(event)
        if track is None:
            return
        waits = event["event"] == "step.waiting"
        ready_at = track.added_at if track.ready_at is None else track.ready_at
        track.spans.append(Span(min(ready_at, event["at"]), event["at"], None, st.WAITING if waits else ""))
        track.status, track.attempt, track.cause = st.WAITING if waits else st.RUNNING, event.get("attempt", 1), ""
        track.seq = self.seq

    def _ended(self, event: Mapping[str, Any]) -> None:
        track = self._of(event)
        if track is None:
            return
        kind, at = event["event"], event["at"]
        if kind == "step.interrupted" and track.elements is not None:
            return  # a map goes on, and hands out again what it had in hand
        span = track.spans[-1] if track.spans and track.spans[-1].ended_at is None else None
        if span is None and kind in ("step.succeeded", "step.failed"):
            span = Span(at, at)
            track.spans.append(span)
        if span is not None:
            span.ended_at = self._died_at(span) if kind == "step.interrupted" else at
            span.outcome = span.outcome or _OUTCOMES.get(kind, _ENDS[kind])
        track.status = _ENDS[kind]
        track.cached = bool(event.get("cached"))
        track.ready_at = event.get("due_at") or at
        track.ended_at = at if track.status in st.ENDED else None
        track.cause = event.get("because") or event.get("reason") or error_line(event.get("error"))
        track.seq = self.seq
        if track.status in st.ENDED:
            if track.elements is not None:
                track.elements.end(track.status)
            self._free_followers(track.key, at)

    def _died_at(self, span: Span) -> float:
        """When the engine was last known to live that an attempt was lost with."""
        ends = [to for _, to, _ in self.driven if to is not None]
        return max(span.began_at, ends[-1] if ends else span.began_at)

    def _free_followers(self, key: str, at: float) -> None:
        for other in self._followers.get(key, ()):
            other.unmet = max(0, other.unmet - 1)
            if not other.unmet and other.status == st.PENDING:
                other.status, other.ready_at, other.seq = st.READY, at, self.seq

    def _reset(self, event: Mapping[str, Any]) -> None:
        track = self._of(event)
        if track is None:
            return
        if track.elements is not None:
            track.elements.reset(event.get("fingerprint") or event.get("anew"))
        self._wait(track, event["at"])
        track.cached, track.cause, track.ended_at = False, "", None
        for other in self._followers.get(track.key, ()):
            if other.status in (st.PENDING, st.READY):
                self._wait(other, event["at"])

    def _elements(self, event: Mapping[str, Any]) -> None:
        track = self._by_key.get(event["key"])
        if track is not None and track.elements is not None:
            track.elements.succeed(event)
            track.seq = self.seq
            self._free_elements(track, event["indices"], event["at"])

    def _of(self, event: Mapping[str, Any]) -> Track | None:
        """The step that the event is about; None for an element, which takes it in itself."""
        track = self._by_key.get(event["key"])
        index = event.get("element", -1)
        if track is None or index < 0:
            return track
        if track.elements is not None:
            track.elements.become(index, event)
            track.seq = self.seq
            self._free_elements(track, (index,), event["at"])
        return None

    def _free_elements(self, track: Track, indices: Iterable[int], at: float) -> None:
        """Let those go on that wait for single elements."""
        if self._followers:
            for index in indices:
                key = f"{track.key}[{index}]"
                if key in self._followers and self._has_ended(key):
                    self._free_followers(key, at)


_BY_KIND: dict[str, Callable[[Course, Any], None]] = {
    "run.started": Course._started, "run.finished": Course._finished,
    "step.added": Course._added, "step.redefined": Course._added,
    "step.started": Course._begun, "step.waiting": Course._begun,
    "step.reset": Course._reset, "elements.succeeded": Course._elements,
    **dict.fromkeys(_ENDS, Course._ended),
}  # fmt: skip


def status_of(track: Track) -> str:
    """The step's status as it is shown."""
    return CACHED if track.cached and track.status == st.SUCCEEDED else track.status


def course_of(events: Iterable[Json]) -> Course:
    """The course that these events make, from the run's first on."""
    course = Course()
    course.take(events)
    return course
