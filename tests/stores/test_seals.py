"""Rows that were changed, moved or lost behind the store's back are told, with run and place; all else is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from motet.errors import StoreCorrupt
from motet.ports import Batch, Checkpoint, Document, NewRun, Owner, Publication, StepRow
from motet.stores.sqlite import SqliteStore
from motet.stores.sqlite.rows import DAMAGED

HERE = Owner("host", "boot", 1, 1)


def step(key: str, result: int) -> StepRow:
    return StepRow(key, "t", "call", "succeeded", "", "", 1, 1.0, 1.0, 2.0, False, [], None, 0, {"json": result}, None)


def ended_with(result: Any, started_at: float) -> dict[str, Any]:
    """The columns of a run that has ended so."""
    return {
        "status": "succeeded", "started_at": started_at, "ended_at": 2.0, "result": result, "error": None,
    }  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store with the runs `one` and `two`, each with three commits."""
    made = SqliteStore(str(tmp_path))
    for run in ("one", "two"):
        made.create_run(NewRun(run, run, "w", {"voice": "python"}, {"n": 57}, tags=["t"], created_at=1.0))
        epoch = made.claim(run, HERE, 60.0).epoch
        for at in range(3):
            events = [{"event": "e", "at": 1.0, "result": 57 + at, "of": run}]
            made.append(run, epoch, at, Batch(events, [step(f"s-{at}", 57 + at)]))
        ended = ended_with({"json": 57}, 1)
        made.append(run, epoch, 3, Batch([{"event": "end", "at": 2.0}], (), ended))
        made.save_checkpoint(run, epoch, Checkpoint(2, {"facts": 57}))
    made.publish([Publication("told", {"n": 57}, at=1.0), Publication("told", {"n": 58}, at=2.0)])
    made.put_document(Document("v", "k", "a", {"n": 57}, 0))
    made.put_document(Document("v", "k", "b", {"n": 58}, 0))
    yield made
    made.close()


def tell(store: SqliteStore, sql: str) -> None:
    db = sqlite3.connect(store._database.path, isolation_level=None)
    assert db.execute(sql).rowcount >= 1
    db.close()


def read_all(store: SqliteStore, run: str) -> None:
    """All that is kept of a run."""
    store.run(run)
    assert len(list(store.history(run))) == 4
    assert [each.key for each in store.steps(run, whole=True)] == ["s-0", "s-1", "s-2"]
    assert store.load_checkpoint(run) == Checkpoint(2, {"facts": 57})


ONE = "(SELECT number FROM runs WHERE id = 'one')"
CHANGES = {
    "an event": f"UPDATE records SET body = replace(body, '57', '47') WHERE run = {ONE} AND last_seq = 1",
    "events of another run": "UPDATE records SET body = "
    f"(SELECT body FROM records WHERE run <> {ONE} AND run > 0 AND last_seq = 2) "
    f"WHERE run = {ONE} AND last_seq = 2",
    "a whole record of another run": "UPDATE records SET (body, seal) = (SELECT body, seal FROM records "
    f"WHERE run <> {ONE} AND run > 0 AND last_seq = 2) WHERE run = {ONE} AND last_seq = 2",
    "a record that is gone": f"DELETE FROM records WHERE run = {ONE} AND last_seq = 2",
    "no JSON": f"UPDATE records SET body = substr(body, 2), seal = NULL WHERE run = {ONE} AND last_seq = 2",
    "no text": f"UPDATE records SET body = x'ff00' WHERE run = {ONE} AND last_seq = 2",
    "a number that is none": f"UPDATE records SET last_seq = 'x' WHERE run = {ONE} AND last_seq = 4",
    "a number of bytes": f"UPDATE records SET last_seq = x'ff00' WHERE run = {ONE} AND last_seq = 2",
    "a key": f"UPDATE records SET body = replace(body, 'event', 'evenu') WHERE run = {ONE} AND last_seq = 3",
    "a step": f"UPDATE records SET steps = replace(steps, '58', '59') WHERE run = {ONE} AND last_seq = 2",
    "steps that are gone": f"UPDATE records SET steps = NULL WHERE run = {ONE} AND last_seq = 2",
    "the parameters": "UPDATE runs SET params = replace(params, '57', '47') WHERE id = 'one'",
    "the program": "UPDATE runs SET program = '{}' WHERE id = 'one'",
    "the name": "UPDATE runs SET name = 'other' WHERE id = 'one'",
    "the tags": "UPDATE runs SET tags = '7' WHERE id = 'one'",
    "the result": "UPDATE runs SET result = replace(result, '57', '47') WHERE id = 'one'",
    "the status": "UPDATE runs SET status = 'failed' WHERE id = 'one'",
    "the owner": "UPDATE runs SET owner = '{\"pid\":7}' WHERE id = 'one'",
    "the checkpoint": f"UPDATE checkpoints SET state = replace(state, '57', '47') WHERE run = {ONE}",
    "the checkpoint's place": f"UPDATE checkpoints SET seq = 3 WHERE run = {ONE}",
}


