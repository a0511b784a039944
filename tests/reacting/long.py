"""A run of tasks and rules over a week of simulated time: its memory and its checkpoints are those of its first hours.

python -m tests.reacting.long [EXECUTIONS] [EVENTS FOR EACH]
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import StartAttempt
from motet.kernel.inputs import Succeeded
from motet.ports import NewRun, Owner, Retention
from motet.reacting.plan import Plan
from motet.reacting.program import Reactor
from motet.stores.sqlite import SqliteStore

WEEK_S = 7 * 86400.0
_EVENT = {"rule": "event", "key": "x"}


class Clock:
    """A clock that is set by hand."""

    at = 1000.0

    def now(self) -> float:
        """The time it was set to."""
        return self.at


def plan(each: int) -> Plan:
    """An endless task, one that every `each` events start, and one that follows it."""
    follows = [{"rule": "status", "status": "succeeded", "task": "train"}]
    return Plan.from_json({
        "tasks": {"stream": {}, "train": {}, "check": {}},
        "rules": [
            {"task": "train", "when": {"rule": "count", "of": _EVENT, "times": each}},
            {"task": "check", "when": {"rule": "any", "rules": follows}, "latest": {"train": "succeeded"}},
            {"task": "stream", "do": "stop", "when": {"rule": "absence", "of": _EVENT, "for_s": WEEK_S}},
        ],
    })  # fmt: skip


def drive(home: Path, executions: int, each: int) -> list[tuple[int, int]]:
    """So many executions of the task, and of the other; gives (checkpoint in bytes, memory in KB) at tenths of it."""
    store, clock = SqliteStore(str(home)), Clock()
    store.create_run(NewRun("r", "r", "w", {}))
    epoch = store.claim("r", Owner("h", "b", 1, 1), 1e9).epoch
    session = Session(store, clock, load_state(store, "r", 0), epoch=epoch, program=Reactor(plan(each)))
    session.begin("test")
    offset, sizes = 0, []
    for number in range(1, executions // 2 + 1):
        clock.at += WEEK_S / executions * 2
        told = [ev.EventReceived(clock.at, offset := offset + 1, "x", value="v") for _ in range(each)]
        commands = session.feed(told)
        while starts := [command for command in commands if isinstance(command, StartAttempt)]:
            commands = session.feed([Succeeded(clock.at, start.key, start.attempt) for start in starts])
            session.touched = {}  # as whoever drives it does
        if number % max(1, executions // 20) == 0:
            session.flush()
            store.prune(Retention())
            size = len(json.dumps(checkpoint.to_json(session.state)))
            sizes.append((size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    counts = session.state.counts
    assert counts["succeeded"] == executions // 2 * 2, counts
    assert counts["running"] == 1
    store.close()
    return sizes


def main(executions: int, each: int) -> None:
    """In a folder of its own."""
    with tempfile.TemporaryDirectory() as home:
        sizes = drive(Path(home), executions, each)
    for size, memory in sizes:
        print(f"checkpoint {size} bytes, memory {memory // 1024} MB")
    assert sizes[-1][0] <= 1.05 * sizes[0][0], "the checkpoint grows"
    assert sizes[-1][1] <= 1.05 * sizes[0][1], "the memory grows"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 20)
