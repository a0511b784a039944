"""Workflows: a script in the master asks for runs, which are driven as part of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.spell.conftest import Driven

from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.runs import outputs_of

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
    steps = {each.name: each for each in house.host.store.steps(master.run)}
    keys = {name: [steps[f"spell-{number}"].key] for name, number in (("second", 2), ("third", 3))}
    assert [steps[f"spell-{number}"].needs for number in (2, 3, 4)] == [[], keys["second"], keys["third"]]
    made = {each["path"]: each["artifact"] for each in outputs_of(house.host, house.row(3)).values()}
    third = house.row(4).id
    assert [(each.run, each.given) for each in house.host.store.uses(made["save/model"])] == [
        (house.row(3).id, False),
        (third, True),
    ]


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


def test_what_a_script_asks_for_no_more_is_told(house: Driven, tmp_path: Path) -> None:
    script = """
import os
done("echo always > out")
if os.environ["MOTET_ATTEMPT"] == "1":
    done("echo once")
    os.kill(os.getpid(), 9)
done("cat out", attached_resources={"runs/2/out": "out"})
"""
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))))
    master = house.over(made.managing_run)
    assert (master.status, master.user_exit_code) == ("complete", 137)
    house.start_engine(master.run)
    house.threads[-1].join()
    master = house.get(made.managing_run)
    assert (master.status, master.user_exit_code) == ("complete", 0)
    assert house.find_workflow(made.number).runs == [2, 3, 4]
    assert house.lines(4) == ["always"]
    told = "motet: spell-3 (echo once) was asked for before, and now was not: the script does not do what it did."
    assert house.lines(master.number)[-1] == told
    counts = [len(list(house.logs(number))) for number in (2, 3)]
    assert counts == [12, 13]  # each was run once


def test_equal_requests_of_threads_are_runs_of_their_own(house: Driven, tmp_path: Path) -> None:
    script = """
import threading
threads = [threading.Thread(target=done, args=("echo same",)) for _ in range(6)]
for each in threads: each.start()
for each in threads: each.join()
"""
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))))
    assert house.over(made.managing_run).user_exit_code == 0
    assert house.find_workflow(made.number).runs == [2, 3, 4, 5, 6, 7]
    assert sorted(house.lines(1)) == [f"waiting for run {number}" for number in range(2, 8)]


def test_repositories_at_one_place_and_within_one_another_are_all_seen(house: Driven, tmp_path: Path) -> None:
    repos = {}
    for label, path in (("inner", "m/deep"), ("one", "m"), ("two", "m"), ("same", "m")):
        place = tmp_path / label
        place.mkdir()
        (place / "name").write_text({"same": "one"}.get(label, label) + "\n")
        repos[label] = {"path": path, **house.snapshot(str(place))}
    script = """
print(open("m/name").read(), open("m/deep/name").read(), open("two/name").read(), sep="", end="")
done("cat name", commit_label="two")
"""
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))), repos)
    house.over(made.managing_run)
    assert house.lines(1) == ["one", "inner", "two", "waiting for run 2"]
    assert house.lines(2) == ["two"]


@pytest.mark.parametrize("strict", [False, True])
def test_under_strict_a_worker_that_exits_badly_ends_the_script_by_its_own_error(
    house: Driven, tmp_path: Path, strict: bool
) -> None:
    script = """
r = done("exit 3")
if r.status != "complete":
    raise OSError(f"failed at run {r.number}")
"""
    code = house.snapshot(folder(tmp_path / "master", script))
    made = house.workflow(RunRequest(PYTHON, code=code, strict=strict))
    master = house.over(made.managing_run)
    assert (master.status, master.user_exit_code) == (("failed", 1) if strict else ("complete", 0))
    assert house.get(2).status == ("failed" if strict else "complete")
    assert house.lines(1)[-1] == ("OSError: failed at run 2" if strict else "motet: spell-2 has ended: complete (3)")


def test_a_worker_that_cannot_be_made_ready_is_seen_by_the_script(house: Driven, tmp_path: Path) -> None:
    script = """
from motet.errors import UsageError
for field in ({"attached_resources": {"runs/99/x": "x"}}, {"commit_label": "none"}, {"retries": "many"}):
    try:
        done("true", **field)
    except UsageError as error:
        print(error.what)
"""
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))))
    house.over(made.managing_run)
    assert house.lines(1) == [
        "Cannot mount resource 'runs/99/x': 'runs/99/x' is not a valid resource",
        "This workflow has no repository of the label 'none'.",
        "retries cannot be 'many'.",
    ]


def test_a_stop_of_the_master_stops_its_workers(house: Driven, tmp_path: Path) -> None:
    script = 'done("echo 1 > out; echo begun; sleep 600")\n'
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))))
    for each in house.logs(made.managing_run, follow=True):
        if each.log == "waiting for run 2":
            break
    next(each for each in house.logs(2, follow=True) if each.log == "begun")
    house.stop([made.managing_run])
    assert house.over(made.managing_run).status == "stopped"
    assert house.over(2).status == "stopped"
    assert house.content("runs/2/out") == b"1\n"


def test_code_of_a_run_may_only_speak_for_its_own_run(house: Driven, tmp_path: Path) -> None:
    script = """
import os
from motet.errors import MotetError
def refused(**environ):
    os.environ.update(environ)
    try:
        house.get(1)
    except MotetError as error:
        return error.what
print(house.owner == os.environ["SPELL_OWNER"])
closed = (house.start_engine, lambda run: house.put_upload(run, "/etc"), house.snapshot)
for ask in (lambda run: house.get(1, run), *closed):
    try:
        ask("x")
    except MotetError as error:
        print(error.what[:43])
print(refused(MOTET_RUN_TOKEN="0" * 32))
"""
    made = house.workflow(RunRequest(PYTHON, code=house.snapshot(folder(tmp_path / "master", script))))
    house.over(made.managing_run)
    failed = "The engine of this run could not do that: TypeError"[:43]
    assert house.lines(1) == ["True", failed, *["This call is not the run's to make."] * 4]
