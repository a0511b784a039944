"""What may be looked at of runs beside their rows: summaries, reasons, artifacts, comparisons, events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from annotated_types import Ge, Le, Len, MaxLen

from motet import questions, requests
from motet.errors import UsageError
from motet.ports import STEERING, Entry, EventFilter, RunFilter
from motet.server.api.documents import (
    AttemptList,
    Density,
    EventList,
    Json,
    QuestionList,
    RunSummary,
    Uses,
)
from motet.server.table import PREFIX, READ, Call, Content, Limit, Text, asked, get
from motet.values.published import published
from motet.views import documents, listing, lookup
from motet.views.comparing import differing, everything, side_of
from motet.views.reasons import Reasons
from motet.views.steps import find_step

Place = Annotated[int, Ge(0), Le(2**62)]
Digest = Annotated[str, MaxLen(64)]
Moment = Annotated[float, Ge(0), Le(1e12)]
_OPEN = ("running", "waiting", "cancelling")
_DIGEST_CHARS = 64


@asked
class WhichEvents:
    """Events beyond an offset; `published` leaves out what engines recorded."""

    after: Place = 0
    published: bool = False
    run: Text | None = None
    key: Text | None = None
    namespace: Text | None = None
    sender: Text | None = None
    limit: Limit = 100


@asked
class Span:
    """From when to when, in at least how many columns."""

    since: Moment
    until: Moment
    columns: Annotated[int, Ge(1), Le(500)] = 100


def run_summary(call: Call, run: Text) -> RunSummary:
    """A run in a few figures, counted by the store: how many steps of each task are in each status."""
    row = lookup.find_run(call.site.store, run)
    found = call.site.store.summary(row.id)
    tasks = {task: dict(counts) for task, counts in found.tasks.items()}
    return {"run": documents.run_json(row), "tasks": tasks, "behind": found.behind}


def run_document(call: Call, run: Text) -> dict[str, Json]:
    """A run with all its steps and artifacts, as `motet show --json` prints it."""
    store = call.site.store
    found: dict[str, Json] = documents.run_document(store, lookup.find_run(store, run))
    return found


def why(call: Call, run: Text, step: Text) -> dict[str, Json]:
    """Why a step ran, was cached, waits, was skipped or failed, and what befell it."""
    store = call.site.store
    row = lookup.find_run(store, run)
    found: dict[str, Json] = Reasons(store, row, find_step(store, row, step)).json()
    return found


def attempts(call: Call, run: Text, step: Text) -> AttemptList:
    """The attempts at a step: when each could have begun, began and ended, how, and what it took."""
    store = call.site.store
    row = lookup.find_run(store, run)
    found = store.attempts(row.id, find_step(store, row, step).key)
    return {
        "attempts": [
            {
                "number": each.number, "ready_at": each.ready_at, "started_at": each.started_at,
                "ended_at": each.ended_at, "outcome": each.outcome, "facts": each.facts,
            }
            for each in found
        ]
    }  # fmt: skip


def artifacts(call: Call, run: Text) -> list[dict[str, Json]]:
    """What a run has published, those published first first."""
    row = lookup.find_run(call.site.store, run)
    return [each.json for each in published(call.site.store, row.id)]


def artifact(call: Call, digest: Digest) -> Content:
    """The content of an artifact, named by its hash and by nothing else, to be kept and not to be shown."""
    return Content(path=call.site.artifacts.path(checked_digest(digest)), name=digest)


def artifact_uses(call: Call, digest: Digest) -> Uses:
    """The steps that made an artifact, and those that it was given to."""
    found = call.site.store.uses(checked_digest(digest))
    return {"uses": [{"run": each.run, "step": each.key, "given": each.given} for each in found]}


def checked_digest(digest: str) -> str:
    """What is a hash. Raises UsageError."""
    if len(digest) != _DIGEST_CHARS or not set(digest) <= set("0123456789abcdef"):
        raise UsageError("This is no hash of an artifact.", "It has 64 hexadecimal digits.")
    return digest


def step_artifacts(call: Call, run: Text, step: Text) -> dict[str, list[str]]:
    """The hashes of the artifacts that a step was given, and of those that it made."""
    store = call.site.store
    row = lookup.find_run(store, run)
    given, made = store.artifacts_of(row.id, find_step(store, row, step).key)
    return {"given": given, "made": made}


def compare(call: Call, run: Annotated[list[Text], Len(2, 20)], same: bool = False) -> dict[str, Any]:
    """Runs beside each other: what differs in parameters, metrics, code, packages, results; with `same`, all of it."""
    store = call.site.store
    rows = [lookup.find_run(store, each) for each in run]
    show: Callable[..., dict[str, Any]] = everything if same else differing
    return {"runs": [each.id for each in rows], **show([side_of(store, each) for each in rows])}


def events(call: Call, query: WhichEvents) -> EventList:
    """Events in the order of the journal. `next` is the offset to go on from; `head` that of the newest event."""
    store = call.site.store
    run = lookup.find_run(store, query.run).id if query.run else None
    where = EventFilter(query.key, query.namespace, query.sender)
    chosen = where if query.key or query.namespace or query.sender else None
    found = store.read(
        query.after, limit=query.limit, run=run, published=query.published or chosen is not None, where=chosen
    )
    shown = [entry_json(each) for each in found]
    return {"events": shown, "next": found[-1].offset if found else query.after, "head": store.head()}


def waiting(call: Call) -> QuestionList:
    """What runs ask people, and the events that they wait for: of the newest runs that wait."""
    store = call.site.store
    found: list[dict[str, Json]] = []
    for status in _OPEN:
        rows = store.run_page(RunFilter(status=status), limit=1000).runs
        for row in lookup.with_waits(store, rows):
            told = {"run": row.id, "name": row.name}
            found += [{**told, **each, "words": questions.told(each)} for each in row.waits or ()]
    return {"waits": found}


def density(call: Call, query: Span) -> Density:
    """How many runs were created when and took how long: a grid, counted beforehand."""
    if not query.since < query.until:
        raise UsageError("The span ends before it begins.", "Give since and until, in seconds since the epoch.")
    found = call.site.store.density(query.since, query.until, query.columns)
    return {
        "cells": [
            {"at": it.at, "width_s": it.width_s, "took_s": it.took_s, "status": it.status, "count": it.count}
            for it in found
        ]
    }


def metrics(call: Call) -> Content:
    """Figures for Prometheus, as OpenMetrics."""
    store = call.site.store
    counts = {each: 0 for each in listing.STATUSES if each != lookup.CRASHED} | dict(store.run_counts())
    lines = ["# TYPE motet_runs gauge", "# HELP motet_runs Runs in each status."]
    lines += [f'motet_runs{{status="{status}"}} {count}' for status, count in counts.items()]
    lines += ["# TYPE motet_journal_offset gauge", "# HELP motet_journal_offset The offset of the newest event."]
    lines += [f"motet_journal_offset {store.head()}", "# EOF", ""]
    return Content("\n".join(lines).encode(), media_type=_OPENMETRICS)


def entry_json(entry: Entry) -> Json:
    """An event as a document, without what only code can use or may know."""
    value = requests.without_token(entry.value) if entry.namespace == STEERING else entry.value
    return {
        "offset": entry.offset, "run": entry.run, "seq": entry.seq, "key": entry.key, "namespace": entry.namespace,
        "value": value, "at": entry.at, "sender": entry.sender, "published": entry.published,
    }  # fmt: skip


_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_RUN = f"{PREFIX}/runs/{{run}}"
_BYTES = "application/octet-stream"

ROUTES = (
    get(f"{_RUN}/summary", READ, run_summary, by_run=True),
    get(f"{_RUN}/document", READ, run_document, by_run=True),
    get(f"{_RUN}/why", READ, why, by_run=True),
    get(f"{_RUN}/attempts", READ, attempts, by_run=True),
    get(f"{_RUN}/artifacts", READ, artifacts, by_run=True),
    get(f"{_RUN}/lineage", READ, step_artifacts, by_run=True),
    get(f"{PREFIX}/artifacts/{{digest}}", READ, artifact, produces=_BYTES),
    get(f"{PREFIX}/artifacts/{{digest}}/uses", READ, artifact_uses),
    get(f"{PREFIX}/compare", READ, compare),
    get(f"{PREFIX}/events", READ, events),
    get(f"{PREFIX}/waiting", READ, waiting),
    get(f"{PREFIX}/density", READ, density),
    get("/metrics", READ, metrics, produces=_OPENMETRICS.partition(";")[0]),
)
