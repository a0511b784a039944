"""Which runs and events of a memory store may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from motet.ports import RunRow
from motet.stores.rows import ENDED

_EVERYTHING = 1 << 62

Listeners = Mapping[str, tuple[int, float]]
"""For each listener the offset that it has read up to, and until when it is waited for."""


def old_runs(runs: Mapping[str, tuple[RunRow, int]], listeners: Listeners, before: float, now: float) -> list[str]:
    """The ids of runs that may go. `runs` gives each run's row and the offset of its last event."""
    kept_from = _kept_for_listeners(runs, listeners, now)
    return [
        row.id
        for row, last_offset in runs.values()
        if row.status in ENDED
        and (row.ended_at is not None and row.ended_at < before)
        and (row.lease_until or 0.0) <= now
        and (row.parent not in runs or runs[row.parent][0].status in ENDED)
        and last_offset <= kept_from
    ]


def kept_from(runs: Mapping[str, tuple[RunRow, int]], listeners: Listeners, now: float) -> int:
    """The offset beyond which no published event may go."""
    alive = [row for row, _ in runs.values() if row.status not in ENDED]
    floors = [listeners[row.id][0] if row.id in listeners else row.offset for row in alive]
    return _least([*floors, _kept_for_listeners(runs, listeners, now)])


def _kept_for_listeners(runs: Mapping[str, tuple[RunRow, int]], listeners: Listeners, now: float) -> int:
    over = {row.id for row, _ in runs.values() if row.status in ENDED}
    return _least(offset for name, (offset, until) in listeners.items() if until > now and name not in over)


def _least(offsets: Iterable[int]) -> int:
    return min(offsets, default=_EVERYTHING)
