"""Where a command runs: what is started for it, and how that is ended. The host here, the others in their modules."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from motet.errors import MotetError, UsageError
from motet.executors.commands.child import Child
from motet.executors.commands.mounts import Placed, copy_into
from motet.executors.commands.spec import Command, Function, Host

if TYPE_CHECKING:
    from motet.kernel.events import Json

_SHELL = "/bin/sh"


class Launch:
    """How a command is started in its place, and ended. This one is the host's; other places change what differs.

    argv        what to start, in the folder `start_in`
    cwd         the working directory as the command sees it
    orders      shell commands that end what is not in its process group, should the engine be killed
    patience_s  how often to `watch` it; None if nothing has to be watched
    alone       whether nothing of it can outlive its first process
    facts       what is worth recording of the place
    inputs      files of other steps that it sees, as JSON
    """

    alone = False
    orders: tuple[str, ...] = ()
    patience_s: float | None = None

    def __init__(self, argv: Sequence[str], cwd: str, mounts: Sequence[Placed]) -> None:
        self.argv = argv
        self.cwd = cwd
        self.start_in: str | None = cwd
        self.facts: dict[str, Json] = {"kind": "host"}
        self.inputs: tuple[Mapping[str, Json], ...] = tuple(each.origin for each in mounts if each.origin)

    def environ(self, change: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """What of the environment of this process is to differ in the process that is started."""
        return change

    def watch(self, child: Child) -> None:
        """Look after it, now and then."""

    def kill(self) -> None:
        """End what its process group does not hold."""

    def end(self) -> None:
        """It has ended: see to what is left of it elsewhere."""

    def problem(self, status: int) -> MotetError | None:
        """What the place knows of why it ended so; None if it ended by itself."""

    def close(self) -> None:
        """Free what was set up for it."""


def launch(command: Command, folder: str, own: str, mounts: Sequence[Placed]) -> Launch:
    """Make everything ready in the command's place. `own` is a folder for what is needed beside the command's own.

    Raises UsageError for what the place cannot do, CommandFailed where it cannot be had, OSError.
    """
    place = command.place
    if isinstance(place, Host):
        return _on_host(command, folder, mounts)
    raise UsageError(f"There is no place of the kind {type(place).__name__}.", "Choose Host().")


def _on_host(command: Command, folder: str, mounts: Sequence[Placed]) -> Launch:
    for each in mounts:
        if os.path.isabs(each.target):
            raise UsageError(
                f"{each.target} cannot be mounted on the host, where paths are what they are.",
                "Mount it at a relative path, or run the command in a sandbox or container.",
            )
        copy_into(folder, each)
    cwd = os.path.normpath(os.path.join(folder, command.cwd or "."))
    os.makedirs(cwd, exist_ok=True)
    return Launch(argv_of(command), cwd, mounts)


def argv_of(command: Command) -> Sequence[str]:
    """The argument list of a command that is no function."""
    run = command.run
    if isinstance(run, str):
        return [_SHELL, "-c", run]
    if isinstance(run, Function):
        return ()
    if not run or not run[0] or any("\0" in each for each in run):
        raise UsageError(f"{list(run)!r} is no argument list.", "Give the program and its arguments.")
    return list(run)
