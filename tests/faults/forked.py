"""The campaign of forks and pools: tasks of every kind start pools and fork children, and the run is always right.

    python -m tests.faults.forked --pools 200 --others 20 --forks 200

Each of the flows below runs as `motet run` does. None may hang, write to stderr beyond what it is told to, or have any
other result than without Motet.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from motet import flow, task

ROOT = Path(__file__).resolve().parents[2]
HANGS_S = 900.0
"""No measure of speed: what takes this long hangs."""

WHERE = ("plain", "thread", "process")
WAYS = ("fork", "spawn", "forkserver")


def square(value: int) -> int:
    return value * value


def pools(way: str, count: int) -> int:
    """So many pools, one after the other; how many gave what they should."""
    context, right = multiprocessing.get_context(way), 0
    for _ in range(count):
        with context.Pool(2) as pool:
            right += pool.map(square, range(10)) == [square(each) for each in range(10)]
    return right


def children(count: int) -> list[int]:
    """Fork so many children, which end in all ways; their exit statuses."""
    return [_child(number % 7) for number in range(count)]


def _child(how: int) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if how == 1:
        sys.exit(3)
    if how == 2:
        raise ValueError("from a child")
    if how == 3:
        os._exit(5)
    if how == 4:
        nothing(1)
    if how == 5:
        nothing.submit(1).result()
    if how == 6:
        os.environ["MOTET_HOME"] += "-of-a-child"
        alone(1)
    return -1  # which nobody is to see: back in Motet, a child ends


STATUSES = [0, 3, 1, 5, 0, None, 0]
"""How the children end. A submitted task is its function where nothing records it, and an error outside a task."""


@task
def nothing(value: int) -> int:
    return value


@flow
def alone(value: int) -> int:
    return value


plain = task(lambda act, *args: act(*args), name="plain")
thread = task(lambda act, *args: act(*args), name="thread", executor="threads")
process = task(lambda act, *args: act(*args), name="process", executor="processes")


@flow
def poolers(where: str, way: str, count: int) -> int:
    found: int = globals()[where](pools, way, count)
    return found


@flow
def forkers(where: str, count: int) -> Any:
    statuses = children(count) if where == "flow" else globals()[where](children, count)
    wrong = [each for at, each in enumerate(statuses) if each != STATUSES[at % 7] and at % 7 != 5]
    return wrong or sum(nothing.map(range(10)).result())


def run(name: str, said: str = "", home: str = "", **params: Any) -> tuple[str, list[str]]:
    """The result of a run of the flow as it is printed, and the lines on stderr that do not match `said`."""
    given = [part for key, value in params.items() for part in ("-p", f"{key}={value}")]
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "motet.cli", "run", f"{__file__}:{name}", *given], cwd=ROOT, text=True,
        capture_output=True, timeout=HANGS_S, check=False,
        env={**os.environ, "MOTET_HOME": home, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    wanted = rf"motet: [\d:]+ \S+ began: |^$|{said}" if said else r"motet: [\d:]+ \S+ began: |^$"
    result = ended.stdout.rpartition("Result: ")[2].strip() if ended.returncode == 0 else f"exit {ended.returncode}"
    return result, [line for line in ended.stderr.split("\n") if not re.match(wanted, line)]


FROM_CHILDREN = r"Traceback|  |ValueError: from a child|motet.errors|Call it inside|.*began: alone"


def main() -> None:
    """The whole campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=200)
    parser.add_argument("--others", type=int, default=20)
    parser.add_argument("--forks", type=int, default=200)
    given = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as home:
        for where in WHERE:
            for way in WAYS:
                count = given.pools if way == "fork" else given.others
                result, stray = run("poolers", home=home, where=where, way=way, count=count)
                bad += result != str(count) or bool(stray)
                print(f"pools {where} {way}: {result} of {count}, on stderr {stray[:3]}", flush=True)
        for where in (*WHERE, "flow"):
            result, stray = run("forkers", FROM_CHILDREN, home, where=where, count=given.forks)
            bad += result != "45" or bool(stray)
            print(f"forks {where}: {result}, on stderr {stray[:3]}", flush=True)
    print("all right" if not bad else f"{bad} wrong")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
