"""What can go wrong beneath a store is said in one message with the place and the cure, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from motet.errors import StoreCorrupt, StoreError, StoreFull, StoreUnavailable
from motet.ports import Batch, NewRun, Owner, Publication, Store
from motet.stores.sqlite import SqliteStore
from motet.stores.sqlite import file as sqlite_file


def filled(home: Path, count: int = 50) -> SqliteStore:
    """A store with a run of some events."""
    store = SqliteStore(str(home))
    store.create_run(NewRun("r", "n", "w", {}))
    store.claim("r", Owner("h", "b", 1, 1), 1e12)
    for seq in range(count):
        store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0, "fill": "x" * 500}]))
    return store


def tell(store: SqliteStore, sql: str) -> list[Any]:
    """Run a statement on the writing connection."""
    return store._database.maintain(lambda execute: execute(sql).fetchall())


def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own at `folder`; where mounting is not permitted the test is skipped."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *options, "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "small", "-o", "size=1m")


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "read-only", "-o", "ro")


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is a letter, not a database " * 100)
    with pytest.raises(StoreCorrupt, match="file is not a database") as raised:
        SqliteStore(str(tmp_path)).head()
    assert str(tmp_path / "store.db") in raised.value.what
    assert "backup" in raised.value.cure


def test_a_store_with_holes(tmp_path: Path) -> None:
    """Damage found while reading or writing is told as such, whatever call meets it."""
    store = filled(tmp_path, 300)
    tell(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    size = (tmp_path / "store.db").stat().st_size
    with open(tmp_path / "store.db", "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    store = SqliteStore(str(tmp_path))
    for act in (
        lambda: store.read(0),
        lambda: list(store.history("r")),
        lambda: store.run("r"),
        lambda: store.append("r", 1, 300, Batch([{"event": "e", "at": 1.0}])),
        lambda: store.publish([Publication("e")]),
        lambda: store.steps("r"),
    ):
        with pytest.raises(StoreCorrupt, match="malformed"):
            act()


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        SqliteStore(str(tmp_path)).head()


def test_a_home_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        for act in (lambda s: s.head(), lambda s: s.publish([Publication("a")]), lambda s: s.follow()):
            with pytest.raises(StoreUnavailable, match="cannot be opened") as raised:
                act(SqliteStore(str(home)))
            assert str(tmp_path / "file") in str(raised.value)
            assert "MOTET_HOME" in raised.value.cure


def test_a_read_only_home(read_only_disk: Path) -> None:
    for home in (read_only_disk, read_only_disk / "home"):
        with pytest.raises(StoreUnavailable, match="Read-only file system") as raised:
            SqliteStore(str(home)).head()
        assert "MOTET_HOME" in raised.value.cure


def test_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:44 / {tmp_path} rw shared:1 - nfs4 srv:/export rw\n"
    monkeypatch.setattr(sqlite_file, "mountinfo", lambda: table)
    with pytest.raises(StoreUnavailable, match="nfs4") as raised:
        SqliteStore(str(tmp_path / "home")).head()
    assert str(tmp_path / "home") in raised.value.what
    assert "MOTET_HOME" in raised.value.cure


def appended_until_full(store: Store, seq: int) -> int:
    """The number of the last event that was acknowledged."""
    try:
        while True:
            store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0, "fill": "x" * 2000}]))
            seq += 1
    except StoreFull as full:
        said = full
    assert "no room" in said.what
    assert "prune" in said.cure
    return seq


def test_a_full_disk(small_disk: Path) -> None:
    """What was acknowledged is there, reading goes on, and so does writing once there is room."""
    home = small_disk / "home"
    filler = small_disk / "filler"
    store = filled(home, 1)
    store.follow().close()
    filler.write_bytes(b"x" * 300_000)
    seq = appended_until_full(store, 1)
    assert seq > 10
    for _ in range(5):
        with pytest.raises(StoreFull):
            store.publish([Publication("e", "x" * 100_000)])
        with pytest.raises(StoreFull):
            store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0, "fill": "x" * 100_000}]))
    assert len(list(store.history("r"))) == store.run("r").seq == seq
    filler.unlink()
    store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0}]))
    assert store.check() == []
    store.close()
    again = SqliteStore(str(home))
    assert len(list(again.history("r"))) == seq + 1
    again.close()


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    with open(small_disk / "filler", "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(StoreFull):
        SqliteStore(str(small_disk)).publish([Publication("a")])
    os.unlink(small_disk / "filler")
    store = SqliteStore(str(small_disk))
    assert store.publish([Publication("a")]) == [1]
    store.close()


def test_a_database_that_may_not_grow(tmp_path: Path) -> None:
    """The same without the right to mount: SQLite is told that there is no more room."""
    store = filled(tmp_path, 20)
    ((pages,),) = tell(store, "PRAGMA page_count")
    tell(store, f"PRAGMA max_page_count = {pages + 4}")
    seq = appended_until_full(store, 20)
    assert len(list(store.history("r"))) == seq
    tell(store, "PRAGMA max_page_count = 1000000")
    store.append("r", 1, seq, Batch([{"event": "e", "at": 1.0}]))
    store.close()


def test_errors_of_the_system_are_told_apart(tmp_path: Path) -> None:
    """A quota is a full disk; a disk that fails is not; what nobody foresaw asks for a report."""
    quota = OSError(errno.EDQUOT, "Disk quota exceeded", str(tmp_path))
    assert type(sqlite_file.explained(quota, "p")) is StoreFull
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode, failed.sqlite_errorname = sqlite3.SQLITE_IOERR_READ, "SQLITE_IOERR_READ"
    told = sqlite_file.explained(failed, str(tmp_path / "store.db"))
    assert type(told) is StoreUnavailable
    assert "SQLITE_IOERR_READ" in told.what
    assert type(sqlite_file.explained(sqlite3.InterfaceError("odd"), "p")) is StoreError


def test_what_damage_in_the_log_has_cost_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite takes the log from the damage on for never written."""
    store = filled(tmp_path, 50)
    store.keep_synced()
    store.close()
    log = tmp_path / "store.db-wal"
    content = bytearray(log.read_bytes())
    content[-5000] ^= 1
    log.write_bytes(content)
    (tmp_path / "store.db-shm").unlink()
    for told in (True, False):
        store = SqliteStore(str(tmp_path))
        left = store.head()
        assert left < 50
        assert store.check() == []
        store.close()
        assert (f"has lost events: it ends at event {left}, and up to event 50" in caplog.text) == told
        caplog.clear()


def test_a_row_that_is_gone_and_others_that_are_not(tmp_path: Path) -> None:
    """A new run gets the number of the one whose row is gone, while the rest of that is still there."""
    store = filled(tmp_path, 3)
    tell(store, "DELETE FROM runs WHERE id = 'r'")
    with pytest.raises(StoreCorrupt, match="is damaged"):
        store.create_run(NewRun("other", "n", "w", {}))
    store.close()
