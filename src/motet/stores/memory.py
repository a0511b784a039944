"""A store in memory: for tests, for the simulator, and for runs that nobody needs after the process."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from itertools import islice
from typing import Any, TypeVar

from motet import ports
from motet.kernel.events import Json
from motet.records import Record
from motet.stores import rules
from motet.stores.codec import decode, encode, references
from motet.stores.plain import Kept, PlainDirectory, chooses_event, copied
from motet.stores.rules import step_cells

T = TypeVar("T")


def _one_at_a_time(store: type[T]) -> type[T]:
    """The class, whose public methods take its lock."""

    def locked(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(self: MemoryStore, *args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return method(self, *args, **kwargs)

        return call

    for name in dir(store):
        if not name.startswith("_"):
            setattr(store, name, locked(getattr(store, name)))
    return store


class _Fact(Record):
    """An event in the journal: of an engine (its JSON text), or published."""

    offset: int
    run: str
    seq: int
    text: str
    published: ports.Publication | None = None

    def entry(self) -> ports.Entry:
        value, it = decode(self.text), self.published
        if it is not None:
            return ports.Entry(self.offset, self.run, 0, it.key, it.namespace, value, it.at, it.sender, True)
        return ports.Entry(
            self.offset, self.run, self.seq, value["event"], "motet", value, value.get("at", 0.0), "", False
        )


@_one_at_a_time
class MemoryStore(PlainDirectory):
    """A store that lives and dies with this object. See `ports.Store` for what each call promises."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._now = now
        self._lock = threading.RLock()
        self._journal: list[_Fact] = []
        self._head = 0
        self._client_keys: dict[str, int] = {}
        self._listeners: dict[str, tuple[int, float]] = {}
        self._followers: dict[int, _Follower] = {}
        self._documents: dict[tuple[str, str, str], tuple[int, str, float]] = {}
        self._aliases: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}

    # -- the journal

    def claim(self, run: str, owner: ports.Owner, lease_s: float, *, force: bool = False) -> ports.RunRow:
        row, now = self._known(run).row, self._now()
        rules.check_claim(row, owner, now, force=force)
        row.epoch += 1
        row.owner, row.lease_until = replace(owner), now + lease_s
        return self.run(run)

    def renew(self, run: str, epoch: int, lease_s: float) -> None:
        row = self._in_epoch(run, epoch).row
        if row.owner is not None:
            row.lease_until = self._now() + lease_s

    def release(self, run: str, epoch: int) -> None:
        known = self._runs.get(run)
        if known is not None and known.row.epoch == epoch:
            known.row.owner = known.row.lease_until = None

    def append(self, run: str, epoch: int, expected_seq: int, batch: ports.Batch) -> None:
        rules.check_batch(batch)
        texts = [encode(event) for event in batch.events]
        cells = [(step.key, encode(step_cells(step))) for step in batch.steps]
        changed = {name: copied(value) for name, value in batch.run.items()}
        known = self._in_epoch(run, epoch)
        rules.check_place(run, known.row.seq, expected_seq)
        for seq, text in enumerate(texts, expected_seq + 1):
            known.last_offset = self._add(run, seq, text)
        known.events += texts
        known.steps.update(cells)
        known.row.seq += len(texts)
        for name, value in changed.items():
            setattr(known.row, name, value)
        if batch.counts is not None and texts:
            known.row.counts = dict(batch.counts)
        self._ring(published=False)

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        return map(decode, self._runs[run].events[max(0, after_seq) :] if run in self._runs else ())

    def save_checkpoint(self, run: str, epoch: int, checkpoint: ports.Checkpoint) -> None:
        self._in_epoch(run, epoch).checkpoint = encode([checkpoint.seq, checkpoint.state])

    def load_checkpoint(self, run: str) -> ports.Checkpoint | None:
        text = self._runs[run].checkpoint if run in self._runs else None
        return None if text is None else ports.Checkpoint(*decode(text))

    # -- runs and steps

    def create_run(self, run: ports.NewRun) -> bool:
        if run.id in self._runs:
            return False
        row = ports.RunRow(
            run.id, run.name, run.workflow, run.program, run.params, "pending", 0, 0, run.parent, run.tags,
            run.offset, run.created_at,
        )  # fmt: skip
        self._runs[run.id] = Kept(Kept(row).shown())
        self._ring(published=False)
        return True

    def relabel(self, run: str, name: str, tags: Sequence[str]) -> None:
        """See `Directory`."""
        with self._lock:
            row = self._known(run).row
            row.name, row.tags = name, list(tags)
        self._ring(published=False)

    # -- events

    def publish(self, events: Sequence[ports.Publication]) -> list[int]:
        texts = [encode(event.value) for event in events]
        first, offsets = self._head, []
        for event, text in zip(events, texts, strict=True):
            key = event.client_key
            offset = self._client_keys.get(key) or self._add(event.run, 0, text, replace(event))
            if key:
                self._client_keys[key] = offset
            if event.metric is not None and event.run in self._runs:
                self._runs[event.run].metrics[event.key] = event.metric
            offsets.append(offset)
        if self._head > first:
            self._ring(published=True)
        return offsets

    def head(self) -> int:
        return self._head

    def read(
        self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False,
        where: ports.EventFilter | None = None,
    ) -> list[ports.Entry]:  # fmt: skip
        later = self._journal[bisect_right(self._journal, after, key=lambda fact: fact.offset) :]
        wanted = (
            fact
            for fact in later
            if run in (None, fact.run)
            and ((where is None and not published) if (it := fact.published) is None else chooses_event(where, it))
        )
        return [fact.entry() for fact in islice(wanted, limit)]

    def offset_at(self, at: float) -> int:
        entries = (fact.entry() for fact in self._journal)
        return next((entry.offset - 1 for entry in entries if entry.at >= at), self._head)

    def follow(self, *, published: bool = False) -> ports.Follower:
        follower = _Follower(self._followers, published)
        self._followers[id(follower)] = follower
        return follower

    def keep_from(self, listener: str, offset: int, keep_s: float) -> None:
        self._listeners[listener] = (offset, self._now() + keep_s)

    # -- what voices keep

    def document(self, voice: str, kind: str, key: str) -> ports.Document | None:
        found = self._documents.get((voice, kind, key))
        return found and ports.Document(voice, kind, key, decode(found[1]), found[0])

    def documents(self, voice: str, kind: str) -> list[ports.Document]:
        found = sorted((name, it) for name, it in self._documents.items() if name[:2] == (voice, kind))
        return [ports.Document(*name, decode(text), version) for name, (version, text, _) in found]

    def put_document(self, document: ports.Document) -> ports.Document:
        self._documents[self._at_version(document)] = (document.version + 1, encode(document.body), self._now())
        return replace(document, version=document.version + 1)

    def delete_document(self, document: ports.Document) -> None:
        self._documents.pop(self._at_version(document), None)

    def set_alias(self, voice: str, name: str, run: str) -> None:
        rules.check_alias(name, run, self._aliases.setdefault((voice, name), run))

    def alias(self, voice: str, name: str) -> str:
        found = self._aliases.get((voice, name))
        if found is None:
            raise rules.no_alias(name)
        return found

    def next_number(self, voice: str, name: str) -> int:
        number = self._numbers[voice, name] = self._numbers.get((voice, name), 0) + 1
        return number

    # -- upkeep

    def prune(self, retention: ports.Retention, *, dry_run: bool = False) -> ports.Pruned:
        now = self._now()
        listeners = rules.Listeners(self._listeners, self._row, now)
        gone = {run.id for run in rules.chosen(self._candidates(), retention, now, listeners.horizon())}
        before = rules.events_before(retention, now)
        horizon = listeners.horizon(row for row in map(self._row, self._runs) if row is not None)
        old = [
            fact
            for fact in self._journal
            if (fact.run in gone if (it := fact.published) is None else it.at < before and fact.offset <= horizon)
        ]
        if not dry_run:
            self._forget(gone, {fact.offset for fact in old}, now)
            documents = self._documents.items()
            self._documents = {name: it for name, it in documents if name[1] != "cache" or it[2] >= before}
        return ports.Pruned(len(gone), len(old), 0, sum(len(fact.text) for fact in old))

    def keep_synced(self, beside: Callable[[set[str]], None] | None = None) -> None:
        pass

    def artifacts(self) -> set[str]:
        texts = [fact.text for fact in self._journal] + [text for _, text, _ in self._documents.values()]
        return references(texts).union(*(run.artifacts() for run in self._runs.values()))

    def close(self) -> None:
        for follower in list(self._followers.values()):
            follower.close()

    def _candidates(self) -> Iterable[rules.Candidate]:
        for each in self._runs.values():
            row, above = each.row, self._row(each.row.parent)
            yield rules.Candidate(
                row.id, row.status, row.ended_at, row.lease_until, above is None or above.status in rules.ENDED,
                each.last_offset, row.tags, sum(map(len, each.events)),
            )  # fmt: skip

    def _forget(self, gone: set[str], offsets: set[int], now: float) -> None:
        """Remove all that was of those runs, those events, and listeners not heard of."""
        self._journal = [fact for fact in self._journal if fact.offset not in offsets]
        self._client_keys = {key: offset for key, offset in self._client_keys.items() if offset not in offsets}
        self._runs = {id_: run for id_, run in self._runs.items() if id_ not in gone}
        self._aliases = {name: run for name, run in self._aliases.items() if run not in gone}
        self._listeners = {
            name: promise
            for name, promise in self._listeners.items()
            if name not in gone and (promise[1] > now or name in self._runs)
        }

    def _add(self, run: str, seq: int, text: str, published: ports.Publication | None = None) -> int:
        self._head += 1
        self._journal.append(_Fact(self._head, run, seq, text, published))
        return self._head

    def _row(self, run: str) -> ports.RunRow | None:
        return self._runs[run].row if run in self._runs else None

    def _in_epoch(self, run: str, epoch: int) -> Kept:
        known = self._known(run)
        rules.check_epoch(run, known.row.epoch, epoch)
        return known

    def _at_version(self, document: ports.Document) -> tuple[str, str, str]:
        name = (document.voice, document.kind, document.key)
        rules.check_version(document, self._documents.get(name, (0,))[0])
        return name

    def _ring(self, *, published: bool) -> None:
        for follower in list(self._followers.values()):
            if published or not follower.published:
                follower.wake()


class _Follower:
    """Woken by the store's writers. See `ports.Follower`."""

    def __init__(self, all_of_them: dict[int, _Follower], published: bool) -> None:
        self.published = published
        self._all = all_of_them
        self._rung = threading.Event()
        self._closed = False

    def wait(self, timeout_s: float | None) -> bool:
        rung = not self._closed and self._rung.wait(timeout_s)
        self._rung.clear()
        return rung and not self._closed

    def wake(self) -> None:
        self._rung.set()

    def close(self) -> None:
        self._all.pop(id(self), None)
        self._closed = True
        self._rung.set()
