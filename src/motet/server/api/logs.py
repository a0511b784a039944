"""What runs have written: found by step, stream, time and text, wherever it stands; and all of it as text."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Annotated, Any

from annotated_types import Ge, Le

from motet.errors import UsageError
from motet.ports import LogFilter, LogLine, LogStore, RunRow
from motet.server.api.documents import LogLines
from motet.server.table import PREFIX, READ, Call, Limit, Stream, Text, asked, get
from motet.values.secrets import hide
from motet.views import logs as lines_of
from motet.views import lookup
from motet.views.steps import find_step

Place = Annotated[int, Ge(0), Le(2**62)]
Moment = Annotated[float, Ge(0), Le(1e12)]


@asked
class WhichLines:
    """Lines of a run's log that fulfil all of it. `from_end`: the last before `position`, not the first after it;
    `stream`: stdout, stderr or a level; `errors`: those that tell of errors; `around`: with so many lines before and
    after each; `chars`: cut to so many characters, 0 for none.
    """

    step: Text | None = None
    attempt: Annotated[int, Ge(0), Le(10**6)] = 0
    search: Text = ""
    stream: Text = ""
    errors: bool = False
    around: Annotated[int, Ge(0), Le(100)] = 0
    chars: Annotated[int, Ge(0), Le(10**6)] = 0
    since: Moment = 0.0
    until: Moment | None = None
    position: Place | None = None
    from_end: bool = False
    limit: Limit = 500


def logs(call: Call, run: Text, query: WhichLines) -> LogLines:
    """Lines that a run has written, in the order in which they came.

    `position` is where to go on, that way. There may be more even if there are few lines here: so much was looked at.
    """
    store = call.site.logs
    row, of = _wanted(call, run, query)
    if query.errors:
        page = lines_of.errors(store, row.id, of, query.position, from_end=query.from_end, limit=query.limit)
    elif query.from_end:
        page = store.read_back(row.id, query.position, limit=query.limit, of=of)
    else:
        page = store.read(row.id, query.position or 0, limit=query.limit, of=of)
    if query.around:
        near = lines_of.around(store, row.id, of, page.positions, query.around)
        lines = [_line(it.line, it.position, query.chars, hit=it.hit, left_out=it.left_out) for it in near]
    else:
        lines = [_line(each, at, query.chars) for each, at in zip(page.lines, page.positions, strict=True)]
    return {"lines": lines, "position": page.position, "more": page.more}


def _wanted(call: Call, run: str, query: WhichLines) -> tuple[RunRow, LogFilter]:
    """The run, and which of its lines."""
    row = lookup.find_run(call.site.store, run)
    if "\n" in query.search:
        raise UsageError("Text is looked for within one line.", "Leave out the line end.")
    key = find_step(call.site.store, row, query.step).key if query.step else ""
    until = inf if query.until is None else query.until
    return row, LogFilter(key, query.attempt, query.search, query.since, until, stream=query.stream)


def _line(line: LogLine, position: int, chars: int, **near: Any) -> Any:
    """The line as a document, cut if it is to be."""
    found: dict[str, Any] = {**lines_of.line_json(line), "position": position, **near}
    if 0 < chars < len(line.text):
        found["text"], found["cut_chars"] = line.text[:chars], len(line.text) - chars
    return found


def log_text(call: Call, run: Text, query: WhichLines) -> Stream:
    """All lines that fulfil it, as text, to be kept. `position`, `from_end`, `errors`, `around`, `chars` and `limit`
    count for nothing here.
    """
    row, of = _wanted(call, run, query)
    return Stream(_texts(call.site.logs, row.id, of))


def _texts(logs: LogStore, run: str, of: LogFilter) -> Iterator[bytes]:
    position, more = 0, True
    while more:
        page = logs.read(run, position, of=of)
        yield hide("".join(f"{each.text}\n" for each in page.lines)).encode("utf-8", "backslashreplace")
        position, more = page.position, page.more


_RUN = f"{PREFIX}/runs/{{run}}"

ROUTES = (
    get(f"{_RUN}/logs", READ, logs, by_run=True),
    get(f"{_RUN}/logs/text", READ, log_text, by_run=True, produces="text/plain"),
)
