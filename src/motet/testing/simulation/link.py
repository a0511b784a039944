"""A process's way to the store: the places where it may crash, be paused, or send what it sent before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from motet.errors import StoreError
from motet.kernel.events import Json
from motet.ports import Batch, Checkpoint, Entry, Owner, Publication, RunRow
from motet.stores.memory import MemoryStore
from motet.testing.simulation.ledger import Ledger
from motet.testing.simulation.verdicts import commit
from motet.testing.simulation.world import AFTER_COMMIT, BEFORE_COMMIT, Process, Violation


class Link:
    """The part of `ports.Store` that a process needs which drives a run, over the store that all share."""

    def __init__(self, store: MemoryStore, ledger: Ledger, process: Process) -> None:
        self.store = store
        self.ledger = ledger
        self.process = process

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        """Commit, and have the ledger judge what was committed."""
        world, process = self.process.world, self.process
        world.point(process, BEFORE_COMMIT)
        self.store.append(run, epoch, expected_seq, batch)
        commit(self.ledger, process, epoch, batch.events)
        world.point(process, AFTER_COMMIT)
        if process.resend:
            process.resend = False
            self._again(run, epoch, expected_seq, batch)

    def _again(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        """The answer got lost on the way, so the same is sent once more; the second answer is ignored."""
        try:
            self.store.append(run, epoch, expected_seq, batch)
        except StoreError:
            return
        commit(self.ledger, self.process, epoch, batch.events)

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        return self.store.history(run, after_seq)

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        self.store.save_checkpoint(run, epoch, checkpoint)
        self._judge(epoch, "kept a checkpoint")

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        return self.store.load_checkpoint(run)

    def read(
        self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False
    ) -> Sequence[Entry]:
        return self.store.read(after, limit=limit, run=run, published=published)

    def publish(self, events: Sequence[Publication]) -> None:
        """What the engine tells whoever has asked."""
        for each in events:
            self.process.world.publish(each)

    def head(self) -> int:
        return self.store.head()

    def run(self, run: str) -> RunRow:
        return self.store.run(run)

    def claim(self, run: str, owner: Owner, lease_s: float, *, force: bool = False) -> RunRow:
        return self.store.claim(run, owner, lease_s, force=force)

    def renew(self, run: str, epoch: int, lease_s: float) -> None:
        self.store.renew(run, epoch, lease_s)
        self._judge(epoch, "renewed its lease")

    def keep_from(self, listener: str, offset: int, keep_s: float) -> None:
        self.store.keep_from(listener, offset, keep_s)

    def release(self, run: str, epoch: int) -> None:
        if not self.process.dead:  # what died lets go of nothing
            self.store.release(run, epoch)

    def _judge(self, epoch: int, what: str) -> None:
        if epoch != self.ledger.epoch:
            now = self.ledger.epoch
            raise Violation("stale-owners-are-fenced", f"{self.process.name} of epoch {epoch} {what} in epoch {now}")
