"""The store in a SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from motet.errors import NotFound
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
from motet.stores.codec import decode, pack
from motet.stores.rows import CHANGEABLE
from motet.stores.sqlite import journal, runs, steps
from motet.stores.sqlite.documents import SqliteDocuments
from motet.stores.sqlite.file import Database, Durability, Execute
from motet.stores.wake import Bell, FifoFollower, sweep

_STALE_S = 3600.0


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
        made = self._database.write(runs.create, run)
        if made:
            self._bell.ring(published=False)
        return made

    def claim(self, run: str, owner: Owner, now: float, lease_s: float, *, force: bool = False) -> RunRow:
        return self._database.write(runs.claim, run, owner, now, lease_s, force)

    def renew(self, run: str, epoch: int, until: float) -> None:
        self._database.write(runs.renew, run, epoch, until)

    def release(self, run: str, epoch: int) -> None:
        self._database.write(runs.release, run, epoch)

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> int:
        record = journal.record(run, epoch, expected_seq, batch)
        changed = batch.run
        if changed or not batch.events:
            if not changed.keys() <= CHANGEABLE:
                raise ValueError(f"not what may change of a run: {sorted(changed.keys() - CHANGEABLE)}")
            offset = self._database.write(runs.append, record, run, changed)
        else:
            offset = self._database.write_alone(journal.add, record)
        self._bell.ring(published=False)
        return offset

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        while found := self._database.read(journal.records_after, run, after_seq):
            for last_seq, count, body in found:
                yield from decode(body)[max(0, after_seq - (last_seq - count)) :]
                after_seq = last_seq

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        self._database.write(runs.save_checkpoint, run, epoch, checkpoint.seq, pack(checkpoint.state))

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        return self._database.read(runs.load_checkpoint, run)

    def run(self, run: str) -> RunRow:
        return self._database.read(runs.one, run)

    def find_runs(self, text: str) -> list[RunRow]:
        whole = "id = ?1 OR name = ?1"
        begun = "substr(id, 1, length(?1)) = ?1 OR substr(name, 1, length(?1)) = ?1"
        return self._database.read(runs.some, whole, (text,)) or self._database.read(runs.some, begun, (text,))

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        where = "(?1 IS NULL OR status = ?1) AND (?2 IS NULL OR created_at < ?2)"
        return self._database.read(runs.some, where, (status, before), limit)

    def steps(
        self, run: str, *, limit: int | None = None, status: str | None = None, whole: bool = False
    ) -> list[StepRow]:
        return steps.steps(self._database, run, limit, status, whole)

    def step(self, run: str, key: str) -> StepRow:
        found = self._database.snapshot(steps.step, run, key)
        if found is None:
            raise NotFound(f"Run {run} has no step {key}.", "`motet show RUN` lists its steps.")
        return found

    # -- events

    def publish(self, events: Sequence[Publication]) -> list[int]:
        hit("publish.before")
        bodies = [pack(event.value) for event in events]
        offsets, added = self._database.write(journal.publish, events, bodies)
        if added:
            self._bell.ring(published=True)
        hit("publish.after")
        return offsets

    def head(self) -> int:
        return self._database.read(journal.head)

    def read(self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False) -> list[Entry]:
        return self._database.read(journal.read, after, limit, run, published)

    def follow(self, *, published: bool = False) -> Follower:
        self.head()  # the store is there, or what keeps it from being there is said
        return FifoFollower(self._wake_folder, published=published)

    def keep_from(self, listener: str, offset: int, until: float) -> None:
        self._database.write(runs.keep_from, listener, offset, until)

    # -- upkeep

    def prune(self, *, before: float, now: float, dry_run: bool = False) -> Pruned:
        from motet.stores.sqlite import upkeep

        pruned = upkeep.prune(self._database, before=before, now=now, dry_run=dry_run)
        if not dry_run:
            sweep(self._wake_folder, now - _STALE_S)
        return pruned

    def artifacts(self) -> set[str]:
        from motet.stores.sqlite import upkeep

        return self._database.snapshot(upkeep.artifacts)

    @property
    def version(self) -> int:
        """The version of its tables."""
        return self._database.read(_version)

    def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty if it is sound. Reads all of it."""
        return self._database.read(_check)

    def close(self) -> None:
        self._database.close()
        self._bell.close()


def _version(execute: Execute) -> int:
    return int(execute("PRAGMA user_version").fetchone()[0])


def _check(execute: Execute) -> list[str]:
    told = [str(row[0]) for row in execute("PRAGMA integrity_check").fetchall()]
    return [] if told == ["ok"] else told
