"""What pictures of a run are drawn from: its steps as columns, elements of maps, where its time went, earlier runs."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from typing_extensions import TypedDict

from motet.errors import NotFound
from motet.kernel.transitions import ENDED
from motet.server.api.documents import Json
from motet.server.api.runs import checked_cursor
from motet.server.table import PREFIX, READ, Call, Text, asked, get
from motet.views import columns, critical, lookup
from motet.views.grid import grid
from motet.views.lookup import CRASHED, status_of

Place = Annotated[int, Ge(0), Le(2**62)]
ManyElements = Annotated[int, Ge(1), Le(100_000)]
FewRuns = Annotated[int, Ge(1), Le(50)]


@asked
class WhichElements:
    """Elements of a map from the one numbered `start` on."""

    step: Text
    start: Place = 0
    limit: ManyElements = 1000


@asked
class WhichColumns:
    """Runs from where the page before ended."""

    cursor: Text | None = None
    limit: FewRuns = 10


class WherePart(TypedDict):
    """A stretch of the critical path, in seconds since the run's creation; `step` is a place in the picture, or -1."""

    begin_s: float
    end_s: float
    cause: str
    step: int


class WhereTime(TypedDict):
    """The critical path of a run, and how much of the wall time each cause has; they sum up to it. Of the time that
    steps ran, `tasks` tells what each task has. A path of very many stretches is told without the shortest.
    """

    wall_s: float
    causes: dict[str, float]
    tasks: dict[str, float]
    path: list[WherePart]


def picture(call: Call, run: Text, after: Place = 0) -> dict[str, Json]:
    """The steps and edges of a run as columns, in the order in which they were added; see `motet.views.columns`.

    With `after`, the `offset` of an earlier answer, only the steps that became something else since.
    """
    site = call.site
    found: dict[str, Json] = columns.picture(site.store, site.courses, lookup.find_run(site.store, run), after)
    return found


def elements(call: Call, run: Text, query: WhichElements) -> dict[str, Json]:
    """Elements of a map as columns: statuses by their place among the picture's, times since the run's creation."""
    site = call.site
    row = lookup.find_run(site.store, run)
    with site.courses.of(row.id) as course:
        found: dict[str, Json] = columns.elements_json(row, course, query.step, query.start, query.limit)
    if found is None:
        raise NotFound(f"Run {row.name} has no map {query.step!r}.", f"`motet show {row.name}` lists its steps.")
    return found


def where_time_went(call: Call, run: Text) -> WhereTime:
    """What a run waited for at each moment from its start to its end, or to now: its critical path."""
    site = call.site
    row = lookup.find_run(site.store, run)
    with site.courses.of(row.id) as course:
        end = row.ended_at if row.status in ENDED else None
        if end is None:
            end = course.last_at if status_of(row) == CRASHED else site.now()
        begin = row.created_at if row.started_at is None else row.started_at
        end = max(begin, end)
        path = critical.critical_path(course, begin, end)
        tasks = critical.by_task(course, path)
    told: list[WherePart] = [
        {"begin_s": it.from_at - row.created_at, "end_s": it.to_at - row.created_at, "cause": it.cause, "step": it.step}
        for it in critical.noticed(path)
    ]
    return {"wall_s": end - begin, "causes": critical.by_cause(path), "tasks": tasks, "path": told}


def steps_by_runs(call: Call, run: Text, query: WhichColumns) -> dict[str, Json]:
    """How each step of a workflow went in its runs, those newest first: a page of columns; see `motet.views.grid`."""
    store = call.site.store
    found: dict[str, Json] = grid(store, lookup.find_run(store, run), checked_cursor(query.cursor), query.limit)
    return found


_RUN = f"{PREFIX}/runs/{{run}}"

ROUTES = (
    get(f"{_RUN}/picture", READ, picture, by_run=True),
    get(f"{_RUN}/elements", READ, elements, by_run=True),
    get(f"{_RUN}/path", READ, where_time_went, by_run=True),
    get(f"{_RUN}/grid", READ, steps_by_runs),
)
