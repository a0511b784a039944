"""Removing what is old, and giving its space back to the file system."""

from __future__ import annotations

from contextlib import suppress
from math import inf

from motet.errors import StoreFull
from motet.ports import Pruned, Retention
from motet.stores import rules
from motet.stores.codec import references, unpack
from motet.stores.homes import give_up_reserve, keep_reserve
from motet.stores.sqlite import runs
from motet.stores.sqlite.events import head
from motet.stores.sqlite.file import Database
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import UNREADABLE, Row

SQL = Queries("upkeep")

_WITH_RECORDS = (
    ("runs", "program"), ("runs", "params"), ("runs", "result"), ("runs", "error"), ("records", "body"),
    ("records", "steps"), ("steps", "result"), ("steps", "error"), ("checkpoints", "state"), ("documents", "body"),
)  # fmt: skip
"""The columns, by table, in which an artifact may be referred to."""

_EVENTS_AT_ONCE = 2000
_PAGES_AT_ONCE = 2000


def prune(database: Database, retention: Retention, now: float, *, dry_run: bool) -> Pruned:
    """See `Store.prune`. Each run goes in a transaction of its own, so that other writers never wait long."""
    if dry_run:
        return database.snapshot(_would_prune, retention, now)
    size_bytes = database.read(_size_bytes)
    pruned = Pruned()
    try:
        _remove_old(database, retention, now, pruned)
    except StoreFull:  # what frees room has to write first
        give_up_reserve(database.home)
        with suppress(StoreFull):
            database.maintain(_cut_log)
        _remove_old(database, retention, now, pruned)
    keep_reserve(database.home)
    pruned.freed_bytes = max(0, size_bytes - database.read(_size_bytes))
    return pruned


def _remove_old(database: Database, retention: Retention, now: float, pruned: Pruned) -> None:
    for number in database.snapshot(_chosen, retention, now):
        removed = database.write(_prune_run, number, retention, now)
        pruned.runs += removed is not None
        pruned.events += removed or 0
    count = _EVENTS_AT_ONCE
    while count == _EVENTS_AT_ONCE:
        count = database.write(_prune_events, rules.events_before(retention, now), now)
        pruned.events += count
    database.write(_prune_caches, rules.events_before(retention, now))
    database.write(_prune_listeners, now)
    while (pruned.runs or pruned.events) and database.maintain(_compact_some):
        pass


def artifacts(execute: Execute) -> set[str]:
    """See `Store.artifacts`. To be read from one state."""
    found: set[str] = set()
    for table, column in _WITH_RECORDS:
        rows = execute(f"SELECT {column} FROM {table} WHERE instr({column}, '\"artifact\":') > 0")
        found |= references(row[0] for row in rows)
    return found


def _chosen(execute: Execute, retention: Retention, now: float) -> list[int]:
    """The numbers of the runs that are to go."""
    before = inf if retention.older_than_s is None else now - retention.older_than_s
    found = {row[1]: row for row in execute(SQL.candidates, (before,)).fetchall()}
    sized = retention.free_bytes is not None
    runs = (_candidate(row, _size_of(execute, row[0])[1] if sized else 0) for row in found.values())
    return [found[run.id][0] for run in rules.chosen(runs, retention, now, _heard(execute, now))]


def _candidate(row: Row, size_bytes: int = 0) -> rules.Candidate:
    id_, status, ended_at, lease_until, parent_ended, last_offset, tags = row[1:]
    try:
        known = unpack(tags) or []
    except UNREADABLE:  # a damaged run goes as if it had none
        known = []
    return rules.Candidate(id_, status, ended_at, lease_until, bool(parent_ended), last_offset, known, size_bytes)


def _heard(execute: Execute, now: float) -> int:
    """The offset beyond which a listener has yet to read."""
    return min((offset for _, offset, until in execute(SQL.listeners) if until > now), default=rules.EVERYTHING)


def _unread(execute: Execute, now: float) -> int:
    """The offset beyond which a listener, or a run that has not ended, has yet to read published events."""
    unread: list[int] = [offset for _, offset in execute(SQL.listening_runs)]
    return min([_heard(execute, now), *unread])


def _would_prune(execute: Execute, retention: Retention, now: float) -> Pruned:
    """What pruning would remove; its bytes are those of the texts."""
    numbers = _chosen(execute, retention, now)
    sizes = [_size_of(execute, number) for number in numbers]
    old = (rules.events_before(retention, now), _unread(execute, now))
    sizes.append(execute(SQL.size_of_old_events, old).fetchone())
    return Pruned(len(numbers), sum(events for events, _ in sizes), 0, sum(size_bytes for _, size_bytes in sizes))


def _size_of(execute: Execute, number: int) -> tuple[int, int]:
    """How many events the run has, and the bytes of their texts."""
    found: tuple[int, int] = execute(SQL.size_of_run, (number,)).fetchone()
    return found


def _prune_run(execute: Execute, number: int, retention: Retention, now: float) -> int | None:
    """Remove the run and all that is its own; gives the count of its events. None if it may not go any more."""
    row = execute(SQL.candidate, (number,)).fetchone()
    if row is None or not rules.may_go(_candidate(row), retention, now, _heard(execute, now)):
        return None
    newest, (count, _) = head(execute), _size_of(execute, number)
    runs.forget(execute, number)
    for sql in (SQL.delete_records, SQL.delete_changes, SQL.delete_steps, SQL.delete_checkpoint, SQL.delete_uses):
        execute(sql, (number,))
    execute(SQL.delete_run, (number,))
    execute(SQL.delete_aliases, (row[1],))
    execute(SQL.delete_listener, (row[1],))
    _hold_head(execute, newest)
    return count


def _prune_events(execute: Execute, before: float, now: float) -> int:
    """Remove some old published events; gives their count."""
    newest = head(execute)
    count: int = execute(SQL.delete_old_events, (before, _unread(execute, now), _EVENTS_AT_ONCE)).rowcount
    _hold_head(execute, newest)
    return count


def _prune_caches(execute: Execute, before: float) -> None:
    """Forget results kept for later that were written long ago."""
    execute(SQL.delete_old_caches, (before,))


def _prune_listeners(execute: Execute, now: float) -> None:
    """Forget listeners that were not heard of in time, terms of events that are gone, and holds no longer needed."""
    execute(SQL.delete_old_listeners, (now,))
    execute(SQL.delete_old_terms)
    execute(SQL.delete_old_holds)


def _hold_head(execute: Execute, newest: int) -> None:
    """Keep the head where it is though the newest record is gone: no offset is ever given out twice."""
    if newest:
        execute(SQL.hold_head, (newest,))


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
