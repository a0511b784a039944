"""Stores of every version so far open, become the newest version, and keep what they hold; newer ones are refused."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from motet.errors import StoreCorrupt, StoreUnavailable
from motet.owners import this_process
from motet.ports import Batch, Checkpoint, Document, Owner, Publication, Retention, RunFilter, StepFilter, StepRow
from motet.stores.sqlite import SqliteStore, schema

FROZEN = Path(__file__).parent / "version_1.sql"
SQL = Path(schema.__file__).parent.parent / "sql"


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    """A home with a store of version 1."""
    db = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(FROZEN.read_text())
    db.execute("PRAGMA user_version=1")
    db.close()
    return tmp_path


def tables(path: Path) -> set[str]:
    """The tables and indexes of a database, as they are defined."""
    db = sqlite3.connect(path)
    found = {" ".join(row[0].split()) for row in db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")}
    db.close()
    return found


def version(home: Path) -> int:
    db = sqlite3.connect(home / "store.db")
    (found,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return int(found)


def test_a_store_of_version_1_opens(old_home: Path) -> None:
    store = SqliteStore(str(old_home))
    run = store.run("r1")
    assert (run.name, run.status, run.epoch, run.seq, run.tags) == ("amber-fox", "running", 1, 5, ["nightly"])
    assert (run.program["voice"], run.params, run.started_at) == ("python", {"n": 3}, 1700000000.5)
    assert (run.owner, run.lease_until) == (Owner("host", "boot", 42, 7), 1700000010.0)
    assert [event["event"] for event in store.history("r1")] == [
        "run.started", "step.added", "step.started", "step.succeeded", "step.added",
    ]  # fmt: skip
    assert [(step.key, step.status, step.needs) for step in store.steps("r1")] == [
        ("load-0", "succeeded", []), ("fit[0]", "ready", ["load-0"]),
    ]  # fmt: skip
    assert store.step("r1", "load-0").result == {"json": "grün"}
    assert store.load_checkpoint("r1") == Checkpoint(4, {"steps": {"load-0": "succeeded"}})
    assert [entry.key for entry in store.read(0, published=True)] == ["data_ready", "stop"]
    assert store.head() == 7
    assert store.publish([Publication("again", client_key="key-1")]) == [6]
    assert store.document("aiflow", "namespace", "default") == Document(
        "aiflow", "namespace", "default", {"a": [1, 2]}, 1
    )
    assert (store.alias("spell", "1"), store.next_number("spell", "runs")) == ("r1", 2)
    store.append("r1", 1, 5, Batch([{"event": "e", "at": 1.0}], [StepRow("x", "t", "call", "ready")]))
    assert store.head() == 8
    assert store.run("r2").offset == 7
    assert store.prune(Retention(older_than_s=1.0), dry_run=True).events == 0
    assert store.check() == []
    store.close()
    assert version(old_home) == schema.VERSION


def test_a_released_migration_is_never_changed(old_home: Path, tmp_path: Path) -> None:
    """`0001_first.sql` makes the very tables that stores of version 1 have."""
    new = tmp_path / "new.db"
    db = sqlite3.connect(new)
    db.executescript((SQL / "0001_first.sql").read_text())
    db.close()
    assert tables(new) == tables(old_home / "store.db")


def test_the_newest_file_is_the_version() -> None:
    numbers = sorted(int(path.name[:4]) for path in SQL.glob("*.sql"))
    assert numbers == list(range(1, schema.VERSION + 1))


def further(folder: Path, monkeypatch: pytest.MonkeyPatch, *files: str) -> None:
    """Let there be further versions, made by these statements."""
    folder.mkdir(exist_ok=True)
    for path in SQL.glob("*.sql"):
        (folder / path.name).write_text(path.read_text())
    for number, text in enumerate(files, schema.VERSION + 1):
        (folder / f"{number:04}_more.sql").write_text(text)
    monkeypatch.setattr(schema, "_SQL", str(folder))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + len(files))


def test_later_versions_are_applied_once_in_order(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = "-- adds ';' to nothing\nALTER TABLE runs ADD COLUMN two TEXT DEFAULT 'a;b';\nCREATE TABLE more (x);"
    three = "INSERT INTO more SELECT two FROM runs;\n"
    further(tmp_path / "sql", monkeypatch, two, three)
    for home in (old_home, tmp_path / "fresh"):
        for _ in range(2):
            store = SqliteStore(str(home))
            count = len(store.runs())
            found = store._database.read(lambda execute: execute("SELECT x FROM more").fetchall())
            assert found == [("a;b",)] * (2 if home is old_home else 0)
            assert count == (2 if home is old_home else 0)
            store.close()
        assert version(home) == schema.VERSION


def test_a_migration_that_fails_changes_nothing(
    old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(old_home / "store.db")
    with monkeypatch.context() as patched:
        further(tmp_path / "sql", patched, "CREATE TABLE more (x);", "SELECT x FROM nowhere;")
        with pytest.raises(Exception, match="nowhere"):
            SqliteStore(str(old_home)).head()
    assert tables(old_home / "store.db") == before
    assert version(old_home) == 1
    store = SqliteStore(str(old_home))
    assert store.head() == 7
    store.close()


def test_a_newer_store_is_refused_untouched(old_home: Path) -> None:
    db = sqlite3.connect(old_home / "store.db")
    db.execute("PRAGMA user_version=99")
    db.close()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="newer Motet") as raised:
            SqliteStore(str(old_home)).head()
        assert str(old_home) in raised.value.what
        assert "99" in raised.value.what
        assert "Upgrade Motet" in raised.value.cure
    assert version(old_home) == 99


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "store.db")
    db.execute("CREATE TABLE runs (theirs)")
    db.commit()
    db.close()
    with pytest.raises(StoreCorrupt, match="not a store of Motet's"):
        SqliteStore(str(tmp_path)).head()
    assert tables(tmp_path / "store.db") == {"CREATE TABLE runs (theirs)"}


def test_what_an_older_version_kept_is_found_by_page(old_home: Path) -> None:
    """By tag, parameter, text and status, with its counts, and in the density grid."""
    store = SqliteStore(str(old_home))
    assert [run.id for run in store.run_page(RunFilter(tag="nightly", params={"n": 3}, voice="python")).runs] == ["r1"]
    assert [run.id for run in store.run_page(RunFilter(text="AMBER")).runs] == ["r1"]
    assert sum(store.run_counts().values()) == len(store.runs())
    while (page := store.step_page("r1", StepFilter())).behind:
        time.sleep(0.01)
    assert [step.key for step in page.steps] == ["load-0", "fit[0]"]
    grid = store.density(0.0, 2e9, 10)
    assert sum(cell.count for cell in grid) == len(store.runs())
    store.close()


def test_no_store_is_migrated_under_a_living_engine(old_home: Path) -> None:
    """It says which runs to wait for, and changes nothing; once the lease is over it goes on."""
    owner = this_process()
    db = sqlite3.connect(old_home / "store.db")
    packed = json.dumps({name: getattr(owner, name) for name in owner.__match_args__})
    db.execute("UPDATE runs SET owner = ?, lease_until = ? WHERE id = 'r1'", (packed, time.time() + 1000))
    db.commit()
    with pytest.raises(StoreUnavailable, match=f"amber-fox .process {owner.pid}"):
        SqliteStore(str(old_home)).head()
    assert version(old_home) == 1
    db.execute("UPDATE runs SET lease_until = ? WHERE id = 'r1'", (time.time() - 1,))
    db.commit()
    db.close()
    store = SqliteStore(str(old_home))
    assert store.version == schema.VERSION
    store.close()
