"""Log lines in the beta's format: on the console, and in the log of the step that they are about."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from motet.executors.current import running
from motet.values import visible
from motet.values.errors import encode_error

if TYPE_CHECKING:
    import logging

    from motet.engine.driver import Driver

ENGINE = "prefect.engine"


class Teller:
    """Tells what happens to one step: `who` stands before each message."""

    __slots__ = ("driver", "key", "who")

    def __init__(self, driver: Driver, key: str, who: str) -> None:
        self.driver = driver
        self.key = key
        self.who = who

    def tell(self, message: str, *, who: str = "") -> None:
        """Something happened as it should."""
        self._line("INFO", message, who or self.who)

    def error(self, message: str, error: BaseException | None = None, *, traceback: str = "") -> None:
        """Something failed; with the traceback, from the user's first frame on."""
        told = traceback or (encode_error(error)["traceback"] if error is not None else "")
        self._line("ERROR", f"{message}\n{told}" if told else message, self.who)

    def _line(self, level: str, message: str, who: str) -> None:
        now = time.time()
        text = line(now, level, who, message)
        here = running.get()
        if here is not None and here.context.get("key") == self.key:
            visible.say(text)
            return
        step = self.driver.state.steps.get(self.key)
        log = self.driver.log_of(self.key, step.attempt if step is not None else 0)
        for each in text.split("\n"):
            log("stderr", each, now)
        token = running.set(None)
        try:
            visible.say(text)
        finally:
            running.reset(token)


def line(at: float, level: str, who: str, message: str) -> str:
    """A line of the log: `23:05:51.772 | INFO    | prefect.engine - Created flow run ...`."""
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    return f"{clock}.{int(at * 1000) % 1000:03d} | {level:7} | {who} - {message}"


def run_logger(who: str) -> logging.Logger:
    """A logger whose records look like the beta's."""
    import logging

    logger = logging.Logger(who, logging.INFO)  # noqa: LOG001 - not registered: it goes with the run
    logger.addHandler(_console(logging, who))
    return logger


def _console(logging: Any, who: str) -> Any:
    class Console(logging.Handler):  # type: ignore[misc]
        def emit(self, record: Any) -> None:
            told = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                told += "\n" + encode_error(record.exc_info[1])["traceback"]
            visible.say(line(record.created, record.levelname, who, told))

    return Console()
