"""Tasks that are a shell command or a Python function; and programs that operators start, wait for and stop."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from logging import Logger
from subprocess import PIPE, STDOUT, Popen, TimeoutExpired
from threading import Thread
from typing import Any

from motet.dialects.aiflow.model.contexts import Context
from motet.dialects.aiflow.model.words import AIFlowException, TaskFailedException
from motet.dialects.aiflow.model.workflow import AIFlowOperator

__all__ = ["BashOperator", "PythonOperator"]

_GRACE_S = 10.0
_SECRET = re.compile(r"(\S*(?:secret|password)\S*?)(=|\s+)(\S+)", re.IGNORECASE)


def masked(command: Sequence[str]) -> str:
    """The command as it may be shown: without the values of passwords and secrets."""
    return _SECRET.sub(r"\1\2******", shlex.join(command))


class Program:
    """A program that runs. Both its outputs go to this process's output.

    heard  is called with each line of them
    """

    def __init__(
        self, command: Sequence[str], log: Logger, env: Mapping[str, str] | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        log.info("Running: %s", masked(command))
        sys.stdout.flush()
        environment = {**os.environ, **env} if env else None
        try:
            self._process = Popen(
                command, stdout=None if heard is None else PIPE, stderr=STDOUT, env=environment, text=True,
                errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise TaskFailedException(
                f"{command[0]} cannot be run: {error.strerror}.", "Check that it is installed, and on PATH."
            ) from None
        self._command = command
        self._reader: Thread | None = None
        if heard is not None:
            self._reader = Thread(target=self._read, args=(heard,), name="output", daemon=True)
            self._reader.start()

    def _read(self, heard: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            sys.stdout.write(line)
            heard(line.rstrip("\n"))
        sys.stdout.flush()

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end; gives its exit status. Raises TaskFailedException when the time is up before."""
        try:
            status = self._process.wait(timeout_s)
        except TimeoutExpired:
            raise TaskFailedException(f"{masked(self._command)} has not ended in {timeout_s} s.") from None
        if self._reader is not None:
            self._reader.join()
        return status

    def check(self, timeout_s: float | None = None) -> None:
        """The same; raises TaskFailedException for another status than 0."""
        if (status := self.wait(timeout_s)) != 0:
            raise TaskFailedException(f"{masked(self._command)} has ended with {_ending(status)}.")

    def stop(self) -> None:
        """End it: politely, then by force. Does nothing once it has ended. What it has started is of this process's
        group, and ends with that.
        """
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE_S)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _ending(status: int) -> str:
    return f"exit code {status}" if status > 0 else f"signal {-status}"


def said_by(command: Sequence[str], log: Logger) -> str:
    """Run a short command to its end; gives what it wrote. Raises TaskFailedException if it does not succeed."""
    lines: list[str] = []
    Program(command, log, heard=lines.append).check()
    return "\n".join(lines)


def executable(given: str | None, name: str, home: str) -> str:
    """Where a program is: as `given`, else on PATH, else in `bin` below the folder that the variable `home` names."""
    if given:
        return given
    found = shutil.which(name)
    if found is None and os.environ.get(home):
        found = os.path.join(os.environ[home], "bin", name)
    if found is None:
        raise AIFlowException(f"There is no {name} on PATH.", f"Set {home}, or give executable_path.")
    return found


# ---------------------------------------------------------------- operators


class BashOperator(AIFlowOperator):
    """Runs a command of bash, in the folder of the workflow's files. One that does not end with 0 has failed."""

    def __init__(self, name: str, bash_command: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.bash_command = bash_command
        self._program: Program | None = None

    def start(self, context: Context) -> None:
        self._program = Program(["bash", "-c", self.bash_command], self.log)

    def stop(self, context: Context) -> None:
        if self._program is not None:
            self._program.stop()

    def await_termination(self, context: Context, timeout: int | None = None) -> None:
        assert self._program is not None
        self._program.check(timeout)


class PythonOperator(AIFlowOperator):
    """Calls a Python function. When it is to stop, SystemExit is raised in it, so its `finally` blocks run."""

    def __init__(
        self, name: str, python_callable: Callable[..., Any], op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, **kwargs)
        if not callable(python_callable):
            raise AIFlowException("`python_callable` param must be callable")
        self.python_callable = python_callable
        self.op_args = op_args or []
        self.op_kwargs = op_kwargs or {}

    def start(self, context: Context) -> None:
        self.python_callable(*self.op_args, **self.op_kwargs)
