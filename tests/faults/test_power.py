"""A short campaign of losses of power; `python -m tests.faults.power` is the long one."""

from __future__ import annotations

import json
import logging
import os
import random
from pathlib import Path

import pytest
from tests.faults import power

from motet.artifacts.files import FileArtifacts
from motet.ports import LogLine, Publication
from motet.stores.logs import FileLogs
from motet.stores.sqlite import SqliteStore, syncing


def test_loss_of_power(rng: random.Random) -> None:
    seed = rng.randrange(10**6)
    print(f"seed {seed}")
    told = power.campaign(15, seed)
    assert told["events_lost"]["full"] == 0


def test_a_store_that_kept_less_than_it_said_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(str(tmp_path))
    store.publish([Publication("a")])
    store.close()
    noted = {"boot": "before", "offset": 7, "at": 1.0, "closed": True}
    (tmp_path / "synced").write_text(json.dumps(noted))
    for _ in range(2):
        with caplog.at_level(logging.WARNING, "motet.stores"):
            store = SqliteStore(str(tmp_path))
            store.publish([Publication("b")])
            store.close()
    (record,) = caplog.records
    assert "lost events: it ends at event 1, and up to event 7" in record.getMessage()


def test_what_is_noted_as_safe_has_its_artifacts_on_the_disk(tmp_path: Path) -> None:
    """All that events refer to since the last note, whichever process wrote them, and each once."""
    store, other = SqliteStore(str(tmp_path)), SqliteStore(str(tmp_path))
    brought: list[tuple[set[str], int]] = []

    def beside(digests: set[str]) -> None:
        noted = syncing.synced(str(tmp_path))
        if digests:
            brought.append((digests, noted["offset"] if noted else 0))

    other.publish([Publication("a", {"artifact": "d1"}), Publication("b", 1)])
    store.keep_synced(beside)
    other.publish([Publication("c", [{"artifact": "d2"}])])
    store.close()
    assert set.union(*(digests for digests, _ in brought)) == {"d1", "d2"}
    assert max(noted for _, noted in brought) < 3
    again = SqliteStore(str(tmp_path))
    brought.clear()
    again.keep_synced(beside)
    again.publish([Publication("d", {"artifact": "d3"})])
    again.close()
    assert brought == [({"d3"}, 3)]
    other.close()


def test_artifacts_and_lines_of_logs_are_brought_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def spy(fd: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), tmp_path))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", spy)
    artifacts, logs = FileArtifacts(str(tmp_path / "artifacts")), FileLogs(str(tmp_path / "logs"), segment_bytes=100)
    digest = artifacts.put([b"fox"]).digest
    artifacts.sync({digest, "0" * 64})
    assert synced == [f"artifacts/{digest[:2]}/{digest[2:]}", f"artifacts/{digest[:2]}", "artifacts"]
    synced.clear()
    for i in range(3):
        logs.write("r", [LogLine(1.0, "k", 1, "stdout", f"{i}" * 60)])
    logs.sync()
    assert set(synced) == {"logs/r.lines", "logs/r.more/1.lines", "logs", "logs/r.more"}
    synced.clear()
    logs.sync()
    assert synced == []


def test_a_clean_stop_and_a_note_that_cannot_be_read_say_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(str(tmp_path))
    store.keep_synced()
    store.publish([Publication("a")])
    store.close()
    noted = syncing.synced(str(tmp_path))
    assert noted is not None
    assert (noted["offset"], noted["closed"]) == (1, True)
    for text in (json.dumps({**noted, "boot": "before"}), "{", "[]", '{"boot": 1}', ""):
        (tmp_path / "synced").write_text(text)
        store = SqliteStore(str(tmp_path))
        assert store.head() == 1
        store.close()
    assert caplog.records == []
