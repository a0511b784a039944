"""Which door a script that imports Prefect goes through: by what it does with task calls, or as it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from motet.dialects.python.prefect.choosing import chosen
from motet.dialects.python.prefect.script import read
from motet.errors import TargetError

HEAD = """from prefect import flow, task

@task
def load(x=1): return x

@task
def fit(x): return x

"""
"""Stands before each script but those of Prefect 1."""

LISTED = Path(__file__).with_name("scripts.txt").read_text().split("#: ")[1:]
"""Scripts, each below a line with the door that is right for it: "ask" where that cannot be told, "refuse" for
Prefect 1. Of "prefect", the last ones fit the beta as well.
"""
PAIRS = [each.split("\n", 1) for each in LISTED]
CASES = [(door, text if door == "refuse" else HEAD + text) for door, text in PAIRS]


def first(door: str) -> str:
    """The first script of that door."""
    return next(text for each, text in CASES if each == door)


def door_of(*files: Path) -> tuple[str, list[tuple[str, int]]]:
    """The door that is chosen, and what is told."""
    told: list[tuple[str, int]] = []
    try:
        return chosen(read([str(each) for each in files]), lambda text, verbosity: told.append((text, verbosity))), told
    except TargetError as error:
        return "refuse" if "Prefect 1" in error.what else "ask", told


def test_the_door_follows_from_the_script(tmp_path: Path) -> None:
    """All cases in one: reading a script takes a millisecond."""
    wrong = []
    for number, (right, text) in enumerate(CASES):
        path = tmp_path / f"script_{number}.py"
        path.write_text(text)
        if (found := door_of(path)[0]) != right:
            wrong.append(f"{found} in place of {right}:\n{text}")
    assert not wrong, "\n".join(wrong)
    assert len(CASES) >= 60


Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


TASKS = "from prefect import task\n@task\ndef load(): return 1\n"


@pytest.mark.parametrize(
    ("files", "call"),
    [
        ({"steps.py": TASKS}, "from steps import load\n{}load()"),
        ({"steps.py": TASKS}, "from steps import load as fetch\n{}fetch()"),
        ({"steps.py": TASKS}, "import steps\n{}steps.load()"),
        ({"steps.py": TASKS}, "from steps import *\n{}load()"),
        ({"lib/__init__.py": "", "lib/steps.py": TASKS}, "from lib import steps as s\n{}s.load()"),
        ({"lib/__init__.py": "from .steps import load\n", "lib/steps.py": TASKS}, "from lib import load\n{}load()"),
        ({"steps.py": "from more import load\n", "more.py": TASKS}, "from steps import load\n{}load()"),
    ],
)
def test_tasks_of_own_files_are_known(write: Write, files: dict[str, str], call: str) -> None:
    for name, text in files.items():
        write(name, text)
    head = "from prefect import flow\n"
    path = write("script.py", head + call.format("@flow\ndef f():\n    return ") + ".result()\n")
    assert door_of(path)[0] == "orion"
    path.write_text(head + call.format("@flow\ndef f():\n    return 1 + ") + "\n")
    assert door_of(path)[0] == "prefect"


def test_the_betas_door_is_told_of_and_todays_only_where_more_is_asked(write: Write) -> None:
    beta = write("old.py", first("orion"))
    assert door_of(beta) == (
        "orion", [("door orion: task calls give futures, as in Prefect's beta, for old.py:11: load(1).result()", 0)]
    )  # fmt: skip
    ((text, verbosity),) = door_of(write("new.py", first("prefect")))[1]
    assert verbosity == 1
    assert "new.py:11: load.submit(1)" in text


def test_where_both_are_there_both_are_named(write: Write) -> None:
    path = write("both.py", first("ask"))
    with pytest.raises(TargetError) as caught:
        chosen(read([str(path)]), lambda text, verbosity: None)
    assert "both.py:11: load.submit(1)" in caught.value.what
    assert "both.py:12: fit(2).result()" in caught.value.what
    assert "--door prefect" in caught.value.cure
    assert "--door orion" in caught.value.cure


def test_a_file_that_is_no_python_says_nothing(write: Write) -> None:
    assert door_of(write("broken.py", "from prefect import flow\ndef f(:\n")) == ("prefect", [
        ("door prefect: task calls give values, as in Prefect 3", 1)
    ])  # fmt: skip
