"""Artifacts that are damaged or gone: never another result, and a command that is named puts it right."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

FLOW = """
    import os
    from motet import INPUTS, flow, task

    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")

    @task
    def load(n):
        count("load")
        return list(range(n, n + 5000))

    @flow
    def prepare(n):
        return load(n)

    @task
    def many(n):
        count(f"many{n}")
        return [n] * 5000

    @task
    def total(values):
        count("total")
        if os.environ.get("BREAK"):
            raise OSError("broken")
        return sum(values)

    @task(cache_policy=INPUTS)
    def kept(n):
        count("kept")
        return list(range(n, n + 5000))

    @flow
    def single(n: int = 0):
        return total(load(n))

    @flow
    def nested(n: int = 0):
        return total(prepare(n))

    @flow
    def mapped(n: int = 0):
        return total([sum(each) for each in many.map(range(n, n + 3)).result()])

    @flow
    def cached(n: int = 0):
        return sum(kept(n))
"""

RESULTS = {"single": 12497500, "nested": 12497500, "mapped": 15000, "cached": 12497500}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:100])


HOWS = pytest.mark.parametrize("how", [flip, truncate, Path.unlink])


def damage_all(cli: Cli, how: Callable[[Path], object]) -> int:
    paths = [path for path in (cli.home / "artifacts").rglob("*") if path.is_file() and path.name != "lock"]
    for path in paths:
        how(path)
    return len(paths)


@HOWS
@pytest.mark.parametrize(
    ("name", "again"),
    [("single", ["load", "total"]), ("nested", ["load", "total"]), ("mapped", ["many0", "many1", "many2", "total"])],
)
def test_the_command_that_is_named_runs_the_step_anew(
    cli: Cli, how: Callable[[Path], object], name: str, again: list[str]
) -> None:
    cli.write("flows.py", FLOW)
    cli.env["BREAK"] = "1"
    cli("run", f"flows.py:{name}", "--name", "x", code=1)
    del cli.env["BREAK"]
    assert damage_all(cli, how) > 0
    told = cli("resume", "x", code=1)
    assert "cannot be had again" in told.err
    assert ("is gone" if how is Path.unlink else "is damaged") in told.err
    for _ in range(3):  # a run may have several such steps, one in the other
        found = re.search(r"motet (resume \S+ --rerun .+)", told.err)
        assert found, told.err
        before = len(cli.counted())
        done = cli.start(*shlex.split(found[1]))
        out, err = done.communicate()
        if done.returncode == 0:
            break
        told = type(told)(out, err)
    assert f"Result: {RESULTS[name]}" in out
    assert sorted(cli.counted()[before:]) == again


@HOWS
@pytest.mark.parametrize("name", ["single", "nested", "mapped"])
def test_a_fork_takes_nothing_over_that_is_damaged(cli: Cli, how: Callable[[Path], object], name: str) -> None:
    cli.write("flows.py", FLOW)
    cli("run", f"flows.py:{name}", "--name", "x")
    before = len(cli.counted())
    damage_all(cli, how)
    assert f"Result: {RESULTS[name]}" in cli("fork", "x").out
    assert set(cli.counted()[before:]) >= {"many0" if name == "mapped" else "load"}
    before = len(cli.counted())
    assert f"Result: {RESULTS[name]}" in cli("fork", "x").out
    assert cli.counted()[before:] == [], "what was put again is whole"


@HOWS
def test_the_cache_gives_nothing_that_is_damaged(cli: Cli, how: Callable[[Path], object]) -> None:
    cli.write("flows.py", FLOW)
    for _ in range(2):
        assert "Result: 12497500" in cli("run", "flows.py:cached").out
    assert cli.counted() == ["kept"]
    damage_all(cli, how)
    for _ in range(2):
        assert "Result: 12497500" in cli("run", "flows.py:cached").out
    assert cli.counted() == ["kept", "kept"]


@HOWS
def test_a_parameter_that_is_damaged_can_be_given_anew(cli: Cli, how: Callable[[Path], object]) -> None:
    cli.write(
        "flows.py",
        """
        import os
        from motet import flow, task

        @task
        def total(values, more):
            if os.environ.get("BREAK"):
                raise OSError("broken")
            return sum(values) + more

        @flow
        def main(values: list[int], more: int = 1):
            return total(values, more)
        """,
    )
    cli.env["BREAK"] = "1"
    values = ",".join(map(str, range(5000)))
    cli("run", "flows.py:main", "--name", "x", "-p", f"values=[{values}]", code=1)
    del cli.env["BREAK"]
    damage_all(cli, how)
    told = cli("resume", "x", code=1).err
    assert "was given a value for values" in told
    (command,) = re.findall(r"motet (fork \S+ -p values=)", told)
    words = shlex.split(command)
    assert "Result: 7" in cli(*words[:-1], words[-1] + "[1,2,3]").out


@HOWS
def test_doctor_names_what_is_damaged_with_a_command_that_mends_it(cli: Cli, how: Callable[[Path], object]) -> None:
    cli.write("flows.py", FLOW)
    cli("run", "flows.py:single", "--name", "done")
    cli.env["BREAK"] = "1"
    cli("run", "flows.py:mapped", "--name", "broken", "-p", "n=7", code=1)
    del cli.env["BREAK"]
    assert "4 artifacts read, all as they were kept" in cli("doctor").out
    damage_all(cli, how)
    assert "All is well" in cli("doctor", "--quick").out
    told = cli("doctor", code=1).out
    assert "the result of step single/load-0 of run done: " in told
    for index in range(3):
        assert f"the result of step mapped/many-0[{index}] of run broken: " in told
    commands = re.findall(r"To make it again: motet (.+)", told)
    assert len(commands) == 2
    for found in commands:
        cli(*shlex.split(found))
    again = cli("doctor").out
    assert "all as they were kept" in again
    assert "All is well" in again


def test_doctor_foretells_what_will_not_load_here(cli: Cli) -> None:
    cli.write("shapes.py", "__version__ = '1.0'\n\nclass Square:\n    side = 2\n")
    cli.write(
        "flows.py",
        """
        from motet import flow, task

        @task
        def make():
            from shapes import Square
            return Square()

        @flow
        def main():
            return make().side
        """,
    )
    cli("run", "flows.py", "--name", "x")
    assert "shapes" not in cli("doctor").out
    (cli.folder / "shapes.py").unlink()
    (cli.home.parent / "elsewhere").mkdir()
    told = cli("doctor", cwd=cli.home.parent / "elsewhere").out
    assert "shapes cannot be imported here: the result of step main/make-0 of run x may not load" in told
    assert "All is well" in told, "it is foretold, and nothing is wrong yet"


@HOWS
def test_a_transaction_whose_value_is_damaged_is_carried_out_again(cli: Cli, how: Callable[[Path], object]) -> None:
    cli.write(
        "flows.py",
        """
        from motet import flow, transaction

        @flow
        def main():
            with transaction(key="once") as txn:
                if not txn.is_committed():
                    print("CARRIED OUT")
                    txn.stage(list(range(5000)))
            with transaction(key="once") as txn:
                return sum(txn.read())
        """,
    )
    for carried_out in (True, False):
        done = cli("run", "flows.py:main")
        assert ("CARRIED OUT" in done.err + done.out) is carried_out
        assert "Result: 12497500" in done.out
    damage_all(cli, how)
    for carried_out in (True, False):
        done = cli("run", "flows.py:main")
        assert ("CARRIED OUT" in done.err + done.out) is carried_out
        assert "Result: 12497500" in done.out
