"""What came of what, for pages: events and who heard them, artifacts and what made them, code, many runs together."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le, MaxLen
from typing_extensions import TypedDict

from motet.errors import NotFound, UsageError
from motet.ports import Entry, EventFilter
from motet.registry import definitions
from motet.scheduling import conditions, triggers
from motet.scheduling.triggers import Trigger
from motet.server.api.documents import Event, Json
from motet.server.api.looking import Digest, Place, checked_digest, entry_json
from motet.server.table import PREFIX, READ, Call, Limit, Text, get
from motet.values.published import TYPES
from motet.views import lookup, recent, sources
from motet.views.comparing import columns
from motet.views.hearing import heard
from motet.views.lineage import Lineage, sentence
from motet.views.sources import Sources

_RUNS = 1000
_HOUR_S = 3600.0
_POINTS = 1000
_ID_CHARS = 64

Names = Annotated[str, MaxLen(_RUNS * _ID_CHARS)]
Levels = Annotated[int, Ge(1), Le(20)]


class Account(TypedDict):
    """An event, every rule and trigger that saw it, and events of its key within the hour before: time and value."""

    event: Event
    rules: list[Json]
    hour: list[Json]


class Recent(TypedDict):
    """Some events, newest first; `next` is the offset before which to go on, None at the beginning."""

    events: list[Event]
    next: int | None


class Source(TypedDict):
    """Files by path, each with what tells whether it is as another; and the text of the one that was asked for."""

    files: dict[str, str]
    path: str
    text: str | None
    why: str


class Graph(TypedDict):
    """What made an artifact and what was made of it: nodes by level, edges by the nodes' indices."""

    sentence: str
    nodes: list[Json]
    edges: list[list[int]]
    is_cut: bool


class Columns(TypedDict):
    """Many runs, with a list for each parameter and metric: a value for each run."""

    runs: list[Json]
    params: dict[str, list[Json]]
    metrics: dict[str, list[Json]]


def event(call: Call, offset: Place) -> Account:
    """An event with every rule that saw it: which fired and what came of it, which did not and why."""
    store = call.site.store
    found = store.read(offset - 1, limit=1) if offset else []
    if not found or found[0].offset != offset:
        raise NotFound(f"There is no event at offset {offset}.", "Old events are pruned; `motet events` lists them.")
    entry = found[0]
    hour: list[Json] = []
    if entry.published:
        same = EventFilter(entry.key, entry.namespace)
        before = store.read(store.offset_at(entry.at - _HOUR_S), limit=_POINTS, published=True, where=same)
        hour = [[each.at, each.value] for each in before if each.offset <= offset]
    seen = [each.json for each in heard(store, entry)] + _triggers(call, entry)
    return {"event": entry_json(entry), "rules": sorted(seen, key=lambda each: not each["fired"]), "hour": hour}


def _triggers(call: Call, entry: Entry) -> list[Json]:
    """The triggers of the event's key, each as rules of runs are told."""
    if not entry.published:
        return []
    there = [each for each in triggers.every(call.site.store) if each.after < entry.offset and _is_near(each, entry)]
    return [_told(call, each, entry) for each in there]


def _is_near(trigger: Trigger, entry: Entry) -> bool:
    return conditions.fits(entry, trigger.key, trigger.namespace, None, ())


def _told(call: Call, trigger: Trigger, entry: Entry) -> Json:
    run = f"t{trigger.number}-{entry.offset}"
    begun = any(each.id == run for each in call.site.store.find_runs(run))
    asked = [
        {
            "words": each,
            "holds": conditions.fits(entry, "*", "*", None, [each]),
            "value": conditions.value_of(entry, each),
        }
        for each in trigger.where
    ]
    if trigger.sender is not None:
        holds = conditions.fits(entry, "*", "*", trigger.sender, ())
        asked.append({"words": f"sent by {trigger.sender}", "holds": holds, "value": entry.sender})
    if trigger.paused:
        asked.append({"words": "not paused", "holds": False, "value": "paused"})
    return {
        "by": "trigger", "run": run if begun else "", "name": trigger.name, "rule": trigger.name,
        "in_words": f"event {trigger.key}", "fired": begun, "did": f"began {trigger.target}" if begun else "",
        "step": "", "target": trigger.target, "conditions": asked,
    }  # fmt: skip


