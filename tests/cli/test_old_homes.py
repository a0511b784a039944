"""Runs that the last version of Motet recorded go on: nothing is run twice, and what is not known is said to be so."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

HERE = Path(__file__).parent
RUNS = HERE / "version_1_runs.sql"
FLOWS = (HERE / "version_1_flows.py").read_text()


@pytest.fixture
def old(cli: Cli) -> Cli:
    """A home with the runs `plain` and `other` (begun from `main.with_options(name="sweep")`), beside their file."""
    shutil.rmtree(cli.home, ignore_errors=True)
    cli.home.mkdir(mode=0o700)
    (cli.folder / "flows.py").write_text(FLOWS)
    db = sqlite3.connect(cli.home / "store.db", isolation_level=None)
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(RUNS.read_text().replace("{FOLDER}", str(cli.folder)))
    db.execute("PRAGMA user_version=1")
    db.close()
    (cli.folder / "well").touch()
    return cli


@pytest.mark.parametrize(("run", "root"), [("plain", "main"), ("other", "sweep")])
def test_a_run_of_the_last_version_goes_on_where_it_stood(old: Cli, run: str, root: str) -> None:
    done = old("resume", run)
    assert "Result: 108" in done.out
    assert old.counted() == ["last"], "a recorded step never runs again, whatever its flow was called"
    assert "changed since: 4 steps, recorded by an earlier version of Motet." in done.out
    assert {each["key"].partition("/")[0] for each in old.json("show", run)["steps"]} == {root}


def test_changes_since_the_last_version_are_not_known_and_not_denied(old: Cli) -> None:
    (old.folder / "flows.py").write_text(FLOWS.replace("return x * 10", "return x * 100"))
    found = old.json("resume", "plain")["runs"][0]
    assert (found["changed"], found["result"]) == ({}, 108)
    assert found["not_known"] == ["main/load-0", "main/use-0", "main/scale-0", "main/below-0"]


def test_a_step_of_the_last_version_that_is_called_otherwise_stops_the_resume(old: Cli) -> None:
    (old.folder / "flows.py").write_text(FLOWS.replace("by=3", "by=4"))
    assert "Step main/use-0 was recorded as task use with other arguments" in old("resume", "plain", code=2).err
    assert old.counted() == []
    assert "Result: 110" in old("resume", "plain", "--rerun-changed").out
    assert old.counted() == ["use", "last"]


@pytest.mark.parametrize("run", ["plain", "other"])
def test_a_run_of_the_last_version_is_forked(old: Cli, run: str) -> None:
    assert "Result: 111" in old("fork", run, "-p", "x=2").out
    assert old.counted()[0] == "load-2"
