"""A store in memory: for tests, for the simulator, and for runs that nobody needs after the process."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace

from motet.errors import Conflict, Fenced, NotFound
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
from motet.records import Record, field
from motet.stores.codec import decode, encode, references
from motet.stores.memory_documents import MemoryDocuments
from motet.stores.memory_prune import kept_from, old_runs
from motet.stores.rows import CHANGEABLE, step_cells, step_of_cells


class _Run(Record):
    row: RunRow
    events: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)
    checkpoint: str | None = None
    last_offset: int = 0


class _Fact(Record):
    """An event in the journal: of an engine (its JSON text), or published."""

    offset: int
    run: str
    seq: int
    text: str
    published: Publication | None = None

    def entry(self) -> Entry:
        value, it = decode(self.text), self.published
        if it is not None:
            return Entry(self.offset, self.run, 0, it.key, it.namespace, value, it.at, it.sender, True)
        return Entry(self.offset, self.run, self.seq, value["event"], "motet", value, value.get("at", 0.0), "", False)


class MemoryStore(MemoryDocuments):
    """A store that lives and dies with this object. See `ports.Store` for what each call promises.

    It keeps JSON as text, so that what was given to it can be changed afterwards, as with a store on disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, _Run] = {}
        self._journal: list[_Fact] = []
        self._head = 0
        self._client_keys: dict[str, int] = {}
        self._listeners: dict[str, tuple[int, float]] = {}
        self._followers: list[_Follower] = []

    # -- runs

    def create_run(self, run: NewRun) -> bool:
        with self._lock:
            if run.id in self._runs:
                return False
            row = RunRow(
                run.id, run.name, run.workflow, _copy(run.program), _copy(run.params), "pending", 0, 0,
                run.parent, list(run.tags), run.offset, run.created_at,
            )  # fmt: skip
            self._runs[run.id] = _Run(row)
        self._ring(published=False)
        return True

    def claim(self, run: str, owner: Owner, now: float, lease_s: float, *, force: bool = False) -> RunRow:
        with self._lock:
            row = self._run(run).row
            other = row.owner
            if other is not None and other != owner and (row.lease_until or 0.0) > now and not force:
                raise Conflict(
                    f"Run {run} is driven by process {other.pid} on {other.host}.",
                    "Wait until it ends, or stop it first.",
                )
            row.epoch += 1
            row.owner, row.lease_until = replace(owner), now + lease_s
            return _shown(row)

    def renew(self, run: str, epoch: int, until: float) -> None:
        with self._lock:
            row = self._in_epoch(run, epoch).row
            if row.owner is not None:
                row.lease_until = until

    def release(self, run: str, epoch: int) -> None:
        with self._lock:
            known = self._runs.get(run)
            if known is not None and known.row.epoch == epoch:
                known.row.owner = known.row.lease_until = None

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> int:
        if not batch.events and batch.steps:
            raise ValueError("step rows change with events only")
        if not batch.run.keys() <= CHANGEABLE:
            raise ValueError(f"not what may change of a run: {sorted(batch.run.keys() - CHANGEABLE)}")
        texts = [encode(event) for event in batch.events]
        cells = [(step.key, encode(step_cells(step))) for step in batch.steps]
        changed = {name: _copy(value) for name, value in batch.run.items()}
        with self._lock:
            known = self._in_epoch(run, epoch)
            if known.row.seq != expected_seq:
                raise Fenced(
                    f"Run {run} was written to by another: it is after event {known.row.seq}, "
                    f"and this writer is after event {expected_seq}."
                )
            offset = self._head + 1
            for seq, text in enumerate(texts, expected_seq + 1):
                self._head += 1
                self._journal.append(_Fact(self._head, run, seq, text))
            known.events += texts
            known.steps.update(cells)
            known.row.seq += len(texts)
            known.last_offset = self._head if texts else known.last_offset
            for name, value in changed.items():
                setattr(known.row, name, value)
        self._ring(published=False)
        return offset

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        with self._lock:
            known = self._runs.get(run)
            texts = known.events[max(0, after_seq) :] if known else []
        yield from map(decode, texts)

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        text = encode([checkpoint.seq, checkpoint.state])
        with self._lock:
            self._in_epoch(run, epoch).checkpoint = text

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        with self._lock:
            known = self._runs.get(run)
            text = known.checkpoint if known else None
        return None if text is None else Checkpoint(*decode(text))

    def run(self, run: str) -> RunRow:
        with self._lock:
            return _shown(self._run(run).row)

    def find_runs(self, text: str) -> list[RunRow]:
        found = self._newest_first()
        whole = [row for row in found if text in (row.id, row.name)]
        return whole or [row for row in found if row.id.startswith(text) or row.name.startswith(text)]

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        rows = (row for row in self._newest_first() if status is None or row.status == status)
        return [row for row in rows if before is None or row.created_at < before][:limit]

    def steps(
        self, run: str, *, limit: int | None = None, status: str | None = None, whole: bool = False
    ) -> list[StepRow]:
        with self._lock:
            texts = list(self._runs[run].steps.values()) if run in self._runs else []
        rows = (step_of_cells(decode(text), light=not whole) for text in texts)
        return [row for row in rows if status is None or row.status == status][:limit]

    def step(self, run: str, key: str) -> StepRow:
        with self._lock:
            text = self._runs[run].steps.get(key) if run in self._runs else None
        if text is None:
            raise NotFound(f"Run {run} has no step {key}.", "`motet show RUN` lists its steps.")
        return step_of_cells(decode(text))

    # -- events

    def publish(self, events: Sequence[Publication]) -> list[int]:
        texts = [encode(event.value) for event in events]
        offsets = []
        with self._lock:
            first = self._head
            for event, text in zip(events, texts, strict=True):
                offset = self._client_keys.get(event.client_key, 0) if event.client_key else 0
                if not offset:
                    offset = self._head = self._head + 1
                    self._journal.append(_Fact(offset, event.run, 0, text, replace(event)))
                    if event.client_key:
                        self._client_keys[event.client_key] = offset
                offsets.append(offset)
            added = self._head > first
        if added:
            self._ring(published=True)
        return offsets

    def head(self) -> int:
        with self._lock:
            return self._head

    def read(self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False) -> list[Entry]:
        found: list[_Fact] = []
        with self._lock:
            for fact in self._journal[self._index(after) :]:
                if len(found) == limit:
                    break
                if (run is None or fact.run == run) and (fact.published is not None or not published):
                    found.append(fact)
        return [fact.entry() for fact in found]

    def follow(self, *, published: bool = False) -> Follower:
        follower = _Follower(self, published)
        with self._lock:
            self._followers.append(follower)
        return follower

    def unfollow(self, follower: Follower) -> None:
        """Wake the follower no more."""
        with self._lock:
            self._followers = [each for each in self._followers if each is not follower]

    def keep_from(self, listener: str, offset: int, until: float) -> None:
        with self._lock:
            self._listeners[listener] = (offset, until)

    # -- upkeep

    def prune(self, *, before: float, now: float, dry_run: bool = False) -> Pruned:
        pruned = Pruned()
        with self._lock:
            known = {id_: (run.row, run.last_offset) for id_, run in self._runs.items()}
            gone = set(old_runs(known, self._listeners, before, now))
            horizon = kept_from(known, self._listeners, now)
            journal = []
            for fact in self._journal:
                event = fact.published
                if fact.run in gone if event is None else event.at < before and fact.offset <= horizon:
                    pruned.events += 1
                    pruned.freed_bytes += len(fact.text)
                else:
                    journal.append(fact)
            pruned.runs = len(gone)
            if not dry_run:
                self._journal = journal
                self._forget(gone, now)
        return pruned

    def artifacts(self) -> set[str]:
        with self._lock:
            texts = [fact.text for fact in self._journal] + [text for _, text in self._documents.values()]
            return references(texts).union(*map(_artifacts_of, self._runs.values()))

    def _forget(self, gone: set[str], now: float) -> None:
        """Remove all that was of those runs, client keys of removed events, and listeners not heard of."""
        kept = {fact.offset for fact in self._journal if fact.published is not None}
        self._client_keys = {key: offset for key, offset in self._client_keys.items() if offset in kept}
        self._runs = {id_: run for id_, run in self._runs.items() if id_ not in gone}
        self._aliases = {name: run for name, run in self._aliases.items() if run not in gone}
        self._listeners = {
            name: promise
            for name, promise in self._listeners.items()
            if name not in gone and (promise[1] > now or name in self._runs)
        }

    def close(self) -> None:
        with self._lock:
            followers = list(self._followers)
        for follower in followers:
            follower.close()

    def _run(self, run: str) -> _Run:
        known = self._runs.get(run)
        if known is None:
            raise NotFound(f"There is no run {run}.", "`motet ls` lists the runs.")
        return known

    def _in_epoch(self, run: str, epoch: int) -> _Run:
        known = self._run(run)
        if known.row.epoch != epoch:
            raise Fenced(
                f"Run {run} was taken over: it is in epoch {known.row.epoch}, and this writer in {epoch}.",
                "Whoever took the run over goes on with it; nothing is left to do here.",
            )
        return known

    def _newest_first(self) -> list[RunRow]:
        with self._lock:
            rows = [_shown(known.row) for known in reversed(self._runs.values())]
        return sorted(rows, key=lambda row: -row.created_at)

    def _index(self, after: int) -> int:
        """Where in the journal the events beyond that offset begin."""
        return bisect_right(self._journal, after, key=lambda fact: fact.offset)

    def _ring(self, *, published: bool) -> None:
        for follower in self._followers:
            if published or not follower.published:
                follower.wake()


