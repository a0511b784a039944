"""The store in a SQLite file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from motet import forks
from motet.errors import Fenced
from motet.failpoints import hit
from motet.kernel.events import Json
from motet.ports import (
    AttemptRow,
    Batch,
    Cell,
    Checkpoint,
    Entry,
    EventFilter,
    Follower,
    NewRun,
    Owner,
    Pruned,
    Publication,
    Retention,
    RunFilter,
    RunPage,
    RunRow,
    StepFilter,
    StepPage,
    StepRow,
    Summary,
    Use,
)
from motet.stores.codec import pack
from motet.stores.rules import no_step
from motet.stores.sqlite import events, journal, runs, steps
from motet.stores.sqlite.documents import SqliteDocuments
from motet.stores.sqlite.file import Database, Durability
from motet.stores.sqlite.queries import Execute
from motet.stores.wake import Bell, FifoFollower, sweep
from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.stores.sqlite.pages import SqlitePages
    from motet.stores.sqlite.syncing import Syncer

_STALE_S = 3600.0


class SqliteStore(SqliteDocuments):
    """The store in the folder `home`, made at first use. See `ports.Store` for what each call promises.

    With durability "normal" what was acknowledged survives the death of any process, and a loss of power may
    take the last moments; with "full" it survives that too, for an fsync a commit. A process that waits
    `patience_s` for its turn to write logs once which process it waits for.
    """

    def __init__(
        self, home: str, *, durability: Durability = "normal", patience_s: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._database = Database(os.path.abspath(home), durability, patience_s)
        super().__init__(self._database, now)
        self._claimed: dict[str, int] = {}
        self._pages: SqlitePages | None = None
        self._syncer: Syncer | None = None
        self._wake_folder = os.path.join(self._database.home, "wake")
        self._bell = Bell(self._wake_folder)

    # -- the journal

    def claim(self, run: str, owner: Owner, lease_s: float, *, force: bool = False) -> RunRow:
        self._claimed[run] = forks.depth
        return self._database.write(journal.claim, run, owner, self._now(), lease_s, force)

    def _check_claim(self, run: str) -> None:
        """The epoch is copied by a fork, and the right to the run is not."""
        if self._claimed.get(run, forks.depth) != forks.depth:
            raise Fenced(f"Run {run} is driven by the process that this one was forked from.", "Leave it to that one.")

    def renew(self, run: str, epoch: int, lease_s: float) -> None:
        self._check_claim(run)
        self._database.write(journal.renew, run, epoch, self._now() + lease_s)
        self._database.write_soon(steps.fold_some, run)  # a little of it, so that who looks finds little to do

    def release(self, run: str, epoch: int) -> None:
        self._check_claim(run)
        self._database.write(journal.release, run, epoch)

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        self._check_claim(run)
        records = journal.records(run, epoch, expected_seq, batch)
        if journal.is_plain(records, batch):
            self._database.write_alone(journal.add, records[0])
        else:
            self._database.write(journal.append, records, run, batch.run)
        self._bell.ring(published=False)

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        while True:
            found, after_seq = self._database.read(journal.events_after, run, after_seq)
            if not found:
                return
            yield from found

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        self._check_claim(run)
        self._database.write(journal.save_checkpoint, run, epoch, checkpoint.seq, pack(checkpoint.state))

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        return self._database.read(journal.load_checkpoint, run)

    # -- runs and steps

    def create_run(self, run: NewRun) -> bool:
        made = self._database.write(runs.create, run)
        if made:
            self._bell.ring(published=False)
        return made

    def relabel(self, run: str, name: str, tags: Sequence[str]) -> None:
        self._database.write(runs.relabel, run, name, tags)
        self._bell.ring(published=False)

    def run(self, run: str) -> RunRow:
        return self._database.read(runs.one, run)

    def find_runs(self, text: str) -> list[RunRow]:
        return self._database.read(runs.named, text)

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        return self._database.read(runs.newest, status, before, limit)

    def steps(
        self, run: str, *, limit: int | None = None, status: str | None = None, whole: bool = False
    ) -> list[StepRow]:
        return steps.steps(self._database, run, limit, status, whole)

    def step(self, run: str, key: str) -> StepRow:
        found = self._database.snapshot(steps.step, run, key)
        if found is None:
            raise no_step(run, key)
        return found

    # -- pages

    @property
    def pages(self) -> SqlitePages:
        """What pages read; engines do without it."""
        if self._pages is None:
            from motet.stores.sqlite.pages import SqlitePages

            self._pages = SqlitePages(self._database, lambda: self._bell.ring(published=False))
        return self._pages

    def run_page(self, where: RunFilter, *, start: str | None = None, limit: int = 50) -> RunPage:
        return self.pages.run_page(where, start=start, limit=limit)

    def run_counts(self) -> Mapping[str, int]:
        return self.pages.run_counts()

    def density(self, since: float, until: float, columns: int) -> list[Cell]:
        return self.pages.density(since, until, columns)

    def summary(self, run: str) -> Summary:
        return self.pages.summary(run)

    def step_page(self, run: str, where: StepFilter, *, start: int | None = None, limit: int = 50) -> StepPage:
        return self.pages.step_page(run, where, start=start, limit=limit)

    def attempts(self, run: str, key: str) -> list[AttemptRow]:
        return self.pages.attempts(run, key)

    def uses(self, digest: str) -> list[Use]:
        return self.pages.uses(digest)

    def artifacts_of(self, run: str, key: str) -> tuple[list[str], list[str]]:
        return self.pages.artifacts_of(run, key)

    # -- events

    def publish(self, published: Sequence[Publication]) -> list[int]:
        hit("publish.before")
        bodies = [pack(event.value) for event in published]
        offsets, added = self._database.write(events.publish, published, bodies)
        if added:
            self._bell.ring(published=True)
        hit("publish.after")
        return offsets

    def head(self) -> int:
        return self._database.read(events.head)

    def read(
        self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False,
        where: EventFilter | None = None,
    ) -> list[Entry]:  # fmt: skip
        return self._database.read(events.read, after, limit, run, published, where)

    def offset_at(self, at: float) -> int:
        return self._database.snapshot(events.offset_at, at)

    def follow(self, *, published: bool = False) -> Follower:
        self.head()  # the store is there, or what keeps it from being there is said
        return FifoFollower(self._wake_folder, published=published)

    def keep_from(self, listener: str, offset: int, keep_s: float) -> None:
        self._database.write(events.keep_from, listener, offset, self._now() + keep_s)

    # -- upkeep

    def prune(self, retention: Retention, *, dry_run: bool = False) -> Pruned:
        from motet.stores.sqlite import upkeep

        now = self._now()
        pruned = upkeep.prune(self._database, retention, now, dry_run=dry_run)
        if not dry_run:
            sweep(self._wake_folder, time.time() - _STALE_S)
        return pruned

    def artifacts(self) -> set[str]:
        from motet.stores.sqlite import upkeep

        return self._database.snapshot(upkeep.artifacts)

    def keep_synced(self, beside: Callable[[set[str]], None] | None = None) -> None:
        if self._database.durability == "normal":
            if self._syncer is None:
                from motet.stores.sqlite.syncing import Syncer  # most runs are over before it is wanted

                self._syncer = Syncer(self._database.home, self.head, self._referred_to, beside)
            self._syncer.start()

    def copy_to(self, path: str) -> None:
        """Write the store, as it is at one moment, to another file, in which nobody drives any run."""
        self._database.copy_to(path)

    @property
    def version(self) -> int:
        """The version of its tables."""
        return self._database.read(_version)

    def check(self, *, quick: bool = False) -> list[str]:
        """What is damaged, naming run and place; empty if all is sound. Reads all that is kept; `quick`: only how the
        file hangs together.
        """
        from motet.stores.sqlite import verify

        return self._database.read(verify.problems, quick=quick)

    def _referred_to(self, after: int) -> tuple[set[str], int]:
        return self._database.read(events.referred_to, after)

    def close(self) -> None:
        if self._pages is not None:
            self._pages.close()
        if self._syncer is not None:
            self._syncer.stop()
        self._database.close()
        self._bell.close()


def _version(execute: Execute) -> int:
    return int(execute("PRAGMA user_version").fetchone()[0])
