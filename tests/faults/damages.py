"""A campaign of damage to a store: its file, its log, its rows.

    python -m tests.faults.damages --count 5000

Each trial takes a copy of a home with an ended and a crashed run, damages it in one place, and lets commands loose on
it. They may say that something is damaged. They may never give a wrong result, show a traceback, or hang; a damaged run
can be stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from motet.cli import doctor, events, logs, outcome, prune, resume, run, show, stop  # noqa: F401 - loaded before forks
from motet.cli.main import main

PATIENCE_S = 120
"""No measure of speed: what takes this long hangs."""

FLOW = """
import os
from motet import flow, task

@task
def made(number):
    if number == int(os.environ.get("DIE_AT", "-1")):
        os.kill(os.getpid(), 9)
    return number * 7 + 1

@task
def total(numbers):
    return sum(numbers)

@flow
def damaged(base: int = 50, size: int = 12):
    return total([made(base + number) for number in range(size)])
"""

EXPECTED = sum(number * 7 + 1 for number in range(50, 62))
FORBIDDEN = ("Traceback (most recent", "fault in Motet")

Damage = Callable[[Path, random.Random], str]
"""Damages the home; gives what it did, in words."""


# ---------------------------------------------------------------- damages


def flipped(name: str) -> Damage:
    def damage(home: Path, rng: random.Random) -> str:
        path = home / name
        content = bytearray(path.read_bytes())
        at = rng.randrange(len(content)) if content else 0
        if content:
            content[at] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        return f"bit of byte {at} of {name}"

    return damage


def truncated(name: str) -> Damage:
    def damage(home: Path, rng: random.Random) -> str:
        size = rng.randrange(os.path.getsize(home / name) + 1)
        os.truncate(home / name, size)
        return f"{name} cut to {size} bytes"

    return damage


def zeroed(name: str) -> Damage:
    def damage(home: Path, rng: random.Random) -> str:
        content = bytearray((home / name).read_bytes())
        size = rng.choice((512, 4096))
        at = rng.randrange(max(1, len(content) // size)) * size
        content[at : at + size] = bytes(len(content[at : at + size]))
        (home / name).write_bytes(content)
        return f"{size} bytes of {name} zeroed from {at} on"

    return damage


_CELLS = {
    "records": ("count", "run", "last_seq", "body", "steps"),
    "runs": ("id", "name", "program", "params", "tags", "status", "result", "created_at", "owner", "counts"),
    "steps": ("key", "task", "status", "result", "needs", "attempt"),
}


def changed_cell(home: Path, rng: random.Random) -> str:
    """One cell is another value, or another character of its text."""
    table = rng.choice(sorted(_CELLS))
    column = rng.choice(_CELLS[table])
    with opened(home) as db:
        found = db.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
        if not found:
            return "nothing"
        row, value = rng.choice(found)
        if isinstance(value, str) and value and rng.random() < 0.8:
            at = rng.randrange(len(value))
            value = value[:at] + rng.choice('0123456789abc"}],') + value[at + 1 :]
        else:
            value = rng.choice((None, 7, -1, 2**40, 0.5, "", "[]", "null", "x", b"\xff\xfe"))
        with contextlib.suppress(sqlite3.IntegrityError):
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
    return f"{column} of row {row} of {table} is {value!r:.40}"


_SWAPPED = (("records", ("body", "steps", "seal")), ("steps", ("result", "seal")), ("records", ("body",)))


def swapped_rows(home: Path, rng: random.Random) -> str:
    """The contents of two rows stand in each other's place."""
    table, columns = rng.choice(_SWAPPED)
    with opened(home) as db:
        names = ", ".join(columns)
        found = db.execute(f"SELECT rowid, {names} FROM {table}").fetchall()
        if len(found) < 2:
            return "nothing"
        one, other = rng.sample(found, 2)
        sets = ", ".join(f"{name} = ?" for name in columns)
        for row, cells in ((one[0], other[1:]), (other[0], one[1:])):
            db.execute(f"UPDATE {table} SET {sets} WHERE rowid = ?", (*cells, row))
    return f"{names} of rows {one[0]} and {other[0]} of {table} swapped"


def deleted_rows(home: Path, rng: random.Random) -> str:
    table = rng.choice(("records", "records", "steps", "runs", "documents", "checkpoints"))
    with opened(home) as db:
        found = db.execute(f"SELECT rowid FROM {table}").fetchall()
        if not found:
            return "nothing"
        first = rng.randrange(len(found))
        gone = found[first : first + rng.choice((1, 1, 3))]
        db.executemany(f"DELETE FROM {table} WHERE rowid = ?", gone)
    return f"{len(gone)} rows of {table} deleted from {gone[0][0]} on"


