"""Engines of runs of tasks and rules, killed while events flow: none is lost, no rule fires twice for one cause, and
an endless task runs again, never two at a time.

    python -m tests.faults.reactions [KILLS] [SEED]
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.programs.running import engine, memory_host
from tests.programs.targets import note, own_key

from motet import deaths
from motet.dialects.declared.plugin import new_run
from motet.kernel.transitions import ENDED
from motet.ports import Publication, Store
from motet.stores.sqlite import SqliteStore

_DYING_S = 5.0
_AHEAD = 100


def endless(path: str) -> None:
    """Holds a lock as long as it lives; who finds it held, and not by one that is just dying, says so."""
    with open(f"{path}.lock", "w") as lock:
        until = time.monotonic() + _DYING_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    note(path, "two")
                    raise
                time.sleep(0.01)
        note(path, "alive", os.getpid())
        while True:
            time.sleep(60)


def short(path: str) -> None:
    """Leave a line."""
    note(path, own_key())


def plan(path: str) -> dict[str, Any]:
    """An endless task, one that each event starts, one that every third starts, and an end."""
    policy = {"executor": "processes", "slot": False}

    def task(name: str) -> dict[str, Any]:
        return {"call": {"target": f"tests.faults.reactions:{name}", "args": [path]}, "policy": policy}

    event = {"rule": "event", "key": "x"}
    return {
        "tasks": {
            "stream": task("endless"), "each": {**task("short"), "while_alive": "queue"},
            "third": {**task("short"), "while_alive": "another"},
        },
        "rules": [
            {"id": "each", "task": "each", "when": event},
            {"id": "third", "task": "third", "when": {"rule": "count", "of": event, "times": 3}},
            {"id": "end", "do": "finish", "when": {"rule": "event", "key": "end"}},
        ],
    }  # fmt: skip


def campaign(home: Path, kills: int, rng: random.Random) -> dict[str, int]:
    """Kill engines, and check what has come of all events. Gives how many there were of what."""
    store, path = SqliteStore(str(home)), home / "ran"
    store.create_run(new_run(memory_host(store), "r1", "motet.reacting.program:program", {"plan": plan(str(path))}))
    published: list[int] = []
    over = threading.Event()

    def publish() -> None:
        while not over.wait(rng.choice((0.0, 0.01, 0.05))):
            if sum(store.run("r1").counts.get(status, 0) for status in ("pending", "ready", "running")) > _AHEAD:
                continue  # what is under way as an engine is killed begins anew with the next: it must not pile up
            told = [Publication("x", "v", at=time.time()) for _ in range(rng.choice((1, 1, 2, 20)))]
            published.extend(store.publish(told))

    aside = threading.Thread(target=publish)
    try:
        for number in range(kills + 1):
            process = engine(home, "r1")
            while process.poll() is None and not path.exists():  # the first one is to have begun
                time.sleep(0.01)
            if number == 0:
                aside.start()
            if number == kills:
                break
            time.sleep(rng.uniform(0.1, 1.2))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            deaths.clear(store, store.run("r1"))
    finally:
        over.set()
        aside.join()
    store.publish([Publication("end", at=time.time())])
    _, said = process.communicate()
    if deaths.parked(store, "r1"):  # by the last kills, before which no step had ended
        deaths.clear(store, store.run("r1"))
        _, said = engine(home, "r1").communicate()
    assert store.run("r1").status in ENDED, (store.run("r1"), said)
    return _checked(store, path, published)


def _checked(store: Store, path: Path, published: list[int]) -> dict[str, int]:
    history = list(store.history("r1"))
    answers = [each for each in history if each["event"] == "wait.answered"]
    heard = Counter(cause["offset"] for each in answers if each["wait"] == "each" for cause in each["told"]["causes"])
    assert heard == Counter(published), "an event was lost, or counted twice"
    thirds = Counter(cause["offset"] for each in answers if each["wait"] == "third" for cause in each["told"]["causes"])
    assert thirds == Counter(published[: len(published) // 3 * 3]), "a count has lost an event, or counted one twice"
    added = [each for each in history if each["event"] == "step.added"]
    causes = [repr(each["call"]["cause"]) for each in added if each["call"]["cause"] is not None]
    assert len(causes) == len(set(causes)), "a cause has started something twice"
    lines = path.read_text().split("\n")
    assert "two" not in lines, "an endless task ran twice at a time"
    alive = sum(each.startswith("alive") for each in lines)
    started = sum(each["event"] == "step.started" and each["key"] == "stream#1" for each in history)
    ended = {step.key for step in store.steps("r1", status="succeeded")}
    assert ended <= set(lines), "a task counts as done that never ran"
    return {"events": len(published), "executions": len(added), "streams": alive, "starts": started}


def main(kills: int, seed: int) -> None:
    """A campaign in a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        print(f"seed {seed}: {campaign(Path(home), kills, random.Random(seed))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
