"""Removing what is old, and giving its space back to the file system."""

from __future__ import annotations

from motet.ports import Pruned
from motet.stores.codec import references
from motet.stores.rows import ENDED
from motet.stores.sqlite.file import Database, Execute

_IS_OVER = f"status IN {ENDED}"

# A listener that is a run holds events back while the run is not over, however long ago it was last heard of.
_KEPT_FOR_LISTENERS = f"""
    SELECT min(offset) FROM listeners
    WHERE until > :now AND name NOT IN (SELECT id FROM runs WHERE {_IS_OVER})
"""

_KEPT_FOR_RUNS = f"""
    SELECT min(coalesce((SELECT offset FROM listeners WHERE name = id), after_offset))
    FROM runs WHERE NOT {_IS_OVER}
"""

_OLD_RUNS = f"""
    SELECT number FROM runs WHERE {_IS_OVER} AND ended_at < :before AND coalesce(lease_until, 0) <= :now
    AND NOT EXISTS (SELECT 1 FROM runs AS above WHERE above.id = runs.parent AND NOT above.{_IS_OVER})
    AND coalesce((SELECT last_offset FROM records WHERE run = number ORDER BY last_seq DESC LIMIT 1), 0)
        <= coalesce(({_KEPT_FOR_LISTENERS}), 1 << 62)
"""

_OLD_EVENTS = f"""
    run = 0 AND last_seq IS NULL AND count > 0 AND at < :before
    AND last_offset <= min(coalesce(({_KEPT_FOR_LISTENERS}), 1 << 62), coalesce(({_KEPT_FOR_RUNS}), 1 << 62))
"""

_WITH_RECORDS = (
    ("runs", "program"), ("runs", "params"), ("runs", "result"), ("runs", "error"), ("records", "body"),
    ("records", "steps"), ("steps", "result"), ("steps", "error"), ("checkpoints", "state"), ("documents", "body"),
)  # fmt: skip
"""The columns, by table, in which an artifact may be referred to."""

_EVENTS_AT_ONCE = 2000
_PAGES_AT_ONCE = 2000


def prune(database: Database, *, before: float, now: float, dry_run: bool) -> Pruned:
    """See `Store.prune`. Each run goes in a transaction of its own, so that other writers never wait long."""
    times = {"before": before, "now": now}
    if dry_run:
        return database.snapshot(_would_prune, times)
    size_bytes = database.read(_size_bytes)
    pruned = Pruned()
    for number in database.read(_old_runs, times):
        removed = database.write(_prune_run, number, times)
        pruned.runs += removed is not None
        pruned.events += removed or 0
    count = _EVENTS_AT_ONCE
    while count == _EVENTS_AT_ONCE:
        count = database.write(_prune_events, times)
        pruned.events += count
    database.write(_prune_listeners, times)
    while (pruned.runs or pruned.events) and database.maintain(_compact_some):
        pass
    pruned.freed_bytes = max(0, size_bytes - database.read(_size_bytes))
    return pruned


def artifacts(execute: Execute) -> set[str]:
    """See `Store.artifacts`. To be read from one state."""
    found: set[str] = set()
    for table, column in _WITH_RECORDS:
        rows = execute(f"SELECT {column} FROM {table} WHERE instr({column}, '\"artifact\":') > 0")
        found |= references(row[0] for row in rows)
    return found


def _old_runs(execute: Execute, times: dict[str, float]) -> list[int]:
    """The numbers of the runs that may go."""
    return [row[0] for row in execute(_OLD_RUNS, times).fetchall()]


def _would_prune(execute: Execute, times: dict[str, float]) -> Pruned:
    """What pruning would remove; its bytes are those of the texts."""
    pruned = Pruned()
    sizes = "sum(count), sum(coalesce(length(body), 0) + coalesce(length(steps), 0) + 32)"
    where = [f"run = {number}" for number in _old_runs(execute, times)]
    pruned.runs = len(where)
    for each in [*where, _OLD_EVENTS]:
        events, size_bytes = execute(f"SELECT {sizes} FROM records WHERE {each}", times).fetchone()
        pruned.events += events or 0
        pruned.freed_bytes += size_bytes or 0
    return pruned


def _prune_run(execute: Execute, number: int, times: dict[str, float]) -> int | None:
    """Remove the run and all that is its own; gives the count of its events. None if it may not go any more."""
    which = {"number": number, **times}
    found = execute(f"SELECT id FROM runs WHERE number = :number AND number IN ({_OLD_RUNS})", which).fetchone()
    if found is None:
        return None
    head = _head(execute)
    count: int = execute("SELECT coalesce(sum(count), 0) FROM records WHERE run = ?", (number,)).fetchone()[0]
    for table in ("records", "steps", "checkpoints"):
        execute(f"DELETE FROM {table} WHERE run = ?", (number,))
    execute("DELETE FROM runs WHERE number = ?", (number,))
    execute("DELETE FROM aliases WHERE run = ?", found)
    execute("DELETE FROM listeners WHERE name = ?", found)
    _hold_head(execute, head)
    return count


def _prune_events(execute: Execute, times: dict[str, float]) -> int:
    """Remove some old published events; gives their count."""
    head = _head(execute)
    count = execute(
        "DELETE FROM records WHERE last_offset IN "
        f"(SELECT last_offset FROM records WHERE {_OLD_EVENTS} LIMIT {_EVENTS_AT_ONCE})",
        times,
    ).rowcount
    _hold_head(execute, head)
    return count


def _prune_listeners(execute: Execute, times: dict[str, float]) -> None:
    """Forget listeners that were not heard of in time, and holds on the head that are no longer needed."""
    execute(
        "DELETE FROM listeners WHERE until <= :now AND name NOT IN (SELECT id FROM runs)",
        {"now": times["now"]},
    )
    execute(
        "DELETE FROM records WHERE run = 0 AND last_seq IS NULL AND count = 0 AND last_offset < ?",
        (_head(execute),),
    )


def _head(execute: Execute) -> int:
    return int(execute("SELECT coalesce(max(last_offset), 0) FROM records").fetchone()[0])


def _hold_head(execute: Execute, head: int) -> None:
    """Keep the head where it is though the newest record is gone: no offset is ever given out twice."""
    if head:
        execute("INSERT INTO records (last_offset, count, run) VALUES (?, 0, 0) ON CONFLICT DO NOTHING", (head,))


def _compact_some(execute: Execute) -> bool:
    """Give some free pages back to the file system, in the end cut the log; says whether any are left."""
    execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
    left = execute("PRAGMA freelist_count").fetchone()[0] > 0
    if not left:
        _cut_log(execute)
    return bool(left)


def _cut_log(execute: Execute) -> None:
    """Write the log back and shorten its file, if no reader is in the way just now."""
    (waits_ms,) = execute("PRAGMA busy_timeout").fetchone()
    execute("PRAGMA busy_timeout = 100")
    try:
        execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        execute(f"PRAGMA busy_timeout = {waits_ms}")


def _size_bytes(execute: Execute) -> int:
    (pages,) = execute("PRAGMA page_count").fetchone()
    (page_bytes,) = execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_bytes)
