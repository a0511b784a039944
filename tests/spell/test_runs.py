"""Runs: states, logs, outputs, mounts, ends of every kind."""

from __future__ import annotations

from tests.spell.conftest import Driven

from motet.dialects.spell import words

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
