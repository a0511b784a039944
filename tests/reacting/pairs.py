"""Two tasks that end at the same moment, again and again: what comes after both starts once for each pair of them.

python -m tests.reacting.pairs [PAIRS]
"""

from __future__ import annotations

import sys
import threading
import time

from tests.programs.running import memory_host, run_here

from motet.engine.host import Host
from motet.errors import NotFound
from motet.ports import Publication, StepRow

_GATE = threading.Barrier(2)


def together() -> None:
    """End when the other one does."""
    _GATE.wait()


def nothing() -> None:
    """Do nothing."""


def rounds(pairs: int) -> list[StepRow]:
    """So many pairs; gives the executions of the third task."""
    policy = {"executor": "threads"}
    upstream = {"call": {"target": "tests.reacting.pairs:together"}, "policy": policy}
    heeded = [{"rule": "status", "status": "succeeded", "task": name} for name in "ab"]
    latest = {"a": "succeeded", "b": "succeeded"}
    plan = {
        "tasks": {"a": upstream, "b": upstream, "c": {**upstream, "call": {"target": "tests.reacting.pairs:nothing"}}},
        "rules": [
            {"task": "c", "when": {"rule": "any", "rules": heeded}, "latest": latest},
            *({"task": name, "when": {"rule": "event", "key": "go"}} for name in "ab"),
            {"do": "finish", "when": {"rule": "event", "key": "end"}},
        ],
        "ends": False,
    }  # fmt: skip

    def meanwhile(host: Host) -> None:
        for number in range(1, pairs + 1):
            host.store.publish([Publication("go", at=time.time())])
            while not _has_ended(host, f"c#{number}"):
                time.sleep(0.0005)
        host.store.publish([Publication("end", at=time.time())])

    host = memory_host()
    row, _ = run_here(host, "motet.reacting.program:program", {"plan": plan}, meanwhile)
    assert row.status == "succeeded", row
    found = [step for step in host.store.steps("r1") if step.task == "c"]
    host.close()
    return found


def _has_ended(host: Host, key: str) -> bool:
    try:
        return host.store.step("r1", key).status == "succeeded"
    except NotFound:
        return False


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    started = rounds(wanted)
    assert len(started) == wanted, f"{len(started)} executions after {wanted} pairs"
    print(f"{wanted} pairs: {wanted} executions")
