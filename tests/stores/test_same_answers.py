"""The memory store and the SQLite store give the same answers to the same calls, whatever these are."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from motet.errors import MotetError
from motet.ports import (
    Batch,
    Checkpoint,
    Document,
    NewRun,
    Owner,
    Pruned,
    Publication,
    Retention,
    RunFilter,
    StepRow,
    Store,
)
from motet.stores.memory import MemoryStore
from motet.stores.sqlite import SqliteStore
from motet.testing.checking import SetClock

RUNS = ["a", "ab", "b"]
ids = st.sampled_from(RUNS)
names = st.sampled_from(["k", "k/1", "é", "%", ""])
times = st.sampled_from([0.0, 1.0, 2.5, 10.0, 50.0])
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
json = st.recursive(
    leaves, lambda each: st.lists(each, max_size=3) | st.dictionaries(text, each, max_size=3), max_leaves=6
)
statuses = st.sampled_from(["pending", "running", "succeeded", "failed", "cancelled"])
steps = st.builds(
    StepRow,
    key=names, task=text, form=text, status=statuses, parent=names, name=text, attempt=st.integers(0, 9),
    added_at=times, started_at=st.none() | times, ended_at=st.none() | times, cached=st.booleans(),
    needs=st.lists(names, max_size=2), size=st.none() | st.integers(0, 9), done=st.integers(0, 9),
    result=json, error=json,
)  # fmt: skip
events = st.lists(st.fixed_dictionaries({"event": text, "at": times}, optional={"result": json}), max_size=4)
changes = st.fixed_dictionaries(
    {},
    optional={
        "status": statuses, "started_at": times, "ended_at": st.none() | times, "result": json, "error": json,
    },
)  # fmt: skip
publications = st.builds(
    Publication,
    key=text, value=json, namespace=text, sender=text, run=st.sampled_from(["", *RUNS]),
    client_key=st.sampled_from(["", "", "c1", "c2", "c3"]), at=times,
)  # fmt: skip
new_runs = st.builds(
    NewRun,
    id=ids, name=names, workflow=text, program=json, params=json, parent=st.sampled_from(["", *RUNS]),
    tags=st.lists(text, max_size=2), created_at=times, offset=st.integers(0, 20),
)  # fmt: skip

retentions = st.builds(
    Retention,
    older_than_s=st.none() | times, keep=st.integers(0, 2), tags=st.lists(text, max_size=1),
    statuses=st.lists(statuses, max_size=2), free_bytes=st.sampled_from([None, None, 0, 10**6]),
)  # fmt: skip

offs = st.sampled_from([(0, 0)] * 6 + [(0, 1), (0, -1), (1, 0), (-1, 0)])
"""How far an epoch and a number are from those of the run: mostly not at all, so that calls mostly succeed."""


class BothStores(RuleBasedStateMachine):
    """Every call goes to both; what they return, or the class of what they raise, must be equal."""

    @initialize()
    def open_both(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SetClock()
        self.memory = MemoryStore(self.clock)
        self.sqlite = SqliteStore(self.folder.name, now=self.clock)
        for run in (NewRun("a", "k", "w", {}), NewRun("ab", "k/1", "w", {}, parent="a", created_at=1.0)):
            self.both(lambda store, run=run: store.create_run(run))  # type: ignore[misc]
            self.both(lambda store, run=run: store.claim(run.id, Owner("h", "b", 1, 0), 5.0))  # type: ignore[misc]

    def teardown(self) -> None:
        if hasattr(self, "sqlite"):
            assert self.sqlite.check() == []
            self.sqlite.close()
            self.folder.cleanup()

    def both(self, call: Callable[[Store], Any]) -> None:
        answers = []
        for store in (self.memory, self.sqlite):
            try:
                answers.append(call(store))
            except (MotetError, ValueError) as error:
                answers.append(type(error))
        if isinstance(answers[0], Pruned):
            for pruned in answers:
                pruned.freed_bytes = 0
        assert answers[0] == answers[1]

    def epoch_and_seq(self, run: str, off: tuple[int, int]) -> tuple[int, int]:
        """Those of the run, so that appending mostly succeeds, or off by a little."""
        try:
            row = self.memory.run(run)
        except MotetError:
            return off
        return row.epoch + off[0], row.seq + off[1]

    @rule(run=new_runs)
    def create(self, run: NewRun) -> None:
        self.both(lambda store: store.create_run(run))

    @rule(at=times)
    def set_clock(self, at: float) -> None:
        self.clock.at = at

    @rule(run=ids, pid=st.integers(1, 2), lease_s=times, force=st.booleans())
    def claim(self, run: str, pid: int, lease_s: float, force: bool) -> None:
        self.both(lambda store: store.claim(run, Owner("h", "b", pid, 0), lease_s, force=force))

    @rule(run=ids, rows=st.lists(steps, min_size=1, max_size=3))
    def work(self, run: str, rows: list[StepRow]) -> None:
        epoch, seq = self.epoch_and_seq(run, (0, 0))
        self.both(lambda store: store.append(run, epoch, seq, Batch([{"event": "e", "at": 1.0}] * len(rows), rows)))

    @rule(run=ids, off=offs, lease_s=times, give_up=st.booleans())
    def lease(self, run: str, off: tuple[int, int], lease_s: float, give_up: bool) -> None:
        epoch, _ = self.epoch_and_seq(run, off)
        self.both(lambda store: store.release(run, epoch) if give_up else store.renew(run, epoch, lease_s))

    @rule(run=ids, status=st.sampled_from(["succeeded", "failed", "running"]), at=times)
    def finish(self, run: str, status: str, at: float) -> None:
        epoch, seq = self.epoch_and_seq(run, (0, 0))
        batch = Batch([{"event": "run.finished", "at": at}], [], {"status": status, "ended_at": at})
        self.both(lambda store: store.append(run, epoch, seq, batch))
        self.both(lambda store: store.release(run, epoch))

    @rule(
        run=ids, events=events, rows=st.lists(steps, max_size=3), changes=changes,
        off=offs,
    )  # fmt: skip
    def append(self, run: str, events: list[Any], rows: list[StepRow], changes: Any, off: tuple[int, int]) -> None:
        epoch, seq = self.epoch_and_seq(run, off)
        self.both(lambda store: store.append(run, epoch, seq, Batch(events, rows, changes, {"running": len(rows)})))

    @rule(run=ids, off=offs, seq=st.integers(0, 9), state=json)
    def save_checkpoint(self, run: str, off: tuple[int, int], seq: int, state: Any) -> None:
        epoch, _ = self.epoch_and_seq(run, off)
        self.both(lambda store: store.save_checkpoint(run, epoch, Checkpoint(seq, state)))

    @rule(events=st.lists(publications, max_size=4))
    def publish(self, events: list[Publication]) -> None:
        self.both(lambda store: store.publish(events))

    @rule(name=st.sampled_from([*RUNS, "me"]), offset=st.integers(0, 30), keep_s=times)
    def keep_from(self, name: str, offset: int, keep_s: float) -> None:
        self.both(lambda store: store.keep_from(name, offset, keep_s))

    @rule(retention=retentions)
    def prune(self, retention: Retention) -> None:
        self.both(lambda store: store.prune(retention, dry_run=True))
        self.both(lambda store: store.prune(retention))

    @rule(key=names, body=json, version=st.integers(0, 2), delete=st.booleans())
    def documents(self, key: str, body: Any, version: int, delete: bool) -> None:
        document = Document("v", "k", key, body, version)
        self.both(lambda store: (store.delete_document if delete else store.put_document)(document))
        self.both(lambda store: (store.document("v", "k", key), store.documents("v", "k")))

    @rule(name=names, run=ids)
    def aliases(self, name: str, run: str) -> None:
        self.both(lambda store: store.set_alias("v", name, run))
        self.both(lambda store: store.alias("v", name))
        self.both(lambda store: store.next_number("v", name))

    @rule()
    def reopen(self) -> None:
        self.sqlite.close()
        self.sqlite = SqliteStore(self.folder.name, now=self.clock)

    @rule(
        after=st.integers(0, 20), limit=st.integers(1, 20), run=st.none() | ids, published=st.booleans(),
        status=st.none() | statuses, text=names, before=st.none() | times,
    )  # fmt: skip
    def look(
        self,
        after: int,
        limit: int,
        run: str | None,
        published: bool,
        status: str | None,
        text: str,
        before: float | None,
    ) -> None:
        self.both(lambda store: store.read(after, limit=limit, run=run, published=published))
        self.both(lambda store: store.runs(limit=limit, status=status, before=before))
        self.both(lambda store: store.find_runs(text))
        self.both(lambda store: store.run_counts())
        for where in (RunFilter(status=status, until=before), RunFilter(parent=run, text=text), RunFilter(tag=text)):
            self.both(lambda store, where=where: store.run_page(where, limit=limit).runs)  # type: ignore[misc]
        self.both(lambda store: store.density(0.0, 60.0, limit))
        for each in RUNS:
            self.both(lambda store, each=each: store.steps(each, limit=limit, status=status))  # type: ignore[misc]
            self.both(lambda store, each=each: list(store.history(each, after)))  # type: ignore[misc]

    @invariant()
    def the_rest_is_equal(self) -> None:
        if not hasattr(self, "memory"):
            return
        self.both(lambda store: store.head())
        self.both(lambda store: store.read(0))
        for run in RUNS:
            self.both(lambda store, run=run: store.run(run))  # type: ignore[misc]
            self.both(lambda store, run=run: store.load_checkpoint(run))  # type: ignore[misc]
            for key in ("k", "é"):
                self.both(lambda store, run=run, key=key: store.step(run, key))  # type: ignore[misc]


def test_a_long_life(rng: random.Random) -> None:
    """Thousands of calls, chosen so that most of them succeed and runs end, are pruned and come back."""
    both = BothStores()
    both.open_both()
    at = [0.0, 1.0, 2.5, 10.0, 50.0]

    def value(depth: int = 2) -> Any:
        kind = rng.randrange(8)
        if kind < 2 and depth:
            return [value(depth - 1) for _ in range(rng.randrange(3))]
        if kind < 4 and depth:
            return {rng.choice("abc"): value(depth - 1) for _ in range(rng.randrange(3))}
        return rng.choice([None, True, -7, 2**60, 0.1, 1e300, "", "é\n", "x" * rng.randrange(50)])

    def step() -> StepRow:
        status = rng.choice(["running", "succeeded"])
        return StepRow(f"s{rng.randrange(40)}", "t", "call", status, needs=["s"] * rng.randrange(2), result=value())

    def published() -> Publication:
        key = rng.choice(["", "", "", f"c{rng.randrange(60)}"])
        return Publication("p", value(), "ns", "me", rng.choice(["", *RUNS]), key, rng.choice(at))

    acts: list[tuple[int, Callable[[], None]]] = [
        (3, lambda: both.create(NewRun(rng.choice(RUNS), "n", "w", value(), offset=both.memory.head() // 2))),
        (3, lambda: both.claim(rng.choice(RUNS), rng.randrange(2), rng.choice(at), rng.random() < 0.3)),
        (2, lambda: both.lease(rng.choice(RUNS), (0, 0), rng.choice(at), rng.random() < 0.5)),
        (20, lambda: both.work(rng.choice(RUNS), [step() for _ in range(rng.randrange(1, 4))])),
        (2, lambda: both.finish(rng.choice(RUNS), rng.choice(["succeeded", "failed", "running"]), rng.choice(at))),
        (2, lambda: both.save_checkpoint(rng.choice(RUNS), (0, 0), rng.randrange(9), value())),
        (10, lambda: both.publish([published() for _ in range(rng.randrange(4))])),
        (1, lambda: both.keep_from(rng.choice([*RUNS, "me"]), both.memory.head() - rng.randrange(20), rng.choice(at))),
        (1, lambda: both.prune(Retention(rng.choice(at), rng.randrange(2), rng.choice([(), ("failed",)])))),
        (3, lambda: both.set_clock(rng.choice(at))),
        (1, both.reopen),
        (4, lambda: both.look(both.memory.head() - rng.randrange(30), rng.randrange(1, 9), rng.choice([None, *RUNS]),
                              rng.random() < 0.5, rng.choice([None, "running"]), "a", rng.choice([None, 1.0]))),
    ]  # fmt: skip
    for turn in range(900):
        rng.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()
        if turn % 4 == 0:
            both.the_rest_is_equal()
    both.teardown()


TestBothStores = BothStores.TestCase
assert settings.default is not None
TestBothStores.settings = settings(
    parent=settings.default, max_examples=settings.default.max_examples // 5, stateful_step_count=20
)
