"""What lines cost that steps write: of a command beside `cat > file`, of a Python task beside a file of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.figures import Budget, Figure, at_most_times

LINE = "0123456789\n"
_RATE = 20e6


def many(bench: Bench) -> list[Figure]:
    """Lines of eleven bytes, kept and shown in a file, at once as many as a million."""
    rounds, count = bench.size(5, 1), bench.size(1_000_000, 10_000)
    budget = Budget("value", count * len(LINE) / _RATE, ">= 20 MB/s")
    found = bench.fresh("lines:written", rounds=rounds, count=count)
    return [
        Figure("of a command", "ms", found["command"], found["cat"], budget),
        Figure("of a command, CPU", "ms", found["command, CPU"], found["cat, CPU"], at_most_times(10)),
        Figure("of a task that prints", "ms", found["print"], found["file"], at_most_times(2.5)),
    ]


# ---------------------------------------------------------------- in a fresh process


def written(rounds: int, count: int) -> dict[str, list[float]]:
    from motet import command, flow, task

    folder = os.environ["MOTET_HOME"]
    source, target = os.path.join(folder, "source"), os.path.join(folder, "target")
    with open(source, "w") as file:
        file.write(LINE * count)
    blast = command(["head", "-c", str(len(LINE) * count), source], name="blast")
    found: dict[str, list[float]] = {}

    @task
    def speak() -> None:
        _print(count)

    def cat() -> None:
        subprocess.run(["sh", "-c", f"head -c {len(LINE) * count} {source} | cat > {target}"], check=True)

    def to_file() -> None:
        program = f"for _ in range({count}): print({LINE.rstrip()!r})"
        with open(target, "w") as file:
            subprocess.run([sys.executable, "-c", program], stdout=file, check=True)

    @flow
    def measured() -> None:
        for number in range(rounds + 1):
            for name, act in (("command", blast), ("cat", cat), ("print", speak), ("file", to_file)):
                took_s, cpu_s = _measured(act)
                if number:
                    found.setdefault(name, []).append(took_s)
                    found.setdefault(f"{name}, CPU", []).append(cpu_s)

    with open(os.path.join(folder, "shown"), "w") as shown:
        before, sys.stdout = sys.stdout, shown
        try:
            measured()
        finally:
            sys.stdout = before
    return found


def _print(count: int) -> None:
    for _ in range(count):
        print("0123456789")


def _measured(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of all processes."""
    began, before = time.perf_counter(), _cpu_s()
    act()
    return time.perf_counter() - began, _cpu_s() - before


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
