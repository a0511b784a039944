"""What a store keeps: a journal, a directory of runs and steps, events, documents. `Store` is the four together.

Times and durations go by the store's own clock: that of the host for a file, that of the database for a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from motet.kernel.events import Json
from motet.ports.pages import Pages
from motet.ports.rows import (
    Batch,
    Checkpoint,
    Document,
    Entry,
    EventFilter,
    NewRun,
    Owner,
    Pruned,
    Publication,
    Retention,
    RunRow,
    StepRow,
)  # fmt: skip
from motet.typed import Protocol


class Follower(Protocol):
    """Wakes a listener when something new was committed, in this process or another, without polling."""

    def wait(self, timeout_s: float | None) -> bool:
        """Block until something may have been committed since the last call, or the time is up.

        True when woken, False when the time is up. It may wake for nothing; it never misses a commit.
        """
        ...

    def wake(self) -> None:
        """Make a `wait` that is under way, or else the next one, return now. Callable from any thread."""
        ...

    def close(self) -> None:
        """Stop listening. Further calls do nothing."""
        ...


class Journal(Protocol):
    """What happened in each run, written by its one owner.

    A claim begins an epoch; whoever writes names its epoch and the last event that it knows of, so that two who both
    believe to be the owner can never both write.
    """

    def claim(self, run: str, owner: Owner, lease_s: float, *, force: bool = False) -> RunRow:
        """Make `owner` the run's owner for `lease_s` from now: the epoch that goes up by one fences off earlier ones.

        Raises NotFound; raises Conflict, naming the owner, while another owner's lease holds and `force` is
        not given. (Whether that owner is dead is for the caller to know: see `motet.owners`.)
        """
        ...

    def renew(self, run: str, epoch: int, lease_s: float) -> None:
        """Let the lease end `lease_s` from now, if the run was not given up. Raises Fenced if it has another epoch."""
        ...

    def release(self, run: str, epoch: int) -> None:
        """Give the run up: no owner, no lease. Does nothing if the run has another epoch by now."""
        ...

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        """Add events number expected_seq+1, ... to the run, with the rows.

        Raises Fenced if the run's epoch differs or its last event is not number `expected_seq`: somebody
        else wrote.
        """
        ...

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        """The run's events after number `after_seq`, oldest first, as they were appended."""
        ...

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        """Keep the run's state, in place of an earlier one. Raises Fenced like `append`."""
        ...

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        """The last state kept."""
        ...


class Directory(Pages, Protocol):
    """Runs and steps as lists and pages show them."""

    def create_run(self, run: NewRun) -> bool:
        """Add the run as pending. False if a run of that id exists (nothing is changed): safe to repeat."""
        ...

    def relabel(self, run: str, name: str, tags: Sequence[str]) -> None:
        """Let the run have that name and these tags in place of its own. Raises NotFound."""
        ...

    def run(self, run: str) -> RunRow:
        """The run with that id. Raises NotFound."""
        ...

    def find_runs(self, text: str) -> list[RunRow]:
        """Runs whose id or name is `text`; else those whose id or name begins with it, newest first."""
        ...

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        """Runs, newest first."""
        ...

    def steps(
        self, run: str, *, limit: int | None = None, status: str | None = None, whole: bool = False
    ) -> list[StepRow]:
        """The run's steps in the order in which they were added; without `result`, to stay light, unless `whole`."""
        ...

    def step(self, run: str, key: str) -> StepRow:
        """One step, whole. Raises NotFound."""
        ...


class Events(Protocol):
    """All events of a store in one order: what engines recorded and what was published."""

    def publish(self, events: Sequence[Publication]) -> list[int]:
        """Add events; gives their offsets. A client key seen before gives the offset that it had then."""
        ...

    def head(self) -> int:
        """The offset of the newest event, 0 for an empty journal."""
        ...

    def read(
        self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False,
        where: EventFilter | None = None,
    ) -> list[Entry]:  # fmt: skip
        """Events with an offset beyond `after`, in order. `published` leaves out what engines recorded, and a filter
        those published events that it does not choose, too.

        An event once visible at an offset stays there, and none ever appears before one that was visible: offsets grow
        in the order in which events become visible. They need not be dense.
        """
        ...

    def offset_at(self, at: float) -> int:
        """The offset after which the events of that time and later stand, as far as the clocks of those who wrote them
        agreed.
        """
        ...

    def follow(self, *, published: bool = False) -> Follower:
        """A follower that wakes on every commit, or only on published events."""
        ...

    def keep_from(self, listener: str, offset: int, keep_s: float) -> None:
        """Promise the named listener that no event beyond `offset` is pruned within `keep_s` from now.

        A run that has not ended listens under its id without limit of time: to published events beyond the
        `offset` promised last, or beyond the one that it was created with.
        """
        ...


class Documents(Protocol):
    """What voices keep: documents, names of runs, numbers."""

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    def documents(self, voice: str, kind: str) -> list[Document]:
        """All documents of that kind, by key."""
        ...

    def put_document(self, document: Document) -> Document:
        """Write version `document.version + 1` where version `document.version` stands (0: none may exist).

        Raises Conflict if another version stands there.
        """
        ...

    def delete_document(self, document: Document) -> None:
        """Remove the document. Raises Conflict if another version stands there."""
        ...

    def set_alias(self, voice: str, name: str, run: str) -> None:
        """Let `name` mean that run for that voice. Raises Conflict if it means another."""
        ...

    def alias(self, voice: str, name: str) -> str:
        """The run that `name` means. Raises NotFound."""
        ...

    def next_number(self, voice: str, name: str) -> int:
        """The next number of a sequence: 1, 2, 3, ... never the same twice, in any process."""
        ...


class Store(Journal, Directory, Events, Documents, Protocol):
    """The four together, and their upkeep. Safe to call from any thread; shared by processes if on disk.

    Each writing call is one transaction: it happened as a whole when the call returns, and not at all when it
    raises. No call ever fails because another process writes at the same time: it waits.
    """

    def prune(self, retention: Retention, *, dry_run: bool = False) -> Pruned:
        """Remove ended runs as the retention says; by age alone, published events and documents of kind "cache" that
        are as old, too.

        Never removes a run that has not ended, whose lease holds, or whose parent has not ended; nor an event beyond
        the offset that a listener or a run that has not ended has yet to read.
        """
        ...

    def keep_synced(self, beside: Callable[[set[str]], None] | None = None) -> None:
        """From now on bring what is committed to the disk within about a second, at no cost to who commits.

        `beside` is called each time before that, with the digests of the artifacts that are referred to since the last
        time: what it brings to the disk is there before the record that needs it counts as safe. It may raise OSError.
        Safe to repeat. A store that syncs each commit, or none, does nothing.
        """
        ...

    def artifacts(self) -> set[str]:
        """The digests of all artifacts in use: those that a record {"artifact": digest} refers to, wherever it stands
        in what is stored. Reads all of it.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. What was acknowledged is safe without it."""
        ...
