"""What a terminal shows: the live view while a run goes on, the tree of steps, colour by convention."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

WATCHED = """
    import os, time
    from motet import artifact, flow, task

    def go(name):
        while not os.path.exists(name):
            time.sleep(0.01)

    @task
    def load():
        print("a line of the user's own")
        return 1

    @task
    def quick(number):
        return number

    @task
    def train():
        artifact.progress("epochs", 40)
        go("go")

    @task
    def element(number):
        if number:
            go("go")
        return number

    @flow
    def prepare():
        return load()

    @flow
    def watched(elements: int = 4):
        prepare()
        quick.map(range(elements)).result()
        training, waiting = train.submit(), element.map([0, 1, 2])
        training.result()
        return sum(waiting.result())
"""


class Tty:
    """A terminal of a given size, enough of one: text, line ends, colours, cursor up, erase to the end, wrapping."""

    def __init__(self, cli: Cli, *args: str, columns: int = 80, rows: int = 24, **env: str) -> None:
        self.columns = columns
        self.lines = [""]
        self.row = self.column = 0
        self.raw = b""
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        usual = {key: value for key, value in cli.env.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
        self.process = cli.start(
            *args, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_take_terminal,
            env={**usual, "TERM": "xterm", "PYTHONUTF8": "1", **env},
        )  # fmt: skip
        os.close(theirs)
        self.fd = ours

    def until(self, seen: Callable[[], bool]) -> None:
        """Read until that is so."""
        until = time.monotonic() + PATIENCE_S
        while not seen():
            assert time.monotonic() < until, "\n".join(self.lines)
            if select.select([self.fd], [], [], 0.05)[0]:
                assert self._read(), f"it ended: {self.shown()}"

    def end(self) -> str:
        """Read to the end; gives what then stands there."""
        while self._read():
            pass
        self.process.wait(timeout=PATIENCE_S)
        os.close(self.fd)
        return self.shown()

    def shown(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.process.pid, signal.SIGWINCH)

    def _read(self) -> bool:
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += chunk
        for sign, text in re.findall(r"(\x1b\[[0-9;]*[A-Za-z]|\r|\n)|([^\x1b\r\n]+)", chunk.decode("utf-8", "ignore")):
            if text:
                self._print(text)
            elif sign == "\r":
                self.column = 0
            elif sign == "\n":
                self._down()
            elif sign.endswith("A"):
                self.row = max(0, self.row - int(sign[2:-1] or 1))
            elif sign == "\x1b[J":
                self.lines[self.row :] = [self.lines[self.row][: self.column]]
        return bool(chunk)

    def _print(self, text: str) -> None:
        for each in text:
            if self.column >= self.columns:
                self.column = 0
                self._down()
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + each + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_what_runs_is_shown_at_the_foot_and_taken_away_at_the_end(cli: Cli, columns: int) -> None:
    cli.write("watched.py", WATCHED)
    tty = Tty(cli, "run", "watched.py:watched", "--name", "mine", columns=columns)
    tty.until(lambda: "40 %" in tty.shown() and "1/3" in tty.shown())
    foot = tty.shown()
    assert "mine  running" in foot
    assert "train" in foot
    assert "element-0" in foot
    assert "quick" not in foot, "what has ended is not shown any more"
    assert max(map(len, foot.splitlines())) <= columns
    (cli.folder / "go").touch()
    left = tty.end()
    assert tty.process.returncode == 0
    assert "running" not in left
    assert "━" not in left
    assert left.splitlines()[0] == "a line of the user's own"
    assert "Result: 3" in left
    assert "Run mine" in left.splitlines()[1]


def test_a_terminal_that_changes_its_size(cli: Cli) -> None:
    cli.write("watched.py", WATCHED)
    tty = Tty(cli, "run", "watched.py:watched", "--name", "mine", columns=120)
    tty.until(lambda: "40 %" in tty.shown())
    tty.resize(60, 10)
    before = len(tty.raw)
    tty.until(lambda: len(tty.raw) > before + 2000)
    tail = tty.raw[before + 1000 :].decode("utf-8", "ignore")
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", tail)
    assert max(len(line.strip("\r")) for line in plain.splitlines()[1:-1]) < 60
    (cli.folder / "go").touch()
    assert "Result: 3" in tty.end()


def test_what_a_child_process_prints_is_not_lost(cli: Cli) -> None:
    cli.write(
        "child.py",
        """
        import os, subprocess, time
        from motet import flow, task

        @task
        def calls():
            time.sleep(0.3)
            subprocess.run(["echo", "from a child"])
            open("printed", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
            print("unfinished", end="", flush=True)
            time.sleep(0.3)
            print(" line")

        @flow
        def child():
            calls()
        """,
    )
    tty = Tty(cli, "run", "child.py", "--name", "mine")
    tty.until(lambda: (cli.folder / "printed").exists())
    seen = len(tty.raw)
    tty.until(lambda: "calls" in tty.shown() and len(tty.raw) > seen + 300)
    (cli.folder / "go").touch()
    left = tty.end().splitlines()
    assert left[0] == "from a child"
    assert left[1] == "unfinished line"
    assert left[2].startswith("Run mine")


def test_ctrl_c_takes_the_view_away_and_stops_the_run(cli: Cli) -> None:
    cli.write("watched.py", WATCHED)
    tty = Tty(cli, "run", "watched.py:watched", "--name", "mine")
    tty.until(lambda: "40 %" in tty.shown())
    os.write(tty.fd, b"\x03")
    left = tty.end()
    assert tty.process.returncode == 130
    assert "motet: stopping" in left
    assert "cancelled after" in left
    assert "━" not in left
    assert "mine  running" not in left


def test_ten_thousand_elements_are_one_line(cli: Cli) -> None:
    cli.write("watched.py", WATCHED)
    tty = Tty(cli, "run", "watched.py:watched", "-p", "elements=10000", "--name", "mine")
    tty.until(lambda: "40 %" in tty.shown())
    (cli.folder / "go").touch()
    left = tty.end()
    assert len(left.splitlines()) < 10
    assert "quick" in cli("show", "mine").out
    assert "10000/10000" in cli("show", "mine").out


def test_without_a_terminal_or_where_it_is_not_wanted_there_is_no_view(cli: Cli) -> None:
    cli.write("watched.py", WATCHED)
    (cli.folder / "go").touch()
    done = cli("run", "watched.py:watched")
    assert "\x1b" not in done.out + done.err
    assert len(done.out.splitlines()) <= 4
    for args, env in ((("--plain",), {}), ((), {"TERM": "dumb"})):
        tty = Tty(cli, "run", "watched.py:watched", *args, **env)
        tty.end()
        assert b"\x1b[J" not in tty.raw


def test_colour_by_convention(cli: Cli, flows: object) -> None:
    cli("run", "flows.py:total", "--name", "mine")
    usual = {key: value for key, value in cli.env.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    assert "\x1b[32msucceeded" in cli("show", "mine", env={**usual, "FORCE_COLOR": "1"}).out
    assert "\x1b" not in cli("show", "mine", env={**usual, "FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert "\x1b" not in cli("show", "mine", env=usual).out


def test_show_draws_the_tree(cli: Cli) -> None:
    cli.write(
        "nested.py",
        """
        from motet import flow, task

        @task
        def leaf(number):
            if number == 77:
                raise ValueError("odd")
            return number

        @flow
        def inner(number):
            return leaf(number)

        @flow
        def nested():
            inner(inner(1))
            for number in range(300):
                leaf(number, return_state=True)
            leaf.map([1, 2, 3]).result()
        """,
    )
    cli("run", "nested.py:nested", "--name", "mine")
    drawn = [line.rstrip() for line in cli("show", "mine").out.splitlines()]
    drawn = [line[: line.find("  ", line.find("-") + 1)] for line in drawn if "─" in line]
    assert drawn == [
        "├─ inner-0", "│  └─ leaf-0", "├─ inner-1", "│  └─ leaf-0",
        "├─ leaf-0 ... leaf-76", "├─ leaf-77", "├─ leaf-78 ... leaf-299", "└─ leaf-300",
    ]  # fmt: skip
    plain = cli("show", "mine", env={**cli.env, "PYTHONIOENCODING": "ascii"}).out
    assert "|- inner-0" in plain
    assert "├" not in plain


def test_a_run_that_took_a_while_tells_its_slowest_path(cli: Cli) -> None:
    cli.write(
        "slow.py",
        """
        import time
        from motet import flow, task

        @task
        def work(seconds, after=None):
            time.sleep(seconds)
            return [seconds]

        @flow
        def slow():
            first = work.submit(0.3)
            aside = work.submit(0.01)
            work.submit(0.4, first).result()
            aside.result()
        """,
    )
    told = cli("run", "slow.py").out
    path = next(line for line in told.splitlines() if line.startswith("Slowest path: "))
    assert re.search(r"work-0 \d+ ms > work-2 \d+ ms", path), path
    assert "work-1" not in path


def test_a_piped_command_sees_no_view(cli: Cli) -> None:
    """stdout is a pipe, stderr a terminal: nothing is drawn anywhere."""
    cli.write("watched.py", WATCHED)
    (cli.folder / "go").touch()
    command = f"{sys.executable} -P -m motet.cli run watched.py:watched | cat"
    done = subprocess.run(["sh", "-c", command], cwd=cli.folder, env=cli.env, capture_output=True, check=True)
    assert b"\x1b" not in done.stdout + done.stderr


def test_a_run_on_one_line_for_those_who_have_no_terminal() -> None:
    from motet import flow, task
    from motet.cli.live import plain_line
    from motet.dialects.python.scope import current

    lines: list[str] = []

    def note() -> None:
        scope = current.get()
        assert scope is not None
        lines.append(plain_line(scope.driver))

    @task
    def train() -> None:
        note()

    @task
    def half(number: int) -> int:
        return number // 2

    @flow
    def whole() -> None:
        half.map(range(4)).result()
        train()

    whole()
    (line,) = lines
    assert re.search(r"^\S+ running for .*: 2 running, 1 succeeded; train \(\d+ ms\)$", line), line