@contextlib.contextmanager
def opened(home: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(home / "store.db", isolation_level=None)
    try:
        yield db
    finally:
        db.close()


KINDS: dict[str, Damage] = {
    "bit of the file": flipped("store.db"), "bit of the log": flipped("store.db-wal"),
    "file cut": truncated("store.db"), "log cut": truncated("store.db-wal"),
    "file zeroed": zeroed("store.db"), "log zeroed": zeroed("store.db-wal"),
    "cell": changed_cell, "swapped": swapped_rows, "deleted": deleted_rows,
}  # fmt: skip


# ---------------------------------------------------------------- trials


def homes(folder: Path) -> list[Path]:
    """Two homes alike: what was recorded stands in the log of one, and in the file of the other."""
    (folder / "damaged.py").write_text(FLOW)
    home = folder / "log"
    for name, env in (("done", {}), ("beside", {}), ("crashed", {"DIE_AT": "58"})):
        subprocess.run(
            [sys.executable, "-P", "-m", "motet.cli", "run", "damaged.py", "--name", name],
            cwd=folder, env={**os.environ, "MOTET_HOME": str(home), **env}, capture_output=True, check=False,
        )  # fmt: skip
    written = folder / "file"
    copied(home, written)
    with opened(written) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return [home, written]


def copied(home: Path, to: Path) -> None:
    """Copy a home, but for the FIFOs that are nobody's any more."""
    shutil.copytree(home, to, ignore=lambda folder, _: os.listdir(folder) if folder.endswith("wake") else ())


def trial(home: Path, kind: str, rng: random.Random) -> tuple[str, list[str], dict[str, int]]:
    """Damage the home, and let commands loose on it; gives what was done, and what must not have happened."""
    done = KINDS[kind](home, rng)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        signal.alarm(PATIENCE_S)
        found = _looked(home)
        with os.fdopen(writer, "w") as out:
            json.dump(found, out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    status = os.waitpid(child, 0)[1]
    if status:
        return done, [f"ended with status {status}: it hung, or died"], {}
    wrong, said = json.loads(text)
    return done, wrong, said


def _looked(home: Path) -> tuple[list[str], Counter[str]]:
    """What must not have happened, and how often a run that was carried on or forked gave the right result, or none."""
    os.environ["MOTET_HOME"] = str(home)
    wrong: list[str] = []
    said = Counter[str]()
    for args in (("ls",), ("doctor",), ("show", "crashed"), ("events",)):
        _motet(args, wrong)
    for args in (("resume", "crashed", "--plain"), ("fork", "done", "--plain")):
        code, out = _motet(args, wrong)
        said["refused" if code else "right"] += 1
        if code == 0 and f"Result: {EXPECTED}\n" not in out:
            wrong.append(f"{args}: wrong result: {out}")
        if code and "Run " in out and "is damaged in the store" in out and args[0] == "resume":
            code, out = _motet(("stop", "crashed"), wrong)
            if code:
                wrong.append(f"a damaged run cannot be stopped: {out}")
    _motet(("show", "done"), wrong)
    _motet(("prune", "--older-than", "0s"), wrong)
    return wrong, said


def _motet(args: tuple[str, ...], wrong: list[str]) -> tuple[int, str]:
    """The command's exit code, and all that it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(list(args))
    text = out.getvalue()
    wrong += [f"motet {' '.join(args)}: {text[-1500:]}" for each in FORBIDDEN if each in text]
    return code, text


def campaign(numbers: Sequence[int], seed: str, folder: Path, tell: Callable[[str], None]) -> int:
    """The trials of these numbers; gives how many went wrong."""
    made = homes(folder)
    faults = 0
    tried: Counter[str] = Counter()
    for number in numbers:
        rng = random.Random(f"{seed}/{number}")
        kind = list(KINDS)[number % len(KINDS)]
        source = made[0] if "log" in kind else rng.choice(made)
        home = folder / "trial"
        copied(source, home)
        done, wrong, said = trial(home, kind, rng)
        tried.update(said)
        for each in wrong:
            tell(f"--seed {seed} --only {number}: {done}: {each}")
        faults += bool(wrong)
        shutil.rmtree(home)
    tell(f"{len(numbers)} damages, {faults} faults; results: {dict(tried)}")
    return faults


def command() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--only", type=int, help="this trial alone")
    parser.add_argument("--seed", default=os.urandom(4).hex())
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    numbers = range(options.count) if options.only is None else [options.only]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        return int(campaign(numbers, options.seed, Path(folder), lambda text: print(text, flush=True)) > 0)


if __name__ == "__main__":
    sys.exit(command())