class _Follower:
    """Woken by the store's writers. See `ports.Follower`."""

    def __init__(self, store: MemoryStore, published: bool) -> None:
        self.published = published
        self._store = store
        self._woken = threading.Condition()
        self._rung = self._closed = False

    def wait(self, timeout_s: float | None) -> bool:
        with self._woken:
            rung = self._woken.wait_for(lambda: self._rung or self._closed, timeout_s)
            self._rung = False
            return rung and not self._closed

    def wake(self) -> None:
        with self._woken:
            self._rung = True
            self._woken.notify_all()

    def close(self) -> None:
        with self._woken:
            self._closed = True
            self._woken.notify_all()
        self._store.unfollow(self)


def _artifacts_of(run: _Run) -> set[str]:
    row = run.row
    texts = [encode([row.program, row.params, row.result, row.error]), run.checkpoint]
    return references([*texts, *run.steps.values()])


def _copy(value: Json) -> Json:
    return decode(encode(value))


def _shown(row: RunRow) -> RunRow:
    """A copy of the row that shares nothing with it."""
    return replace(
        row, program=_copy(row.program), params=_copy(row.params), tags=list(row.tags),
        result=_copy(row.result), error=_copy(row.error), owner=row.owner and replace(row.owner),
        counts=_copy(row.counts),
    )  # fmt: skip
