"""A worker process is like one's own: `__main__` and what is in it, the script's own set-up, pools, and log lines."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli, cli

__all__ = ["cli"]

SCRIPT = """
import dataclasses, inspect, logging, multiprocessing, os, pickle, sys, typing
from concurrent.futures import ProcessPoolExecutor

from motet import flow, task

logging.basicConfig(level=logging.INFO, format="ROOT %(message)s", stream=sys.stdout)
print("the script runs")
FACTOR = 2


@dataclasses.dataclass
class Clip:
    low: "int"
    other: typing.Optional["Other"] = None


class Other:
    pass


def times(value):
    return value * FACTOR


def low(clip):
    return clip.low


@task(executor="processes")
def look(how):
    if how == "pickled":
        return pickle.loads(pickle.dumps(times))(3), pickle.loads(pickle.dumps(Clip(4))).low
    if how == "main":
        import __main__

        return __main__.times(1), os.path.basename(__main__.__file__), __main__.Clip is Clip, __name__
    if how == "source":
        return inspect.getsource(times), inspect.getsource(Clip)[:5], inspect.getmodule(times).__name__
    if how == "hints":
        return sorted(typing.get_type_hints(Clip))
    if how == "logging":
        logging.info("from the root")
        return logging.getLogger().level
    if how == "executor":
        with ProcessPoolExecutor(2) as pool:
            return list(pool.map(times, range(3))), list(pool.map(low, [Clip(5)]))
    with multiprocessing.get_context(how).Pool(1) as pool:
        return pool.map(abs, range(3)), pool.map(low, [Clip(5)])


@task(executor="processes")
def apply(function, value):
    return function(value), pickle.loads(pickle.dumps(function))(value)


@task(executor="processes")
def remember():
    global FACTOR
    FACTOR += 1
    return FACTOR


@flow
def main():
    global FACTOR
    FACTOR = 3  # what a worker has of the script is as it is here now
    found = {how: look(how) for how in HOW}
    found["applied"] = apply(times, 2)
    found["kept"] = remember(), remember(), FACTOR
    return repr(found)

"""

HOW = ("pickled", "main", "source", "hints", "logging", "executor", "fork", "spawn", "forkserver")
GUARDED = 'if __name__ == "__main__":\n    print(main())\n'
UNGUARDED = 'print(main())\nopen("after", "a").write("x")\n'


@pytest.mark.parametrize(("start", "end"), [
    (["run", "script.py:main"], ""), (["run", "script.py"], GUARDED), (["run", "script.py"], UNGUARDED),
    (["run", "script"], GUARDED),
])  # fmt: skip
def test_the_script_is_there(cli: Cli, start: list[str], end: str) -> None:
    how = HOW if end != UNGUARDED else HOW[:-2]
    (cli.folder / "script.py").write_text(f"HOW = {how}\n{SCRIPT}{end}")
    told = cli(*start, "--plain", "--name", "it").out
    found = ast.literal_eval(cli.json("show", "it")["result"])
    pools = ([0, 1, 2], [5])
    wanted: dict[str, Any] = {
        "pickled": (9, 4), "main": (3, "script.py", True, "__main__"), "hints": ["low", "other"], "logging": 20,
        "source": ("def times(value):\n    return value * FACTOR\n", "@data", "__main__"), "executor": ([0, 3, 6], [5]),
        "fork": pools, "spawn": pools, "forkserver": pools, "applied": (6, 6), "kept": (4, 4, 3),
    }  # fmt: skip
    assert found == {each: value for each, value in wanted.items() if each in (*how, "applied", "kept")}
    assert "ROOT from the root" in cli("logs", "it", "look-4").out
    shown = told.count("the script runs")
    assert shown == 1 + 2 * (end != UNGUARDED), (
        "here, and where `multiprocessing` has spawned a process; not in workers"
    )
    if end == UNGUARDED:
        assert (cli.folder / "after").read_text() == "x"


def test_a_script_that_cannot_be_loaded_again_has_tasks_in_processes_all_the_same(cli: Cli) -> None:
    cli.write("odd.py", """
        import os
        from motet import flow, task

        if "DONE" in os.environ:
            raise SystemError("only once")
        os.environ["DONE"] = "1"

        def twice(value):
            return 2 * value

        @task(executor="processes")
        def it(value):
            return twice(value)

        @flow
        def main():
            return it(4)
    """)  # fmt: skip
    assert "Result: 8" in cli("run", "odd.py:main").out


def test_a_function_that_is_no_part_of_a_script(tmp_path: Path) -> None:
    """Of a module, it is found by its name, and what is of `__main__` here has nothing to do with it."""
    from motet import flow, task

    made = task(os_name, executor="processes")

    @flow
    def pipeline() -> Any:
        return made()

    assert pipeline() == "posix"


def os_name() -> str:
    import os

    return os.name
