"""Copies of this process that the user's code forks: they are that code's own, and no part of Motet.

A copy has the signal actions that it would have without Motet, and none of Motet's descriptors. What this process
drives is not the copy's to drive: objects that belong to the process that made them note `depth` and look at it again;
and where the user's code returns to Motet in a copy, the copy ends (`leave`), as a program of its own would.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import get_ident

from motet.typed import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without its enumerations, as in `interrupts`

depth = 0
"""How many forks lie between the process that was started and this one."""

_fds: dict[int, tuple[int, int]] = {}
_masks: dict[int, set[signal.Signals | int]] = {}


def own(*fds: int) -> None:
    """These descriptors are Motet's: copies do not get them. They may be closed at any time."""
    for fd in fds:
        _fds[fd] = _file_of(fd)


def _file_of(fd: int) -> tuple[int, int]:
    try:
        found = os.fstat(fd)
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def leave(error: BaseException | None) -> NoReturn:
    """End a copy whose code has ended so, with its exit status. Of this process nothing is ended there."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if status and not isinstance(error.code, int):
            sys.stderr.write(f"{error.code}\n")
    elif isinstance(error, KeyboardInterrupt):
        status = 128 + signal.SIGINT
    elif error is not None:
        from traceback import print_exception

        status, where = 1, error.__traceback__
        while where is not None and where.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "motet":
            where = where.tb_next
        print_exception(type(error), error, where or error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # boundary: a stream may be the user's own
            stream.flush()
    os._exit(status & 0xFF)


def _before() -> None:
    # A signal that came between the fork and what follows would be lost: Python drops what it has noted until then.
    _masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop(get_ident()))


def _in_copy() -> None:
    global depth
    depth += 1
    for number in range(1, signal.NSIG):
        if _is_ours(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    if _fds:
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for fd, file in _fds.items():
            if _file_of(fd) == file:  # not closed: else its number is somebody's else, whom its owner here would harm
                os.dup2(nothing, fd, inheritable=False)
        os.close(nothing)
        _fds.clear()
    _in_parent()


def _is_ours(handler: Any) -> bool:
    return callable(handler) and str(getattr(handler, "__module__", "")).partition(".")[0] == "motet"


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_copy)
