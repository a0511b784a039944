"""A short campaign of losses of power; `python -m tests.faults.power` is the long one."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path

import pytest
from tests.faults import power

from motet.ports import Publication
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
