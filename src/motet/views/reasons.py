"""Why a step stands as it does: read from the run's journal, and from what is kept of earlier runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from motet import questions, voices
from motet.checkpoints import Checkpoint
from motet.errors import NotFound
from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports.spec import Difference, differences, recorded_spec
from motet.views import human, lookup, usage
from motet.views.facts import Facts, checkpoint_line
from motet.views.steps import elements, index_of

_MOST_ELEMENTS = 20

_NOTICED_S = 0.01
"""A wait shorter than this is not worth a word."""


class Reasons(Facts):
    """The reasons of one step (or element of a map) of one run."""

    def json(self) -> Json:
        """All of it as a document; `why` in words, `cache` and `reused` as they are recorded."""
        return {
            "run": self.run.id, "step": self.step.key, "status": self.step.status, "cached": int(self.step.cached),
            "why": list(self.why()), "needs": self.needs, "cache": self.note.get("cache"),
            "nearest": self.nearest, "reused": self.note.get("reused"),
            "checkpoints": [each.json for each in self.checkpoints], "usage": self.used,
            "story": [{"at": at, "what": text} for at, text in self.story()],
        }  # fmt: skip

    def why(self) -> Iterator[str]:
        """Why it stands as it does, in a few lines."""
        told = {
            st.PENDING: self._why_pending, st.READY: self._why_ready, st.RUNNING: self._why_it_runs,
            st.WAITING: self._why_it_runs, st.RETRYING: self._why_retrying, st.SUCCEEDED: self._why_succeeded,
            st.FAILED: self._why_failed, st.SKIPPED: self._why_skipped, st.CANCELLED: self._why_cancelled,
        }  # fmt: skip
        yield from told[self.step.status]()
        if self.checkpoints and self.step.status != st.SUCCEEDED:
            yield f"Its last checkpoint is {checkpoint_line(self.checkpoints)}: the next attempt begins from it."

    def story(self) -> Iterator[tuple[float, str]]:
        """What befell it, in order: time and text."""
        began_at = None
        for event in _gathered(_together(self.events) if self.step.form == "map" else self.events):
            at, kind = event["at"], event["event"]
            if kind == "step.added":
                yield at, self._told_added()
            elif kind == "step.started":
                if began_at is None:
                    yield from self._told_waits(at)
                began_at = at
                yield at, f"attempt {event.get('attempt', 1)} started{_told_origin(self, event['from'])}"
            elif kind == "step.interrupted":
                yield at, "interrupted: the process that ran it died; it is run again, and no retry is used up"
            elif kind == "step.changed":
                kept = "kept, though" if event.get("kept") else "not yet run when"
                yield at, f"{kept} it had changed: {'; '.join(event.get('differs', ())) or 'its code'}"
            elif kind == "step.redefined":
                yield at, "defined anew: the code calls it otherwise than before"
            elif kind == "step.reset":
                yield at, f"its outcome was put aside: {event.get('reason') or 'to run anew'}"
            elif kind in _TOLD:
                yield at, _TOLD[kind](event) + _took(event)

    # ------------------------------------------------------------ by status

    def _why_pending(self) -> Iterator[str]:
        missing = [each for each in self.needs if self.status_of(each) not in st.ENDED]
        if missing:
            told = ", ".join(f"{each} ({self.status_of(each)})" for each in missing[:10])
            yield f"It waits for {human.counted(len(missing), 'step')}: {told}."
        else:
            yield "All that it needs has ended; its turn has not come yet."
        yield from self._why_stalled()

    def _why_ready(self) -> Iterator[str]:
        limits = self.limits
        if not limits:
            yield "Nothing stands in its way: it starts as soon as its caller carries it out."
        for name in limits:
            holders = self.of_machine(name) or self.holders(name)
            told = f"; it is held by {', '.join(holders[:5])}{' ...' if len(holders) > 5 else ''}" if holders else ""
            yield f"It waits for its turn at {_limit(name)}{told}."
        yield from self._why_stalled()

    def _why_stalled(self) -> Iterator[str]:
        status = lookup.status_of(self.run)
        if status == lookup.CRASHED:
            yield f"The process that drove the run is gone: `motet resume {self.run.name}` carries on."
        elif self.run.status in st.ENDED:
            yield f"The run has ended ({self.run.status}) without it: `motet resume {self.run.name}` carries on."

    def _why_retrying(self) -> Iterator[str]:
        last = next(each for each in reversed(self.events) if each["event"] == "step.retrying")
        yield f"Attempt {last.get('attempt', 1)} failed: {lookup.error_line(last.get('error'))}."
        yield f"The next is due at {human.clock(last['due_at'])}. Retries allowed: {self.retries}."
        yield from self._why_stalled()

    def _why_succeeded(self) -> Iterator[str]:
        origin = self.note.get("cache", {}).get("from")
        changed = [each["differs"] for each in self.events if each["event"] == "step.changed" and each.get("kept")]
        if changed:
            yield f"It was kept on a resume, though changed since it ran: {'; '.join(changed[-1])}."
        if "reused" in self.note:
            run, key = self.note["reused"]
            yield f"It did not run: its result is that of step {key} of run {self.name_of(run)}, from which"
            yield "this run was forked. Its code, its arguments and the results that it takes are the same as there."
        elif origin:
            of = f"step {origin[1]} of run {self.name_of(origin[0])}"
            yield f"It did not run: a result was kept under the same key by {of}."
            yield from self._told_parts(self.note["cache"]["parts"])
        elif self.taken and self.taken == (self.step.size or 1):
            yield f"It did not run: {self.taken_from}."
        else:
            yield from self._why_it_ran()

    def _why_it_runs(self) -> Iterator[str]:
        waits = self.waits_for
        if waits:
            what = waits["for"] if waits["for"] == "answer" else questions.told(waits).replace("event", "the event", 1)
            since = human.length(time.time() - waits["since"])
            yield f"It waits for {what}, since {human.clock(waits['since'])} ({since})."
            if "event" in waits:
                yield f"`motet publish {waits['event']}` publishes one."
        for limit in self.stands_in_line:
            holders = ", ".join(str(each["by"] or each["owner"]["pid"]) for each in limit.holders)
            held = f"; it is held by {holders}" if holders else ""
            yield f"It waits for its turn at the limit {limit.name}{held}."
        if told := ", ".join(f"{by} for {name}" for by, name in self.circle):
            yield f"It will never get it: these wait for one another: {told}. Stop one of them."
        if not waits and not self.stands_in_line:
            yield from self._why_it_ran()
        yield from self._why_stalled()

    def _why_it_ran(self) -> Iterator[str]:
        if self.step.form == "flow":
            yield "It ran: the bodies of flows always run; what their steps recorded is what counts."
            return
        if self.taken:
            yield f"{self.taken} of its {self.step.size} elements did not run: {self.taken_from}."
        if self.cause:
            yield f"It was {self.cause}."
            return
        yield from self._why_not_reused()
        cache = self.note.get("cache")
        if cache is None:
            uncached = voices.of_run(self.run).uncached
            if uncached and self.step.status == st.SUCCEEDED and self.element < 0 and self.step.form == "call":
                yield uncached.format(task=self.step.task, step=self.step.key)
            elif not self.forked and not self.taken:
                yield "It was called, and nothing was recorded that stood for it."
            return
        if cache.get("missed"):
            yield f"It ran although its results may be cached: {cache['missed']}."
        elif self.nearest is None:
            yield f"It ran: no earlier result of task {self.step.task} was kept."
        else:
            near = self.nearest
            yield f"It ran: no result was kept under this key. The nearest is that of step {near['step']} of run"
            yield f"{self.name_of(near['run'])}; what differs: {', '.join(near['differs'])}."
        yield from self._told_parts(cache["parts"])

    def _why_failed(self) -> Iterator[str]:
        yield f"It failed: {lookup.error_line(self.step.error)}."
        if self.step.form == "map":
            yield from self._why_elements()
        else:
            yield f"Retries allowed: {self.retries}, used: {max(0, self.step.attempt - 1)}."
        yield f"`motet retry {self.run.name}` runs it again, and keeps what succeeded."

    def _why_elements(self) -> Iterator[str]:
        """Which elements did not succeed, each with its reason."""
        bad = [row for row in elements(self.store, self.run, self.step) if row.status != st.SUCCEEDED]
        yield f"Retries allowed for each element: {self.retries}."
        for row in bad[:_MOST_ELEMENTS]:
            name = f" {row.name}" if row.name else ""
            tried = f", after {human.counted(row.attempt, 'attempt')}" if row.attempt else ""
            yield f"  [{index_of(row)}]{name} {row.status}: {lookup.error_line(row.error)}".rstrip(": ") + f"{tried}."
        if len(bad) > _MOST_ELEMENTS:
            yield f"  ... and {len(bad) - _MOST_ELEMENTS} more: motet show {self.run.name} {self.step.key}"

    def _why_skipped(self) -> Iterator[str]:
        key = self.because
        yield f"It was not run, because {key or 'a step that it needs'} did not succeed."
        for _ in range(1000):
            row = self.row(key)
            if row is None or row.status != st.SKIPPED:
                break
            key = Reasons(self.store, self.run, row).because
            yield f"That one was not run, because {key} did not succeed."
        else:
            row = None
        if row is not None:
            yield f"{row.key} {row.status}: {lookup.error_line(row.error)}".rstrip(": ") + "."

    def _why_cancelled(self) -> Iterator[str]:
        reasons = [each["reason"] for each in self.events if each.get("reason")]
        yield f"It was stopped: {reasons[-1] if reasons else 'on request'}."

    # ------------------------------------------------------------ caches and forks

    def _why_not_reused(self) -> Iterator[str]:
        fork = self.forked
        if not fork or (fork.get("by") == "cache" and self.step.key not in fork.get("from", ())):
            return  # where forks take results from what is kept, the cache tells
        told = f"It was not taken over from run {self.name_of(fork['run'])}:"
        if any(self.step.key.startswith(each) or each.startswith(self.step.key) for each in fork.get("from", ())):
            yield f"{told} --from asks for it to run."
            return
        try:
            other = Reasons(self.store, self.store.run(fork["run"]), self.store.step(fork["run"], self.of))
        except NotFound:
            yield f"{told} that run has no such step, or has been pruned."
            return
        if other.step.status != st.SUCCEEDED:
            yield f"{told} it did not succeed there ({other.step.status})."
        elif why := self._differs(other.added.get("call"), self.added.get("call")):
            yield f"{told} {why}."
        elif self.step.form in ("map", "element"):
            run = self.name_of(fork["run"])
            yield f"Elements are taken over one by one from run {run}: those that succeeded there,"
            yield "and take results only of steps that ended here as they did there."
        else:
            yield f"{told} it takes results of steps that ran anew: {', '.join(self.needs) or 'none that are known'}."

    def _differs(self, was: Json, now: Json) -> str:
        """What makes the step another than that of the run that this one was forked from; empty if nothing does."""
        old, new = recorded_spec(was), recorded_spec(now)
        if old is None or new is None:
            return "that run is of an earlier version of Motet, which did not record what its steps were asked to do"
        for name, why in {**old.unknown, **new.unknown}.items():
            return f"{name} {why}, so it cannot be told whether it is the same"
        found = differences(was, now) or []
        if self.step.form in ("map", "element"):  # whose own arguments are looked at one by one
            found = [each for each in found if not isinstance(each.now, list)]
        told = [_changed(part, [each for each in found if each.part == part]) for part in _PARTS]
        return "; ".join(text for text in told if text)

    def _told_parts(self, parts: Json) -> Iterator[str]:
        differs = self.nearest["differs"] if self.nearest else ()
        for name, told in parts.items():
            digest = told.strip('"') if told.startswith('"#') else told  # quoted where the part is JSON
            yield f"  {name}: {digest[:16]}{'  (differs)' if name in differs else ''}"

    def _told_added(self) -> str:
        parent, needs = self.added.get("parent", ""), self.needs
        by = (self.cause or (f"called by {parent}" if parent else "added")) + self.place
        return f"{by}; needs {', '.join(needs[:5])}{' ...' if len(needs) > 5 else ''}" if needs else by

    def _told_waits(self, began_at: float) -> Iterator[tuple[float, str]]:
        """What it waited for before it first started: the last of the steps that it needs, then its turn."""
        free_at, last = self.added["at"] if self.added else began_at, ""
        for key in self.needs:
            row = self.row(key)
            if row is not None and row.ended_at is not None and free_at < row.ended_at <= began_at:
                free_at, last = row.ended_at, key
        if last and free_at - self.added["at"] >= _NOTICED_S:
            yield (
                free_at,
                f"waited {human.length(free_at - self.added['at'])} for {last}, the last that it needs to end",
            )
        if self.limits and began_at - free_at >= _NOTICED_S:
            told = ", ".join(map(_limit, self.limits))
            yield began_at, f"waited {human.length(began_at - free_at)} for its turn at {told}"


_PARTS = {
    "target": "it was another task there", "code": "its code has changed",
    "carried": "the code of what it was given has changed",
    "receiver": "the object that it is a method of has changed", "argument": "its arguments have changed",
    "outside": "values that its code reads have changed",
    "file": "what is in the files that it gets has changed", "environment": "packages have changed",
    "option": "options have changed",
}  # fmt: skip


def _changed(part: str, found: Sequence[Difference]) -> str:
    """In words, what of one part differs."""
    if not found:
        return ""
    names = ", ".join(each.name + (f" ({each.shown})" if each.shown else "") for each in found if each.name)
    return f"{_PARTS[part]}: {names}" if names else _PARTS[part]


def _limit(name: str) -> str:
    """A limit in words."""
    kind, colon, rest = name.partition(":")
    told = {"executor": "a place in the executor {}", "runner": "a place in the task runner of {}"}
    told["resource"] = "the machine's {}"
    return told[kind].format(rest) if colon and kind in told else f"the limit {name}"


def _together(events: Sequence[Json]) -> Iterator[Json]:
    """The events of a map, those of elements that succeeded one after another as one: `count`, `kept`."""
    last: Json = None
    for event in events:
        if event["event"] == "elements.succeeded":
            count, kept = (last["count"], last["kept"]) if last else (0, 0)
            count, kept = count + len(event["indices"]), kept + len(event.get("cached", ()))
            last = {**event, "count": count, "kept": kept}
            continue
        if last:
            yield last
        last = None
        yield event
    if last:
        yield last


def _gathered(events: Iterable[Json]) -> Iterator[Json]:
    """The events, of checkpoints in a row the last one only; starts tell which checkpoint was the last before."""
    last, untold = None, False
    for event in events:
        if event["event"] == "step.checkpointed":
            in_a_row = untold and last is not None
            last, untold = {**event, "first": last["first"] if in_a_row and last else event["number"]}, True
            continue
        if untold and last is not None:
            yield last
        untold = False
        if event["event"] == "step.started":
            yield {**event, "from": last}
            continue
        if event.get("anew") or event.get("fingerprint"):
            last = None
        yield event
    if untold and last is not None:
        yield last


def _told_origin(facts: Facts, last: Json) -> str:
    """The checkpoint that an attempt begins from: the last one made before, or that which a fork was given."""
    if last:
        return f", from checkpoint {_title(last)}"
    at = (facts.forked or {}).get("at", {}).get(facts.step.key)
    return f", from checkpoint {at} of run {facts.name_of(facts.forked['run'])}" if at else ""


def _told_checkpoints(event: Json) -> str:
    count = event["number"] - event["first"] + 1
    before = f"made {count} checkpoints, the last one" if count > 1 else "made checkpoint"
    return f"{before} {_title(event)}, {human.size(event.get('size_bytes', 0))}"


def _title(event: Json) -> str:
    return Checkpoint(event["number"], 0, 0.0, "", 0, event.get("labels", {})).title


def _took(event: Json) -> str:
    took = usage.told(event.get("facts")) if event["event"] != "elements.succeeded" else ""
    return f"; it took {took}" if took else ""


def _told_elements(event: Json) -> str:
    if "count" not in event:
        return "succeeded"
    kept = f", {event['kept']} of them without being run" if event["kept"] else ""
    return f"{human.counted(event['count'], 'element')} succeeded{kept}"


def _told_success(event: Json) -> str:
    note = event.get("note") or {}
    if "reused" in note:
        return "taken over from the run that this one was forked from"
    result = event.get("result")
    if isinstance(result, dict) and "causes" in result.get("json", ()):
        return f"has what it waited for: {'; '.join(map(human.cause, result['json']['causes']))}"
    return "taken from the cache" if event.get("cached") else "succeeded"


_TOLD: dict[str, Callable[[Json], str]] = {
    "step.succeeded": _told_success,
    "step.waiting": lambda it: "began to wait",
    "step.checkpointed": _told_checkpoints,
    "elements.succeeded": _told_elements,
    "step.retrying": lambda it: (
        f"attempt {it.get('attempt', 1)} failed: {lookup.error_line(it.get('error'))}; "
        f"the next is due {human.length(it['due_at'] - it['at'])} later"
    ),
    "step.failed": lambda it: (
        (f"element {it['element']} " if "element" in it else "") + f"failed: {lookup.error_line(it.get('error'))}"
    ),
    "step.skipped": lambda it: f"skipped, because {it.get('because')} did not succeed",
    "step.stopping": lambda it: f"asked to stop: {it.get('reason') or 'on request'}",
    "step.cancelled": lambda it: f"stopped: {it.get('reason') or 'on request'}",
}
