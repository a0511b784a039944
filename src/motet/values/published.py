"""Artifacts that users publish, as they stand in the journal: events of the namespace `artifact`, made for readers
that load nothing of what was published.

    key     what the artifact is called; one of the same key from the same step takes its place
    value   {"type": one of TYPES, "step": key of the step, "attempt": n, "description": text,
             "content": {"text": ...} or {"artifact": digest, "size_bytes": n} and its "media_type",
             "preview": see `values.previews`}

The event is about its run (`Publication.run`), so that a run's artifacts are found without a search. Of several
attempts at a step the last one counts; a metric keeps all its points, one for each `x`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from motet.errors import NotFound
from motet.kernel.events import Json
from motet.ports import ARTIFACTS, Entry, Publication, Store

NAMESPACE = ARTIFACTS
TYPES = ("table", "markdown", "link", "image", "file", "metric", "progress")

_AT_ONCE = 1000


@dataclass(slots=True)
class Published:
    """One artifact. `points` are those of a metric, by x; `origin` is the run that it was made in, if another."""

    run: str
    step: str
    key: str
    type: str
    at: float
    attempt: int
    description: str = ""
    content: Json = None
    preview: Json = None
    points: dict[float, float] = field(default_factory=dict)
    origin: str = ""

    @property
    def json(self) -> Json:
        """The artifact as a document."""
        points = [[x, y] for x, y in sorted(self.points.items())]
        return {
            "run": self.run, "step": self.step, "key": self.key, "type": self.type, "at": self.at,
            "attempt": self.attempt, "description": self.description, "content": self.content,
            "preview": self.preview, **({"points": points} if self.type == "metric" else {}),
            **({"origin": self.origin} if self.origin else {}),
        }  # fmt: skip


def publication(run: str, key: str, value: Json, at: float) -> Publication:
    """The event that publishes an artifact of that run."""
    metric = value["preview"]["value"] if value["type"] == "metric" else None
    return Publication(key, value, NAMESPACE, f"{run}/{value['step']}", run, "", at, metric)


def published(store: Store, run: str, after: int = 0) -> list[Published]:
    """The run's artifacts, those published first first; of those that steps took over from a cache, too."""
    found: dict[tuple[str, str], Published] = {}
    for entry in _events(store, run, after):
        _take(found, run, entry)
    for origin, there, here in _cached(store, run) if not after else ():
        for each in published(store, origin):
            if each.step == there or each.step.startswith(f"{there}/"):
                each.step, each.run, each.origin = here + each.step[len(there) :], run, each.origin or each.run
                found.setdefault((each.step, each.key), each)
    return list(found.values())


def history(store: Store, key: str) -> list[Published]:
    """Every artifact of that key, of whatever run, oldest first."""
    runs = dict.fromkeys(entry.run for entry in _events(store, None, 0) if entry.key == key)
    return [each for run in runs for each in published(store, run) if each.key == key and not each.origin]


def _events(store: Store, run: str | None, after: int) -> Iterator[Entry]:
    while entries := store.read(after, limit=_AT_ONCE, run=run, published=True):
        yield from (entry for entry in entries if entry.namespace == NAMESPACE and _is_whole(entry.value))
        after = entries[-1].offset


def _is_whole(value: Json) -> bool:
    return isinstance(value, dict) and value.get("type") in TYPES and isinstance(value.get("step"), str)


def _take(found: dict[tuple[str, str], Published], run: str, entry: Entry) -> None:
    value = entry.value
    place = value["step"], entry.key
    before = found.get(place)
    attempt = value.get("attempt", 1)
    if before is not None and before.attempt > attempt:
        return  # an attempt that was given up still talks
    made = found[place] = Published(
        run, value["step"], entry.key, value["type"], entry.at, attempt, value.get("description", ""),
        value.get("content"), value.get("preview"),
    )  # fmt: skip
    if made.type == "metric":
        made.points = before.points if before is not None else {}
        made.points[made.preview["x"]] = made.preview["value"]


def _cached(store: Store, run: str) -> Iterator[tuple[str, str, str]]:
    """The steps whose results came from a cache: the run and step that these came from, and the step here."""
    if not any(step.cached for step in store.steps(run)):
        return
    for event in store.history(run):
        origin = (event.get("note") or {}).get("cache", {}).get("from")
        if event["event"] == "step.succeeded" and origin and origin[0] != run:
            try:
                store.run(origin[0])
            except NotFound:
                continue
            yield origin[0], origin[1], event["key"]
