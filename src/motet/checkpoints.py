"""Checkpoints of steps: which there are, in which artifacts they are, and which of them are still kept.

Each checkpoint of an attempt is an artifact of its own, an event of its run, and an entry in a document of its step.
The event is history and stays with the run. The document is what keeps artifacts: what it lists is in use, and what
leaves it is removed. So a step that has made a thousand checkpoints takes the room of a few.

    documents "motet", "checkpoints/RUN", STEP    {"last": number, "kept": [entry, ...]}, the oldest first
    documents "motet", "checkpointed", RUN        that there are such, for whoever tidies up

Only whoever drives the run adds to them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from motet.errors import Conflict, NotFound, StaleAttempt
from motet.kernel.events import Json, StepCheckpointed
from motet.kernel.inputs import judge
from motet.kernel.state import RunState, step_or_element
from motet.ports import ArtifactStore, Document, Store
from motet.records import Record, field
from motet.values.snapshots import copied

_VOICE, _RUNS = "motet", "checkpointed"


class Checkpoint(Record, frozen=True):
    """One checkpoint of a step. `size_bytes` is that of its artifact, `digest` the name.

    labels  what its code has called it: {"epoch": 30}
    whole   whether its code has said that it is whole; else it is a folder as an attempt has left it
    origin  the run that it was taken over from, which this one was forked from
    """

    number: int
    attempt: int
    at: float
    digest: str
    size_bytes: int
    labels: Mapping[str, Json] = field(default_factory=dict)
    whole: bool = True
    origin: str = ""

    @property
    def json(self) -> dict[str, Json]:
        """The entry in the document; its artifact is in use for as long as that stands there."""
        return {
            "number": self.number, "attempt": self.attempt, "at": self.at,
            "content": {"artifact": self.digest, "size_bytes": self.size_bytes}, "labels": dict(self.labels),
            **({} if self.whole else {"whole": False}), **({"origin": self.origin} if self.origin else {}),
        }  # fmt: skip

    @property
    def title(self) -> str:
        """Its number and labels: "12 (epoch=30)"."""
        labels = ", ".join(f"{name}={value}" for name, value in self.labels.items())
        return f"{self.number} ({labels})" if labels else str(self.number)


def from_json(entry: Json) -> Checkpoint:
    """The checkpoint that an entry tells of."""
    content = entry["content"]
    return Checkpoint(
        entry["number"], entry["attempt"], entry["at"], content["artifact"], content["size_bytes"], entry["labels"],
        entry.get("whole", True), entry.get("origin", ""),
    )  # fmt: skip


def of_step(store: Store, run: str, step: str) -> list[Checkpoint]:
    """The checkpoints of a step, or of an element of a map, that are kept; the oldest first."""
    found = store.document(_VOICE, _kind(run), step)
    return [from_json(each) for each in found.body["kept"]] if found is not None else []


def of_run(store: Store, run: str) -> dict[str, list[Checkpoint]]:
    """The checkpoints of all steps of a run that are kept, by step."""
    found = store.documents(_VOICE, _kind(run))
    return {each.key: [from_json(entry) for entry in each.body["kept"]] for each in found if each.body["kept"]}


def chosen(found: Sequence[Checkpoint], text: str, step: str) -> Checkpoint:
    """The checkpoint meant by "12", "last" or a label such as "epoch=30" (the newest that has it). Raises NotFound."""
    name, is_label, value = text.partition("=")
    for each in reversed(found):
        if text in ("last", str(each.number)) or (is_label and str(each.labels.get(name)) == value):
            return each
    listed = ", ".join(each.title for each in found)
    cure = f"These are kept: {listed}." if found else "None of its checkpoints is kept."
    raise NotFound(f"Step {step} has no checkpoint {text!r}.", cure)


_MOST, _LEAST = 200, 2
"""How many of a step are kept at most, and whatever they take at least."""


_STALE = (
    "It was given up, or its step has ended, while its code went on. Whatever attempt follows it begins from the last "
    "checkpoint that it made before."
)


class Checkpoints:
    """The lists of those that are kept: of each step the newest, as many as take no more than
    `most_bytes` together (None: whatever they take). To `unsynced` go the artifacts of new ones.
    """

    def __init__(
        self, store: Store, artifacts: ArtifactStore, most_bytes: int | None, unsynced: set[str] | None = None
    ) -> None:
        self._unsynced = set() if unsynced is None else unsynced
        self._store = store
        self._artifacts = artifacts
        self._most_bytes = inf if most_bytes is None else most_bytes

    def accept(
        self, state: RunState, which: tuple[str, int, int], made: Mapping[str, Json], now: float
    ) -> StepCheckpointed:  # fmt: skip
        """What tells of a checkpoint that the attempt (key, number, element) of the run has made; it is listed by now.

        With the run's lock held. Raises StaleAttempt unless the attempt is the one that runs.
        """
        key, attempt, element = which
        told = StepCheckpointed(now, key, attempt, element, 0, **made)
        step = step_or_element(key, element)
        if judge(state, told).event is None:
            raise StaleAttempt(f"Attempt {attempt} at {step} is over: its checkpoint was not kept.", _STALE)
        self._add(state.run, step, told)
        return told

    def begin_from(self, state: RunState, key: str, element: int) -> list[Json]:
        """Those that the next attempt at a step may begin from, as entries, the newest first."""
        step = step_or_element(key, element)
        counted = (state.steps[key].checkpoints or {}).get(step, ())
        found = self._found(state.run, step).body["kept"]
        return [each for each in reversed(found) if each["number"] in counted or "origin" in each]

    def _add(self, run: str, step: str, told: StepCheckpointed) -> None:
        """List the checkpoint, and give it its number: one more than the last one, in whatever run's life that was."""
        while True:
            found = self._found(run, step)
            if not found.version:
                self._note(run)
            told.number = found.body["last"] + 1
            new = Checkpoint(
                told.number, told.attempt, told.at, told.digest, told.size_bytes, told.labels, told.whole
            )  # fmt: skip
            try:
                self._put(found, {"last": told.number, "kept": [*found.body["kept"], new.json]})
            except Conflict:  # a former owner of the run has yet to notice that it is none any more
                continue
            self._unsynced.add(told.digest)
            return

    def take_over(self, run: str, step: str, one: Checkpoint, origin: str) -> None:
        """Let a new run's step begin from a copy of a checkpoint of another run. It keeps its number."""
        self._note(run)
        parts = copied(self._artifacts.get(one.digest), f"{run}/{step}#{os.urandom(8).hex()}")
        content = {"artifact": self._artifacts.put(parts).digest, "size_bytes": one.size_bytes}
        entry = {**one.json, "content": content, "origin": origin}
        self._put(Document(_VOICE, _kind(run), step, None, 0), {"last": one.number, "kept": [entry]})

    def tidy(self, run: str, told: StepCheckpointed) -> None:
        """Remove the oldest of a step that are too many, or take too much, now that there is this one."""
        found = self._found(run, step_or_element(told.key, told.element))
        total_bytes = count = 0
        for each in reversed(found.body["kept"][-_MOST:]):
            total_bytes += each["content"]["size_bytes"]
            if count >= _LEAST and total_bytes > self._most_bytes:
                break
            count += 1
        kept, old = found.body["kept"][-count:], found.body["kept"][:-count]
        if not old:
            return
        try:
            self._put(found, {**found.body, "kept": kept})
        except Conflict:  # there is a newer one, which sees to it
            return
        for each in old:
            self._artifacts.remove(each["content"]["artifact"])

    def forget(self, run: str, step: str) -> int:
        """Keep none of the step's; gives the bytes freed."""
        found = self._found(run, step)
        freed_bytes = 0
        for each in found.body["kept"]:
            self._artifacts.remove(each["content"]["artifact"])
            freed_bytes += each["content"]["size_bytes"]
        if freed_bytes:
            self._put(found, {**found.body, "kept": []})
        return freed_bytes

    def runs(self) -> list[str]:
        """The runs with steps that have made any, whether these runs are still there or not."""
        return [each.key for each in self._store.documents(_VOICE, _RUNS)]

    def forget_run(self, run: str) -> int:
        """Keep nothing of the run; gives the bytes freed."""
        freed_bytes = 0
        for each in self._store.documents(_VOICE, _kind(run)):
            freed_bytes += self.forget(run, each.key)
            self._store.delete_document(self._found(run, each.key))
        noted = self._store.document(_VOICE, _RUNS, run)
        if noted is not None:
            self._store.delete_document(noted)
        return freed_bytes

    def _found(self, run: str, step: str) -> Document:
        found = self._store.document(_VOICE, _kind(run), step)
        return found or Document(_VOICE, _kind(run), step, {"last": 0, "kept": []}, 0)

    def _put(self, found: Document, body: dict[str, Any]) -> None:
        self._store.put_document(Document(found.voice, found.kind, found.key, body, found.version))

    def _note(self, run: str) -> None:
        if self._store.document(_VOICE, _RUNS, run) is None:
            try:
                self._store.put_document(Document(_VOICE, _RUNS, run, {}, 0))
            except Conflict:  # another step of the run was as fast
                return


def _kind(run: str) -> str:
    return f"checkpoints/{run}"
