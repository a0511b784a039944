"""Schedulers that are killed, stopped and let go on, several on one store: each due time begins once, none is lost.

    python -m tests.faults.schedulers --count 50

The engines that they start are not real ones: only what is begun is looked at.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from motet.ports import Publication
from motet.ports.definition import Definition
from motet.registry import definitions
from motet.scheduling import schedules, triggers
from motet.scheduling.schedules import Schedule
from motet.scheduling.times import due
from motet.scheduling.triggers import Trigger
from motet.stores.sqlite import SqliteStore

_POINTS = ("create_run.before", "create_run.after", "transaction.before", "transaction.after")
_PATIENCE_S = 120.0


def prepared(store: SqliteStore, overlap: str = "allow") -> None:
    """Three schedules by the second and a trigger, of a workflow whose engine ends at once."""
    definition = Definition("idle", {"voice": "program", "target": "m:f"}, name="idle", voice="program")
    definition.environment = {"interpreter": "/bin/true"}
    definitions.keep(store, definition, time.time())
    for number in range(3):
        made = Schedule(f"s{number}", "idle", every_s=1 + number * 0.5, catch_up="all", overlap=overlap)
        schedules.add(store, made, time.time())
    triggers.add(store, Trigger("t", "idle", key="data/*"), time.time())


def started(home: str, failpoint: str = "") -> subprocess.Popen[bytes]:
    env = {**os.environ, "MOTET_HOME": home, "MOTET_FAILPOINTS": failpoint}
    env = {name: value for name, value in env.items() if value}
    return subprocess.Popen([sys.executable, "-P", "-m", "motet.cli", "scheduler"], env=env, stdout=subprocess.DEVNULL)


def campaign(home: str, count: int, rng: random.Random) -> tuple[int, int]:
    """Kill or stop a scheduler so many times, with another beside it; gives how many due times and events there were.

    Raises AssertionError for one that was lost, or a run that nothing was the cause of.
    """
    with closing(SqliteStore(home)) as store:
        prepared(store)
        events = []
        processes = [started(home), started(home)]
        try:
            for _ in range(count):
                events.append(store.publish([Publication("data/x", at=time.time())])[0])
                time.sleep(rng.uniform(0.2, 1.2))
                at = rng.randrange(2)
                if rng.random() < 0.3:
                    processes[at].send_signal(signal.SIGSTOP)
                    time.sleep(rng.uniform(0.1, 0.6))
                    processes[at].send_signal(signal.SIGCONT)
                    continue
                processes[at].kill()
                processes[at].wait()
                point = f"{rng.choice(_POINTS)}=kill@{rng.randrange(1, 6)}" if rng.random() < 0.5 else ""
                processes[at] = started(home, point)
        finally:
            for each in processes:
                each.kill()
                each.wait()
        until = time.time()
        settle(home, store, until, events)
        return checked(store, until, events)


def settle(home: str, store: SqliteStore, until: float, events: list[int]) -> None:
    """Let one scheduler do what is left."""
    last = started(home)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not _is_done(store, until, events):
            assert time.monotonic() < deadline, "not all that came has begun"
            time.sleep(0.2)
    finally:
        last.kill()
        last.wait()


def _is_done(store: SqliteStore, until: float, events: list[int]) -> bool:
    begun = {row.id for row in store.runs(limit=100_000)}
    return begun >= _wanted(store, until, events)


def _wanted(store: SqliteStore, until: float, events: list[int]) -> set[str]:
    """The ids of the runs that were to begin up to that time."""
    found = {f"t1-{each}" for each in events}
    for schedule in schedules.every(store):
        for moment in due(schedule, schedule.created_at):
            if moment > until:
                break
            found.add(schedules.run_id(schedule, moment))
    return found


def checked(store: SqliteStore, until: float, events: list[int]) -> tuple[int, int]:
    """See that each time and event has begun one run, and that nothing else has."""
    rows = store.runs(limit=100_000)
    wanted = _wanted(store, until, events)
    begun = {row.id for row in rows}
    assert wanted <= begun, f"lost: {sorted(wanted - begun)}"
    later = _wanted(store, time.time() + 1, events)
    assert begun <= later, f"of no cause: {sorted(begun - later)}"
    causes = [str(row.program["begun_by"]) for row in rows]
    assert len(set(causes)) == len(causes), "two runs of one cause"
    for schedule in schedules.every(store):
        assert schedule.state.get("skipped", 0) == 0, schedule.state
    return len(wanted) - len(events), len(events)


def main() -> None:
    """Say the seed, and what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", default=os.urandom(4).hex())
    options = parser.parse_args()
    print(f"seed: {options.seed}")
    with TemporaryDirectory() as folder:
        times, events = campaign(str(Path(folder, "home")), options.count, random.Random(options.seed))
    print(f"{options.count} kills and stops: {times} due times and {events} events, each begun once")


if __name__ == "__main__":
    main()
