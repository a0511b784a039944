"""Prints and logging of attempts in this process: attributed, passed on, and in nobody's way."""

from __future__ import annotations

import contextlib
import contextvars
import io
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from motet.executors import capture
from motet.executors.current import OPEN_S, Current
from motet.executors.inline import InlineExecutor
from motet.executors.threads import ThreadExecutor
from motet.testing.executor_tasks import Outcomes, value, wait_until


@pytest.fixture(autouse=True)
def all_is_as_it_was() -> Iterator[None]:
    before = sys.stdout, sys.stderr, logging.Logger.callHandlers, threading.Thread.start, ThreadPoolExecutor.submit
    yield
    after = sys.stdout, sys.stderr, logging.Logger.callHandlers, threading.Thread.start, ThreadPoolExecutor.submit
    assert after == before


@contextlib.contextmanager
def inline(tee: bool = True) -> Iterator[tuple[Callable[[Callable[[], Any]], Any], Outcomes]]:
    executor, outcomes = InlineExecutor(tee=tee), Outcomes()
    try:
        yield lambda function: value(outcomes.run(executor, function)), outcomes
    finally:
        executor.close()


def speak() -> None:
    print("to out")
    print("to err", file=sys.stderr)


def test_what_is_written_is_also_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with inline() as (run, outcomes):
        run(speak)
        print("outside")
    assert outcomes.texts("stdout") == ["to out"]
    assert outcomes.texts("stderr") == ["to err"]
    assert capsys.readouterr() == ("to out\noutside\n", "to err\n")


def test_what_is_written_need_not_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with inline(tee=False) as (run, outcomes):
        run(speak)
        run(lambda: logging.getLogger("library").warning("careful"))
        print("outside")
    assert outcomes.texts("stdout") == ["to out"]
    assert outcomes.texts("stderr", 1) == ["WARNING library: careful"]
    assert capsys.readouterr() == ("outside\n", "")


def test_a_line_is_logged_when_it_ends() -> None:
    def piecemeal() -> list[str]:
        sys.stdout.write("one ")
        before = list(outcomes.texts("stdout"))
        sys.stdout.writelines(["line\nand ", "another"])
        return before

    with inline() as (run, outcomes):
        assert run(piecemeal) == []
    assert outcomes.texts("stdout") == ["one line", "and another"]


def test_a_line_without_end_takes_no_endless_memory() -> None:
    with inline(tee=False) as (run, outcomes):
        run(lambda: [sys.stdout.write("x" * 10_000) for _ in range(30)])
    texts = outcomes.texts("stdout")
    assert max(map(len, texts)) <= 64 * 1024
    assert "".join(texts) == "x" * 300_000


