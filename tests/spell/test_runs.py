"""Runs: states, logs, outputs, mounts, ends of every kind."""

from __future__ import annotations

import os
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
from tests.spell.conftest import Driven

from motet.cli.main import main
from motet.dialects.spell import words
from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.errors import NotFound, UsageError

USUAL = [
    ("machine_requested", True, "Run created -- waiting for a CPU machine."),
    ("building", True, "Run is building"),
    ("building", False, "Machine acquired -- commencing run"),
    ("building", False, "Retrieving cached environment..."),
    ("running", True, "Run is running"),
    ("running", False, "one"),
    ("running", False, "two"),
    ("saving", True, "Run is saving"),
    ("saving", False, "Scanning for modified or new files from the run"),
    ("saving", False, "No modified or new files found"),
    ("pushing", True, "Run is pushing"),
    ("pushing", False, "Saving build environment for future runs"),
]


def test_the_log_of_a_run_is_that_of_the_original(house: Driven) -> None:
    run = house.done("echo one; echo two >&2")
    told = [(each.status, each.status_event, each.log) for each in house.logs(run.number)]
    assert told[:-2] == USUAL
    assert [each[2].partition(":")[0] for each in told[-2:]] == ["Total run time", "Run 1 complete"]
    assert [each.log for each in house.logs(run.number, -1)] == ["Run 1 complete"]
    assert [each.log for each in house.logs(run.number, 5)][:2] == ["one", "two"]
    assert (house.ls("runs/1"), house.paths("runs/1")) == ([], [])
    assert list(house.logs(run.number, follow=True)) == list(house.logs(run.number))


def test_an_exit_status_is_no_failure_but_under_strict(house: Driven) -> None:
    run = house.done("echo kept > out; exit 66")
    assert (run.status, run.user_exit_code) == (words.COMPLETE, 66)
    assert house.content("runs/1/out") == b"kept\n"
    strict = house.done("echo kept > out; exit 66", strict=True)
    assert (strict.status, strict.user_exit_code, strict.number) == (words.FAILED, 66, 2)
    assert house.content("runs/2/out") == b"kept\n"


def test_outputs_are_new_and_changed_files_that_later_runs_mount(house: Driven) -> None:
    house.done("mkdir -p save/deep; echo 1 > save/deep/model; echo '*' > save/.gitignore; echo 2 > /spell/two")
    assert house.paths("runs/1") == ["save/.gitignore", "save/deep/model", "two"]
    mounts = {"runs/1/save": "save", "runs/1/two": "/data/in/two", "runs/1/save/deep": "save/again/deep"}
    run = house.done(
        "cat save/deep/model save/again/deep/model /data/in/two; echo 3 > /data/in/x; echo 4 >> save/new; "
        "echo 5 >> save/deep/model; rm save/.gitignore",
        attached_resources=mounts,
    )
    assert house.lines(run.number) == ["1", "1", "2"]
    assert house.paths("runs/2") == ["save/deep/model", "save/new"]
    assert house.content("runs/2/save/deep/model") == b"1\n5\n"
    assert house.content("runs/1/save/deep/model") == b"1\n"


def begun(house: Driven, command: str, **fields: object) -> int:
    """A run of the command that has written its first line."""
    number = house.new(RunRequest.from_json({"command": command, **fields})).number
    for each in house.logs(number, follow=True):
        if each.status == "running" and not each.status_event:
            return number
    raise AssertionError(f"run {number} has ended: {house.get(number)}")


@pytest.mark.parametrize(("end", "status"), [("stop", words.STOPPED), ("kill", words.KILLED)])
def test_what_is_ended_keeps_what_it_has_put_out(house: Driven, end: str, status: str) -> None:
    heeding = "trap 'echo 2 > late; exit 3' TERM; echo 1 > out; echo begun; while :; do sleep 0.05; done"
    number = begun(house, heeding, grace_s=300.0)
    assert house.get(number).status == words.RUNNING
    assert [each.path for each in house.ls(f"runs/{number}")] == ["out"]
    assert house.content(f"runs/{number}/out") == b"1\n"
    assert getattr(house, end)([number, 77]) == {"asked": [number], "over": [], "unknown": [77]}
    run = house.over(number)
    assert (run.status, run.user_exit_code) == (status, 3)
    assert house.paths(f"runs/{number}") == ["late", "out"]
    assert [each.log for each in house.logs(number)][-1] == f"Run {number} {status}"
    after = house.done("cat got/out got/late", attached_resources={f"runs/{number}": "got"})
    assert house.lines(after.number) == ["1", "2"]
    assert getattr(house, end)([number])["over"] == [number]


def test_a_run_is_stopped_when_its_time_is_up(house: Driven) -> None:
    run = house.done("echo 1 > out; echo kept; sleep 600", timeout_minutes=0.02, grace_s=0.0)
    assert run.status == words.STOPPED
    if house.lines(run.number) == ["kept"]:  # on a machine so slow that it got no further there is nothing to keep
        assert house.paths("runs/1") == ["out"]


