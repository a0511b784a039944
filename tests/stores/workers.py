"""What the processes of these tests do: `python workers.py WHAT HOME ARGUMENT...`, one JSON line at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from motet.errors import Fenced
from motet.ports import Batch, NewRun, Owner, Publication, StepRow
from motet.stores.sqlite import SqliteStore

_begun: list[subprocess.Popen[str]] = []


def begin(what: str, home: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start one of the functions below in a process of its own."""
    command = [sys.executable, __file__, what, str(home), *map(str, arguments)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    _begun.append(process)
    return process


def end_all() -> None:
    """End what still runs."""
    while _begun:
        process = _begun.pop()
        process.kill()
        process.wait()


def result(process: subprocess.Popen[str]) -> Any:
    """What the process printed last; fails with its errors if it failed or logged anything."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert not errors
    return json.loads(out.splitlines()[-1])


def claimed(store: SqliteStore, run: str) -> int:
    store.create_run(NewRun(run, run, "w", {}))
    return store.claim(run, Owner("h", "b", os.getpid(), 0), 1e12, force=True).epoch


def write(home: str, run: str, count: str) -> None:
    """Append `count` events two by two, and publish as many; prints the offsets and the longest wait."""
    store = SqliteStore(home)
    epoch = claimed(store, run)
    offsets = []
    longest_s = 0.0
    for seq in range(0, int(count), 2):
        began = time.perf_counter()
        events = [{"event": "e", "at": 1.0, "run": run, "seq": seq + i} for i in (1, 2)]
        store.append(run, epoch, seq, Batch(events, [StepRow(f"s{seq}", "t", "call", "succeeded")]))
        offsets += [entry.offset for entry in store.read(offsets[-1] if offsets else 0, run=run) if entry.seq > seq]
        longest_s = max(longest_s, time.perf_counter() - began)
        offsets += store.publish([Publication(run, seq, client_key=f"{run}-{seq}"), Publication(run, seq)])
    store.close()
    print(json.dumps({"offsets": offsets, "longest_s": longest_s}))


def follow(home: str, until: str, published: str) -> None:
    """Read on until so many events were seen, waiting without limit in between; prints the offsets."""
    store = SqliteStore(home)
    only_published = published == "True"
    follower = store.follow(published=only_published)
    seen: list[int] = []
    while len(seen) < int(until):
        new = store.read(seen[-1] if seen else 0, limit=100, published=only_published)
        seen += [entry.offset for entry in new]
        if not new:
            follower.wait(None)
    follower.close()
    store.close()
    print(json.dumps(seen))


def race(home: str, run: str, epoch: str, until: str) -> None:
    """Append one event after the last one, over and over, as others do too; prints the numbers that were won."""
    store = SqliteStore(home)
    won = []
    seq = store.run(run).seq
    while seq < int(until):
        try:
            store.append(run, int(epoch), seq, Batch([{"event": "e", "at": 1.0, "pid": os.getpid()}]))
            won.append(seq + 1)
        except Fenced:
            pass
        seq = store.run(run).seq
    store.close()
    print(json.dumps(won))


def count(home: str, name: str, times: str) -> None:
    """Take numbers of a sequence and write versions of a document; prints the numbers."""
    store = SqliteStore(home)
    print(json.dumps([store.next_number("v", name) for _ in range(int(times))]))
    store.close()


def append_for_ever(home: str, run: str) -> None:
    """Append, and say each number once it is acknowledged, until killed."""
    store = SqliteStore(home)
    epoch = claimed(store, run)
    seq = store.run(run).seq
    while True:
        count = 1 + seq % 3
        fill = "x" * (seq * 37 % 5000)
        events = [{"event": "e", "at": 1.0, "seq": seq + i + 1, "fill": fill} for i in range(count)]
        store.append(run, epoch, seq, Batch(events, [StepRow(f"s{seq % 100}", "t", "call", "succeeded")]))
        seq += count
        os.write(1, b"%d\n" % seq)


def be_interrupted(home: str, run: str, times: str) -> None:
    """Append, publish and look through any number of interrupts; prints the last number acknowledged and all."""
    store = SqliteStore(home)
    epoch = claimed(store, run)
    acknowledged = interrupts = 0
    armed = False

    def interrupt(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    print("ready", flush=True)
    while interrupts < int(times):
        try:
            armed = True
            seq = store.run(run).seq
            while True:
                store.append(run, epoch, seq, Batch([{"event": "e", "at": 1.0}]))
                seq = acknowledged = seq + 1
                if seq % 5 == 0:
                    store.append(run, epoch, seq, Batch([{"event": "e", "at": 1.0}], run={"status": "running"}))
                    seq = acknowledged = seq + 1
                    store.publish([Publication("p")])
                    store.read(seq)
        except KeyboardInterrupt:
            interrupts += 1
    store.publish([Publication("end")])
    print(json.dumps([acknowledged, len(list(store.history(run)))]), flush=True)
    store.close()


def hold(home: str) -> None:
    """Stand in the middle of a transaction until a line comes in."""
    store = SqliteStore(home)
    store.head()

    def act(execute: Any) -> None:
        execute("INSERT INTO aliases VALUES ('v', 'held', 'r')")
        print("holding", flush=True)
        sys.stdin.readline()

    store._database.write(act)
    store.close()
    print(json.dumps("let go"))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
