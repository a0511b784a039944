"""What a command costs before any work is done."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from benchmarks.bench import Bench
from benchmarks.figures import Absent, Budget, Figure, at_most_times

HELLO = """\
from motet import flow, task

@task
def hello(name: str) -> str:
    return f"Hello, {name}"

@flow
def greet(name: str = "world") -> str:
    return hello(name)
"""

_FOREIGN = """\
import sys
{code}
print(*sorted({{name.partition(".")[0] for name, module in list(sys.modules.items())
    if "site-packages" in (getattr(module, "__file__", None) or "")}}))
"""

BARE = [sys.executable, "-c", "pass"]


def importing(bench: Bench) -> list[Figure]:
    """Importing Motet, and what a flow's file imports, beside the interpreter alone."""
    budget = Budget("difference", 0.040, "+ <= 40 ms")
    return [_import(bench, code, budget) for code in ("import motet", "from motet import flow, task")]


def _import(bench: Bench, code: str, budget: Budget) -> Figure:
    command = [sys.executable, "-c", code]
    values, floors = _in_turn(bench, command, BARE, bench.home())
    foreign = sorted(set(_foreign(bench, code)) - set(_foreign(bench, "pass")))
    note = f"third-party modules: {', '.join(foreign) or 'none'}"
    return Figure(code, "ms", values, floors, budget, note)


def _foreign(bench: Bench, code: str) -> list[str]:
    import subprocess

    command = [sys.executable, "-c", _FOREIGN.format(code=code)]
    done = subprocess.run(command, env=bench.environ(bench.home()), capture_output=True, text=True, check=True)
    return done.stdout.split()


def hello(bench: Bench) -> list[Figure]:
    """`motet run hello.py` as a whole: in a home that has been used before, and in a new one."""
    motet = os.path.join(os.path.dirname(sys.executable), "motet")
    if find_spec("motet.cli.run") is None or not os.path.exists(motet):
        raise Absent("there is no `motet run` yet")
    file = os.path.join(bench.folder, "hello.py")
    with open(file, "w") as out:
        out.write(HELLO)
    command, budget = [motet, "run", file], at_most_times(5)
    used = Figure("in a home in use", "ms", *_in_turn(bench, command, BARE, bench.home()), budget)
    new_values, new_floors = [], []
    for _ in range(bench.size(7, 1)):
        new_values.append(bench.time_of(command, bench.home()))
        new_floors.append(bench.time_of(BARE, bench.home()))
    return [used, Figure("in a new home", "ms", new_values, new_floors, note="makes the store first")]


def _in_turn(bench: Bench, command: list[str], bare: list[str], home: str) -> tuple[list[float], list[float]]:
    bench.time_of(command, home)  # compiles what is to be imported, makes the home
    values, floors = [], []
    for _ in range(bench.size(25, 2)):
        floors.append(bench.time_of(bare, home))
        values.append(bench.time_of(command, home))
    return values, floors
