"""Reading all that a store holds, to tell what is damaged."""

from __future__ import annotations

from collections.abc import Iterator

from motet.errors import StoreCorrupt
from motet.stores.codec import decode
from motet.stores.sqlite import documents, events, journal, runs
from motet.stores.sqlite.queries import Execute, Queries
from motet.stores.sqlite.rows import DAMAGED, UNREADABLE, check_steps, damaged, run_row, step_row, take

SQL = Queries("verify")


def problems(execute: Execute, *, quick: bool) -> list[str]:
    """What is wrong with the file, in SQLite's words, and unless `quick` with what stands in it; empty for nothing."""
    told = [str(row[0]) for row in execute("PRAGMA quick_check" if quick else "PRAGMA integrity_check").fetchall()]
    found = [] if told == ["ok"] else told
    return found if quick else found + list(_damages(execute))


def _damages(execute: Execute) -> Iterator[str]:
    """Every row that is not what was written, with its run and place."""
    for act in (_runs, _records, _published, _steps, _checkpoints, _documents):
        yield from act(execute)


def _runs(execute: Execute) -> Iterator[str]:
    for row in execute(runs.SQL.newest, (None, None, -1)):
        try:
            run_row(row)
        except StoreCorrupt as error:
            yield error.what


def _records(execute: Execute) -> Iterator[str]:
    """Of each run the first record that is damaged or missing: what comes after it cannot be used either."""
    for (run,) in execute(SQL.ids).fetchall():
        after_seq = 0
        try:
            while found := journal.events_after(execute, run, after_seq):
                if not found[0]:
                    break
                after_seq = found[1]
            for last_seq, count, text, sealed in execute(SQL.changed, (run,)):
                try:
                    check_steps(sealed, run, last_seq, count, text)
                    decode(text or "null")
                except UNREADABLE as error:
                    raise damaged(run, f"the steps that changed with its events up to number {last_seq}") from error
        except StoreCorrupt as error:
            yield error.what


def _published(execute: Execute) -> Iterator[str]:
    told = set()
    for row in execute(events.SQL.read_published, (0, -1)):
        (first,) = take([row], 0, 1)
        if first.key == DAMAGED:
            told.add(first.offset)
            yield f"The event at offset {first.offset} is damaged in the store."
    for (offset,) in execute(SQL.unlisted):
        if offset not in told:
            yield f"The event at offset {offset} is not found by its key, namespace or sender."


def _steps(execute: Execute) -> Iterator[str]:
    for run, *row in execute(SQL.steps):
        try:
            step_row(row)
        except StoreCorrupt:
            yield f"Run {run} is damaged in the store: its step {row[1]} cannot be read as written."


def _checkpoints(execute: Execute) -> Iterator[str]:
    for (run,) in execute(SQL.checkpoints).fetchall():
        try:
            journal.load_checkpoint(execute, run)
        except StoreCorrupt as error:
            yield error.what


def _documents(execute: Execute) -> Iterator[str]:
    for row in execute(SQL.documents):
        try:
            documents.document_of(*row)
        except StoreCorrupt as error:
            yield error.what
