"""Runs and their steps: lists and single ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from math import inf
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from motet.errors import UsageError
from motet.ports import RunFilter, RunRow, StepFilter
from motet.server.api.documents import Json, Run, RunList, StepList
from motet.server.table import PREFIX, READ, Call, Limit, Text, asked, get
from motet.views import documents, lookup
from motet.views.listing import listed, metrics_of
from motet.views.steps import find_step

Status = Literal["pending", "running", "waiting", "cancelling", "crashed", "succeeded", "failed", "cancelled"]
Few = Annotated[list[Text], Len(0, 20)]
Place = Annotated[int, Ge(0), Le(2**62)]


@asked
class WhichRuns:
    """Runs that fulfil all of it. `text` is looked for in id, name and workflow; `metric` are bounds as
    "loss<0.5", `param` values as "model.depth=3".
    """

    status: Status | None = None
    workflow: Text | None = None
    voice: Text | None = None
    parent: Text | None = None
    tag: Text | None = None
    text: Text | None = None
    metric: Few | None = None
    param: Few | None = None
    since: float | None = None
    until: float | None = None
    cursor: Text | None = None
    limit: Limit = 50


@asked
class WhichSteps:
    """Steps that fulfil all of it. `text` is looked for in key and name."""

    parent: Text | None = None
    task: Text | None = None
    status: Text | None = None
    text: Text | None = None
    cursor: Place | None = None
    limit: Limit = 50


def runs(call: Call, query: WhichRuns) -> RunList:
    """Runs, newest first.

    A page may hold fewer runs than the limit, even none, and have a next one: so much was looked through.
    """
    store, of = call.site.store, query
    metrics, params = metrics_of(of.metric or ()), _params(of.param or ())
    where = RunFilter(of.status, of.workflow, of.voice, of.parent, of.tag, of.text, params, metrics, of.since, of.until)
    start = checked_cursor(of.cursor)
    if of.status == lookup.CRASHED or of.status in lookup.DRIVEN:
        return _driven(listed(store, where), start, of.limit)
    page = store.run_page(where, start=start, limit=of.limit)
    return {"runs": [documents.run_json(each) for each in lookup.with_waits(store, page.runs)], "next": page.next}


def _driven(found: Iterable[RunRow], start: str | None, limit: int) -> RunList:
    """A page of runs that a process drives, or should: there are few, and which are in that status is seen only by
    looking at each.
    """
    newest = inf if start is None else float(start.partition(" ")[0])
    rows = list(islice((row for row in found if row.created_at < newest), limit + 1))
    after = f"{rows[limit - 1].created_at!r} 0" if len(rows) > limit else None
    return {"runs": [documents.run_json(each) for each in rows[:limit]], "next": after}


def _params(given: Sequence[str]) -> dict[str, Json]:
    """Parameters as NAME=VALUE; a value is JSON where it can be read so, else text. Raises UsageError."""
    found: dict[str, Json] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not name or not equals:
            raise UsageError(f"param {each!r} is no NAME=VALUE.", "Write for example param=depth=3.")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def checked_cursor(cursor: str | None) -> str | None:
    """The cursor, if it is one that a page has given. Raises UsageError."""
    if cursor is not None:
        at, _, number = cursor.partition(" ")
        try:
            float(at), int(number)
        except ValueError:
            raise UsageError("This is no cursor.", "Give what the page before it has as `next`.") from None
    return cursor


def run(call: Call, run: Text) -> Run:
    """One run, by its id, a unique beginning of it, or its name (of several, the newest)."""
    found: Run = documents.run_json(lookup.find_run(call.site.store, run))
    return found


def steps(call: Call, run: Text, query: WhichSteps) -> StepList:
    """Steps of a run in the order in which they were added, without results."""
    row = lookup.find_run(call.site.store, run)
    where = StepFilter(query.parent, query.task, query.status, query.text)
    page = call.site.store.step_page(row.id, where, start=query.cursor, limit=query.limit)
    return {"steps": [documents.step_json(each) for each in page.steps], "next": page.next, "behind": page.behind}


def step(call: Call, run: Text, step: Text) -> dict[str, Json]:
    """One step with all that is known of it: by its key, how that ends, its task or name; `key[3]` for an element."""
    store = call.site.store
    row = lookup.find_run(store, run)
    found: dict[str, Json] = documents.step_document(store, row, find_step(store, row, step))
    return found


ROUTES = (
    get(f"{PREFIX}/runs", READ, runs),
    get(f"{PREFIX}/runs/{{run}}", READ, run, by_run=True),
    get(f"{PREFIX}/runs/{{run}}/steps", READ, steps, by_run=True),
    get(f"{PREFIX}/runs/{{run}}/steps/{{step:path}}", READ, step, by_run=True),
)
