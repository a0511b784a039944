"""Commands made ready in their places."""

from __future__ import annotations

import os
from collections.abc import Sequence

from motet.errors import UsageError
from motet.executors.commands.mounts import Placed, copy_into
from motet.executors.commands.places import Folders, Launch, argv_of
from motet.executors.commands.spec import Command, Function, Host, Limits, Place, Sandbox
from motet.executors.commands.tools import Runner

_NO_LIMITS = Limits()


def is_warm(command: Command) -> bool:
    """Whether the command is a function that is called in a process that may have been there before."""
    return isinstance(command.run, Function) and isinstance(command.place, Host) and command.limits == _NO_LIMITS


def is_at_hand(command: Command) -> bool:
    """Whether such a function can be called without anything that takes time before."""
    return is_warm(command) and not (command.mounts or command.secrets or command.changed)


def seen_at(place: Place) -> str:
    """Where the command sees its folder, if that is a path of its own."""
    workdir = "" if isinstance(place, Host) else place.workdir
    if workdir and (not os.path.isabs(workdir) or os.path.normpath(workdir) == "/" or "\0" in workdir):
        raise UsageError(f"workdir {workdir!r} is no path for a folder.", "Give an absolute path below /.")
    return os.path.normpath(workdir) if workdir else ""


def launch(command: Command, folders: Folders, mounts: Sequence[Placed], runner: Runner | None) -> Launch:
    """Make everything ready in the command's place. Only containers need the runner.

    Raises UsageError for what the place cannot do, CommandFailed where it cannot be had, OSError.
    """
    launched = _launched(command, folders, mounts, runner)
    launched.seen_at = folders.seen_at
    return launched


def _launched(command: Command, folders: Folders, mounts: Sequence[Placed], runner: Runner | None) -> Launch:
    place = command.place
    if isinstance(place, Host):
        return _on_host(command, folders.own, mounts)
    if isinstance(place, Sandbox):
        from motet.executors.commands.sandbox import in_sandbox

        return in_sandbox(command, folders, mounts)
    from motet.executors.commands.containers import in_container

    assert runner is not None
    return in_container(command, folders, mounts, runner)


def _on_host(command: Command, folder: str, mounts: Sequence[Placed]) -> Launch:
    for each in mounts:
        if os.path.isabs(each.target):
            raise UsageError(
                f"{each.target} cannot be mounted on the host, where paths are what they are.",
                "Mount it at a relative path, or run the command in a sandbox or container.",
            )
        copy_into(folder, each)
    cwd = folder
    if command.cwd:
        cwd = os.path.normpath(os.path.join(folder, command.cwd))
        os.makedirs(cwd, exist_ok=True)
    return Launch(() if is_warm(command) else argv_of(command, folder), cwd, mounts)
