"""How long a run with a long history takes until it gets on."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure


def resume(bench: Bench) -> list[Figure]:
    """From the start of a process that resumes a killed run to the first step that had not been recorded."""
    steps = bench.size(100_000, 500)
    home = bench.home()
    _killed(bench, "resume:run", home, steps=steps)
    values = []
    for _ in range(bench.size(3, 1)):
        began_at = time.monotonic()
        values.append(_killed(bench, "resume:go_on", home) - began_at)
    return [Figure(f"{steps:,} steps", "s", values, budget=Budget("value", 3.0, "<= 3 s"))]


def _killed(bench: Bench, target: str, home: str, **sizes: Any) -> float:
    """Run until the step that kills the process; gives the time at which that step began."""
    process, _ = bench.start(target, home, **sizes)
    if process.wait() != -signal.SIGKILL:
        raise RuntimeError(f"{target} was to be killed, and ended with status {process.returncode}")
    with open(os.path.join(home, "progress")) as file:
        return float(file.read())


# ---------------------------------------------------------------- in fresh processes


def run(steps: int) -> None:
    from benchmarks.rows.long_flow import long

    long(steps)


def go_on() -> None:
    from motet import app
    from motet.ports.voice import Onward

    host = app.hosts.current()
    app.carry_on(host, host.store.runs(limit=1)[0], Onward())
