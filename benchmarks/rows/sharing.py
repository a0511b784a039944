"""What a recorded step costs while other processes write to the same store."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.floors import TwoRows

PROCESSES = 8


def shared(bench: Bench) -> list[Figure]:
    """Eight processes, each calling no-ops in a flow of its own, on one store; and doing the floor's work."""
    calls = bench.size(1000, 20)
    values, floors, longest = [], [], []
    for _ in range(bench.size(3, 1)):
        home = bench.home()
        took_s, waits_s = _together(bench, home, "sharing:flow_steps", calls)
        values.append(took_s)
        longest.append(waits_s)
        floors.append(_together(bench, home, "sharing:floor_steps", calls)[0])
    return [
        Figure("a call, all together", "us", values, floors, note=f"{PROCESSES * calls:,} calls, all recorded"),
        Figure("longest call", "ms", longest, note="of all, in each round"),
    ]


def _together(bench: Bench, home: str, target: str, calls: int) -> tuple[float, float]:
    """Seconds a call from the first one's begin to the last one's end; and the longest single call."""
    import json

    begin_at = time.monotonic() + (1.0 if bench.quick else 3.0)
    started = [bench.start(target, home, calls=calls, begin_at=begin_at) for _ in range(PROCESSES)]
    found = []
    for process, result in started:
        if process.wait(600) != 0:
            raise RuntimeError(f"{target} ended with status {process.returncode}")
        with open(result) as file:
            found.append(json.load(file))
    took_s = max(each["ended_at"] for each in found) - min(each["began_at"] for each in found)
    return took_s / (PROCESSES * calls), max(each["longest_s"] for each in found)


# ---------------------------------------------------------------- in fresh processes


def flow_steps(calls: int, begin_at: float) -> dict[str, float]:
    from motet import flow, task

    @task
    def nothing() -> None:
        return None

    @flow
    def measured() -> dict[str, float]:
        return _timed(nothing, calls, begin_at)

    return measured()


def floor_steps(calls: int, begin_at: float) -> dict[str, float]:
    import os

    floor = TwoRows(os.path.join(os.environ["MOTET_HOME"], "floor.db"))
    return _timed(lambda: floor.one_by_one(1), calls, begin_at)


def _timed(act: Any, calls: int, begin_at: float) -> dict[str, float]:
    act()
    time.sleep(max(0.0, begin_at - time.monotonic()))
    began_at = last_at = time.monotonic()
    longest_s = 0.0
    for _ in range(calls):
        act()
        now = time.monotonic()
        longest_s, last_at = max(longest_s, now - last_at), now
    return {"began_at": began_at, "ended_at": last_at, "longest_s": longest_s}
