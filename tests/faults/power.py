"""Loss of power, by cutting a store's files back to what was synced, at random moments.

The store is never corrupt, and what is lost is within the bound and told.

    python -m tests.faults.power --count 500

A store is written to while its files are kept as they are at each sync. Then the power fails: the database is what it
was when it was synced last; its log is whole up to the last sync, and beyond that each page may have been written or
not; and an artifact is there only if it was brought to the disk.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from motet.artifacts.files import FileArtifacts
from motet.errors import ArtifactDamaged, NotFound
from motet.ports import Batch, NewRun, Owner, Publication, StepRow
from motet.stores.sqlite import SqliteStore, syncing
from motet.stores.sqlite.file import Durability

PAGE_BYTES = 24 + 4096


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


def write(home: Path, disk: Path, durability: Durability, rng: random.Random) -> tuple[int, int]:
    """Commit, syncing now and then in the default mode; gives the offsets of the newest event and the last one synced.

    `disk` gets what of the files is surely on the disk at the end.
    """
    store = SqliteStore(str(home), durability=durability)
    store.create_run(NewRun("r", "n", "w", {}))
    store.claim("r", Owner("h", "b", 1, 1), 1e9)
    artifacts = FileArtifacts(str(home / "artifacts"), durability=durability)

    def keep_artifacts(digests: set[str]) -> None:
        artifacts.sync(digests)
        for digest in digests:
            to = disk / "artifacts" / digest[:2] / digest[2:]
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifacts.path(digest), to)

    syncer = syncing.Syncer(str(home), store.head, store._referred_to, keep_artifacts)
    keep(home, disk)
    seq = safe = 0
    for _ in range(rng.randrange(5, 120)):
        count = rng.randrange(1, 4)
        rows = [StepRow(f"s{seq}", "t", "call", "succeeded", result="x" * rng.randrange(900))]
        events: list[dict[str, Any]] = [{"event": "e", "at": 1.0, "n": seq + i} for i in range(count)]
        if rng.random() < 0.2:
            digest = artifacts.put([rng.randbytes(20)]).digest
            events[0] |= {"key": rows[0].key, "result": {"artifact": digest}}
            if durability == "full":
                keep_artifacts({digest})
        store.append("r", 1, seq, Batch(events, rows))
        seq += count
        if rng.random() < 0.1:
            store.publish([Publication("p", seq)])
        if rng.random() < 0.1:
            store.steps("r")
        if durability == "normal" and rng.random() < 0.08:
            syncer.sync()
            safe = store.head()
            keep(home, disk)
        elif durability == "full":
            safe = store.head()
            keep(home, disk)
    return store.head(), safe


def keep(home: Path, disk: Path) -> None:
    """Note that the files are on the disk as they are now."""
    disk.mkdir(exist_ok=True)
    for name in ("store.db", "store.db-wal", "synced"):
        if (home / name).exists():
            shutil.copyfile(home / name, disk / name)


def cut(home: Path, disk: Path, rng: random.Random) -> None:
    """Leave in `disk` what is found when the power is back: of the log, pages beyond the last sync only by chance."""
    log, safe = bytearray((home / "store.db-wal").read_bytes()), (disk / "store.db-wal").read_bytes()
    log[: len(safe)] = safe
    end = rng.randrange(len(safe), len(log) + 1)
    for start in range(len(safe), end, PAGE_BYTES):
        if rng.random() < 0.3:
            stop = min(end, start + rng.choice([512, PAGE_BYTES]))
            log[start:stop] = bytes(stop - start)
    (disk / "store.db-wal").write_bytes(log[:end])


def is_gone(event: Any, disk: Path) -> bool:
    """Whether the event refers to an artifact that is not on the disk, or not whole."""
    if not isinstance(event, dict) or "result" not in event:
        return False
    try:
        FileArtifacts(str(disk / "artifacts")).get(event["result"]["artifact"])
    except (NotFound, ArtifactDamaged):
        return True
    return False


def lose(folder: Path, durability: Durability, seed: int) -> int:
    """One loss of power; gives how many events it has cost. Raises AssertionError."""
    rng = random.Random(seed)
    home, disk = folder / "home", folder / "disk"
    newest, safe = write(home, disk, durability, rng)
    cut(home, disk, rng)
    os.chmod(disk, 0o700)
    noted = syncing.synced(str(disk))
    if noted is not None:  # the machine is started again
        (disk / "synced").write_text((disk / "synced").read_text().replace(noted["boot"], "boot-before"))
    heard = Heard()
    logging.getLogger("motet.stores").addHandler(heard)
    try:
        store = SqliteStore(str(disk))
        assert store.check() == [], "corrupt"
    finally:
        logging.getLogger("motet.stores").removeHandler(heard)
    events = list(store.history("r"))
    numbers = [event["n"] for event in events]
    assert numbers == list(range(len(numbers))), "a hole"
    assert store.run("r").seq == len(numbers)
    assert safe <= store.head() <= newest, f"{store.head()} of {newest}, and {safe} were safe"
    if noted is not None:
        assert any("machine stopped" in told and f"event {noted['offset']}," in told for told in heard.told), heard.told
    gone = [entry.offset for entry in store.read(0, limit=10_000, run="r") if is_gone(entry.value, disk)]
    assert not [offset for offset in gone if offset <= safe], "an artifact is gone that an event needs which is safe"
    lost = newest - store.head()
    assert not (durability == "full" and lost), f"{lost} events lost"
    store.append("r", 1, len(numbers), Batch([{"event": "e", "at": 1.0, "n": len(numbers)}]))
    store.close()
    return lost


def campaign(count: int, seed: int) -> dict[str, Any]:
    """So many losses of power in both modes."""
    lost: dict[str, int] = {"normal": 0, "full": 0}
    for turn in range(count):
        for durability in lost:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    lost[durability] += lose(Path(folder), durability, seed + turn)  # type: ignore[arg-type]
                except AssertionError as error:
                    raise AssertionError(f"{durability}, seed {seed + turn}: {error}") from error
    return {"count": count, "seed": seed, "events_lost": lost}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(campaign(options.count, options.seed))
