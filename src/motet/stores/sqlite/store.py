"""The store in a SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from motet.errors import Conflict, Fenced, NotFound
from motet.failpoints import hit
from motet.kernel.events import Json
from motet.ports import (
    Batch,
    Checkpoint,
    Entry,
    Follower,
    NewRun,
    Owner,
    Pruned,
    Publication,
    RunRow,
    StepRow,
)
from motet.stores.codec import decode, pack, unpack
from motet.stores.rows import CHANGEABLE
from motet.stores.sqlite import journal, steps, upkeep
from motet.stores.sqlite import rows as columns
from motet.stores.sqlite.documents import SqliteDocuments
from motet.stores.sqlite.file import Database, Durability, Execute
from motet.stores.wake import Bell, FifoFollower, sweep

_STALE_S = 3600.0
_AS_JSON = {"result", "error", "counts"}


class SqliteStore(SqliteDocuments):
    """The store in the folder `home`, made at first use. See `ports.Store` for what each call promises.

    With durability "normal" what was acknowledged survives the death of any process, and a loss of power may
    take the last moments; with "full" it survives that too, for an fsync a commit. A process that waits
    `patience_s` for its turn to write logs once which process it waits for.
    """

    def __init__(self, home: str, *, durability: Durability = "normal", patience_s: float = 30.0) -> None:
        self._database = Database(os.path.abspath(home), durability, patience_s)
        super().__init__(self._database)
        self._wake_folder = os.path.join(self._database.home, "wake")
        self._bell = Bell(self._wake_folder)

    # -- runs

    def create_run(self, run: NewRun) -> bool:
        with self._writing() as execute:
            made = execute(
                "INSERT INTO runs (id, name, workflow, program, params, parent, tags, status, after_offset, "
                "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (id) DO NOTHING",
                (run.id, run.name, run.workflow, pack(run.program), pack(run.params), run.parent,
                 pack(list(run.tags)), run.offset, run.created_at),
            ).rowcount  # fmt: skip
        if made:
            self._bell.ring(published=False)
        return bool(made)

    def claim(self, run: str, owner: Owner, now: float, lease_s: float, *, force: bool = False) -> RunRow:
        with self._writing() as execute:
            row = _run(execute, run)
            held = row.owner is not None and row.owner != owner and (row.lease_until or 0.0) > now
            if held and not force:
                raise Conflict(
                    f"Run {run} is driven by process {row.owner.pid} on {row.owner.host}.",  # type: ignore[union-attr]
                    "Wait until it ends, or stop it first.",
                )
            execute(
                "UPDATE runs SET epoch = epoch + 1, owner = ?, lease_until = ? WHERE id = ?",
                (columns.pack_owner(owner), now + lease_s, run),
            )
            row.epoch += 1
            row.owner, row.lease_until = owner, now + lease_s
        return row

    def renew(self, run: str, epoch: int, until: float) -> None:
        with self._writing() as execute:
            _check_epoch(execute, run, epoch)
            execute("UPDATE runs SET lease_until = ? WHERE id = ? AND owner IS NOT NULL", (until, run))

    def release(self, run: str, epoch: int) -> None:
        with self._writing() as execute:
            execute("UPDATE runs SET owner = NULL, lease_until = NULL WHERE id = ? AND epoch = ?", (run, epoch))

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> int:
        if not batch.run.keys() <= CHANGEABLE:
            raise ValueError(f"not what may change of a run: {sorted(batch.run.keys() - CHANGEABLE)}")
        record = journal.record(run, epoch, expected_seq, batch)
        if batch.run or not batch.events:
            with self._writing() as execute:
                offset = journal.add_within(execute, record)
                if batch.run:
                    _update_run(execute, run, batch.run)
        else:
            offset = journal.add(self._database, record)
        self._bell.ring(published=False)
        return offset

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        while True:
            with self._reading() as execute:
                found = journal.records_after(execute, run, after_seq)
            for last_seq, count, body in found:
                yield from decode(body)[max(0, after_seq - (last_seq - count)) :]
                after_seq = last_seq
            if not found:
                return

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        state = pack(checkpoint.state)
        with self._writing() as execute:
            _check_epoch(execute, run, epoch)
            execute(
                "INSERT OR REPLACE INTO checkpoints (run, seq, state) "
                "VALUES ((SELECT number FROM runs WHERE id = ?), ?, ?)",
                (run, checkpoint.seq, state),
            )

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        with self._reading() as execute:
            row = execute(
                "SELECT seq, state FROM checkpoints WHERE run = (SELECT number FROM runs WHERE id = ?)",
                (run,),
            ).fetchone()
        return row and Checkpoint(row[0], unpack(row[1]))

    def run(self, run: str) -> RunRow:
        with self._reading() as execute:
            return _run(execute, run)

    def find_runs(self, text: str) -> list[RunRow]:
        whole = self._runs("id = ?1 OR name = ?1", (text,), None)
        return whole or self._runs("substr(id, 1, length(?1)) = ?1 OR substr(name, 1, length(?1)) = ?1", (text,), None)

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        return self._runs("(?1 IS NULL OR status = ?1) AND (?2 IS NULL OR created_at < ?2)", (status, before), limit)

    def _runs(self, where: str, values: Sequence[Any], limit: int | None) -> list[RunRow]:
        with self._reading() as execute:
            found = execute(
                f"SELECT {columns.RUN_COLUMNS} FROM runs WHERE {where} "
                f"ORDER BY created_at DESC, number DESC LIMIT {-1 if limit is None else int(limit)}",
                values,
            ).fetchall()
        return [columns.run_row(row) for row in found]

    def steps(self, run: str, *, limit: int | None = None, status: str | None = None) -> list[StepRow]:
        return steps.steps(self._database, run, limit, status)

    def step(self, run: str, key: str) -> StepRow:
        found = steps.step(self._database, run, key)
        if found is None:
            raise NotFound(f"Run {run} has no step {key}.", "`motet show RUN` lists its steps.")
        return found

    # -- events

    def publish(self, events: Sequence[Publication]) -> list[int]:
        hit("publish.before")
        bodies = [pack(event.value) for event in events]
        with self._writing() as execute:
            offsets, added = journal.publish(execute, events, bodies)
        if added:
            self._bell.ring(published=True)
        hit("publish.after")
        return offsets

    def head(self) -> int:
        with self._reading() as execute:
            return journal.head(execute)

    def read(self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False) -> list[Entry]:
        with self._reading() as execute:
            return journal.read(execute, after, limit, run, published)

    def follow(self, *, published: bool = False) -> Follower:
        with self._reading():
            pass  # the store is there, or what keeps it from being there is said
        return FifoFollower(self._wake_folder, published=published)

    def keep_from(self, listener: str, offset: int, until: float) -> None:
        with self._writing() as execute:
            execute(
                "INSERT OR REPLACE INTO listeners (name, offset, until) VALUES (?, ?, ?)",
                (listener, offset, until),
            )

    # -- upkeep

    def prune(self, *, before: float, now: float, dry_run: bool = False) -> Pruned:
        pruned = upkeep.prune(self._database, before=before, now=now, dry_run=dry_run)
        if not dry_run:
            sweep(self._wake_folder, now - _STALE_S)
        return pruned

    def artifacts(self) -> set[str]:
        return upkeep.artifacts(self._database)

    @property
    def version(self) -> int:
        """The version of its tables."""
        with self._reading() as execute:
            return int(execute("PRAGMA user_version").fetchone()[0])

    def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty if it is sound. Reads all of it."""
        with self._reading() as execute:
            told = [str(row[0]) for row in execute("PRAGMA integrity_check").fetchall()]
        return [] if told == ["ok"] else told

    def close(self) -> None:
        self._database.close()
        self._bell.close()


def _run(execute: Execute, run: str) -> RunRow:
    row = execute(f"SELECT {columns.RUN_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")
    return columns.run_row(row)


def _check_epoch(execute: Execute, run: str, epoch: int) -> None:
    """Raise Fenced unless the run is still in that epoch."""
    row = execute("SELECT epoch FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")
    if row[0] != epoch:
        raise Fenced(f"Another process has taken over run {run} (epoch {row[0]}, this one has {epoch}).")


def _update_run(execute: Execute, run: str, changed: Mapping[str, Any]) -> None:
    values = [pack(value) if name in _AS_JSON else value for name, value in changed.items()]
    execute(f"UPDATE runs SET {', '.join(f'{name} = ?' for name in changed)} WHERE id = ?", (*values, run))
