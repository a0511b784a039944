"""The command line as a user meets it: real processes, a home and a folder of their own for each test."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from textwrap import dedent
from typing import Any, Self

import pytest

from motet.owners import is_dead
from motet.ports import RunRow
from motet.stores.sqlite import SqliteStore

PATIENCE_S = 120.0
"""No measure of speed: what takes this long hangs."""


class Cli:
    """Runs `motet` in a folder, with a home beside it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.env = {**os.environ, "COUNT": str(folder / "count")}
        self._started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(dedent(text).lstrip("\n"))
        return path

    def start(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """`motet` with these arguments, under way. It is killed with the test if it has not ended by then."""
        where = {"cwd": self.folder, "env": self.env, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-P", "-m", "motet.cli", *args], text=True, **{**where, **options})
        self._started.append(process)
        return process

    def __call__(self, *args: str, code: int | None = 0, **options: Any) -> Done:
        """`motet` with these arguments, to its end, which is to have that exit code."""
        process = self.start(*args, **options)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert code in (None, process.returncode), f"motet {' '.join(args)}: {process.returncode}\n{out}\n{err}"
        return Done(out, err)

    def on_a_terminal(self, *args: str, columns: int = 80, **env: str) -> str:
        """What `motet` with these arguments shows on a terminal of so many columns."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = self.start(*args, stdout=theirs, env={**self.env, "TERM": "xterm", **env})
        os.close(theirs)
        told = b""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(ours, 65536):
                told += chunk
        os.close(ours)
        process.communicate(timeout=PATIENCE_S)
        return told.decode()

    def json(self, *args: str, code: int = 0) -> Any:
        """What it prints with --json, which is one document and nothing else."""
        return json.loads(self(*args, "--json", code=code).out)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first."""
        found: list[dict[str, Any]] = self.json("ls", "-n", "1000")
        return found

    def recorded(self) -> list[RunRow]:
        """All runs as they stand in the store, read without a command."""
        if not (self.home / "store.db").exists():
            return []
        with closing(SqliteStore(str(self.home))) as store:
            return store.runs(limit=1000)

    def counted(self) -> list[str]:
        """What steps have written to the file `count`, word by word."""
        path = self.folder / "count"
        return path.read_text().split() if path.exists() else []

    def wait_for_count(self, count: int, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until so many words stand in the file `count`."""
        until = time.monotonic() + PATIENCE_S
        while len(self.counted()) < count:
            assert time.monotonic() < until, f"only {self.counted()}"
            if process is not None and process.poll() is not None:
                out, err = process.communicate()
                raise AssertionError(f"ended with {process.returncode} too early\n{out}\n{err}")
            time.sleep(0.01)

    def wait_for_status(self, run: str, *statuses: str) -> dict[str, Any]:
        """Wait until the run has one of these statuses."""
        until = time.monotonic() + PATIENCE_S
        while (found := self.json("show", run))["status"] not in statuses:
            assert time.monotonic() < until, found
            time.sleep(0.05)
        assert isinstance(found, dict)
        return found

    def wait_for_steps(self, run: str, *keys: str) -> None:
        """Wait until there is that run, with these steps."""
        until = time.monotonic() + PATIENCE_S
        while True:
            known = run in [each["name"] for each in self.runs()]
            if known and {each["key"] for each in self.json("show", run)["steps"]}.issuperset(keys):
                return
            assert time.monotonic() < until, f"{run} has no steps {keys}"
            time.sleep(0.05)

    def wait_for_running(self, run: str, key: str) -> None:
        """Wait until it is recorded that this step runs: that it does so is recorded a moment after it has begun."""
        until = time.monotonic() + PATIENCE_S
        while key not in [each["key"] for each in self.json("show", run)["steps"] if each["status"] == "running"]:
            assert time.monotonic() < until, f"{key} does not run"
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for row in self.recorded():
            if row.owner is not None and not is_dead(row.owner):
                os.kill(row.owner.pid, signal.SIGKILL)


class Done:
    """What a command has printed."""

    def __init__(self, out: str, err: str) -> None:
        self.out = out
        self.err = err


@pytest.fixture
def cli(tmp_path: Path, motet_home: Path) -> Iterator[Cli]:
    folder = tmp_path / "work"
    folder.mkdir()
    with Cli(folder, motet_home) as made:
        yield made


FLOWS = """
    import os
    import time

    from motet import flow, task


    def count(word):
        with open(os.environ["COUNT"], "a") as file:
            file.write(f"{word}\\n")


    @task
    def step(number):
        count(number)
        return number


    @task
    def slow(number, seconds=0.2):
        count(number)
        print("at", number)
        time.sleep(3600 if os.environ.get("HOLD") == str(number) else seconds)
        return number


    @flow
    def total(size: int = 5) -> int:
        return sum(step(number) for number in range(size))


    @flow
    def crawl(size: int = 1000, seconds: float = 0.2) -> int:
        return sum(slow(number, seconds) for number in range(size))


    @flow
    def parallel(size: int = 20) -> int:
        return sum(slow.map(range(size)).result())
"""


@pytest.fixture
def flows(cli: Cli) -> Path:
    """A file with several flows that count what their steps do."""
    return cli.write("flows.py", FLOWS)
