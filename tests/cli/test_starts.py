"""Ways to start a program: whatever Python itself would run is run, killed, and resumed from elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipapp
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

PROGRAM = """
import os, signal, sys
from dataclasses import dataclass
from motet import flow, task
{imports}

@dataclass(frozen=True)
class Own:
    x: int

@task
def counted(own):
    with open(os.environ["COUNT"], "a") as file:
        file.write("counted ")
    return [value, own.x, sys.argv[1:]]

@task
def fragile(x):
    if os.path.exists(os.environ["COUNT"] + ".crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    return x

@flow
def main(n: int = 1):
    return fragile(counted(Own(n)))

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def programs(cli: Cli) -> Cli:
    """Programs of many forms, each with a neighbour of its own that gives `value`."""
    folder = cli.folder

    def write(place: str, imports: str, neighbour: str = "", value: int = 0) -> None:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PROGRAM.format(imports=imports))
        if neighbour:
            (path.parent / neighbour).write_text(f"value = {value}\n")

    write("real/linked.py", "from beside import value", "beside.py", 1)
    (folder / "link.py").symlink_to("real/linked.py")
    (folder / "to-real").symlink_to("real")
    write("with space/my flow.v2.py", "from beside import value", "beside.py", 2)
    write("pkg/deep/rel.py", "from ..above import value")
    (folder / "pkg" / "above.py").write_text("value = 3\n")
    for each in ("pkg", "pkg/deep"):
        (folder / each / "__init__.py").touch()
    write("spread/inner/rel.py", "from .beside import value", "beside.py", 4)
    write("app/__main__.py", "from beside import value", "beside.py", 5)
    write("whole/__main__.py", "from .beside import value", "beside.py", 6)
    (folder / "whole" / "__init__.py").touch()
    (folder / "linked").symlink_to("whole")
    write("useslib.py", "from lying import value")
    (folder / "lib").mkdir()
    (folder / "lib" / "lying.py").write_text("value = 7\n")
    zipapp.create_archive(folder / "app", folder / "app.pyz", interpreter="/usr/bin/env python3")
    return cli


RUN, PYTHON = ["motet", "run"], ["python"]

WAYS = {
    "link": ([*RUN, "link.py"], 1),
    "spaces and dots": ([*RUN, "with space/my flow.v2.py"], 2),
    "module under python": ([*PYTHON, "-m", "pkg.deep.rel"], 3),
    "module": ([*RUN, "pkg.deep.rel"], 3),
    "flow of a module": ([*RUN, "pkg.deep.rel:main"], 3),
    "file of a package": ([*RUN, "pkg/deep/rel.py"], 3),
    "flow in a file of a package": ([*RUN, "./pkg/deep/rel.py:main"], 3),
    "namespace package": ([*RUN, "spread/inner/rel.py"], 4),
    "folder": ([*RUN, "./app/"], 5),
    "archive under python": ([*PYTHON, "app.pyz"], 5),
    "package by its folder": ([*RUN, "./whole/"], 6),
    "linked package": ([*RUN, "linked"], 6),
    "package under python": ([*PYTHON, "-m", "whole"], 6),
    "PYTHONPATH": (["PYTHONPATH=lib", *RUN, "useslib.py"], 7),
    "under a profiler": ([*PYTHON, "-m", "cProfile", "-o", "profile", "real/linked.py"], 1),
    "python -m motet": ([*PYTHON, "-m", "motet", "run", "link.py"], 1),
}


