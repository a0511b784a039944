"""Tools run plainly: for whoever builds an environment outside of any step. None outlives this process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from motet import forks
from motet.interrupts import interruptible

if TYPE_CHECKING:
    from subprocess import Popen

_INTERRUPTED = (-2, 130)
"""The status of a program that SIGINT has ended, and of one that says so itself."""

_GRACE_S = 2.0


class PlainRunner:
    """See `spec.Runner`. What is said goes to the log of the calling attempt, if there is one, as any print does."""

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run it, and wait. A stop of this process ends it, and all that it has started.

        Raises KeyboardInterrupt if Ctrl-C has ended it, which is meant for its caller too.
        """
        from subprocess import DEVNULL, PIPE, STDOUT, Popen

        environ = {**os.environ, **(env or {})}
        tool = Popen(
            argv, cwd=cwd or None, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
        _guard.tell(f"+ {tool.pid}")
        try:
            said = _said(tool)
        except BaseException:
            _end(tool)
            raise
        finally:
            _guard.tell(f"- {tool.pid}")
        if tool.returncode in _INTERRUPTED:
            raise KeyboardInterrupt
        return tool.returncode, said.decode("utf-8", "replace")

    def say(self, text: str) -> None:
        """Write the line to standard error."""
        import sys

        if sys.stderr is not None:
            sys.stderr.write(f"{text}\n")

    @interruptible
    def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


@interruptible
def _said(tool: Popen[bytes]) -> bytes:
    """What the tool writes, up to its end."""
    return tool.communicate()[0]


def _end(tool: Popen[bytes]) -> None:
    """End the tool and its group: asked first, then killed."""
    from subprocess import TimeoutExpired

    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(tool.pid, number)
        with suppress(TimeoutExpired):
            tool.wait(_GRACE_S)
    if tool.stdout is not None:
        tool.stdout.close()


class _Guard:
    """A process that kills the groups of the tools at work when this process is gone, however it went."""

    _SCRIPT = """\
while read -r sign pid; do
  others=$(for each in $left; do [ "$each" = "$pid" ] || printf ' %s' "$each"; done)
  case $sign in +) left="$others $pid" ;; *) left=$others ;; esac
done
for each in $left; do kill -s KILL -- "-$each"; done
"""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of = 0
        self._fd = -1

    def tell(self, line: str) -> None:
        """Which group is at work from now on (+), or no more (-)."""
        with self._lock:
            if self._of != os.getpid():
                self._start()
            with suppress(OSError):
                os.write(self._fd, f"{line}\n".encode())

    def _start(self) -> None:
        from subprocess import DEVNULL, Popen

        reader, self._fd = os.pipe()
        self._of = os.getpid()
        forks.own(self._fd)
        try:
            Popen(
                ["/bin/sh", "-c", self._SCRIPT], stdin=reader, stdout=DEVNULL, stderr=DEVNULL, cwd="/",
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reader)


_guard = _Guard()
