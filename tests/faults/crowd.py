"""Many processes on one store at once: each runs flows, and followers read all that happens.

    python -m tests.faults.crowd --processes 8 --flows 50 --seed 1

No process ever hears that the database is locked. A follower sees every event, once, in the order of the offsets,
with none left out; what runs recorded and what they published is all there.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.kills import ROOT

from motet import flow, publish, task
from motet.app import hosts
from motet.ports import Entry, Publication
from motet.stores.sqlite import SqliteStore

END = "crowd.end"
PATIENCE_S = 600.0


@task
def twice(n: int) -> int:
    return 2 * n


@task(retries=1)
def hasty(n: int, attempts: list[int]) -> int:
    attempts.append(n)
    if len(attempts) == 1:
        raise ValueError("once")
    return n


@flow
def visitor(who: str, number: int, width: int) -> int:
    """Plain calls, submitted ones, a map, a retry, published events."""
    total = sum(twice(n) for n in range(width))
    future = twice.submit(number)
    total += sum(twice.map(range(width)).result()) + hasty(number, []) + future.result()
    for n in range(3):
        publish(f"{who}.{number}.{n}", {"total": total}, client_key=f"{who}/{number}/{n}")
    return total


def visit(who: str, flows: int, seed: str) -> None:
    """Run flows, one after the other."""
    rng = random.Random(seed)
    for number in range(flows):
        width = rng.randint(1, 12)
        assert visitor(who, number, width) == 2 * width * (width - 1) + 3 * number
    hosts.close()


def account(entry: Entry) -> str:
    """What a follower notes of an event."""
    return f"{entry.offset} {entry.run} {entry.seq} {entry.key} {entry.published}\n"


def follow(file: str) -> None:
    """Note every event, as it comes, until the end is published."""
    store = hosts.current().store
    follower = store.follow()
    last = 0
    with open(file, "w") as notes:
        while True:
            for entry in store.read(last, limit=100):
                assert entry.offset == last + 1, f"event {entry.offset} came after {last}"
                last = entry.offset
                notes.write(account(entry))
                if entry.published and entry.key == END:
                    return
            follower.wait(None)


def start(home: Path, *words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.crowd", *map(str, words)]
    env = {**os.environ, "MOTET_HOME": str(home), "MOTET_THREADS": "2"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def gather(home: Path, processes: int, flows: int, seed: str, followers: int = 2) -> str:
    """Have so many processes run flows at once. Raises AssertionError if a check fails; gives the figures."""
    began = time.monotonic()
    listening = [start(home, "follow", home / f"notes-{number}") for number in range(followers)]
    visiting = [start(home, "visit", f"v{number}", flows, f"{seed}/{number}") for number in range(processes)]
    for each in visiting:
        said, _ = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, said.decode()
        retried = [line for line in said.splitlines() if b"attempt 1 failed: ValueError: once" in line]
        assert said.splitlines() == retried, said.decode()  # not even a warning that somebody waits
    took_s = time.monotonic() - began
    store = SqliteStore(str(home))
    store.publish([Publication(END)])
    for each in listening:
        said, _ = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, said.decode()
    events = _check(store, home, processes, flows, followers)
    store.close()
    return f"{processes} processes, {processes * flows} runs, {events} events in {took_s:.1f} s: none lost"


def _check(store: SqliteStore, home: Path, processes: int, flows: int, followers: int) -> int:
    """Hold what the followers noted against the journal, and that against what was done."""
    whole: list[Entry] = []
    while entries := store.read(whole[-1].offset if whole else 0):
        whole += entries
    assert [entry.offset for entry in whole] == list(range(1, store.head() + 1))
    wanted = hashlib.sha256("".join(map(account, whole)).encode()).hexdigest()
    for number in range(followers):
        assert hashlib.sha256((home / f"notes-{number}").read_bytes()).hexdigest() == wanted
    published = Counter(entry.key for entry in whole if entry.published)
    names = [f"v{who}.{number}.{n}" for who in range(processes) for number in range(flows) for n in range(3)]
    assert published == Counter([*names, END])
    runs = store.runs(limit=processes * flows + 1)
    assert len(runs) == processes * flows
    assert {run.status for run in runs} == {"succeeded"}
    for run in runs:
        assert [entry.seq for entry in whole if entry.run == run.id and not entry.published] == list(
            range(1, run.seq + 1)
        )
    assert store.check() == []
    return len(whole)


def main() -> None:
    """The command."""
    act, *words = sys.argv[1:] or [""]
    if act == "visit":
        visit(words[0], int(words[1]), words[2])
        return
    if act == "follow":
        follow(words[0])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--flows", type=int, default=50, help="for each process")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(2**32):x}")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="motet-crowd-") as folder:
        print(gather(Path(folder), options.processes, options.flows, options.seed))


if __name__ == "__main__":
    main()
