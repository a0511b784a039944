"""A home with many runs, made by bulk SQL: what a store holds after years, in a minute.

python -m benchmarks.many_runs HOME COUNT
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

from motet.stores.sqlite import SqliteStore

BEGAN_AT = 1_760_000_000.0
EVERY_S = 30.0
WORKFLOWS = 120
STATUSES = ("succeeded", "failed", "cancelled")

_INSERT = """
    INSERT INTO runs (number, id, name, workflow, program, params, parent, tags, voice, status, epoch, after_offset,
                      created_at, started_at, ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?, ?)
"""


def fill(home: str, count: int, seed: int = 1) -> None:
    """Make a store in `home` with so many runs: one every half a minute, of three voices and 120 workflows.

    One in a thousand is under way, one in fifty has failed; one in a hundred has a parent; each has parameters, most a
    tag, every tenth a metric. The same count and seed give the same runs.
    """
    store = SqliteStore(home)
    store.head()
    store.close()
    db = sqlite3.connect(f"{home}/store.db", isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("PRAGMA cache_size=-200000")
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    db.execute("BEGIN")
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.executemany(_INSERT, _runs(random.Random(seed), count))
    db.execute(
        "INSERT INTO run_texts (rowid, text) SELECT number, id || char(10) || name || char(10) || workflow FROM runs"
    )
    db.executemany("INSERT INTO terms (kind, name, value, run) VALUES (?, ?, ?, ?)", _terms(count))
    db.execute("INSERT INTO density SELECT width, cell, took, status, count(*) FROM run_cells GROUP BY 1, 2, 3, 4")
    for _, sql in triggers:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _runs(rng: random.Random, count: int) -> Iterator[tuple[Any, ...]]:
    for i in range(1, count + 1):
        draw = rng.random()
        status = "running" if draw < 0.001 else STATUSES[0 if draw > 0.03 else 1 if draw > 0.01 else 2]
        created_at = BEGAN_AT + i * EVERY_S + rng.random()
        took_s = rng.lognormvariate(3.0, 2.0)
        name = f"{_WORDS[rng.randrange(60)]}-{_ANIMALS[rng.randrange(60)]}-{i % 9973}"
        voice = ("python", "orquestra", "yadage")[i % 3]
        parent = f"{i - i % 100:012x}" if i % 100 == 1 and i > 100 else ""
        yield (
            i, f"{i:012x}", name, f"flow_{rng.randrange(WORKFLOWS)}", json.dumps({"voice": voice}),
            json.dumps({"lr": i % 50 / 100, "seed": i}), parent, json.dumps([f"tag{i % 20}"]), voice, status,
            created_at, created_at + 1, None if status == "running" else created_at + 1 + took_s,
        )  # fmt: skip


def _terms(count: int) -> Iterator[tuple[str, str, Any, int]]:
    for kind, name in (("metric", "loss"), ("param", "lr"), ("param", "seed"), ("tag", "")):
        for i in range(1, count + 1):
            if kind == "metric" and i % 10 == 0:
                yield kind, name, i % 1000 / 1000, i
            elif kind == "param":
                yield kind, name, i % 50 / 100 if name == "lr" else i, i
            elif kind == "tag":
                yield kind, name, f"tag{i % 20}", i


_WORDS = [f"{a}{b}" for a in ("amber", "brisk", "calm", "dusty", "early", "faint") for b in "abcdefghij"]
_ANIMALS = [f"{a}{b}" for a in ("fox", "owl", "eel", "lynx", "wren", "moth") for b in "abcdefghij"]

if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
