"""Homes in which nothing can be written: reading commands read, and on a full disk `prune` makes room."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

FLOW = """
    from motet import artifact, flow, task

    @task
    def said(number):
        print("line", number)
        return number

    @flow
    def whole(size: int = 20):
        artifact.markdown("text", "# head")
        return sum(said(number) for number in range(size))
"""

READS = (
    ("ls",), ("show", "mine"), ("show", "mine", "said-3"), ("why", "mine", "said-3"), ("logs", "mine"), ("events",),
    ("artifacts", "mine"), ("artifacts", "mine", "text"),
)  # fmt: skip


def mount(folder: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no right to mount a file system")


@pytest.fixture
def disk(cli: Cli, tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own, with the home in it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount"):
        pytest.skip("no mount")
    mount(folder, "size=4m,mode=700")
    cli.env["MOTET_HOME"] = str(folder / "home")
    cli.write("flow.py", FLOW)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def read_only(folder: Path, yes: bool) -> None:
    subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", str(folder)], check=True)


@pytest.mark.parametrize("kept", ["the log and its index", "the log", "all in the file"])
def test_reading_commands_read_on_a_read_only_file_system(cli: Cli, disk: Path, kept: str) -> None:
    cli("run", "flow.py", "--name", "mine")
    home = disk / "home"
    if kept != "the log and its index":
        (home / "store.db-shm").unlink()
    if kept == "all in the file":
        db = sqlite3.connect(home / "store.db")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    written = [cli(*args).out for args in READS] if kept == "the log and its index" else []
    before = sorted(os.listdir(home))
    read_only(disk, True)
    said = [cli(*args).out for args in READS]
    assert "mine" in said[0]
    assert "said-3" in said[2]
    assert "line 19" in said[4]
    assert not written or said == written
    told = cli("doctor", code=1)
    assert "every record was read and is sound" in told.out
    assert "cannot be written to" in told.out
    refused = cli("run", "flow.py", code=2)
    assert "Read-only file system" in refused.err
    assert "MOTET_HOME" in refused.err
    assert sorted(os.listdir(home)) == before
    read_only(disk, False)
    cli("run", "flow.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("index", [True, False], ids=["with the log's index", "without"])
def test_who_may_only_read_a_home_can_read_it(cli: Cli, index: bool) -> None:
    cli.write("flow.py", FLOW)
    cli("run", "flow.py", "--name", "mine")
    if not index:
        (cli.home / "store.db-shm").unlink()
    subprocess.run(["chmod", "-R", "a+rX", str(cli.home)], check=True)
    before = sorted(os.listdir(cli.home))
    code = """
import os, sys
import motet.stores.logs.reading
from motet.stores.logs import FileLogs
import logging, shutil, tempfile
from motet.stores.sqlite import SqliteStore, verify
from motet.values.published import published

home = sys.argv[1]
os.chdir(home)  # what is above it may be closed
os.setgid(65534)
os.setuid(65534)
assert not os.access(".", os.W_OK)
store = SqliteStore(home)
store._database.home, store._database.path = ".", "store.db"
(run,) = store.runs()
assert len(store.steps(run.id)) == 21
assert store.check() == []
assert [each.key for each in published(store, run.id)] == ["text"]
assert len(FileLogs("logs").read(run.id).lines) == 20
store.close()
"""
    done = subprocess.run([sys.executable, "-c", code, str(cli.home)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(cli.home)) == before


def test_prune_makes_room_on_a_full_disk(cli: Cli, disk: Path) -> None:
    for name in ("one", "two", "three"):
        cli("run", "flow.py", "--name", name)
    cli("run", "flow.py", "-p", "size=100000", "--name", "filling", code=1)
    full = cli("run", "flow.py", code=1)
    assert "motet prune" in full.err
    assert cli.json("prune", "--older-than", "0s")["runs"] == 3
    assert [run["name"] for run in cli.runs()] == ["filling"]
    assert "succeeded" in cli("run", "flow.py", "--name", "after").out
    assert (disk / "home" / "reserve").exists()


def test_what_filled_the_disk_can_be_kept_given_up_and_removed(cli: Cli, disk: Path) -> None:
    """Again and again: whoever finds room keeps some in reserve."""
    for ended, name in enumerate(("first", "second"), 1):
        cli("run", "flow.py", "-p", "size=100000", "--name", name, code=1)
        assert cli.runs()[0]["status"] == "crashed"
        cli("backup", str(cli.folder / f"{name}.tar"))
        cli("stop", name)
        assert cli.json("prune", "--older-than", "0s")["runs"] == ended
        cli("run", "flow.py")
        assert (disk / "home" / "reserve").exists()


def test_too_few_open_files_are_told_as_such(cli: Cli) -> None:
    cli.write("flow.py", FLOW)
    for limit in (8, 10, 12, 14):
        done = subprocess.run(
            ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *cli_argv("run", "flow.py")],
            cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode and "Too many open files" in done.stderr and "Traceback" not in done.stderr:
            assert "ulimit -n" in done.stderr
            return
    pytest.fail("no limit was too low")


def cli_argv(*args: str) -> list[str]:
    """The command line of `motet`."""
    return [sys.executable, "-P", "-m", "motet.cli", *args]