@pytest.mark.parametrize("change", CHANGES)
def test_damage_of_a_run_is_told_and_no_other_is_concerned(store: SqliteStore, change: str) -> None:
    assert store.check() == []
    tell(store, CHANGES[change])
    with pytest.raises(StoreCorrupt, match="Run one is damaged in the store: "):
        read_all(store, "one")
    read_all(store, "two")
    assert any("Run one is damaged" in each for each in store.check())
    assert not any("Run two" in each for each in store.check())
    assert store.check(quick=True) == []
    assert {row.id for row in store.runs()} == {"one", "two"}
    assert len(store.read(0)) >= 9
    claimed = store.claim("one", HERE, 60.0, force=True)  # a damaged run can be ended
    store.append("one", 2, claimed.seq, Batch([{"event": "end", "at": 3.0}], (), ended_with(None, 1)))


def test_folded_steps_are_sealed_too(store: SqliteStore) -> None:
    from motet.stores.sqlite import steps

    for run in ("one", "two"):
        store._database.write(steps.fold_some, run)
        read_all(store, run)
    assert store.check() == []
    tell(store, "UPDATE steps SET result = replace(result, '58', '59') WHERE run = 1 AND key = 's-1'")
    with pytest.raises(StoreCorrupt, match="step s-1"):
        store.step("one", "s-1")
    assert store.step("one", "s-0").result == {"json": 57}
    assert store.check() == ["Run one is damaged in the store: its step s-1 cannot be read as written."]


@pytest.mark.parametrize("column", ["body", "key", "at", "about"])
def test_a_damaged_event_is_told_in_its_place(store: SqliteStore, column: str) -> None:
    before = store.read(0, published=True)
    tell(store, f"UPDATE records SET {column} = 7 WHERE run = 0 AND last_offset = {before[0].offset}")
    found = store.read(0, published=True)
    assert [each.key for each in found] == [DAMAGED, "told"]
    assert found[1] == before[1]
    assert store.check() == [f"The event at offset {before[0].offset} is damaged in the store."]


def test_an_event_that_no_filter_finds_is_told(store: SqliteStore) -> None:
    before = store.read(0, published=True)
    tell(store, f"UPDATE event_terms SET value = 'other' WHERE kind = 'key' AND value = '{before[0].key}'")
    assert f"The event at offset {before[0].offset} is not found by its key, namespace or sender." in store.check()


def test_a_damaged_document_is_told(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    tell(store, "UPDATE documents SET body = replace(body, '57', '47') WHERE key = 'a'")
    with pytest.raises(StoreCorrupt, match="document v/k/a"):
        store.document("v", "k", "a")
    assert [each.key for each in store.documents("v", "k")] == ["b"]
    assert "document v/k/a" in caplog.text
    assert len(store.check()) == 1


def test_what_an_earlier_version_wrote_is_taken_as_it_is(store: SqliteStore) -> None:
    for table in ("records", "runs", "checkpoints", "documents"):
        tell(store, f"UPDATE {table} SET seal = NULL")
    tell(store, "UPDATE runs SET outcome_seal = NULL")
    read_all(store, "one")
    assert store.check() == []


def test_what_is_written_is_read_as_written(store: SqliteStore) -> None:
    odd: list[Callable[[], object]] = [lambda: "grün\x00\u202e", lambda: 2**60, lambda: None, list, lambda: -0.0]
    for number, make in enumerate(odd):
        run = f"odd-{number}"
        value = make()
        store.create_run(NewRun(run, f"n {number} ü", "w", {"p": value}, {"v": value}, created_at=number))
        epoch = store.claim(run, HERE, 60.0).epoch
        ended = ended_with(value, number)
        store.append(run, epoch, 0, Batch([{"event": "e", "value": value}], [step("s", number)], ended))
        found = store.run(run)
        assert (found.params, found.result) == ({"v": value}, value)
        assert list(store.history(run)) == [{"event": "e", "value": value}]
    assert store.check() == []


@pytest.mark.parametrize(
    ("said", "instead"), [(b"after_offset", b"aftes_offset"), (b"TABLE records", b"TABLE recordz")]
)
def test_a_table_whose_description_is_damaged_is_told_as_damage(tmp_path: Path, said: bytes, instead: bytes) -> None:
    store = SqliteStore(str(tmp_path))
    store.publish([Publication("key", None)])
    store.close()
    file = tmp_path / "store.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = file.read_bytes()
    assert said in content
    file.write_bytes(content.replace(said, instead))
    with pytest.raises(StoreCorrupt, match="is damaged"):
        SqliteStore(str(tmp_path)).runs()
