"""A process's way to the store: the places where it may crash, be paused, or send what it sent before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from motet.errors import StoreError
from motet.kernel.events import Json
from motet.ports import Batch, Checkpoint, Entry, Owner, RunRow
from motet.stores.memory import MemoryStore
from motet.testing.simulation.world import AFTER_COMMIT, BEFORE_COMMIT, Violation

if TYPE_CHECKING:
    from motet.testing.simulation.owner import Owner as Process


class Link:
    """The part of `ports.Store` that a process needs which drives a run, over the store that all share."""

    def __init__(self, store: MemoryStore, process: Process) -> None:
        self.store = store
        self.process = process
        self.resend = False

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        """Commit, and have the ledger judge what was committed."""
        world, process = self.process.world, self.process
        world.point(process, BEFORE_COMMIT)
        self.store.append(run, epoch, expected_seq, batch)
        world.ledger.commit(process, epoch, batch.events)
        world.point(process, AFTER_COMMIT)
        if self.resend:
            self.resend = False
            self._again(run, epoch, expected_seq, batch)

    def _again(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        """The answer got lost on the way, so the same is sent once more; the second answer is ignored."""
        try:
            self.store.append(run, epoch, expected_seq, batch)
        except StoreError:
            return
        self.process.world.ledger.commit(self.process, epoch, batch.events)

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

    def head(self) -> int:
        return self.store.head()

    def run(self, run: str) -> RunRow:
        return self.store.run(run)

    def claim(self, run: str, owner: Owner, lease_s: float, *, force: bool = False) -> RunRow:
        return self.store.claim(run, owner, lease_s, force=force)

    def renew(self, run: str, epoch: int, lease_s: float) -> None:
        self.store.renew(run, epoch, lease_s)
        self._judge(epoch, "renewed its lease")

    def release(self, run: str, epoch: int) -> None:
        self.store.release(run, epoch)

    def _judge(self, epoch: int, what: str) -> None:
        ledger = self.process.world.ledger
        if epoch != ledger.epoch:
            raise Violation(
                "stale-owners-are-fenced", f"{self.process.name} of epoch {epoch} {what} in epoch {ledger.epoch}"
            )
