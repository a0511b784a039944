"""Runs begun and steered by the command line over a server, with the output that they have at the home."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from tests.client.conftest import Elsewhere

from motet import private
from motet.client.remote import Remote

Command = Callable[..., tuple[int, str, str]]

_VARYING = re.compile(r"\d+(\.\d+)? m?s|\(\w{20}\)|here|there|\d\d:\d\d:\d\d")


def alike(told: str) -> str:
    return _VARYING.sub("~", told)


@pytest.fixture
def waiting(elsewhere: Elsewhere, command: Command, request: pytest.FixtureRequest) -> str:
    """A run that waits for an answer, begun over the server."""
    name = f"asks-{request.node.name}"
    code, out, err = command("submit", "flows.py:asking", "--name", name, over=True)
    assert code == 0, err
    assert f"Run {name} (" in out
    store = Remote(elsewhere.url).store
    follower = store.follow()
    while not store.documents("python", "wait") or not any(
        each.key.startswith(store.find_runs(name)[0].id) for each in store.documents("python", "wait")
    ):
        follower.wait(None)
    follower.close()
    return name


def test_a_run_of_code_that_is_sent_is_followed_and_told_of_as_at_home(command: Command) -> None:
    here = command("run", "flows.py:good", "--name", "here", "-p", "n=2")
    there = command("run", "flows.py:good", "--name", "there", "-p", "n=2", over=True)
    assert here[0] == there[0] == 0
    assert "Result: 1" in there[1]
    assert sorted(alike(there[1]).splitlines()) == sorted(alike(here[1]).splitlines())
    assert json.loads(command("show", "there", "--json", over=True)[1])["program"]["begun_by"]["by"] == "server"


def test_a_run_that_fails_is_told_of_as_at_home_and_carried_on_with(command: Command) -> None:
    code, out, err = command("run", "flows.py:bad", "--name", "fails", over=True)
    assert code == 1
    assert "Run fails (" in out
    assert "failed" in out
    assert "To carry on: motet resume fails" in out
    assert "ValueError: no 1" in err
    code, out, _ = command("resume", "fails", over=True)
    assert code == 1
    assert "Run fails (" in out
    code, out, _ = command("fork", "fails", "--name", "forked", "-p", "n=2", "--priority", "-5", over=True)
    assert code == 1
    assert "Run forked (" in out
    assert command("show", "forked", "--json", over=True)[1].count('"priority": -5') == 1


def test_a_question_is_answered(command: Command, waiting: str) -> None:
    wrong = ("answer", waiting, "-p", "value=no-number")
    here, there = command(*wrong), command(*wrong, over=True)
    assert here == there
    assert here[0] == 2
    code, out, err = command("answer", waiting, "-p", "value=3", over=True)
    assert code == 0, err
    assert f"Run {waiting} goes on.\n" in out
    command("logs", "-f", waiting, over=True)
    assert json.loads(command("show", waiting, "--json", over=True)[1])["result"] == 3


def test_a_run_is_stopped(command: Command, waiting: str) -> None:
    assert command("stop", waiting, over=True) == (0, f"Run {waiting} has ended: cancelled.\n", "")
    here, there = command("stop", waiting), command("stop", waiting, over=True)
    assert here == there
    code, _, err = command("answer", waiting, "-p", "value=3", over=True)
    assert code == 2
    assert "asked nothing" in err


def test_ctrl_c_lets_go_of_a_run_which_goes_on(elsewhere: Elsewhere, command: Command) -> None:
    env = {**os.environ, "MOTET_HOME": str(elsewhere.home), "MOTET_SERVER": elsewhere.url}
    call = [sys.executable, "-P", "-m", "motet.cli", "run", "flows.py:asking", "--name", "left"]
    process = subprocess.Popen(
        call, cwd=elsewhere.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = process.stderr.readline()
    assert "left began at" in told
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "motet logs -f left" in err
    assert command("stop", "left", over=True)[1] == "Run left has ended: cancelled.\n"


def test_a_server_set_for_its_own_home_begins_runs_there(elsewhere: Elsewhere, command: Command) -> None:
    """What it starts for that works at the home, and does not ask it again."""
    private.set_server(str(elsewhere.home), elsewhere.url)
    try:
        code, out, err = command("run", "flows.py:good", "--name", "set")
        assert (code, "Run set (" in out) == (0, True), err
        assert "began at http" in err
    finally:
        private.set_server(str(elsewhere.home), "")


def test_what_cannot_be_sent_is_refused(command: Command) -> None:
    for words in ("run flows", "run flows.py:good -- more", "resume good-one --at /tmp", "submit nothing.py"):
        code, out, err = command(*words.split(), over=True)
        assert (code, out) == (2, ""), words
        assert err.count("\n") >= 2
