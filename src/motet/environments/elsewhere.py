"""Functions in another Python than Motet's own, which has the libraries that they need: in a process that stays in the
group of this one, so that it is stopped with it, and for whose end this one waits.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from subprocess import Popen

import motet
from motet.errors import ExecutorError
from motet.kernel.events import Json
from motet.written import resolve

_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from motet.environments.elsewhere import main; "
    "main(int(sys.argv[2]), *sys.argv[3:])"
)
"""Motet comes last: what that Python has itself goes before it."""


def is_another(interpreter: str) -> bool:
    """Whether that is not the Python of this process; "" is."""
    return bool(interpreter) and os.path.abspath(interpreter) != os.path.abspath(sys.executable)


def call_in(interpreter: str, target: str, args: Sequence[Json]) -> None:
    """Call the function `target` ("module:function") there. Raises ExecutorError with what it has failed of."""
    place = os.path.dirname(os.path.abspath(next(iter(motet.__path__))))
    ours, theirs = os.pipe()
    with open(ours, encoding="utf-8") as said:
        try:
            words = [interpreter, "-P", "-c", _BOOT, place, str(theirs), target, json.dumps(args)]
            process = Popen(words, pass_fds=(theirs,))
        except OSError as error:
            raise ExecutorError(f"{interpreter} cannot be run: {error.strerror}.", "Name another Python.") from None
        finally:
            os.close(theirs)
        try:
            told = said.read()  # before its end is waited for: it ends when all that it has to say is read
        finally:
            status = process.wait()  # one that is to stop was told so with the group
        why = told or f"it has ended with status {status}; its last lines are in the log"
    if status != 0:
        raise ExecutorError(f"What was to run in {interpreter} has failed: {why}", "See the log of the attempt.")


def main(end: int, target: str, args: str) -> None:
    """What the other Python does."""
    os.set_inheritable(end, False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to end"))
    try:
        resolve(target)(*json.loads(args))
    except Exception as error:
        with open(end, "w", encoding="utf-8", errors="backslashreplace") as tell:
            tell.write(f"{type(error).__name__}: {error}")
        raise
