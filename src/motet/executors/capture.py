"""Prints and logging records of attempts that run in this process, attributed to the attempt.

While an executor holds the capture, `sys.stdout` and `sys.stderr` are wrapped and logging is listened to.
What is written outside of attempts passes through untouched. Code that puts streams of its own in place is
not fought: the next attempt that starts wraps those.

Logging is listened to where records are handed to handlers, and not by a handler: one on the root logger
would turn the user's `logging.basicConfig()` into a no-op and switch off Python's own output of warnings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from threading import Lock, Thread
from time import monotonic, sleep

from motet.executors import current
from motet.typed import TYPE_CHECKING, Any
from motet.values.secrets import hide

if TYPE_CHECKING:
    import logging

_passing: ContextVar[bool] = ContextVar("motet_passing", default=False)
"""Whether what is written now was logged already: a wrapper writes through another one, a handler prints."""

_here = current.running.get
_is_passing = _passing.get

_TICK_S = 0.02
_RUSH = 50
"""Who writes more lines than that within a tick is in haste."""

_MOST_PARTS = 4096
_LONG_CHARS = 4096
"""Of a burst, so much is noted before it is taken."""

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
    """A text stream that logs what attempts write to it, and passes it on to the stream that it wraps.

    Each line goes its way as it ends. Of an attempt that writes very many, what it writes within some milliseconds does
    so together: then `write` only notes it.
    """

    def __init__(self, name: str, real: Any) -> None:
        self.name = name
        self.real = real

    def write(self, text: str) -> int:
        """Write as the wrapped stream does. Inside an attempt the log counts: a broken stream is no error."""
        here = _here()
        if here is None or here.log is None:
            return len(text) if self.real is None else int(self.real.write(text))
        burst = here.burst
        if burst is not None and burst.tee is self and burst.on and type(text) is str:
            burst.add(text)
            length = len(text)
            if length > _LONG_CHARS or len(burst.parts) > _MOST_PARTS:
                burst.flush()
            return length
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if _is_passing():
            if here.tee:
                self.show(text)
            return len(text)
        _ticker.take()  # what others noted before this must not come after it
        self.take(here, text)
        if text[-1:] == "\n":
            _note_line(here, self)
        return len(text)

    def take(self, here: current.Current, text: str) -> None:
        """Log it for the attempt, and show what is to be shown."""
        shown = here.write(self.name, text)
        if shown and self._shows(here):
            self.show(shown)

    def write_bytes(self, content: bytes) -> None:
        """Write text that comes as bytes. What is no text is passed on as it is; the log shows what it can."""
        here, text = current.running.get(), content.decode("utf-8", "replace")
        if here is None or text.encode() == content:
            self.write(text)
            return
        self.flush()
        here.write(self.name, text)
        here.flushed(self.name)  # it is shown here, whole
        if self._shows(here) and self.real is not None:
            shown = hide(content.decode("utf-8", "surrogateescape"))
            self._pass(self.real.buffer.write, shown.encode("utf-8", "surrogateescape"))

    def _shows(self, here: current.Current) -> bool:
        return here.tee and (here.printed is None or self.name != "stdout")

    def show(self, text: str) -> None:
        """Write it to the wrapped stream, without secrets."""
        if text and self.real is not None:
            self._pass(self.real.write, hide(text))

    def _pass(self, write: Callable[[Any], Any], content: str | bytes) -> None:
        token = _passing.set(True)
        try:
            write(content)
        except (OSError, ValueError):
            pass
        finally:
            _passing.reset(token)

    def flush(self) -> None:
        """Flush the wrapped stream."""
        here = current.running.get()
        if here is not None and here.log is not None and not _passing.get():
            _ticker.take()
            shown = here.flushed(self.name)
            if self._shows(here):
                self.show(shown)
        try:
            if self.real is not None:
                self.real.flush()
        except (OSError, ValueError):
            if here is None:
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


def finish(here: current.Current) -> None:
    """Log and show what the attempt has written last, now that its code has ended."""
    for name, rest in here.finish():
        stream = sys.stdout if name == "stdout" else sys.stderr
        if type(stream) is Tee and stream._shows(here):
            stream.show(rest + "\n" if here.whole_lines else rest)


# ---------------------------------------------------------------- bursts


class Burst:
    """What an attempt writes to one stream in haste: noted by `Tee.write`, taken some milliseconds later."""

    __slots__ = ("_lock", "add", "here", "on", "parts", "tee")

    def __init__(self, tee: Tee, here: current.Current) -> None:
        self.tee = tee
        self.here = here
        self.on = True
        self.parts: list[str] = []
        self.add = self.parts.append
        self._lock = Lock()

    def flush(self) -> bool:
        """Take what is there; whether there was anything."""
        with self._lock:
            count = len(self.parts)
            if count:
                text = "".join(self.parts[:count])
                del self.parts[:count]  # of the list itself: others go on adding to it meanwhile
                self.tee.take(self.here, text)
        return count > 0


class _Ticker:
    """The thread that takes bursts while there are any."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bursts: list[Burst] = []
        self._begun = False

    def begin(self, burst: Burst) -> None:
        with self._lock:
            self._bursts.append(burst)
            if len(self._bursts) > 1:
                return
            if not self._begun:
                self._begun = True
                os.register_at_fork(after_in_child=self._forget)
        Thread(target=self._run, name="motet-bursts", daemon=True).start()

    def take(self) -> None:
        """Take what all have noted until now."""
        for burst in tuple(self._bursts):
            burst.flush()

    def _run(self) -> None:
        while True:
            sleep(_TICK_S)
            for burst in tuple(self._bursts):
                was_on = burst.on
                if not burst.flush():
                    burst.on = False
                    if not was_on:  # what was being added when it went off is taken by now
                        with self._lock:
                            self._bursts.remove(burst)
                            if not self._bursts:
                                return

    def _forget(self) -> None:
        """In a forked child: the thread is not there, and what was noted is the parent's to take."""
        for burst in self._bursts:
            burst.here.burst = None
        self.__init__()  # type: ignore[misc]
        self._begun = True


