"""What the SQLite store promises beyond the port: cost, steps seen while others write, wake-ups, space."""

from __future__ import annotations

import os
import signal
import sqlite3
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from tests.stores import workers

from motet.errors import Fenced
from motet.ports import Batch, NewRun, Owner, Publication, Retention, StepRow
from motet.stores.sqlite import SqliteStore, events

FRAME_BYTES = 24 + 4096


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """A store with a claimed run "r"."""
    store = SqliteStore(str(tmp_path))
    store.create_run(NewRun("r", "n", "w", {}))
    store.claim("r", Owner("h", "b", 1, 1), 1e12)
    return store


def ask(store: SqliteStore, sql: str) -> list[Any]:
    return store._database.read(lambda execute: execute(sql).fetchall())


def done(number: int) -> Batch:
    """A step that succeeded, as an engine records it."""
    key = f"pipeline/augment_data-{number}"
    event = {"event": "step.succeeded", "at": 1732227000.123456, "key": key, "attempt": 1, "result": {"json": None}}
    row = StepRow(
        key, "augment_data", "call", "succeeded", "pipeline", "", 1,
        1732227000.1, 1732227000.2, 1732227000.3, result={"json": None},
    )  # fmt: skip
    return Batch([event], [row])


def test_an_append_writes_about_two_pages(store: SqliteStore, tmp_path: Path) -> None:
    """The journal's last page and its index's: what a commit costs. A third one would cost a third more."""
    count = 300
    log = tmp_path / "store.db-wal"
    before = log.stat().st_size
    for seq in range(count):
        store.append("r", 1, seq, done(seq))
    pages = (log.stat().st_size - before) / FRAME_BYTES / count
    print(f"{pages:.2f} pages a commit")
    assert pages < 2.5


def test_an_append_beside_a_bare_commit(store: SqliteStore, tmp_path: Path) -> None:
    """Prints their ratio; asserts only that both did what they are measured for."""
    bare = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    for table in "ab":
        bare.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, body TEXT)")
    body = "x" * 120
    floor, ours = [], []
    for turn in range(20):
        numbers = range(turn * 100, turn * 100 + 100)
        began = time.perf_counter()
        for number in numbers:
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO a VALUES (?, ?)", (number, body))
            bare.execute("INSERT INTO b VALUES (?, ?)", (number, body))
            bare.execute("COMMIT")
        between = time.perf_counter()
        for number in numbers:
            store.append("r", 1, number, done(number))
        floor.append((between - began) * 1e4)
        ours.append((time.perf_counter() - between) * 1e4)
    one, other = statistics.median(floor), statistics.median(ours)
    print(f"bare commit of two rows {one:.1f} us, append {other:.1f} us: {other / one:.2f} times")
    assert bare.execute("SELECT count(*) FROM b").fetchone() == (2000,)
    bare.close()
    assert store.run("r").seq == 2000
    assert len(store.steps("r")) == 2000
    store.close()


def test_steps_are_seen_though_another_process_holds_the_turn(store: SqliteStore, tmp_path: Path) -> None:
    """Looking needs no turn, however many rows still are in the journal only."""
    for seq in range(1500):
        store.append("r", 1, seq, done(seq % 1200))
    holder = workers.begin("hold", tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    holder.send_signal(signal.SIGSTOP)
    try:
        seen = store.steps("r")
        assert [step.key for step in seen] == [f"pipeline/augment_data-{n}" for n in range(1200)]
        assert store.step("r", "pipeline/augment_data-7").status == "succeeded"
        assert store.steps("r", limit=2) == seen[:2]
    finally:
        workers.end_all()
    assert store.steps("r") == seen
    assert ask(store, "SELECT folded_seq FROM runs") == [(1500,)]
    assert store.steps("r") == seen
    assert store.steps("r", limit=2) == seen[:2]
    store.close()


def test_a_snapshot_is_of_one_moment(store: SqliteStore) -> None:
    """Others may commit meanwhile: what is read together fits together."""
    other = SqliteStore(store._database.home)

    def act(execute: Any) -> list[int]:
        first = events.head(execute)
        other.publish([Publication("a")])
        return [first, events.head(execute)]

    assert store._database.snapshot(act) == [0, 0]
    assert store._database.read(act) == [1, 2]
    other.close()
    store.close()


def test_followers_that_left_cost_nothing(store: SqliteStore) -> None:
    """The next commit forgets them."""
    followers = [store.follow() for _ in range(5)]
    store.publish([Publication("a")])
    assert len(store._bell._known.all) == 5
    for follower in followers:
        follower.close()
    for _ in range(2):
        store.publish([Publication("a")])
    assert store._bell._known.all == []
    store.close()


def test_a_dead_followers_fifo_is_removed(store: SqliteStore, tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        store.follow()
        os._exit(0)
    os.waitpid(child, 0)
    living = store.follow()
    assert len(list((tmp_path / "wake").glob("all-*"))) == 2
    store.publish([Publication("a")])
    assert len(list((tmp_path / "wake").glob("all-*"))) == 1
    assert living.wait(30.0)
    living.close()
    assert list((tmp_path / "wake").glob("all-*")) == []
    store.close()


def test_a_follower_that_does_not_listen_holds_nobody_up(store: SqliteStore) -> None:
    """More commits than its FIFO has room for."""
    follower = store.follow(published=True)
    for _ in range(70):
        store.publish([Publication("a")] * 20)
    for _ in range(66_000):
        follower.wake()
    store.publish([Publication("a")])
    assert follower.wait(30.0)
    while follower.wait(0.0):
        pass
    store.publish([Publication("a")])
    assert follower.wait(30.0)
    follower.close()
    store.close()


def test_pruning_shrinks_the_file_by_what_it_says(store: SqliteStore, tmp_path: Path) -> None:
    for seq in range(300):
        store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0, "fill": "x" * 10_000}]))
    store.append("r", 1, 300, Batch([{"event": "e", "at": 1.0}], run={"status": "failed", "ended_at": 1.0}))
    store.release("r", 1)
    would = store.prune(Retention(older_than_s=1.0), dry_run=True)
    pruned = store.prune(Retention(older_than_s=1.0))
    assert pruned.freed_bytes > 3_000_000
    assert 0.8 < would.freed_bytes / pruned.freed_bytes < 1.2
    assert (tmp_path / "store.db").stat().st_size < 200_000
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    assert store.check() == []
    store.close()


