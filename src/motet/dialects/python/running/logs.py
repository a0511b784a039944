"""What flows and tasks log: `get_run_logger`, prints as log lines. What is logged is in `motet logs`, and on stderr."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from motet.dialects.python.running.about import here
from motet.errors import UsageError
from motet.executors.current import running
from motet.values import visible

if TYPE_CHECKING:
    LoggerAdapter = logging.LoggerAdapter[logging.Logger]
else:
    LoggerAdapter = logging.LoggerAdapter

_disabled: ContextVar[bool] = ContextVar("motet_run_logger_disabled", default=False)


class Console(logging.Handler):
    """Shows records of runs on stderr, unless the program has set up logging itself: then its own handlers do."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        attempt = running.get()
        elsewhere = attempt is not None and attempt.log is None  # in a worker: its own handlers are not the program's
        if sys.stderr is None or (logging.getLogger().handlers and not elsewhere):
            return
        told = self.format(record)
        who = getattr(record, "who", record.name)
        clock = time.strftime("%H:%M:%S", time.localtime(record.created)) + f".{int(record.created * 1000) % 1000:03d}"
        visible.say(f"{clock} | {record.levelname:7} | {who} - {told}")


def _logger(name: str) -> logging.Logger:
    found = logging.getLogger(name)
    if not found.handlers:
        level = os.environ.get("MOTET_LOGGING_LEVEL", "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise UsageError(f"MOTET_LOGGING_LEVEL is {level!r}.", 'Set it to "DEBUG", "INFO", "WARNING" or "ERROR".')
        found.addHandler(Console())
        found.setLevel(level)
    return found


class _Silent(logging.Logger):
    """A logger that drops everything."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's own name
        return False


def get_run_logger(context: object = None, **extra: object) -> LoggerAdapter:
    """The logger of the task run, or else of the flow run, that this is called in.

    Its lines are kept with the run (`motet logs`) and shown on stderr, or by the handlers of the program's root logger
    where it has any. MOTET_LOGGING_LEVEL (default INFO) says from which level on. Raises UsageError outside of a run.
    """
    if _disabled.get():
        return logging.LoggerAdapter(_Silent("motet.disabled"), {})
    found = here()
    if found is None:
        raise UsageError(
            "There is no flow run and no task run here to log for.",
            "Call get_run_logger() inside a flow or task; tests of plain functions may use disable_run_logger().",
        )
    task, flow = found.task_run, found.flow_run
    told: dict[str, Any] = {}
    if flow is not None:
        told |= {"flow_run_id": flow.id, "flow_run_name": flow.name, "flow_name": flow.flow_name}
    if task is not None:
        told |= {"task_run_id": task.id, "task_run_name": task.name, "task_name": task.task_name}
        told["who"] = f"Task run {task.name!r}"
    elif flow is not None:
        told["who"] = f"Flow run {flow.name!r}"
    return logging.LoggerAdapter(
        _logger("motet.task_runs" if task is not None else "motet.flow_runs"), {**told, **extra}
    )


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """Within, `get_run_logger` gives a logger that drops everything, outside of runs too: for tests of `.fn`."""
    token = _disabled.set(True)
    try:
        yield
    finally:
        _disabled.reset(token)


def log_prints() -> None:
    """From now on, what the running attempt prints to stdout is logged line by line, at INFO."""
    attempt = running.get()
    if attempt is not None:
        attempt.printed = get_run_logger().info


@contextmanager
def prints_of_process() -> Iterator[None]:
    """The same for an attempt that has a process to itself."""
    from contextlib import redirect_stdout

    attempt = running.get()
    if attempt is None:
        yield
        return
    attempt.printed = get_run_logger().info
    with redirect_stdout(_Lines(attempt)):
        yield
    attempt.finish()


class _Lines:
    """A stream whose lines are logged."""

    def __init__(self, attempt: Any) -> None:
        self._attempt = attempt

    def write(self, text: str) -> int:
        self._attempt.write("stdout", text)
        return len(text)

    def flush(self) -> None:
        """Lines are logged as they end."""
