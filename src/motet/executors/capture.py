"""Prints and logging records of attempts that run in this process, attributed to the attempt.

While an executor holds the capture, `sys.stdout` and `sys.stderr` are wrapped and logging is listened to.
What is written outside of attempts passes through untouched. Code that puts streams of its own in place is
not fought: the next attempt that starts wraps those.

Logging is listened to where records are handed to handlers, and not by a handler: one on the root logger
would turn the user's `logging.basicConfig()` into a no-op and switch off Python's own output of warnings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any

from motet.executors import current
from motet.values.secrets import hide

if TYPE_CHECKING:
    import logging

_passing: ContextVar[bool] = ContextVar("motet_passing", default=False)
"""Whether what is written now was logged already: a wrapper writes through another one, a handler prints."""

_lock = Lock()
_holders = 0


class Wrapped:
    """A text stream in the place of `real`, which does all that is not done otherwise here."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def write(self, text: str) -> int:
        """Write as the wrapped stream does."""
        return int(self.real.write(text))

    def writelines(self, lines: Any) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Tee(Wrapped):
    """A text stream that logs what attempts write to it, and passes it on to the stream that it wraps."""

    def __init__(self, name: str, real: Any) -> None:
        self._name = name
        self.real = real

    def write(self, text: str) -> int:
        """Write as the wrapped stream does. Inside an attempt the log counts: a broken stream is no error."""
        here = current.running.get()
        if here is None or here.log is None:
            return len(text) if self.real is None else int(self.real.write(text))
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        logged = _passing.get()
        if not logged:
            here.write(self._name, text)
            if here.printed is not None and self._name == "stdout":
                return len(text)
        if here.tee and self.real is not None:
            self._show(text if here.held is None or logged else _whole(here.held, self._name, text))
        return len(text)

    def write_bytes(self, content: bytes) -> None:
        """Write text that comes as bytes. What is no text is passed on as it is; the log shows what it can."""
        here, text = current.running.get(), content.decode("utf-8", "replace")
        if here is None or text.encode() == content:
            self.write(text)
            return
        here.write(self._name, text)
        if here.tee and self.real is not None and (here.printed is None or self._name != "stdout"):
            self.flush()
            shown = hide(content.decode("utf-8", "surrogateescape"))
            self._pass(self.real.buffer.write, shown.encode("utf-8", "surrogateescape"))

    def _show(self, text: str) -> None:
        if text:
            self._pass(self.real.write, hide(text))

    def _pass(self, write: Callable[[Any], Any], content: str | bytes) -> None:
        token = _passing.set(True)
        try:
            write(content)
        except (OSError, ValueError):
            pass
        finally:
            _passing.reset(token)

    def show_rest(self, here: current.Current, end: str = "") -> None:
        """Show what of the attempt's last line is held back, and then `end`."""
        rest = here.held.pop(self._name, "") if here.held else ""
        if rest and self.real is not None:
            self._show(rest + end)

    def flush(self) -> None:
        """Flush the wrapped stream."""
        here = current.running.get()
        if here is not None:
            self.show_rest(here)
        try:
            if self.real is not None:
                self.real.flush()
        except (OSError, ValueError):
            if current.running.get() is None:
                raise

    @property
    def buffer(self) -> Any:
        """The stream for bytes: the wrapped one's, and inside an attempt one that logs."""
        here = current.running.get()
        return self.real.buffer if here is None or here.log is None else _Bytes(self)


class _Bytes:
    """The stream for bytes below a `Tee`, which logs what comes here, too."""

    def __init__(self, text: Tee) -> None:
        self._text = text

    def write(self, content: Any) -> int:
        self._text.write_bytes(bytes(content))
        return memoryview(content).nbytes

    def flush(self) -> None:
        self._text.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._text.real.buffer, name)


def _whole(held: dict[str, str], name: str, text: str) -> str:
    """What is to be shown by now: the lines that have ended. The rest is held."""
    lines, end, rest = (held.get(name, "") + text).rpartition("\n")
    held[name] = rest
    return lines + end


def show_rest(here: current.Current) -> None:
    """Show what of the attempt's last lines is held back, now that it has ended; others write on below it."""
    for stream in (sys.stdout, sys.stderr):
        if type(stream) is Tee:
            stream.show_rest(here, "\n")


def hold() -> None:
    """Begin to capture, for one executor."""
    global _holders
    with _lock:
        _holders += 1
    ensure()


def ensure() -> None:
    """Wrap what is not wrapped by now. Costs next to nothing when all is."""
    if type(sys.stdout) is not Tee:
        sys.stdout = Tee("stdout", sys.stdout)
    if type(sys.stderr) is not Tee:
        sys.stderr = Tee("stderr", sys.stderr)
    logging = _genuine_logging()
    # Another thread may be importing it at this moment: what is there of it then is not all.
    if logging is None or getattr(logging.__spec__, "_initializing", False):
        return
    if not hasattr(logging.Logger.callHandlers, "unheard"):
        _listen(logging)


def release() -> None:
    """End the capture for one executor; after the last one, all is as it was."""
    global _holders
    with _lock:
        _holders -= 1
        if _holders > 0:
            return
    for name in ("stdout", "stderr"):
        while type(getattr(sys, name)) is Tee:
            setattr(sys, name, getattr(sys, name).real)
    logger: Any = getattr(_genuine_logging(), "Logger", None)
    if hasattr(getattr(logger, "callHandlers", None), "unheard"):
        logger.callHandlers = logger.callHandlers.unheard


def _genuine_logging() -> Any:
    """The standard library's module, if it was imported; not a file of the user's that is called so."""
    shadows = sys.modules.get("motet.shadows")
    return sys.modules.get("logging") if shadows is None else shadows.loaded("logging")


def _listen(logging: Any) -> None:
    """Log each record that an attempt makes, before its handlers get it."""
    unheard = logging.Logger.callHandlers
    formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        here = current.running.get()
        if here is None or here.log is None or _passing.get():
            unheard(self, record)
            return
        try:
            text = formatter.format(record)
        except Exception:  # noqa: BLE001 - boundary: the record's own arguments; handlers will complain
            text = f"{record.levelname} {record.name}: {record.msg}"
        for line in text.split("\n"):
            here.log("stderr", line, record.created)
        token = _passing.set(True)
        try:
            unheard(self, record)
        finally:
            _passing.reset(token)

    call_handlers.unheard = unheard  # type: ignore[attr-defined]
    logging.Logger.callHandlers = call_handlers
