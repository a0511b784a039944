"""Tools that prepare a command (git, uv, docker pull): run as its own processes are, and stopped with its attempt."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic, time
from typing import Protocol

from motet.errors import Cancelled
from motet.executors.alarm import Alarm
from motet.executors.commands.child import Child, Listener, exit_status, script_on
from motet.executors.commands.marks import MARK
from motet.executors.commands.setting import Setting
from motet.ports import Attempt, LineLog

_current: ContextVar[Tools | None] = ContextVar("motet_tools", default=None)


class Wanted(Protocol):
    """An attempt in hand (see `executor.Job`).

    stopping  why it is to end; None as long as it is wanted
    grace_s   how long it has for that
    taken_at  when it was taken in hand, by `time.monotonic`
    tee       whether what it writes is also shown by this process
    """

    attempt: Attempt
    stopping: str | None
    grace_s: float
    taken_at: float
    tee: bool


class Runner(Protocol):
    """How tools are run for an attempt (see `Tools`). `shared` is the folder for what all runs share."""

    shared: str

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run the tool to its end; gives its exit status and all that it wrote."""
        ...

    def say(self, text: str) -> None:
        """Write a line to the attempt's log."""
        ...


class Tools:
    """Runs tools for one attempt. What they write is logged; they end with the attempt, and with the engine.

    It is what `environments.build.Environments` asks for as its `runner`:

        built = Environments(tools.shared, tools).ready(environment)
        return Command(Function("module:function", {...}, python=built.python, paths=built.paths))

    shared  the folder for what all runs share, such as environments
    """

    def __init__(self, setting: Setting, job: Wanted, alarm: Alarm) -> None:
        self.shared = setting.shared
        self._setting = setting
        self._job = job
        self._alarm = alarm

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run the tool to its end; gives its exit status and all that it wrote.

        Raises OSError if it cannot be started, Cancelled if the attempt is to stop.
        """
        said: list[str] = []

        def log(stream: str, text: str, at: float, ended: bool = True) -> None:
            if ended:
                said.append(text)
                self._log(stream, text, at)

        with self._setting.marked() as mark:
            status = self._run(argv, cwd, {**os.environ, **(env or {}), MARK: mark}, log)
        self._go_on()
        return status, "\n".join(said)

    def _run(self, argv: Sequence[str], cwd: str, env: Mapping[str, str], log: LineLog) -> int:
        stdin = script_on("")
        try:
            child = Child(argv, env=env, cwd=cwd or None, stdin=stdin, mark=env[MARK])
        finally:
            os.close(stdin)
        self._setting.tell(child.pid)
        try:
            listener = Listener(child, self._alarm, log)
            while not child.ended and self._job.stopping is None:
                listener.listen(None)
            if self._job.stopping is not None:
                child.kill_all()
            while not child.ended:
                listener.listen(None)
            listener.drain()
            return exit_status(child.reap()[0])
        finally:
            child.close()
            self._setting.ended(child.pid)

    def say(self, text: str) -> None:
        """Log a line."""
        self._log("stderr", text, time())

    def pause(self, seconds: float) -> None:
        """Wait so long. Raises Cancelled if the attempt is to stop."""
        import select

        until = monotonic() + seconds
        while (left_s := until - monotonic()) > 0 and self._job.stopping is None:
            if select.select([self._alarm.fd], [], [], left_s)[0]:
                self._alarm.clear()
        self._go_on()

    def _go_on(self) -> None:
        if self._job.stopping is not None:
            raise Cancelled(f"The step was stopped before its command began: {self._job.stopping}.")

    def _log(self, stream: str, text: str, at: float) -> None:
        log = self._job.attempt.log
        if log is not None:
            log(stream, text, at)


@contextmanager
def lent(tools: Tools) -> Iterator[None]:
    """Let the code of an attempt find its tools."""
    token = _current.set(tools)
    try:
        yield
    finally:
        _current.reset(token)


def tools() -> Tools | None:
    """The tools of the calling attempt: for the function that makes its command. None outside of one."""
    return _current.get()