def test_bytes_are_logged_as_text(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with inline() as (run, outcomes):
        run(lambda: sys.stdout.buffer.write(b"caf\xc3\xa9\n"))
    assert outcomes.texts("stdout") == ["café"]
    assert capsysbinary.readouterr().out == b"caf\xc3\xa9\n"


def test_bytes_that_are_no_text_are_passed_on_as_they_are(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    content = bytes(range(256))
    with inline() as (run, outcomes):
        run(lambda: (sys.stdout.write("before "), sys.stdout.buffer.write(content), print(" after")))
    assert capsysbinary.readouterr().out == b"before " + content + b" after\n"
    assert "\n".join(outcomes.texts("stdout")) == f"before {content.decode('utf-8', 'replace')} after"


def test_secrets_are_taken_out_of_bytes(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("MOTET_SECRET_TOKEN", "hunter2hunter2")
    with inline() as (run, _):
        run(lambda: sys.stdout.buffer.write(b"\xff hunter2hunter2 \xfe\n"))
    assert capsysbinary.readouterr().out == b"\xff *** \xfe\n"


def test_only_text_can_be_written() -> None:
    with inline() as (run, _):

        def write_bytes() -> None:
            with pytest.raises(TypeError):
                sys.stdout.write(b"bytes")  # type: ignore[arg-type]

        run(write_bytes)


def test_code_that_redirects_gets_what_it_redirects() -> None:
    def redirect() -> str:
        with contextlib.redirect_stdout(io.StringIO()) as stream:
            print("inside")
        print("after")
        return stream.getvalue()

    with inline() as (run, outcomes):
        assert run(redirect) == "inside\n"
    assert outcomes.texts("stdout") == ["after"]


def test_a_stream_that_replaces_ours_is_wrapped_in_its_turn() -> None:
    theirs, before = io.StringIO(), sys.stdout
    with inline() as (run, outcomes):
        run(speak)
        sys.stdout = theirs
        run(speak)
    assert sys.stdout is theirs
    sys.stdout = before
    assert outcomes.texts("stdout", 1) == ["to out"]
    assert theirs.getvalue() == "to out\n"


def test_a_wrapper_around_our_stream_does_not_log_twice() -> None:
    class Shouting:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, text: str) -> int:
            return int(self.stream.write(text.upper()))

        def flush(self) -> None:
            self.stream.flush()

    before = sys.stdout
    with inline() as (run, outcomes):
        run(speak)
        sys.stdout = Shouting(sys.stdout)  # type: ignore[assignment]
        run(speak)
        assert outcomes.texts("stdout", 1) == ["to out"]
        sys.stdout = before


def test_a_broken_stream_fails_no_attempt() -> None:
    before = sys.stdout
    sys.stdout = io.StringIO()
    sys.stdout.close()
    with inline() as (run, outcomes):
        run(speak)
        run(lambda: print("flushed", flush=True))
    sys.stdout = before
    assert outcomes.texts("stdout") == ["to out"]


def test_without_streams_all_is_logged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        with inline() as (run, outcomes):
            run(lambda: print("said", flush=True))
            print("nobody hears this")
        assert sys.stdout is None
    assert outcomes.texts("stdout") == ["said"]


class Speaker(threading.Thread):
    def run(self) -> None:
        print("a class's")


def test_threads_that_an_attempt_starts_are_its_own_and_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    asked, word = threading.Event(), contextvars.ContextVar("word", default="nobody's")

    def stranger() -> None:
        asked.wait()
        print("stranger")

    def in_threads() -> None:
        word.set("the attempt's")
        asked.set()
        other.join()
        context = contextvars.copy_context()
        odd = threading.Thread()
        odd.run = lambda: print("an object's")  # type: ignore[method-assign]
        plain = threading.Thread(target=lambda: print("plain, and", word.get(), "variables"))
        for thread in (plain, Speaker(), odd, threading.Thread(target=lambda: context.run(print, "with its context"))):
            thread.start()
            thread.join()
            with pytest.raises(RuntimeError):
                thread.start()
        threads.extend([plain, odd])

    other, threads = threading.Thread(target=stranger), list[threading.Thread]()
    other.start()
    with inline() as (run, outcomes):
        run(in_threads)
    told = ["plain, and nobody's variables", "a class's", "an object's", "with its context"]
    assert outcomes.texts("stdout") == told
    assert capsys.readouterr().out == "\n".join(["stranger", *told, ""])
    assert ["run" in each.__dict__ for each in threads] == [False, True], "they are as they were"


def test_pools_of_threads_work_for_whoever_hands_them_something() -> None:
    """One is made within an attempt, and used by the next and by nobody: its threads stay."""
    with ThreadPoolExecutor(1) as pool, inline() as (run, outcomes):
        run(lambda: pool.submit(logging.getLogger("library").warning, "first").result())
        run(lambda: pool.submit(print, "second").result())
        pool.submit(print, "nobody's").result()
        run(lambda: pool.submit(print, "third", end=" ").result() or pool.submit(print, "and more").result())
    assert outcomes.texts("stderr", 0) == ["WARNING library: first"]
    assert [outcomes.texts("stdout", number) for number in range(3)] == [[], ["second"], ["third and more"]]


def test_a_thread_that_outlives_its_attempt_harms_nobody() -> None:
    over, ended = threading.Event(), threading.Event()

    def late() -> None:
        over.wait()
        print("late")
        ended.set()

    with inline() as (run, outcomes):
        run(lambda: threading.Thread(target=late).start())
        over.set()
        assert ended.wait(60)
        run(speak)
    assert outcomes.texts("stdout", 0) == ["late"]
    assert outcomes.texts("stdout", 1) == ["to out"]


def test_attempts_at_the_same_time_are_told_apart() -> None:
    executor, outcomes = ThreadExecutor(4, tee=False), Outcomes()
    together = threading.Barrier(4)

    def count(name: str) -> None:
        together.wait()
        for number in range(200):
            sys.stdout.write(f"{name} ")
            sys.stdout.write(f"{number}\n")

    for element in range(4):
        executor.start(outcomes.attempt(count, str(element), element=element))
    outcomes.wait(4)
    executor.close()
    for element in range(4):
        assert outcomes.texts("stdout", element) == [f"{element} {number}" for number in range(200)]


# ---------------------------------------------------------------- logging


@contextlib.contextmanager
def no_handlers() -> Iterator[logging.Logger]:
    """Logging as Python has it from the start; pytest puts handlers of its own in place for each test."""
    before, logging.root.handlers = logging.root.handlers, []
    try:
        yield logging.getLogger("library")
    finally:
        logging.root.handlers = before


def test_records_are_logged_whatever_becomes_of_them() -> None:
    logger = logging.getLogger("alone")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]

    def work() -> None:
        logger.debug("below its level")
        logger.info("kept %s", "here")
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("failed")

    with inline() as (run, outcomes):
        run(work)
    texts = outcomes.texts("stderr")
    assert texts[:3] == ["INFO alone: kept here", "ERROR alone: failed", "Traceback (most recent call last):"]
    assert texts[-1] == "ValueError: why"


def test_the_output_of_handlers_is_not_logged_again(capsys: pytest.CaptureFixture[str]) -> None:
    with no_handlers() as logger, inline() as (run, outcomes):
        run(speak)

        def work() -> None:
            logging.basicConfig(format="user's own: %(message)s")
            logger.warning("careful")

        run(work)
    assert outcomes.texts("stderr", 1) == ["WARNING library: careful"]
    assert capsys.readouterr().err == "to err\nuser's own: careful\n"


def test_warnings_are_shown_without_any_handler(capsys: pytest.CaptureFixture[str]) -> None:
    with no_handlers() as logger, inline() as (run, outcomes):
        run(lambda: logger.warning("careful"))
        logger.warning("outside")
    assert outcomes.texts("stderr") == ["WARNING library: careful"]
    assert capsys.readouterr().err == "careful\noutside\n"


def test_a_record_that_cannot_be_formatted_is_logged_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with no_handlers() as logger, inline() as (run, outcomes):
        run(lambda: logger.warning("%d of %d", 1))
    assert outcomes.texts("stderr") == ["WARNING library: %d of %d"]


def test_several_executors_share_the_capture() -> None:
    with inline() as (run, outcomes):
        run(speak)
        with inline() as (run_other, others):
            run_other(speak)
        assert type(sys.stdout) is capture.Tee
        run(speak)
    assert outcomes.texts("stdout", 1) == others.texts("stdout") == ["to out"]


def test_logging_that_is_still_being_imported_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    half = ModuleType("logging")
    half.__spec__ = ModuleSpec("logging", None)
    half.__spec__._initializing = True  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "logging", half)
    capture.hold()
    capture.release()
    assert not hasattr(half, "Logger")


