"""Where a command runs: what is started for it, and how that is ended. Here as the host does it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from motet.errors import MotetError, UsageError
from motet.executors.commands.mounts import Placed
from motet.executors.commands.spec import Command, Function, Limits
from motet.executors.commands.uppers import Settled
from motet.executors.commands.warm import call_of, interpreter, program, told

if TYPE_CHECKING:
    from motet.kernel.events import Json

_SHELL = "/bin/sh"
_PYTHON = "python3"


class Folders(NamedTuple):
    """Where a command works.

    own      its folder
    beside   a folder for what is needed beside that
    seen_at  where it sees its own
    hidden   folders of the host that it does not see, in a place that can hide them
    """

    own: str
    beside: str
    seen_at: str
    hidden: tuple[str, ...] = ()

    def cwd(self, relative: str) -> str:
        """Where in its folder the command begins, as it sees it. The folder is made."""
        if relative:
            os.makedirs(os.path.join(self.own, relative), exist_ok=True)
        return os.path.normpath(os.path.join(self.seen_at, relative or "."))


class Launch:
    """How a command is started in its place, and ended. This one is the host's; other places change what differs.

    argv        what to start, in the folder `start_in`
    cwd         the working directory as the command sees it
    ours        how many generations of its processes are of the place, before its own
    orders      shell commands that end what is not in its process group, should the engine be killed
    alone       whether nothing of it can outlive its first process
    kept        whether its first process is the place's own, and takes all else along without grace if asked to end
    facts       what is worth recording of the place
    inputs      files of other steps that it sees, as JSON
    also        folders beside its own that count as what it takes of the disk
    seen_at     where it sees its folder
    layers      what takes its writes to mounts: where each is seen, its source, and the folder or file that takes them
    settled     after `end`: what was done to mounts that the folder itself does not show
    """

    alone = False
    kept = False
    ours = 0
    orders: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    seen_at: str = ""
    layers: Sequence[tuple[str, str, str]] = ()
    settled = Settled([], [], [])

    def __init__(self, argv: Sequence[str], cwd: str, mounts: Sequence[Placed]) -> None:
        self.argv = argv
        self.cwd = cwd
        self.start_in: str | None = cwd
        self.facts: dict[str, Json] = {"kind": "host"}
        self.inputs: tuple[Mapping[str, Json], ...] = tuple(each.origin for each in mounts if each.origin)

    def environ(self, change: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """What of the environment of this process is to differ in the process that is started."""
        return change

    def limits(self, limits: Limits) -> Limits:
        """Which of the limits are to be seen to here; the place itself sees to the others."""
        return limits

    def kill(self) -> None:
        """End what its process group does not hold."""

    def processes(self) -> Sequence[int]:
        """Processes of it that are none of ours: they are looked at for what they take."""
        return ()

    def end(self) -> None:
        """It has ended: see to what is left of it elsewhere."""

    def status(self, status: int) -> int:
        """The exit status of the command, where `status` is that of what was started for it."""
        return status

    def problem(self, status: int) -> MotetError | None:
        """What the place knows of why it ended so; None if it ended by itself."""

    def close(self) -> None:
        """Free what was set up for it."""


def argv_of(command: Command, folder: str) -> Sequence[str]:
    """The argument list of the command; for a function, that of a process that calls it and leaves its answer."""
    run = command.run
    if isinstance(run, str):
        if "\0" in run:
            raise UsageError(f"{run!r} is no command: it has a NUL character.", "Leave it out, or write it to a file.")
        return [_SHELL, "-c", run]
    if isinstance(run, Function):
        return once(run, folder, command.cwd)
    if not run or not run[0] or any("\0" in each for each in run):
        raise UsageError(f"{list(run)!r} is no argument list.", "Give the program and its arguments.")
    return list(run)


def argv_in_image(command: Command, folder: str) -> tuple[Sequence[str], list[Placed]]:
    """The argument list in an image that has its own Python, and what has to be mounted for it: code of functions."""
    run = command.run
    if not isinstance(run, Function):
        return argv_of(command, folder), []
    return once(run, folder, command.cwd, run.python or _PYTHON), [Placed(path, path, "ro") for path in run.paths]


def once(function: Function, folder: str, cwd: str, python: str = "") -> Sequence[str]:
    """Leave word in the folder of which function to call, and what calls it there; gives the arguments for that.

    The paths are relative to where the command begins: its folder may be seen elsewhere.
    """
    import shutil

    place = os.path.join(folder, cwd or ".", _ONCE)
    os.makedirs(place, exist_ok=True)
    shutil.copy(program(), os.path.join(place, "far.py"))
    with open(os.path.join(place, "call.json"), "w") as file:
        file.write(told(function, call_of(function, "", {})))
    return [
        python or interpreter(function), f"{_ONCE}/far.py", "--once", f"{_ONCE}/call.json", f"{_ONCE}/answer.json",
    ]  # fmt: skip


def answer_of(folder: str, cwd: str) -> dict[str, Json] | None:
    """What a function called by `once` has answered, None if it came to no answer. Clears the traces."""
    import json
    import shutil

    place = os.path.join(folder, cwd or ".", _ONCE)
    try:
        with open(os.path.join(place, "answer.json")) as file:
            return dict(json.load(file))
    except (FileNotFoundError, ValueError):
        return None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def by_signal(status: int) -> int:
    """An exit status that a shell, or a container, gives for the end by a signal: as that, negative."""
    return 128 - status if 128 < status <= 128 + 64 else status


_ONCE = ".motet"
