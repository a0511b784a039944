"""What attempts write, cut into lines: whatever it is, and wherever it is cut, torn or flushed."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from motet.executors import capture, current
from motet.executors.commands.lines import Lines
from motet.executors.worker_process import Output
from motet.testing.executor_tasks import Outcomes
from motet.values import secrets
from motet.values.secrets import hide

SECRETS = {
    "MOTET_SECRET_A": "hunter2-hunter2",
    "MOTET_SECRET_B": "hunter2-abc\nsecond/line",
    "MOTET_SECRET_C": "ünïcödé!",
}
SAYINGS = (
    "hunter2-hunter2", "hunter2-hunt", "hunter2-", "second/line", "second%2Fline", "aHVudGVyMi1odW50ZXIy", "ünïcödé!",
    "hunter2-hunter2-hunter2", "ünï", "\n", "\n", "\n", "\r", "\0", "plain words ", "ä€", "\u2028", "\x1b[31m",
    "x" * 70_000, "10 %",
)  # fmt: skip


@pytest.fixture(autouse=True)
def known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    secrets._of.cache_clear()  # what is known is known for a second


def drawn(rng: Random) -> str:
    return "".join(rng.choices(SAYINGS, k=rng.randint(0, 60)))


def cuts(rng: Random, size: int) -> Iterator[tuple[int, int]]:
    """Where to cut what is that long: into few parts or many."""
    places = sorted(rng.randint(0, size) for _ in range(rng.choice((0, 1, 5, 60))))
    yield from zip([0, *places], [*places, size], strict=True)


def lines_of(text: str) -> list[str]:
    """The lines as they are to be logged, by the plainest means."""
    *lines, rest = text.split("\n")
    return [hide(line) for line in ([*lines, rest] if rest else lines)]


def shows_no_secret(text: str) -> bool:
    return not any(line in text for value in SECRETS.values() for line in value.splitlines())


def test_what_a_pipe_brings_is_cut_into_lines(rng: Random) -> None:
    """Nothing is lost or added, no secret gets through, and what is told of open lines has none either."""
    for _ in range(150):
        text = drawn(rng)
        content = text.encode()
        if rng.random() < 0.2:
            content += b"\xff\xfe\xc3"
            text += "\ufffd\ufffd\ufffd"
        outcomes, (end, start) = Outcomes(), os.pipe()
        os.set_blocking(end, False)
        lines = Lines(outcomes.attempt(print), (), tee=False)
        output = Output("stdout", end)
        for first, last in cuts(rng, len(content)):
            for part in range(first, last, 50_000):
                os.write(start, content[part : min(last, part + 50_000)])
                assert output.read(lines)
            if rng.random() < 0.5:
                output.tell_open(lines, float("inf"))
        output.drain(lines)
        os.close(start)
        assert not output.read(lines)
        os.close(end)
        found = "\n".join(outcomes.texts("stdout"))
        if "x" * 70_000 in text:  # logged in pieces
            assert found.replace("\n", "") == "".join(lines_of(text))
        else:
            assert outcomes.texts("stdout") == lines_of(text)
        assert shows_no_secret(found)
        assert all(shows_no_secret(each) for _, _, each in outcomes.begun)
        assert lines.stdout == found[-len(lines.stdout) :]


@contextmanager
def an_attempt(outcomes: Outcomes, *, element: int = 0, whole_lines: bool = False) -> Iterator[current.Current]:
    here = current.Current({}, outcomes.attempt(print, element=element).log, whole_lines=whole_lines)
    token = current.running.set(here)
    try:
        yield here
    finally:
        capture.finish(here)
        current.running.reset(token)


@contextmanager
def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where stdout and stderr go while prints are captured."""
    with monkeypatch.context() as patch, io.StringIO() as shown:
        patch.setattr(sys, "stdout", shown)
        patch.setattr(sys, "stderr", shown)
        capture.hold()
        try:
            yield shown
        finally:
            capture.release()


