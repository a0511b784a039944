"""Commands made ready in their places."""

from __future__ import annotations

import os
from collections.abc import Sequence

from motet.errors import UsageError
from motet.executors.commands.mounts import Placed, copy_into
from motet.executors.commands.places import Folders, Launch, argv_of, is_warm
from motet.executors.commands.spec import Command, Host, Sandbox
from motet.executors.commands.wanted import Runner


def launch(command: Command, folders: Folders, mounts: Sequence[Placed], runner: Runner | None) -> Launch:
    """Make everything ready in the command's place. Only containers need the runner.

    Raises UsageError for what the place cannot do, CommandFailed where it cannot be had, OSError.
    """
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
