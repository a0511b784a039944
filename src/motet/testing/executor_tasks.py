"""What the suite of executors has attempts do, and what receives their outcomes.

The functions stand in a module, so that a worker process can import them.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from motet.executors import current
from motet.executors.calls import Identity, identity
from motet.ports import Attempt, Executor, Failure, LineLog, Outcome, Success
from motet.values.records import decode

PATIENCE_S = 120.0


@dataclass
class Outcomes:
    """Makes attempts and receives what becomes of them."""

    reports: list[tuple[Identity, Outcome]] = field(default_factory=list)
    lines: list[tuple[int, str, str, float]] = field(default_factory=list)
    begun: list[tuple[int, str, str]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def attempt(self, function: Callable[..., Any], *args: Any, element: int = 0, **more: Any) -> Attempt:
        """An attempt that reports and logs here."""
        fields: dict[str, Any] = {
            "kwargs": {},
            "log": self._logger(element),
            "report": self.report,
            "number": 1,
            **more,
        }
        return Attempt(run="run", key="step", function=function, args=args, element=element, **fields)

    def _logger(self, element: int) -> LineLog:
        def log(stream: str, text: str, at: float, ended: bool = True) -> None:
            if ended:
                self.lines += [(element, stream, line, at) for line in text.split("\n")]
            else:
                self.begun.append((element, stream, text))

        return log

    def report(self, attempt: Attempt, outcome: Outcome) -> None:
        """Take an outcome."""
        with self.changed:
            self.reports.append((identity(attempt), outcome))
            self.changed.notify_all()

    def wait(self, count: int) -> list[Outcome]:
        """The outcomes, in the order of their coming, when so many have come."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.reports) >= count, PATIENCE_S)
            assert came, f"{len(self.reports)} of {count} attempts were reported within {PATIENCE_S} s"
            return [outcome for _, outcome in self.reports]

    def run(self, executor: Executor, function: Callable[..., Any], *args: Any, **more: Any) -> Outcome:
        """Run one attempt to its end."""
        count = len(self.reports)
        executor.start(self.attempt(function, *args, **{"element": count, **more}))
        return self.wait(count + 1)[count]

    def texts(self, stream: str, element: int = 0) -> list[str]:
        """The lines that an attempt wrote."""
        return [text for who, where, text, _ in self.lines if who == element and where == stream]

    def assert_each_once(self, count: int) -> None:
        """Every attempt was reported, and none twice."""
        times = Counter(which for which, _ in self.reports)
        assert len(times) == count
        assert set(times.values()) == {1}, [which for which, number in times.items() if number > 1]


def value(outcome: Outcome) -> Any:
    """What a successful attempt returned."""
    assert isinstance(outcome, Success), outcome
    return outcome.value if outcome.record is None else decode(outcome.record, None)


def error(outcome: Outcome) -> dict[str, Any]:
    """The record of what a failed attempt raised."""
    assert isinstance(outcome, Failure), outcome
    return dict(outcome.error)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Return when `true()`; fail if it never is."""
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, f"it never came to this: {what}"
        time.sleep(0.005)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for the time of a test."""
    with TemporaryDirectory(prefix="motet-suite-") as name:
        yield Path(name)


# ---------------------------------------------------------------- what the attempts do


def nothing() -> None:
    """Return None."""


def double(number: int, *, plus: int = 0) -> int:
    """Return twice the number."""
    return 2 * number + plus


def fail_deep(message: str) -> None:
    """Raise ValueError, because of a KeyError, two calls down."""
    try:
        raise KeyError("the missing key")
    except KeyError as cause:
        raise ValueError(message) from cause


class ErrorWithTwoArguments(Exception):
    """An exception that pickle cannot make again."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def fail_oddly() -> None:
    """Raise what cannot be pickled."""
    raise ErrorWithTwoArguments("this", "that")


def leave(kind: str) -> None:
    """Raise what is no `Exception`."""
    raise {"exit": SystemExit(3), "interrupt": KeyboardInterrupt("now")}[kind]


def speak(count: int) -> None:
    """Write to both streams, and a last line without an end."""
    for number in range(count):
        print(f"line {number}")  # noqa: T201 - that prints are captured is what is tested
    print("to stderr", file=sys.stderr)  # noqa: T201
    print("no end", end="")  # noqa: T201


def record_logs() -> None:
    """Log a warning, as libraries do."""
    logging.getLogger("library").warning("careful: %d left", 3)


def ask_context() -> dict[str, Any]:
    """Return what the attempt is told about itself."""
    here = current.get()
    return {} if here is None else dict(here.context)


def meet(place: str, name: str, count: int) -> int:
    """Wait until `count` attempts are in this function at once."""
    Path(place, name).touch()
    wait_until(lambda: len(os.listdir(place)) >= count, f"{count} attempts at once")
    return len(os.listdir(place))


def take_time(seconds: float) -> tuple[float, float]:
    """Return when it began and ended, on a clock that processes share."""
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def wait_for_file(begun: str, path: str) -> str:
    """Say that it has begun by making one file, and end when the other is there."""
    Path(begun).touch()
    wait_until(lambda: os.path.exists(path), "the file")
    return "seen"


def wait_for_stop(begun: str) -> str:
    """Run until asked to stop."""
    Path(begun).touch()
    wait_until(lambda: current.stop_requested() is not None, "a request to stop")
    return f"stopped itself: {current.stop_requested()}"


def reverse(content: bytearray) -> bytearray:
    """Return the bytes in reverse."""
    return content[::-1]


def crash() -> None:
    """End the process by a segmentation fault."""
    ctypes.string_at(0)