def test_a_run_is_stopped_when_a_condition_on_its_metrics_holds(house: Driven) -> None:
    conditions = [
        [{"metric": "loss", "operator": "<", "value": 0.5, "min_indices": 1}],
        [{"metric": "a", "operator": ">", "value": 1}, {"metric": "b", "operator": ">", "value": 1}],
    ]
    number = begun(house, "echo begun; sleep 600", stop_conditions=conditions)
    assert [house.send_metric(number, "loss", value) for value in (0.1, 0.9)] == [0, 1]
    house.send_metric(number, "a", 2)
    house.send_metric(number, "b", 1)
    assert house.get(number).status == words.RUNNING
    house.send_metric(number, "loss", 0.2)
    run = house.over(number)
    assert (run.status, run.why) == (words.STOPPED, "stopped by spell: loss < 0.5")
    assert [point[1:] for point in house.metrics(number, "loss", start=0)] == [(1, 0.9), (2, 0.2)]
    assert house.metric_names(number) == ["a", "b", "loss"]


def test_what_runs_name_is_there_after_a_pruning(house: Driven, tmp_path: Path, motet_home: Path) -> None:
    number = begun(house, "echo 1 > out; echo begun; sleep 600")
    house.kill([number])
    house.over(number)
    (tmp_path / "file").write_text("uploaded")
    house.put_upload("given", str(tmp_path))
    code = house.snapshot(str(tmp_path))
    held = House(house.host, lambda run: None)
    waiting = held.new(RunRequest("cat out file", code=code, attached_resources={f"runs/{number}/out": "out"})).number
    long_ago = time.time() - 3 * 86400
    for path in (motet_home / "artifacts").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    assert main(["prune", "--older-than", "1d"]) == 0
    assert house.content(f"runs/{number}/out") == b"1\n"
    assert house.content("uploads/given") == b"uploaded"
    house.start_engine(house.row(waiting).id)
    house.over(waiting)
    assert house.lines(waiting) == ["1", "uploaded"]


@pytest.fixture
def one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """One command at once."""
    monkeypatch.setenv("MOTET_COMMANDS", "1")


def test_what_is_ended_before_it_began_counts_as_killed(one_place: None, house: Driven) -> None:
    first = begun(house, "echo begun; sleep 600")
    second = house.new(RunRequest("echo never")).number
    assert house.wait(second, [words.QUEUED]) == words.QUEUED
    house.stop([second])
    run = house.over(second)
    assert (run.status, run.user_exit_code) == (words.KILLED, None)
    assert [each.status for each in house.logs(second)] == [words.QUEUED, words.KILLED, words.KILLED, words.KILLED]
    house.kill([first])


def test_a_run_that_exits_badly_is_tried_again_in_the_folder_as_it_was_left(house: Driven) -> None:
    run = house.done('echo x >> tries; test "$(wc -l < tries)" = 3', retries=2)
    assert (run.status, run.user_exit_code) == (words.COMPLETE, 0)
    assert house.content("runs/1/tries") == b"x\nx\nx\n"
    assert house.done("exit 5", retries=1).user_exit_code == 5


def test_a_run_that_cannot_be_made_ready_says_which_part_failed(house: Driven, tmp_path: Path) -> None:
    code = house.snapshot(str(tmp_path))
    house.host.artifacts.remove(code["artifact"])
    run = house.done("true", code=code)
    assert (run.status, run.user_exit_code) == (words.BUILD_FAILED, None)
    assert [each.status for each in house.logs(run.number)][-2:] == [words.BUILD_FAILED] * 2
    with pytest.raises(UsageError, match="is no requirement"):
        house.done("true", pip_packages=["no such requirement !"])
    with pytest.raises(UsageError, match="Cannot mount resource 'runs/77/x': 'runs/77/x' is not a valid resource"):
        house.done("true", attached_resources={"runs/77/x": "x"})
    for path in ("../x", "runs/1/../../etc", "/etc", "uploads/../../etc/passwd", "bucket://x/y"):
        with pytest.raises(UsageError, match="is not a valid resource"):
            house.done("true", attached_resources={path: "x"})


