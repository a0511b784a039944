"""`motet debug`: one step alone, with what it was given, stopped where it fails; and nothing of it is recorded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FLOW = """
import os
from motet import checkpoint, command, flow, get_run_context, last_checkpoint, task

@task
def load(n: int) -> list[int]:
    with open("loaded", "a") as file:
        file.write("x")
    return list(range(n))

@task
def invert(rows, by):
    total = 0.0
    for row in rows:
        total += by / (row - 3)
    return total

@task(tags=["slow"], log_prints=True)
async def first(rows):
    print("looks")
    return 1 / rows[0]

@task(executor="processes")
def halve(row):
    return 1 / row

@task
def train():
    done = last_checkpoint(0)
    for epoch in range(done, 5):
        if epoch == 3:
            raise RuntimeError(f"epoch {epoch}")
        print("kept as", checkpoint(epoch + 1))

@flow
def inner(rows):
    return invert(rows, by=2)

@flow
def main(n: int = 5):
    rows = load(n)
    shown = command("cat {file}; echo $MOTET_STEP; test -z $FAILS", name="shown", env={"FAILS": "yes"})
    made = command("echo made > made", outputs=["made"], name="made")().output("made")
    halves = halve.map(rows)
    waits = [first.submit(rows), shown.submit(made), train.submit()]
    for each in [*waits, *halves]:
        each.wait()
    try:
        inner(rows)
    except ZeroDivisionError:
        print("handled")
    return invert(rows, by=3)
"""


@pytest.fixture
def failed(cli: Any) -> Any:
    """A run that has failed in many places."""
    cli.write("study.py", FLOW)
    cli("run", "study.py:main", "--name", "study", code=1)
    return cli


def typed(cli: Any, text: str) -> Any:
    """What is typed into the debugger, or a shell."""
    return cli.write("typed", text).open()


def history(cli: Any) -> str:
    return str(cli("events", "--run", "study", "--json").out)


@pytest.mark.parametrize(
    ("step", "line", "asked", "told"),
    [
        ("invert-0", "total += by / (row - 3)", "rows, by, row", "([0, 1, 2, 3, 4], 3, 3)"),
        ("inner-0/invert-0", "total += by / (row - 3)", "rows, by, row", "([0, 1, 2, 3, 4], 2, 3)"),
        ("first-0", "return 1 / rows[0]", "rows", "[0, 1, 2, 3, 4]"),
        ("halve-0[0]", "return 1 / row", "row", "0"),
    ],
)
def test_it_stops_at_the_failing_line(failed: Any, step: str, line: str, asked: str, told: str) -> None:
    before = history(failed)
    done = failed("debug", "study", f"main/{step}", code=1, stdin=typed(failed, f"p {asked}\nq\n"))
    assert f"-> {line}" in done.out
    assert f"(Pdb) {told}" in done.out
    assert "ZeroDivisionError" in done.err
    assert "motet/" not in done.err
    assert history(failed) == before
    assert (failed.folder / "loaded").read_text() == "x"


def test_it_stops_at_the_beginning_if_asked(failed: Any) -> None:
    done = failed("debug", "study", "main/first-0", "--break", code=1, stdin=typed(failed, "p rows\nq\n"))
    assert "-> print(" in done.out
    assert "(Pdb) [0, 1, 2, 3, 4]" in done.out


def test_a_step_that_succeeds_says_what_it_gives(failed: Any) -> None:
    done = failed("debug", "study", "main/halve-0[2]")
    assert "It succeeds here: 0.5" in done.out
    assert "Nothing was recorded" in done.out


def test_code_that_was_changed_is_told_and_runs_as_it_is_now(failed: Any) -> None:
    path: Path = failed.folder / "study.py"
    path.write_text(path.read_text().replace("by / (row - 3)", "by / (row - 3.5)"))
    done = failed("debug", "study", "main/invert-0")
    assert re.search(r"Changed since it was recorded: .*code", done.out)
    assert "It succeeds here: " in done.out
    path.write_text(path.read_text().replace("rows = load(n)", "rows = load(n + 1)"))
    assert "main/load-0" in failed("debug", "study", "main/invert-0", code=2).err


def test_checkpoints_are_begun_from_and_not_made(failed: Any) -> None:
    before = json.loads(failed("show", "study", "main/train-0", "--json").out)["checkpoints"]
    assert [each["number"] for each in before] == [1, 2, 3]
    done = failed("debug", "study", "main/train-0", code=1, stdin=typed(failed, "p done, epoch\nq\n"))
    assert "(Pdb) (3, 3)" in done.out
    assert json.loads(failed("show", "study", "main/train-0", "--json").out)["checkpoints"] == before


def test_a_command_runs_in_a_folder_with_its_inputs(failed: Any) -> None:
    done = failed("debug", "study", "shown-0", code=1)
    assert "\nmade\nmain/shown-0\n" in done.out
    assert "exit status 1" in done.out
    folder = Path(re.search(r"Its folder, with its inputs: (.*)", done.out)[1])  # type: ignore[index]
    assert (folder / "file" / "made").read_text() == "made\n"
    done = failed("debug", "study", "shown-0", "--shell", stdin=typed(failed, 'echo "$FAILS in $(ls)"\n'))
    assert "yes in file" in done.out
    assert "cat file/made; echo $MOTET_STEP" in done.out


def test_what_cannot_be_debugged_is_told(failed: Any) -> None:
    assert "is a flow" in failed("debug", "study", "main", code=2).err
    assert "is a map" in failed("debug", "study", "halve-0", code=2).err
    assert "is no command" in failed("debug", "study", "main/invert-0", "--shell", code=2).err
