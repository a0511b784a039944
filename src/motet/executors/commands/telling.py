"""What went wrong with a command, in words: every message names step, command, log and cure."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from motet.errors import CommandFailed, EnvironmentFailed, MotetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motet.executors.commands.spec import Function
    from motet.ports import Attempt

_SEE = "Its folder is kept as it was left; repair what it names, and resume the run."
_PROGRAM = "Check the name of the program, that it is installed and executable where the step runs, and the PATH."
_TIME = "Give it a longer time limit, or less to do; its folder is kept as it was left."
_PIDS = "It could start no more processes: give it more pids in its resources, or raise the limit that it runs under."
_FREE = "Free some space (`motet prune` removes old runs), then resume the run."
_MISSING = re.compile(r"(?:No module named|there is no package called) ['\"\u2018]([\w.-]+)")
_NO_FORK = re.compile(r"an(?:'t|not) (?:fork|start new thread)|fork: .*Resource temporarily unavailable")
_FULL = ("No space left on device", "Disk quota exceeded")
_NOT_FOUND = 127
_NAMED = 5


def key_of(attempt: Attempt) -> str:
    """The key of the step, or of the element of a map, that the attempt is at."""
    return attempt.key if attempt.element < 0 else f"{attempt.key}[{attempt.element}]"


def explained(error: MotetError | OSError, attempt: Attempt, command: str, folder: str = "") -> MotetError:
    """The error with step, command, log, and the folder that is kept named."""
    what, cure = (error.what, error.cure) if isinstance(error, MotetError) else _system_error(error)
    kind = type(error) if isinstance(error, UsageError | EnvironmentFailed) else CommandFailed
    return kind(f"Step {key_of(attempt)}: {what.rstrip()}{_lines(attempt, command, folder)}", cure)


def ended(code: int, status: int, last: str) -> CommandFailed:
    """That it ended with that status (negative: by a signal), having written these lines last."""
    how = f"ended with exit status {code}" if status >= 0 else f"was killed by {_signal(status)}"
    missing = _MISSING.search(last)
    if missing is not None:
        cure = _declare(missing[1])
    elif any(each in last for each in _FULL):
        cure = _FREE
    elif _NO_FORK.search(last):
        cure = _PIDS
    else:
        cure = _PROGRAM if code == _NOT_FOUND else _SEE
    return CommandFailed(f"{how}.{_said(last)}", cure)


def stopped(last: str, attempt: Attempt, command: str, folder: str) -> str:
    """What to say beside that it was stopped: what it wrote last, command, log, and the cure where time ran out."""
    return f"{_said(last)}{_lines(attempt, command, folder)}\n{_TIME}"


def undeclared(name: str, function: Function, attempt: Attempt, command: str) -> str:
    """That the function imports something that its environment does not have."""
    own = sorted({each for path in function.paths for each in _importable(path)})
    there = f" The components give: {', '.join(own[:12])}." if own else ""
    return (
        f"Step {key_of(attempt)} imports {name}, which its environment does not have.{there}"
        f"{_lines(attempt, command)}\n{_declare(name)}"
    )


def _said(last: str) -> str:
    return f" It last wrote:\n{last}" if last else " It wrote nothing."


def _lines(attempt: Attempt, command: str, folder: str = "") -> str:
    told = f"\n  command: {command}" if command else ""
    log = "" if attempt.log is None else f"\n  log: motet logs {attempt.run} {key_of(attempt)}"
    return told + log + (f"\n  folder: {folder}" if folder and os.path.isdir(folder) else "")


def _declare(name: str) -> str:
    return f"Declare it: add the package that gives {name} to the requirements of the step's environment."


def _system_error(error: OSError) -> tuple[str, str]:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {error}.", _FREE
    if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
        return f"it could not be started: {error.strerror}: {error.filename}.", _PROGRAM
    return f"it could not be run: {error}.", "Repair what it names, and resume the run."


def _importable(folder: str) -> Sequence[str]:
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            name, dot, ending = entry.name.partition(".")
            if name.isidentifier() and (ending == "py" if dot else entry.is_dir()):
                found.append(name)
    return found


def _signal(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def not_kept(lost: Sequence[str]) -> str:
    """That what was written to these paths goes with its mount."""
    named = ", ".join(sorted(lost)[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
    return f"(motet: not kept, as the mount is a copy outside of the step's folder: {named}; changed=True keeps it)"
