"""What programs raise, or never say, is their run's matter: it ends with their message, stops, and can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.programs.running import ROOT, memory_host, run_here

from motet.dialects.declared.plugin import VOICE, new_run
from motet.errors import RunError
from motet.ports import Publication
from motet.ports.voice import Onward
from motet.stores.sqlite import SqliteStore

FAILING = {
    "raises": ("KeyError", "'x'"),
    "tells_where": ("Odd", "it does not fit"),
    "needs_nobody": ("UsageError", "Step third needs nobody, which is not a step of this run."),
    "says_nothing_to_do": ("UsageError", "A program said 'run it', which is nothing to do."),
    "says_none": ("TypeError", "'NoneType' object is not iterable"),
    "says_what_is_no_json": ("UsageError", "The call of step third is no JSON"),
    "takes_an_elements_key": ("UsageError", "map[0]"),
}

ENDLESS = ("turns_for_ever", "turns_and_swallows", "says_ever_more")


SOON = """
from motet.cli.main import main
from motet.engine import boundary
boundary.PATIENCE_S = 0.3
main(["engine", "r1"])
"""
"""An engine that waits less long for its program than it usually does."""


def params_of(tmp_path: Path, kind: str, **more: Any) -> dict[str, Any]:
    (tmp_path / "wild").touch()
    return {"kind": kind, "wild": str(tmp_path / "wild"), **more}


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("kind", FAILING)
def test_a_program_that_fails_ends_its_run_and_can_be_resumed(kind: str, at_once: bool, tmp_path: Path) -> None:
    host = memory_host()
    params = params_of(tmp_path, kind, at_once=at_once)
    row, _ = run_here(host, "tests.programs.wild:make", params)
    assert row.status == "failed"
    assert row.error["type"] == FAILING[kind][0]
    assert FAILING[kind][1] in row.error["message"]
    assert row.error.get("step", "") == ("first" if kind == "tells_where" else "")
    (tmp_path / "wild").unlink()
    driver = VOICE.carry_on(host, row, Onward(reopen=True))
    assert driver.state.status == "succeeded"
    host.close()


def test_a_program_that_fails_as_its_run_is_reopened_changes_nothing(tmp_path: Path) -> None:
    host = memory_host()
    row, _ = run_here(host, "tests.programs.wild:make", params_of(tmp_path, "final", target="motet:no_such_thing"))
    assert row.status == "failed"
    with pytest.raises(RunError, match="failed when it was asked about step first: KeyError"):
        VOICE.carry_on(host, row, Onward(reopen=True))
    assert (host.store.run("r1").status, host.store.run("r1").owner) == ("failed", None)
    host.close()


def test_an_exit_within_a_program_ends_the_run_in_order(tmp_path: Path) -> None:
    host = memory_host()
    host.create(new_run(host, "r1", "tests.programs.wild:make", params_of(tmp_path, "exits", executor="inline")))
    with pytest.raises(SystemExit):
        VOICE.carry_on(host, host.store.run("r1"), Onward())
    row = host.store.run("r1")
    assert (row.status, row.owner) == ("cancelled", None)
    assert "interrupted by SystemExit" in row.error["message"]
    host.close()


@pytest.mark.parametrize("executor", ["threads", "inline"])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_program_that_never_answers_can_be_stopped(kind: str, at_once: bool, executor: str, tmp_path: Path) -> None:
    store, process = begun(tmp_path, params_of(tmp_path, kind, at_once=at_once, executor=executor))
    store.publish([Publication("run.stop", "enough", "motet", run="r1")])
    process.communicate(timeout=120)
    row = store.run("r1")
    assert row.status == "cancelled"
    (tmp_path / "wild").unlink()
    host = memory_host(store)
    assert VOICE.carry_on(host, row, Onward(reopen=True)).state.status == "succeeded"
    host.close()


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_program_that_never_answers(number: int, at_once: bool, tmp_path: Path) -> None:
    store, process = begun(tmp_path, params_of(tmp_path, "turns_for_ever", at_once=at_once))
    process.send_signal(number)
    process.communicate(timeout=120)
    assert store.run("r1").status == "cancelled"


def begun(tmp_path: Path, params: Any) -> tuple[SqliteStore, subprocess.Popen[bytes]]:
    """A process whose program has gone wild."""
    store = SqliteStore(str(tmp_path))
    host = memory_host(store)
    host.create(new_run(host, "r1", "tests.programs.wild:make", params))
    env = {**os.environ, "MOTET_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-P", "-c", SOON], cwd=ROOT, env=env, stderr=subprocess.PIPE)
    while not (tmp_path / "gone").exists():
        assert process.poll() is None
        time.sleep(0.05)
    return store, process
