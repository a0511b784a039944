"""`python -m benchmarks peers [SYSTEM...] [--quick]`: one table, the same workloads in every system.

Each workload runs in a fresh process and folder. Systems take turns, round by round, so that all see the same
machine. A cell is the median of the time for one unit, with its ratio to Motet's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import machine
from benchmarks.peers.systems import SYSTEMS, WORK, System, cache_folder

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Workload:
    """A workload of a given size. `few` says whether systems that are very slow may do less of it."""

    name: str
    what: str
    unit: str
    size: int
    work: str = ""
    few: bool = True


WORKLOADS = [
    Workload("hello", "a script with one task, whole process", "process", 1),
    Workload("inline", "a no-op, one after the other", "task", 1000),
    Workload("submit", "1,000 no-ops, submitted", "task", 1000),
    Workload("map", "a map of 1,000", "element", 1000, few=False),
    Workload("map10", "a map of 10,000", "element", 10_000, "map", few=False),
    Workload("chain", "a chain of 1,000", "task", 1000),
    Workload("cached", "1,000 tasks again, from the cache", "task", 1000),
    Workload("array", "a 10 MB array from one task to another", "pair", 10, few=False),
]


@dataclass
class Cell:
    """Seconds for one unit, in each round; or why there is none."""

    samples: list[float]
    why: str = ""


def main(argv: Sequence[str]) -> int:
    """Measure, and print the table as Markdown."""
    options = _options(argv)
    folder = tempfile.mkdtemp(prefix=".motet-peers-", dir=os.path.abspath(options.folder))
    chosen = [each for each in SYSTEMS if not options.systems or each.name in options.systems]
    workloads = [each for each in WORKLOADS if not options.only or each.name in options.only]
    try:
        cells = _measure(chosen, workloads, folder, quick=options.quick, rounds=options.rounds, cache=options.cache)
        about = ", ".join(f"{name} {value}" for name, value in machine.described(folder).items())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(about + "\n")
    print(_table(chosen, workloads, cells))
    return 0


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks peers", description="Measure Motet beside its peers.")
    names = [each.name for each in SYSTEMS]
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", choices=[*names, []], help=f"{', '.join(names)} (all)")
    parser.add_argument("--only", action="append", metavar="WORKLOAD", choices=[each.name for each in WORKLOADS])
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how many processes for each cell (3)")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs; the figures mean nothing")
    parser.add_argument("--folder", default=".", help="where everything is kept (the disk matters; default: here)")
    parser.add_argument("--cache", default=cache_folder(), help="where environments are kept (default: %(default)s)")
    return parser.parse_args(argv)


def _measure(
    systems: Sequence[System], workloads: Sequence[Workload], folder: str, *, quick: bool, rounds: int, cache: str
) -> dict[tuple[str, str], Cell]:  # fmt: skip
    cells = {(system.name, work.name): Cell([]) for system in systems for work in workloads}
    pythons: dict[str, str] = {}
    for system in systems:
        try:
            pythons[system.name] = system.python(cache)
        except subprocess.CalledProcessError:
            for work in workloads:
                cells[system.name, work.name].why = "cannot be installed"
    for work in workloads:
        for _ in range(1 if quick else rounds):
            for system in systems:
                cell = cells[system.name, work.name]
                if work.name in system.lacks:
                    cell.why = "has none"
                elif not cell.why:
                    _sample(cell, system, work, pythons[system.name], folder, quick=quick)
                    print(f"{work.name} {system.name} {cell.samples[-1:] or cell.why}", file=sys.stderr, flush=True)
    return cells


def _sample(cell: Cell, system: System, work: Workload, python: str, folder: str, *, quick: bool) -> None:
    """Carry the workload out in a fresh process and folder."""
    size = work.size // (system.few if work.few and work.size > 1 else 1)
    size = min(size, 5) if quick else size
    own = tempfile.mkdtemp(dir=folder)
    result = os.path.join(own, "result.json")
    command = [python, os.path.join(WORK, f"in_{system.name}.py"), work.work or work.name, str(size), "1", result]
    began = time.perf_counter()
    try:
        with open(os.path.join(own, "said"), "w") as said:
            subprocess.run(command, cwd=own, env=_environ(own), stdout=said, stderr=said, timeout=TIMEOUT_S, check=True)
        took_s = time.perf_counter() - began
        with open(result) as file:
            samples = json.load(file)
        cell.samples.append(took_s if work.name == "hello" else samples[0] / size)
    except subprocess.TimeoutExpired:
        cell.why = f"> {TIMEOUT_S:g} s"
    except subprocess.CalledProcessError as error:
        with open(os.path.join(own, "said")) as said:
            last = said.read().strip().splitlines()[-1:]
        cell.why = f"fails ({''.join(last)[:60] or error.returncode})"
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _environ(own: str) -> dict[str, str]:
    """No setting but these; everybody is quiet, and calls nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MOTET_", "PREFECT_"))}
    return {
        **kept, "MOTET_HOME": os.path.join(own, "motet"), "PREFECT_HOME": os.path.join(own, "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }  # fmt: skip


def _table(
    systems: Sequence[System], workloads: Sequence[Workload], cells: dict[tuple[str, str], Cell]
) -> str:  # fmt: skip
    lines = ["| | " + " | ".join(each.name for each in systems) + " |", "|---|" + "---|" * len(systems)]
    for work in workloads:
        own = cells.get(("motet", work.name))
        told = [_told(cells[each.name, work.name], own, work.name in each.durable) for each in systems]
        lines.append(f"| {work.what}, per {work.unit} | " + " | ".join(told) + " |")
    return (
        "\n".join(lines) + "\n\n**Bold**: what was done outlives the process. In brackets: how many times Motet's time."
    )


def _told(cell: Cell, own: Cell | None, durable: bool) -> str:
    if not cell.samples:
        return cell.why
    value = median(cell.samples)
    shown = f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"
    told = f"**{shown}**" if durable else shown
    if own is None or not own.samples or cell is own:
        return told
    ratio = value / median(own.samples)
    return f"{told} ({ratio:.0f})" if ratio >= 10 else f"{told} ({ratio:.1f})"