def recent_events(
    call: Call, before: Place | None = None, published: bool = False, run: Text | None = None,
    text: Text = "", limit: Limit = 100,
) -> Recent:  # fmt: skip
    """Events, newest first, with `text` in key, namespace, run, sender or value.

    There may be fewer than the limit, even none, and a `next`: so much was looked through.
    """
    store, needle = call.site.store, text.casefold()
    of = lookup.find_run(store, run).id if run else None
    found, more = recent.latest(store, before, limit, lambda each: _has(each, needle), run=of, published=published)
    return {"events": [entry_json(each) for each in found], "next": more}


def _has(entry: Entry, needle: str) -> bool:
    if not needle:
        return True
    told = entry_json(entry)
    parts = (told["key"], told["namespace"], told["run"], told["sender"], str(told["value"]))
    return any(needle in each.casefold() for each in parts)


def recent_artifacts(
    call: Call, before: Place | None = None, kind: Text = "", text: Text = "", limit: Limit = 50
) -> Recent:  # fmt: skip
    """What runs have published as artifacts, newest first: of that kind, at first all but the points of metrics; with
    `text` in the name, description, step or run.
    """
    if kind and kind not in TYPES:
        raise UsageError(f"There is no type {kind[:80]!r}.", f"There are {', '.join(TYPES)}.")
    found, more = recent.artifacts(call.site.store, before, limit, kind, text)
    return {"events": [entry_json(each) for each in found], "next": more}


def artifact_lineage(call: Call, digest: Digest, levels: Levels = 4) -> Graph:
    """What made an artifact and what was made of it, so many steps back and forward, over runs."""
    graph = Lineage(call.site.store, checked_digest(digest), levels).json
    return {
        "sentence": sentence(graph), "nodes": graph["nodes"], "edges": graph["edges"], "is_cut": graph["is_cut"]
    }  # fmt: skip


def workflow_source(call: Call, workflow: Text, path: Text = "") -> Source:
    """The files that a workflow was registered with, NAME or NAME@VERSION, and the text of one: at first its own."""
    found = sources.of_definition(call.site.artifacts, definitions.find(call.site.store, workflow))
    return _source(call, found, path)


def run_source(call: Call, run: Text, path: Text = "") -> Source:
    """The files that a run was made of, and the text of one as it was then: at first the program's own."""
    return _source(call, sources.of_run(call.site.artifacts, lookup.find_run(call.site.store, run)), path)


def _source(call: Call, found: Sources, path: str) -> Source:
    shown, why, text = path or found.main, "", None
    try:
        text = found.text(call.site.artifacts, shown)
    except (NotFound, UsageError) as error:
        if path and path not in found.files:
            raise
        why = str(error)
    return {"files": dict(found.files), "path": shown, "text": text, "why": why}


def figures(call: Call, runs: Names) -> Columns:
    """Many runs, joined by commas, as columns: a list for each parameter and for the last value of each metric."""
    wanted = list(dict.fromkeys(each for each in runs.split(",") if each))
    if not 1 <= len(wanted) <= _RUNS:
        raise UsageError(f"{len(wanted)} runs cannot be shown together.", f"Name 1 to {_RUNS}, joined by commas.")
    found: Columns = columns(call.site.store, [lookup.find_run(call.site.store, each) for each in wanted])
    return found


_EVENTS = f"{PREFIX}/events"

ROUTES = (
    get(f"{_EVENTS}/recent", READ, recent_events),
    get(f"{_EVENTS}/{{offset}}", READ, event),
    get(f"{PREFIX}/artifacts", READ, recent_artifacts),
    get(f"{PREFIX}/artifacts/{{digest}}/lineage", READ, artifact_lineage),
    get(f"{PREFIX}/workflows/{{workflow}}/source", READ, workflow_source),
    get(f"{PREFIX}/runs/{{run}}/source", READ, run_source, by_run=True),
    get(f"{PREFIX}/figures", READ, figures),
)
