"""`motet logs`: which lines are shown."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from subprocess import PIPE, Popen

import pytest
from tests.cli.conftest import Cli, cli

from motet import app
from motet.ports import LogLine

__all__ = ["cli"]


@pytest.fixture
def mine(cli: Cli) -> Cli:
    """A run named mine, whose first step has printed ten lines, its second one two."""
    cli.write(
        "counting.py",
        """
        from motet import flow, task

        @task
        def count(to):
            for number in range(to):
                print("line", number + 1)

        @flow
        def counting():
            count(10)
            count(2)
        """,
    )
    cli("run", "counting.py", "--name", "mine")
    return cli


EACH = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from motet.cli.main import main
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["logs", *json.loads(line)])
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


class Logs:
    """`motet logs mine` again and again, in one process: what is tested are the lines, not the start."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process

    def __call__(self, *options: str, code: int = 0) -> tuple[str, str]:
        """What it prints, on stdout and stderr."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(["mine", *options]), file=self._process.stdin, flush=True)
        ended, out, err = json.loads(self._process.stdout.readline())
        assert ended == code, (options, ended, out, err)
        return out, err

    def texts(self, *options: str) -> list[str]:
        """The lines that are shown."""
        return [each["text"] for each in json.loads(self(*options, "--json")[0])]


@pytest.fixture
def logs(cli: Cli) -> Iterator[Logs]:
    """The process is one for the whole test, and ends with it."""
    argv = [sys.executable, "-P", "-c", EACH]
    with Popen(argv, stdin=PIPE, stdout=PIPE, text=True, cwd=cli.folder, env=cli.env) as process:
        yield Logs(process)


LINES = [f"line {number}" for number in [*range(1, 11), 1, 2]]


CHOSEN: list[tuple[tuple[str, ...], list[str]]] = [
    ((), LINES),
    (("--tail", "3"), LINES[-3:]),
    (("-n", "0"), []),
    (("-n", "99"), LINES),
    (("count-0", "-n", "2"), LINES[8:10]),
    (("count-1",), LINES[10:]),
    (("counting", "-n", "1"), LINES[-1:]),
    (("--range", "3-5"), LINES[2:5]),
    (("--range", "11-"), LINES[10:]),
    (("--range", "-2"), LINES[:2]),
    (("--range", "12"), LINES[11:]),
    (("--range", "50-60"), []),
    (("count-1", "--range", "2-9"), LINES[11:]),
    (("--search", "line 1"), ["line 1", "line 10", "line 1"]),
    (("--search", "line 1", "-n", "1"), ["line 1"]),
    (("--search", "line 1", "--range", "2-2"), ["line 10"]),
    (("--search", "LINE"), []),
    (("--attempt", "1"), LINES),
    (("--attempt", "2"), []),
    (("--since", "1h"), LINES),
    (("--until", "1h"), []),
    (("--since", "2020-01-01", "--until", "2020-01-01T10:00:00+02:00"), []),
]


@pytest.mark.usefixtures("mine")
def test_lines_are_chosen(logs: Logs) -> None:
    for options, expected in CHOSEN:
        assert logs.texts(*options) == expected, options
    for options, expected in ((("-f", "-n", "1"), LINES[-1:]), (("-f", "--search", "10"), ["line 10"])):
        assert [each.split("  ", 1)[1] for each in logs(*options)[0].splitlines()] == expected


def test_times(mine: Cli, logs: Logs) -> None:
    (run, *_) = mine.json("ls")
    today = time.strftime("%Y-%m-%d")
    app.open_logs(str(mine.home)).write(run["id"], [LogLine(time.time() - 7200, "counting", 1, "stdout", "long ago")])
    assert logs.texts("--until", "1h") == ["long ago"]
    assert logs.texts("--since", f"{today}T00:00")[:10] == LINES[:10]
    two_hours_ago = time.strftime("%H:%M", time.localtime(time.time() - 7200 - 60))
    assert "long ago" in logs.texts("--since", two_hours_ago)


REFUSED: list[tuple[tuple[str, ...], str, str]] = [
    (("--range", "5-3"), "no range of lines", '"1000-1999"'),
    (("--range", "-"), "no range of lines", '"1000-1999"'),
    (("--range", "a-b"), "--range a cannot be", "whole number"),
    (("--range", "1-2", "--tail", "3"), "--range goes with neither", "Leave out one"),
    (("--range", "1-2", "-f"), "--range goes with neither", "Leave out one"),
    (("--tail", "-1"), "--tail -1 cannot be", "whole number from 0 on"),
    (("--since", "yesterday"), "--since 'yesterday' is no time", '"15m"'),
    (("--since", "25:00"), "--since '25:00' is no time", '"15m"'),
    (("--since", "5x"), "'5x' is no duration", '"90s"'),
    (("--since", "1h", "--until", "2h"), "--since 1h is later", "Exchange"),
    (("--search", "a\nb"), "within one line", "line end"),
    (("cont-0",), "has no step 'cont-0'", "Did you mean"),
]


@pytest.mark.usefixtures("mine")
def test_what_cannot_be_is_refused(logs: Logs) -> None:
    for options, says, cure in REFUSED:
        _, refused = logs(*options, code=2)
        assert says in refused
        assert cure in refused
        assert len(refused.splitlines()) == 2


WAITING = """
    import sys, time
    from pathlib import Path
    from motet import command, flow, task

    @task
    def bar():
        for number in (10, 20):
            print(f"\\r {number} of 20", end="", file=sys.stderr, flush=True)
            wait(f"go-{number}")
        print(file=sys.stderr)

    def wait(name):
        while not Path(name).exists():
            time.sleep(0.01)

    shell = command("printf '\\\\r 10 of 20'; until [ -e {here}/go-10 ]; do sleep 0.01; done; "
                    "printf '\\\\r 20 of 20'; until [ -e {here}/go-20 ]; do sleep 0.01; done; echo", name="bar")

    @flow
    def waiting(kind: str = "shell", here: str = "."):
        if kind == "shell":
            shell(here=here)
        else:
            bar.with_options(executor=kind)()
        print("done")
"""


@pytest.mark.parametrize("kind", ["shell", "", "threads", "processes"])
def test_a_line_without_an_end_is_seen_by_who_follows(cli: Cli, logs: Logs, kind: str) -> None:
    """Each state of it, before it ends; and once it has, it stands there once."""
    cli.write("waiting.py", WAITING)
    cli("submit", "waiting.py", "-p", f"kind={kind}", "-p", f"here={cli.folder}", "--name", "mine")
    followed = cli.start("logs", "-f", "mine", "waiting/bar-0")
    assert followed.stdout is not None
    shown = b""
    for number in (10, 20):
        while f" {number} of 20".encode() not in shown:
            read = os.read(followed.stdout.fileno(), 10_000)
            assert read, shown
            shown += read
        (cli.folder / f"go-{number}").touch()
    while read := os.read(followed.stdout.fileno(), 10_000):
        shown += read
    assert shown.count(b"\n") == 1
    assert shown.endswith(b"  20 of 20\n")
    cli.wait_for_status("mine", "succeeded")
    assert logs.texts() == ["\r 10 of 20\r 20 of 20", "done"]
    assert "  20 of 20" in logs()[0]