_ticker = _Ticker()


def _note_line(here: current.Current, tee: Tee) -> None:
    """A line was written and has gone its way. Where so many do within so short a time, a burst begins."""
    if here.printed is not None:
        return
    now = monotonic()
    if now > here.rush_until:
        here.rush_until, here.rush = now + _TICK_S, 0
    here.rush += 1
    if here.rush > _RUSH:
        here.rush_until = 0.0
        here.burst = Burst(tee, here)
        _ticker.begin(here.burst)


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
    _follow()
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
    logger = getattr(_genuine_logging(), "Logger", None)
    for owner, method in ((Thread, "start"), (_pools(), "submit"), (logger, "callHandlers")):
        unheard = getattr(getattr(owner, method, None), "unheard", None)
        if unheard is not None:
            setattr(owner, method, unheard)


_OURS = "motet-"
"""Motet's own threads are called so: they belong to no attempt."""


def _follow() -> None:
    """Let threads that an attempt's code starts belong to it, and what it hands to pools of them. No variable of the
    user's context goes along.
    """
    for owner, name, made in ((Thread, "start", _starting), (_pools(), "submit", _submitting)):
        unheard: Any = getattr(owner, name, None)
        if unheard is not None and not hasattr(unheard, "unheard"):
            followed: Any = wraps(unheard)(made(unheard))
            followed.unheard = unheard
            setattr(owner, name, followed)


def _pools() -> Any:
    """The class of pools of threads, if it was imported; another thread may be importing it at this moment."""
    return getattr(sys.modules.get("concurrent.futures.thread"), "ThreadPoolExecutor", None)


def _starting(unheard: Callable[[Thread], None]) -> Callable[[Thread], None]:
    def start(self: Thread) -> None:
        here, run, own = _here(), self.run, vars(self).get("run")
        if here is None or here.log is None or self.name.startswith(_OURS):
            unheard(self)
            return
        vars(self)["run"] = lambda: _put_back(self, own) or _within(here, run, (), {})
        try:
            unheard(self)
        except BaseException:
            _put_back(self, own)
            raise

    return start


def _put_back(thread: Thread, run: object) -> Any:
    own = vars(thread)
    own["run"] = run
    if run is None:
        del own["run"]


def _submitting(unheard: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, fn, /, *args, **kwargs: unheard(self, _within, _here(), fn, args, kwargs)


def _within(here: current.Current | None, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call it as code of that attempt; None for nobody's: a pool's threads are kept, and were started by another's."""
    tokens = current.running.set(here), current.is_own_thread.set(here is not None)
    try:
        return function(*args, **kwargs)
    finally:
        current.running.reset(tokens[0])
        current.is_own_thread.reset(tokens[1])


def _genuine_logging() -> Any:
    """The standard library's module, if it was imported; not a file of the user's that is called so."""
    shadows = sys.modules.get("motet.shadows")
    return sys.modules.get("logging") if shadows is None else shadows.loaded("logging")


def _listen(logging: Any) -> None:
    """Log each record that an attempt makes, before its handlers get it."""
    unheard = logging.Logger.callHandlers
    formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")
    of_runs = logging.Formatter("%(levelname)s %(message)s")  # they say themselves whose they are

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        here = current.running.get()
        if here is None or here.log is None or _passing.get():
            unheard(self, record)
            return
        try:
            text = (of_runs if hasattr(record, "who") else formatter).format(record)
        except Exception:  # noqa: BLE001 - boundary: the record's own arguments; handlers will complain
            text = f"{record.levelname} {record.name}: {record.msg}"
        _ticker.take()
        here.burst = None  # what handlers write is no line of its own
        here.log("stderr", text, record.created)
        token = _passing.set(True)
        try:
            unheard(self, record)
        finally:
            _passing.reset(token)

    call_handlers.unheard = unheard  # type: ignore[attr-defined]
    logging.Logger.callHandlers = call_handlers
