"""Several processes on one store: nobody is refused, nothing is lost, skipped or seen out of order."""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores import workers
from tests.stores.workers import begin, result

from motet.errors import Fenced, NotFound
from motet.ports import Batch, NewRun, Owner, Publication
from motet.stores.sqlite import SqliteStore
from motet.stores.sqlite import file as sqlite_file
from motet.turns import Turn, lock_owner


@pytest.fixture(autouse=True)
def no_process_left() -> Iterator[None]:
    """Whatever a failing test leaves is ended with it."""
    yield
    workers.end_all()


def test_eight_writers_and_two_followers(tmp_path: Path) -> None:
    """All begin at the same moment, on a store that is not there yet."""
    home, each = tmp_path / "home", 200
    followers = [begin("follow", home, 8 * each * 2, False), begin("follow", home, 8 * each, True)]
    writers = [begin("write", home, f"run{i}", each) for i in range(8)]
    written = [result(process) for process in writers]
    offsets = [offset for told in written for offset in told["offsets"]]
    print("longest waits:", [round(told["longest_s"], 4) for told in written])
    assert sorted(offsets) == list(range(1, 8 * each * 2 + 1))
    everything, published = [result(process) for process in followers]
    assert everything == sorted(offsets)
    store = SqliteStore(str(home))
    assert [entry.offset for entry in store.read(0, limit=10**6, published=True)] == published
    for i in range(8):
        assert [event["seq"] for event in store.history(f"run{i}")] == list(range(1, each + 1))
    assert store.check() == []
    store.close()


def test_of_processes_that_append_after_the_same_event_one_wins(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = SqliteStore(str(home))
    epoch = workers.claimed(store, "r")
    won = [result(process) for process in [begin("race", home, "r", epoch, 300) for _ in range(4)]]
    assert sorted(number for numbers in won for number in numbers) == list(range(1, 301))
    assert len(list(store.history("r"))) == 300
    store.close()


def test_numbers_are_given_out_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = [result(process) for process in [begin("count", home, "n", 100) for _ in range(4)]]
    assert sorted(number for numbers in given for number in numbers) == list(range(1, 401))


def test_kill_in_the_middle(tmp_path: Path, rng: random.Random) -> None:
    """What was acknowledged is there, nothing is there in half, and the file is sound, kill after kill."""
    home = tmp_path / "home"
    acknowledged = 0
    for _ in range(12):
        process = begin("append_for_ever", home, "r")
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        told = process.communicate()[0].split("\n")
        numbers = [int(line) for line in told[:-1] if line]
        acknowledged = max([acknowledged, *numbers])
        store = SqliteStore(str(home))
        history = [event["seq"] for event in store.history("r")]
        assert history == list(range(1, len(history) + 1))
        assert len(history) >= acknowledged
        assert store.run("r").seq == len(history)
        assert store.head() == len(history)
        assert store.check() == []
        store.close()
    print(f"{acknowledged} events acknowledged")


def test_interrupts_leave_no_lock_behind(tmp_path: Path, rng: random.Random) -> None:
    """A process goes on writing after any number of Ctrl-C, wherever these struck; so do others."""
    home = tmp_path / "home"
    process = begin("be_interrupted", home, "r", 150)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    while process.poll() is None and not select.select([process.stdout], [], [], rng.random() * 0.004)[0]:
        process.send_signal(signal.SIGINT)
    acknowledged, found = result(process)
    assert acknowledged <= found
    store = SqliteStore(str(home))
    assert [entry.key for entry in store.read(store.head() - 1)] == ["end"]
    assert store.publish([Publication("after")]) == [store.head()]
    assert store.check() == []
    store.close()


def test_a_stopped_writer_holds_others_up_but_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They wait, say once which process they wait for, read meanwhile, and write when it is gone."""
    home = tmp_path / "home"
    store = SqliteStore(str(home), patience_s=0.2)
    store.publish([Publication("before")])
    holder = begin("hold", home)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    holder.send_signal(signal.SIGSTOP)
    done: list[int] = []
    waiting = threading.Thread(target=lambda: done.extend(store.publish([Publication("after")])), daemon=True)
    with caplog.at_level(logging.WARNING, "motet.turns"):
        waiting.start()
        while not caplog.records:
            time.sleep(0.01)
        time.sleep(0.6)
    assert [entry.key for entry in store.read(0)] == ["before"]
    (record,) = caplog.records
    assert f"process {holder.pid} holds it" in record.getMessage()
    assert str(home) in record.getMessage()
    assert not done
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    waiting.join(60)
    assert done == [2]
    with pytest.raises(NotFound):
        store.alias("v", "held")
    store.close()


@pytest.mark.parametrize("busy_s", [30.0, 0.0])
def test_a_program_that_knows_no_turns_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy_s: float
) -> None:
    """The sqlite3 shell, say, in the middle of a transaction: nobody sees "database is locked", not even after
    the time for which SQLite itself waits.
    """
    monkeypatch.setattr(sqlite_file, "_BUSY_S", busy_s)
    store = SqliteStore(str(tmp_path))
    store.publish([Publication("a")])
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    began = time.monotonic()
    assert store.publish([Publication("b")]) == [2]
    assert time.monotonic() - began > 0.2
    store.create_run(NewRun("r", "n", "w", {}))
    store.claim("r", Owner("h", "b", 1, 1), 1e12)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    store.append("r", 1, 0, Batch([{"event": "e", "at": 1.0}]))
    assert store.head() == 3
    other.close()
    store.close()


def test_a_forked_child_uses_a_connection_of_its_own(tmp_path: Path) -> None:
    """Parent and child both go on writing, whichever ends first. But the run that the parent has claimed is its own."""
    store = SqliteStore(str(tmp_path))
    store.create_run(NewRun("r", "n", "w", {}))
    store.claim("r", Owner("h", "b", 1, 1), 1e12)
    for turn in range(5):
        store.append("r", 1, turn, Batch([{"event": "parent", "at": 1.0}]))
        child = os.fork()
        if not child:
            code = 1
            try:
                store.publish([Publication("child")])
                with pytest.raises(Fenced):
                    store.append("r", 1, turn + 1, Batch([{"event": "child", "at": 1.0}]))
                if turn % 2:
                    store.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.run("r").seq == turn + 1
    assert [event["event"] for event in store.history("r")] == ["parent"] * 5
    assert [each.key for each in store.read(0, limit=100, published=True)] == ["child"] * 5
    assert store.check() == []
    store.close()


def test_forking_while_threads_write(tmp_path: Path) -> None:
    """No child inherits a lock that is held, and no write is lost."""
    store = SqliteStore(str(tmp_path))
    going_on = True
    written = [0]

    def publish() -> None:
        while going_on:
            written[0] += len(store.publish([Publication("parent")]))

    thread = threading.Thread(target=publish)
    thread.start()
    for _ in range(20):
        child = os.fork()
        if not child:
            code = 1
            try:
                store.publish([Publication("child")])
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    going_on = False
    thread.join(60)
    keys = [entry.key for entry in store.read(0, limit=10**6)]
    assert keys.count("child") == 20
    assert keys.count("parent") == written[0]
    store.close()


def test_the_owner_of_a_lock_is_found(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    turn = Turn(path)
    assert lock_owner(path) == 0
    turn.acquire()
    assert lock_owner(path) == os.getpid()
    other = Turn(path)
    with pytest.raises(TimeoutError):
        other.acquire_soon()
    turn.release()
    other.acquire_soon()
    turn.release()
    assert lock_owner(path) == os.getpid()
    other.close()
    turn.close()
    assert lock_owner(str(tmp_path / "none")) == 0
