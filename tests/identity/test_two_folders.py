"""A project that lies in two folders: which results one finds that the other has kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path
from helpers_of_it import FACTOR, scaled
from motet import INPUTS, TASK_SOURCE, flow, task

def noted(name):
    with open("ran", "a") as file:
        file.write(name + " ")

@task(cache_policy=INPUTS + TASK_SOURCE)
def shared(x):
    noted("shared")
    return scaled(x) + FACTOR

@task(cache_policy=INPUTS)
def own(x):
    noted("own")
    return scaled(x)

@flow
def all():
    return shared(1), own(1)
"""


def test_a_copy_finds_what_was_kept_by_code_and_inputs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, ran in (("one", "shared own "), ("other", "shared own own ")):
        folder = tmp_path / name / "project"
        folder.mkdir(parents=True)
        (folder / "jobs_of_it.py").write_text(PROGRAM)
        (folder / "helpers_of_it.py").write_text("FACTOR = 2\n\ndef scaled(x):\n    return x * FACTOR\n")
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            for module in ("jobs_of_it", "helpers_of_it"):
                sys.modules.pop(module, None)
            assert __import__("jobs_of_it").all() == (4, 2)
        assert Path("ran").read_text() == ran
    for module in ("jobs_of_it", "helpers_of_it"):
        del sys.modules[module]