def test_pruning_while_others_write(store: SqliteStore, tmp_path: Path) -> None:
    """No writer is harmed, and what is not old stays."""
    for turn in range(20):
        id_ = f"old{turn}"
        store.create_run(NewRun(id_, "n", "w", {}))
        store.claim(id_, Owner("h", "b", 1, 1), 0.0)
        store.append(id_, 1, 0, Batch([{"event": "e", "at": 1.0}], run={"status": "failed", "ended_at": 1.0}))
    writers = [workers.begin("write", tmp_path, f"run{i}", 100) for i in range(3)]
    pruned = 0
    while any(process.poll() is None for process in writers):
        pruned += store.prune(Retention(older_than_s=1.0)).runs
    for process in writers:
        workers.result(process)
    assert pruned + store.prune(Retention(older_than_s=1.0)).runs == 20
    for i in range(3):
        assert [event["seq"] for event in store.history(f"run{i}")] == list(range(1, 101))
    assert store.check() == []
    store.close()


def test_a_fence_survives_a_run_that_is_made_anew(store: SqliteStore) -> None:
    """An owner of a pruned run cannot write to another one of the same id."""
    store.append("r", 1, 0, Batch([{"event": "e", "at": 1.0}], run={"status": "failed", "ended_at": 1.0}))
    store.release("r", 1)
    assert store.prune(Retention(older_than_s=1.0)).runs == 1
    store.create_run(NewRun("r", "n", "w", {}))
    with pytest.raises(Fenced):
        store.append("r", 1, 1, Batch([{"event": "e", "at": 1.0}]))
    store.close()


def test_closing_leaves_the_log_to_later(store: SqliteStore, tmp_path: Path) -> None:
    """Closing costs no write to the database file, and a store that was closed opens again by itself."""
    store.publish([Publication("a")])
    before = (tmp_path / "store.db").stat()
    store.close()
    after = (tmp_path / "store.db").stat()
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    assert (tmp_path / "store.db-wal").stat().st_size > 0
    assert store.head() == 1
    store.close()


def test_closing_writes_back_a_log_that_others_would_have_to_read(store: SqliteStore, tmp_path: Path) -> None:
    """Every process that opens the file first reads the whole log, however little it wants."""
    other = SqliteStore(str(tmp_path))
    other.publish([Publication("a", "x" * 1_100_000)])
    store.close()
    assert (tmp_path / "store.db-wal").stat().st_size > 1_000_000, "somebody else still has it open"
    other.close()
    assert not (tmp_path / "store.db-wal").exists()
    assert [entry.key for entry in store.read(0, published=True)] == ["a"]
    store.close()


def test_durability_full_syncs(tmp_path: Path) -> None:
    for durability, level in (("normal", 1), ("full", 2)):
        store = SqliteStore(str(tmp_path / durability), durability=durability)  # type: ignore[arg-type]
        assert store._database.write(lambda execute: execute("PRAGMA synchronous").fetchone()) == (level,)
        assert ask(store, "PRAGMA journal_mode") == [("wal",)]
        store.close()


def test_strange_paths(tmp_path: Path) -> None:
    """A home may have any name."""
    for name in ("with blank", "per%cent?and#hash", "Ünïcode", "a'b\"c"):
        store = SqliteStore(str(tmp_path / name / "deep"))
        store.publish([Publication("a")])
        store.follow().close()
        store.close()
        assert (tmp_path / name / "deep" / "store.db").exists()


def test_a_copy_is_of_one_moment(store: SqliteStore, tmp_path: Path) -> None:
    """Others go on writing meanwhile, also in other processes; in the copy nobody drives a run."""
    writer = workers.begin("write", tmp_path, "other", 100)
    for turn in range(4):
        for seq in range(20):
            store.append("r", 1, 20 * turn + seq, done(seq))
        copy = tmp_path / f"copy{turn}"
        copy.mkdir(mode=0o700)
        store.copy_to(str(copy / "store.db"))
        there = SqliteStore(str(copy))
        assert there.check() == []
        assert len(list(there.history("r"))) == there.run("r").seq == 20 * (turn + 1)
        assert (there.run("r").owner, there.run("r").lease_until) == (None, None)
        entries = there.read(0, limit=10**6)
        assert [entry.offset for entry in entries] == list(range(1, there.head() + 1))
        there.close()
    workers.result(writer)
    assert store.run("r").owner is not None
    store.close()
