"""Workflows: a script in the master asks for runs, which are driven as part of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.spell.conftest import Driven

from motet.dialects.spell.requests import RunRequest

PYTHON = f"{sys.executable} -P script.py"
BEGIN = """
from motet.dialects.spell import house
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.words import FINAL
house = house.current()
def done(command, **fields):
    made = house.new(RunRequest.from_json({"command": command, **fields}))
    print("waiting for run", made.number, flush=True)
    house.wait(made.number, FINAL)
    return house.get(made.number)
"""


def folder(place: Path, script: str) -> str:
    """A folder with the script of a master."""
    place.mkdir()
    (place / "script.py").write_text(BEGIN + script)
    return str(place)


def git(place: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=place, check=True)


def test_a_master_runs_its_script_and_hands_on_what_its_runs_put_out(house: Driven, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "train.sh").write_text("cat /data/input.txt; echo model > save/model")
    (tmp_path / "repo" / "save").mkdir()
    (tmp_path / "repo" / "save" / ".gitignore").write_text("*\n")
    git(tmp_path / "repo", "init", "-q")
    git(tmp_path / "repo", "add", "-Af", ".")
    git(tmp_path / "repo", "commit", "-qm", "all")
    script = """
r = done("echo text > input.txt; test -z \\"$(ls -A | grep -v input.txt)\\"")
r = done("sh train.sh", attached_resources={f"runs/{r.number}/input.txt": "/data/input.txt"}, commit_label="code")
r = done("cat save/*", attached_resources={f"runs/{r.number}/save": "save"}, commit_label="code")
print([(each.status, each.log) for each in house.logs(r.number) if each.log == "model"])
open("code/sh/more", "x") if False else None
"""
    code = house.snapshot(folder(tmp_path / "master", script))
    repos = {"code": {"path": "code/sh", **house.snapshot(str(tmp_path / "repo"))}}
    made = house.workflow(RunRequest(PYTHON, code=code), repos)
    master = house.over(made.managing_run)
    assert (master.status, master.user_exit_code, made.number) == ("complete", 0, 1)
    lines = [f"waiting for run {number}" for number in (2, 3, 4)]
    assert house.lines(master.number) == [*lines, "[('running', 'model')]"]
    assert house.find_workflow(1).runs == [2, 3, 4]
    assert [house.get(number).user_exit_code for number in (2, 3, 4)] == [0, 0, 0]
    assert house.lines(3) == ["text"]


def test_a_label_stands_for_the_masters_folder_as_it_is_now(house: Driven, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "it").write_text("as it was pushed\n")
    script = """
a = done("cat it", commit_label="r")
open("place/it", "w").write("as the master left it\\n")
b = done("cat it", commit_label="r")
import shutil; shutil.rmtree("place")
c = done("cat it", commit_label="r")
done("exit 7")
"""
    code = house.snapshot(folder(tmp_path / "master", script))
    repos = {"r": {"path": "place", **house.snapshot(str(tmp_path / "repo"))}}
    made = house.workflow(RunRequest(PYTHON, code=code), repos)
    assert house.over(made.managing_run).user_exit_code == 0
    pushed, changed = "as it was pushed", "as the master left it"
    assert [house.lines(number) for number in (2, 3, 4)] == [[pushed], [changed], [pushed]]
    assert house.lines(1)[-1] == "motet: spell-5 has ended: complete (7)"