def test_what_is_printed_is_cut_into_lines(rng: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowly or in haste, with flushes anywhere: log and terminal have all of it, without secrets."""
    for _ in range(150):
        text, outcomes, flushing = drawn(rng), Outcomes(), rng.random() < 0.5
        if rng.random() < 0.3:
            text = "".join(f"{number}\n" for number in range(rng.randint(50, 200))) + text
        with a_terminal(monkeypatch) as shown:
            with an_attempt(outcomes):
                for first, last in cuts(rng, len(text)):
                    for line in text[first:last].splitlines(keepends=True):
                        sys.stdout.write(line)
                    if flushing:
                        sys.stdout.flush()
            assert shown.getvalue() == hide(text)
        logged = [hide(line) for line in outcomes.texts("stdout")]  # the store hides what it is given
        assert "".join(logged) == "".join(lines_of(text))
        if "x" * 70_000 not in text:
            assert logged == lines_of(text)
        assert all(shows_no_secret(each) for _, _, each in outcomes.begun)


def test_a_secret_that_is_flushed_in_the_middle_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Outcomes()
    with a_terminal(monkeypatch) as shown, an_attempt(outcomes):
        print("token: hunter2-", end="", flush=True)
        assert shown.getvalue() == "token: "
        print("hunter2", end="", flush=True)
        assert shown.getvalue() == "token: "
        print(", and hunter", end="", flush=True)
        assert shown.getvalue() == "token: ***, and "
        print("x", end="", flush=True)
        assert shown.getvalue() == "token: ***, and hunterx"
    assert [hide(line) for line in outcomes.texts("stdout")] == ["token: ***, and hunterx"]
    assert outcomes.begun[0] == (0, "stdout", "token: ")


def test_lines_in_haste_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over both streams, a call that runs inside, what it logs, and a thread of its own."""
    outcomes = Outcomes()
    with a_terminal(monkeypatch) as shown:
        with an_attempt(outcomes):
            expected = []
            for number in range(3000):
                stream = sys.stdout if number // 500 % 2 else sys.stderr
                print(number, file=stream)
                expected.append(("stdout" if number // 500 % 2 else "stderr", str(number), 0))
                if number % 700 == 699:
                    with an_attempt(outcomes, element=1):
                        for inner in range(number % 500):
                            print("inner", inner)
                            expected.append(("stdout", f"inner {inner}", 1))
        assert [(stream, text, who) for who, stream, text, _ in outcomes.lines] == expected
        assert shown.getvalue() == "".join(f"{text}\n" for _, text, _ in expected)


def test_what_was_printed_in_haste_is_there_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the code goes on with something else; and the next burst too."""
    outcomes = Outcomes()
    with a_terminal(monkeypatch), an_attempt(outcomes):
        for _ in range(2):
            for number in range(1000):
                print(number)
            while len(outcomes.lines) % 1000:
                threading.Event().wait(0.001)
    assert [text for _, _, text, _ in outcomes.lines] == [str(number) for number in range(1000)] * 2


def test_a_forked_child_takes_nothing_along(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Outcomes()
    with a_terminal(monkeypatch) as shown, an_attempt(outcomes):
        for number in range(200):
            print(number)
        child = os.fork()
        if not child:
            print("child")
            sys.stdout.flush()
            lines = shown.getvalue().splitlines()
            os._exit(0 if lines[-1] == "child" and len(set(lines)) == len(lines) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert outcomes.texts("stdout") == [str(number) for number in range(200)]


def test_a_line_that_has_no_end_is_told(rng: Random) -> None:
    """Its last state, some time after it came; once for all that came within that time."""
    outcomes, (end, start) = Outcomes(), os.pipe()
    os.set_blocking(end, False)
    log = outcomes.attempt(print).log
    assert log is not None
    output = Output("stderr", end)
    assert output.due_at is None
    os.write(start, b"\r 10 it\r 20 it\r")
    output.read(log)
    assert output.due_at is not None
    output.tell_open(log, 0.0)
    assert outcomes.begun == [], "not yet"
    output.tell_open(log, float("inf"))
    assert outcomes.begun == [(0, "stderr", " 20 it")]
    assert output.due_at is None
    os.write(start, b" 30 it")
    output.read(log)
    output.tell_open(log, float("inf"))
    assert outcomes.begun[1:] == [(0, "stderr", " 30 it")]
    os.write(start, b"\ndone\n")
    output.read(log)
    assert output.due_at is None
    assert outcomes.texts("stderr") == ["\r 10 it\r 20 it\r 30 it", "done"]
    os.close(start)
    os.close(end)