def start(cli: Cli, way: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    given = [each for each in way if "=" not in each]
    env = {**cli.env, **dict(each.split("=") for each in way if "=" in each), **variables}
    words = {"motet": [sys.executable, "-P", "-m", "motet"], "python": [sys.executable]}
    argv = [*words[given[0]], *given[1:]]
    return subprocess.run(argv, cwd=cli.folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("way", WAYS, ids=[each.replace(" ", "-") for each in WAYS])
def test_what_python_runs_is_run_killed_and_resumed_from_elsewhere(programs: Cli, way: str) -> None:
    command, value = WAYS[way]
    crash = Path(programs.env["COUNT"] + ".crash")
    crash.touch()
    killed = start(programs, command)
    assert killed.returncode == -9, killed.stderr
    crash.unlink()
    (run,) = programs.recorded()
    resumed = programs("resume", run.id, cwd="/")
    assert f"Result: [{value}, 1, []]" in resumed.out
    if way != "under a profiler":  # there a class stands in no module that it could be looked up in
        assert "changed" not in resumed.out + resumed.err, "what counts by its module's name counts as it did"
        assert "2 reused" in programs("fork", run.id, cwd="/").out
    assert programs.counted() == ["counted"]


ASKING = """
import argparse
from motet import flow, task

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.0)
asked = parser.parse_args()

@flow
def main(n: int = 1):
    return [asked.rate, n]

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("target", ["asking.py", "asking.py:main", "asking"])
def test_what_stands_after_two_dashes_is_for_the_script(cli: Cli, target: str) -> None:
    cli.write("asking.py", ASKING)
    cli("run", target, "-p", "n=3", "--", "--rate", "0.5")
    (run,) = cli.runs()
    assert cli.json("show", run["id"])["result"] == [0.5, 3]
    cli("fork", run["id"], "-p", "n=4", "--name", "again")
    assert cli.json("show", "again")["result"] == [0.5, 4]


def test_arguments_of_a_script_that_is_submitted_go_with_it(cli: Cli) -> None:
    cli.write("asking.py", ASKING)
    run = json.loads(cli("submit", "asking.py", "--json", "--", "--rate", "0.25").out)
    cli("logs", "-f", run["id"])
    assert cli.json("show", run["id"])["result"] == [0.25, 1]


def test_arguments_in_the_wrong_place_are_told_the_right_one(cli: Cli) -> None:
    cli.write("asking.py", ASKING)
    assert "-- --rate 3" in cli("run", "asking.py", "--rate", "3", code=2).err


SHADOWED = """
import {name}
from motet import flow, task, get_run_logger

@task
def here(x):
    return [x, {name}.OWN]

@task(executor="processes", retries=1)
def apart(x):
    import {name}
    return [x, {name}.OWN]

@task
def failing():
    raise ValueError("no")

@flow(log_prints=True)
def main(n: list[int]):
    print("shown")
    get_run_logger().info("logged")
    failing(return_state=True)
    return [here(n[0]), apart(2), here.submit(3).result(), [each.result() for each in here.map([4])]]
"""


@pytest.mark.parametrize("name", ["json", "logging", "dataclasses", "concurrent"])
def test_files_called_as_the_standard_library_is_are_the_users_own_only(cli: Cli, name: str) -> None:
    cli.write("flows.py", SHADOWED.format(name=name))
    cli.write(f"{name}.py", f"OWN = 'my {name}'\n")
    done = cli("run", "flows.py:main", "-p", "n=[1]")
    own = f"my {name}"
    (run,) = cli.runs()
    assert cli.json("show", run["id"])["result"] == [[1, own], [2, own], [3, own], [[4, own]]]
    assert "shown" in done.out + done.err
    assert "logged" in done.out + done.err


BROKEN = {
    "a fault": ("def one():\n    return 1 / 0\n\none()\n", "line 2, in one", "broken.py:2"),
    "in the library": ("import json\n\njson.loads('{')\n", "JSONDecodeError", "broken.py:3"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("target", ["broken.py:main", "broken:main"])
def test_errors_while_loading_end_at_the_users_line(cli: Cli, case: str, target: str) -> None:
    text, said, place = BROKEN[case]
    cli.write("broken.py", text)
    err = cli("run", target, code=2).err
    assert said in err
    assert f"\n  at {os.path.realpath(cli.folder)}/{place}\n" in err
    assert "importlib" not in err


def test_a_circular_import_is_told_without_frames_of_the_import(cli: Cli) -> None:
    cli.write("first.py", "from second import a\n\nb = 1\n")
    cli.write("second.py", "from first import b\n\na = 1\n")
    err = cli("run", "first:main", code=2).err
    assert "circular import" in err
    assert f"\n  at {os.path.realpath(cli.folder)}/second.py:1\n" in err
    assert "importlib" not in err


@pytest.mark.parametrize("target", ["flows:main", "flows.py:main"])
def test_a_flow_of_a_function_without_a_name_is_defined_only(cli: Cli, target: str) -> None:
    cli.write("flows.py", """
        from functools import partial
        from motet import flow

        def add(one, other):
            return one + other

        flow(partial(add, 1), name="add")(2)

        @flow
        def main():
            return 3
    """)  # fmt: skip
    assert "Result: 3" in cli("run", target).out
    assert len(cli.runs()) == 1


def test_what_is_neither_a_file_nor_a_module_is_told_so(cli: Cli) -> None:
    assert "no file nothing.here, nor a module" in cli("run", "nothing.here", code=2).err
    (cli.folder / "empty").mkdir()
    assert "no __main__" not in cli("run", "empty", code=2).err


def test_the_folder_of_a_script_is_left_out_where_python_is_told_so(programs: Cli) -> None:
    done = start(programs, [*RUN, "link.py"], PYTHONSAFEPATH="1")
    assert "No module named 'beside'" in done.stderr
