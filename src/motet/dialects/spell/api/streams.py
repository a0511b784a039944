"""What goes on while a client listens: logs, statuses, metrics, numbers of the machine; one JSON object a line.

A line is written when there is something to say, and now and then `{}`: a client that hears nothing for two minutes
comes back, and one that gets an empty line dies. No thread waits for any of them: the server's one reader tells when
something has happened in the run. Whoever is too slow is let go of, and comes back with the offset of what was read.
"""

from __future__ import annotations

import asyncio
import json
import operator
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from motet.dialects.spell import logs, words
from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of
from motet.dialects.spell.api.wire import date
from motet.dialects.spell.house import House, passed
from motet.errors import UsageError
from motet.executors.taken import Taken, Usage
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import RunRow
from motet.ports.routes import READ, Call, Stream, post

LINES = "application/x-ndjson"
_BREATH_S = 20.0
_SERIES: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip


def line(told: Json) -> bytes:
    """An object on a line of its own."""
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


async def parts(found: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same, while others are answered."""
    while (part := await asyncio.to_thread(next, found, None)) is not None:
        yield part


Read = Callable[[], tuple[Sequence[Json], bool]]
"""What there is to say now that was not said before, and whether that was all there will be."""


async def _lines(call: Call, run: str, read: Read) -> AsyncIterator[bytes]:
    """What is read at each look, as lines, until that was all."""
    clock = asyncio.get_running_loop().time
    yield line({"connected": True})
    said_at = clock()
    async for _ in call.hub.looks(run, lambda: call.site.still(call.caller)):
        found: Sequence[Json] = (None,)
        while found:
            found, is_over = await asyncio.to_thread(read)
            if found:
                yield b"".join(map(line, found))
                said_at = clock()
            if is_over:
                return
        if clock() - said_at > _BREATH_S:
            yield line({})
            said_at = clock()


def followed_logs(call: Call, owner: str, number: int, body: asked.Follow) -> Stream:
    """The run's log from an offset on, each entry with the next offset; with `follow` until the run has ended."""
    house = house_of(call, owner)
    row = house.row(number)
    offset, follows = body.get("offset") or 0, bool(body.get("follow"))
    if not isinstance(offset, int):
        raise UsageError(f"The offset is {offset!r:.80}.", "Give a number.")
    if offset < 0:
        offset = max(0, sum(1 for _ in house.logs(number)) + offset)
    reading, numbers = logs.Reading(house.host, row, offset), count(offset + 1)

    def read() -> tuple[Sequence[Json], bool]:
        new = reading.read()
        while reading.more and not new:  # all of these were read before
            new = reading.read()
        told: list[Json] = [{"log_entry": _entry(each), "next_offset": next(numbers)} for each in new]
        is_over = reading.is_over or not (follows or told)
        return ([*told, {"finished": True}] if is_over else told), is_over

    return Stream(_lines(call, row.id, read))


def _entry(entry: Any) -> Json:
    told: dict[str, Json] = {"status": entry.status, "log": entry.log, "@timestamp": (date(entry.at) or "")[:19] + "Z"}
    return {**told, "status_event": entry.status_event or None, "level": entry.level or None}


def waited_status(call: Call, owner: str, number: int, body: asked.Statuses) -> Stream:
    """Whether the run comes to have one of the statuses: told when it has one, or can have none of them any more."""
    house = house_of(call, owner)
    row, statuses = house.row(number), [str(each) for each in body.get("statuses") or ()]
    before = house.get(number).status

    def read() -> tuple[Sequence[Json], bool]:
        status = house.get(number).status
        if passed(before, status, statuses) in statuses:
            return [{"success": True}], True
        if status not in words.FINAL or status == words.INTERRUPTED:
            return [], False
        return [{"success": False, "error": f"Run {number} reached final status '{status}'"}], True

    return Stream(_lines(call, row.id, read))


def waited_metric(call: Call, owner: str, number: int, body: asked.Condition) -> Stream:
    """Whether a value of the series comes to fulfil the condition: told when one does, or the run has ended."""
    house = house_of(call, owner)
    row, holds = house.row(number), _SERIES.get(str(body.get("condition")))
    name, value = str(body.get("metric_name")), body.get("value")
    if holds is None or isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError("This is no condition of a metric.", f"Give a number, and one of {', '.join(_SERIES)}.")
    points = _Points(house, number, name)

    def read() -> tuple[Sequence[Json], bool]:
        is_over = _is_over(house, row)
        if any(isinstance(each, int | float) and holds(each, value) for _, _, each in points.new()):
            return [{"success": True}], True
        status = house.get(number).status
        failed = f"{name} never was {body['condition']} {value} before run {number} ended ({status})"
        return ([{"success": False, "error": failed}] if is_over else []), is_over

    return Stream(_lines(call, row.id, read))


def user_metrics(call: Call, owner: str, number: int, body: asked.Metrics) -> Stream:
    """The points of series of the run, after a time if one is given; with `follow` until the run has ended."""
    house = house_of(call, owner)
    row, follows = house.row(number), bool(body.get("follow"))
    series = {
        str(each["name"]): _Points(house, number, str(each["name"]), _at(each.get("offset")))
        for each in body.get("metrics") or ()
    }

    def read() -> tuple[Sequence[Json], bool]:
        is_over = _is_over(house, row) or not follows
        found = {
            name: {"data": [[date(at), index, value] for at, index, value in new]}
            for name, each in series.items()
            if (new := each.new())
        }
        told: list[Json] = [{"metrics_by_run": {str(number): found}}] if found else []
        return ([*told, {"finished": True}] if is_over else told), is_over

    return Stream(_lines(call, row.id, read), {"stream": "true"})


class _Points:
    """The points of a series that were not told yet, of those that came after a time."""

    def __init__(self, house: House, number: int, name: str, after_at: float = 0.0) -> None:
        self._house, self._number, self._name, self._after_at = house, number, name, after_at
        self._index: int | None = None

    def new(self) -> list[tuple[float, int, float | str]]:
        """Those that have come since this was asked last."""
        found = list(self._house.metrics(self._number, self._name, self._index))
        self._index = max((index for _, index, _ in found), default=self._index)
        return [each for each in found if each[0] > self._after_at]


def _at(text: object) -> float:
    """The time of the last point that the client has, a moment later: it is told in microseconds. Raises UsageError."""
    if text is None:
        return 0.0
    try:
        return datetime.fromisoformat(str(text)).timestamp() + 1e-6
    except ValueError:
        raise UsageError(f"{text!r:.80} is no time.", "Write it as RFC 3339 does.") from None


def _is_over(house: House, row: RunRow) -> bool:
    """Asked before what it has put out is read: what it has sent was there by then."""
    return house.host.store.run(row.id).status in ENDED


# ---------------------------------------------------------------- what a run takes of the machine


def stats(call: Call, owner: str, number: int, body: asked.Follow) -> Stream:
    """What the processes of the run take of the machine, now; with `follow` until it runs no more."""
    house = house_of(call, owner)
    row, follows = house.row(number), bool(body.get("follow"))
    usage = Usage(row.id)

    def read() -> tuple[Sequence[Json], bool]:
        found = usage.look()
        is_over = _is_over(house, row) or not (follows or found is None)
        told: list[Json] = [] if found is None else [{"cpu_stats": _as_stats(found), "gpu_stats": []}]
        return ([*told, {"finished": True}] if is_over else told), is_over

    return Stream(_lines(call, row.id, read))


def _as_stats(taken: Taken) -> Json:
    total = taken.total_bytes
    return {
        "cpu_percentage": 100 * taken.cpus, "memory": taken.memory_bytes, "memory_total": total,
        "memory_percentage": 100 * taken.memory_bytes / total, "block_read": taken.read_bytes,
        "block_write": taken.written_bytes, "network_rx": 0, "network_tx": 0,
    }  # fmt: skip


_RUN = "/v1/runs/{owner}/{number}"

ROUTES = tuple(
    post(f"{_RUN}/{name}", READ, answer, by_runs=True, only_looks=True, produces=LINES)
    for name, answer in (
        ("logs", followed_logs), ("wait_status", waited_status), ("wait_metric", waited_metric),
        ("user-metrics", user_metrics), ("stats", stats),
    )
)  # fmt: skip