@pytest.mark.parametrize("target", ["..", "../out", "/", "//", "a/../..", "/spell", "//spell", "/a/../spell"])
def test_mounts_stay_where_they_may_be(house: Driven, tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("content")
    house.put_upload("given", str(tmp_path))
    with pytest.raises(UsageError, match="is no place for it"):
        house.new(RunRequest("true", attached_resources={"uploads/given": target}))


def test_two_things_at_one_place_are_refused(house: Driven, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    for name in "ab":
        house.put_upload(name, str(tmp_path))
    with pytest.raises(UsageError, match="Two things are to be mounted at x"):
        house.new(RunRequest("true", attached_resources={"uploads/a": "x", "uploads/b": "/spell/y/../x"}))
    assert house.runs() == []


def test_uploads_and_links_are_mounted(house: Driven, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("content\n")
    (tmp_path / "away").symlink_to("/etc/passwd")
    assert house.put_upload("given", str(tmp_path)) == 1
    house.link("mine", "uploads/given/in")
    for name in ("runs", "uploads", "a/b", "", ".."):
        with pytest.raises(UsageError, match="is no name of a link"):
            house.link(name, "uploads/given")
    run = house.done("cat file all/in/file; ls", attached_resources={"mine/file": "", "uploads/given": "/spell/all"})
    assert house.lines(run.number) == ["content", "content", "all", "file"]
    assert house.links() == {"mine": "uploads/given/in"}
    assert [each.path for each in house.ls()] == ["runs/", "uploads/", "public/", "mine/"]


def test_an_equal_run_is_taken_where_that_is_asked_for(house: Driven) -> None:
    first = house.done("date > out", idempotent=True, params={"a": 1})
    again = house.done("date > out", idempotent=True, params={"a": 1}, description="other words")
    assert again.number == first.number
    taken = house.new(RunRequest("date > out", idempotent=True, params={"a": 1}, pip_packages=[], conda=""))
    assert taken.already_existed and "same command, code, mounts" in taken.why
    assert not house.new(RunRequest("date > out", idempotent=True, params={"a": 2})).already_existed
    assert not house.new(RunRequest("date > out", params={"a": 1})).already_existed


def test_a_good_run_is_taken_whether_or_not_that_was_asked_for_it(house: Driven) -> None:
    bad = house.done("exit 1")
    assert not house.new(RunRequest("exit 1", idempotent=True)).already_existed
    good = house.done("date")
    house.done("date")
    assert house.new(RunRequest("date", idempotent=True)).number == good.number == bad.number + 2


def test_machine_types_come_to_what_is_here(house: Driven) -> None:
    (Path(house.host.home) / "spell-machines.yaml").write_text("big: {cpu: 1}\n")
    known = house.done("true", machine_type="BIG")
    assert (known.machine, list(known.warnings)) == ("1 cpu", [])
    lacking = house.done("true", machine_type="v100X4-spot")
    assert lacking.warnings == ["This machine has no 4 gpu for V100x4: the run has CPU."]
    unknown = house.done("true", machine_type="quantum")
    assert unknown.warnings == ["There is no machine type 'quantum': this run has a place of this machine."]
    assert "There is no machine type" in [each.log for each in house.logs(unknown.number)][3]


def test_code_of_a_repository_is_that_of_a_commit_or_as_it_is_now(house: Driven, tmp_path: Path) -> None:
    git = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "tracked").write_text("one\n")
    (tmp_path / ".gitattributes").write_text("tracked export-ignore\n")
    git(["git", "init", "-q"])
    git(["git", "add", "."])
    git(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"])
    (tmp_path / "tracked").write_text("two\n")
    (tmp_path / "new").write_text("new\n")
    lines = []
    for options in ({}, {"uncommitted": True}, {"untracked": True}):
        code = house.snapshot(str(tmp_path), **options)
        assert code["description"] == "first"
        lines.append(house.lines(house.done("cat tracked; cat new 2> /dev/null", code=code).number))
    assert lines == [["one"], ["two"], ["two", "new"]]
    fetched = house.github(f"file://{tmp_path}", "HEAD")
    assert house.lines(house.done("cat tracked", code=fetched).number) == ["one"]


def test_code_is_what_can_be_read_and_the_rest_is_told(house: Driven, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "plain").write_text("1\n")
    os.mkfifo(folder / "pipe")
    assert house.lines(house.done("ls -A", code=house.snapshot(str(folder))).number) == ["plain"]
    git = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
    (folder / "pipe").unlink()
    (folder / ".gitmodules").write_text('[submodule "lib"]\n path = lib\n url = ../lib\n')
    (folder / "was").mkdir()
    (folder / "was" / "tracked").write_text("1")
    git(["git", "init", "-q"])
    git(["git", "add", "."])
    git(["git", "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib"])
    git(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first"])
    (folder / "was" / "tracked").unlink()
    (folder / "was").rmdir()
    (folder / "was").write_text("a file now\n")
    run = house.done("cat plain was", code=house.snapshot(str(folder), untracked=True))
    assert list(run.warnings) == ["Submodules are not taken along: lib."]
    assert house.lines(run.number) == ["1", "a file now"]


def test_another_owners_run_is_not_there(house: Driven) -> None:
    house.done("true")
    other = House(house.host, owner="other")
    for ask in (other.get, other.logs, lambda number: other.wait(number, ["complete"])):
        with pytest.raises(NotFound, match="Run 1 does not exist"):
            ask(1)
    with pytest.raises(NotFound):
        other.by_id(house.get(1).run)
    assert other.runs() == [] and other.stop([1])["unknown"] == [1]