def test_threads_show_whole_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """However many write at once: a line is never torn, and what is flushed shows at once."""
    executor, outcomes = ThreadExecutor(4, tee=True), Outcomes()

    def write(number: int) -> None:
        for _ in range(200):
            print(number, number, number)
        print("end", number, end="")

    for number in range(4):
        executor.start(outcomes.attempt(write, number, element=number))
    outcomes.wait(4)
    executor.close()
    out = capfd.readouterr().out
    for number in range(4):
        assert out.splitlines().count(f"{number} {number} {number}") == 200
        assert out.splitlines().count(f"end {number}") == 1


def test_threads_show_at_once_what_is_flushed(capfd: pytest.CaptureFixture[str]) -> None:
    executor, outcomes = ThreadExecutor(1, tee=True), Outcomes()
    seen = []

    def progress() -> None:
        print("half", end="", flush=True)
        seen.append(capfd.readouterr().out)
        print(" done")

    outcomes.run(executor, progress)
    executor.close()
    assert seen == ["half"]
    assert capfd.readouterr().out == " done\n"


def test_the_last_state_of_a_line_begun_is_told_however_soon_it_came() -> None:
    """And nothing of the line after its end."""
    told: list[tuple[str, bool]] = []
    here = Current({}, lambda stream, text, at, ended=True: told.append((text, ended)))
    for text in ("\r1%", "\r2%", "\r3%"):
        here.write("stderr", text)
        here.flushed("stderr")
    wait_until(lambda: told[-1] == ("3%", False), "its last state is told")
    here.write("stderr", "\r4%")
    here.flushed("stderr")
    here.write("stderr", "\n")
    time.sleep(2 * OPEN_S)
    assert told[-1] == ("\r1%\r2%\r3%\r4%", True)
