"""The sandbox as a place: the host's files, read-only, with the step's folder and its mounts at their true paths."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from motet.errors import CommandFailed, MotetError
from motet.executors.commands import bubblewrap
from motet.executors.commands.binds import clear, missing
from motet.executors.commands.mounts import Placed
from motet.executors.commands.places import Folders, Launch, argv_of, by_signal
from motet.executors.commands.spec import Command, Sandbox
from motet.executors.commands.uppers import settle_all
from motet.executors.commands.view import devices, seen, sockets, whole

if TYPE_CHECKING:
    from motet.kernel.events import Json

_NO_SANDBOX = 125


class InSandbox(Launch):
    """How a command is started in namespaces of its own. They end with its first process, and all that is in them."""

    alone = True
    ours = 2

    def __init__(self, command: Command, folders: Folders, mounts: Sequence[Placed]) -> None:
        super().__init__((), folders.cwd(command.cwd), mounts)
        place, folder, argv = command.place, folders.own, argv_of(command, folders.own)
        assert isinstance(place, Sandbox)
        self.facts = {"kind": "sandbox"}
        self.start_in = "/"
        self._folder, self._changed = folder, command.changed
        self._own = folders.beside
        self.also = (self._own,)
        shutil.rmtree(self._own, ignore_errors=True)
        for name in ("root", "scratch"):
            os.makedirs(os.path.join(self._own, name))
        uppers = [(each, os.path.join(self._own, "scratch", f"upper-{at}")) for at, each in enumerate(mounts)]
        self.layers = [(each.target, each.source, upper) for each, upper in uppers if each.mode == "cow"]
        self._points = [
            path for each in mounts if not os.path.isabs(each.target)
            for path in missing(folder, os.path.join(folder, each.target))
        ]  # fmt: skip
        plan: dict[str, Json] = {
            "root": os.path.join(self._own, "root"), "scratch": os.path.join(self._own, "scratch"), "folder": folder,
            "seen_at": folders.seen_at, "mounts": [_mount(each, upper) for each, upper in uppers],
            "cwd": self.cwd, "argv": list(argv), "network": place.network, "problem": self._problem_file,
            "hidden": list(folders.hidden), "seen": seen(command, argv, folders.hidden), "sockets": sockets(),
            "devices": devices(place), "memory": whole(command.limits.memory_bytes),
        }  # fmt: skip
        self.argv = _within(plan)

    @property
    def _problem_file(self) -> str:
        return os.path.join(self._own, "problem")

    def status(self, status: int) -> int:
        return by_signal(status)

    def problem(self, status: int) -> MotetError | None:
        if status != _NO_SANDBOX or not os.path.exists(self._problem_file):
            return None
        with open(self._problem_file) as file:
            why = file.read()
        return CommandFailed(
            f"no sandbox can be had for it ({why})",
            'Check the mounts; else use a container, or place="host" with relative mounts.',
        )

    def end(self) -> None:
        """Put what was written into mounts below the step's folder where the command saw it."""
        self.settled = settle_all(self.layers, self._folder, changed=self._changed)
        clear(self._points)

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)


def in_sandbox(command: Command, folders: Folders, mounts: Sequence[Placed]) -> Launch:
    """Everything ready for the command's sandbox: in namespaces of our own, or where these are refused in bwrap's.

    Raises CommandFailed where neither can be had.
    """
    refused = own_refusal()
    if not refused:
        return InSandbox(command, folders, mounts)
    if not (by_bwrap := bubblewrap.refusal()):
        return bubblewrap.InBubblewrap(command, folders, mounts)
    raise CommandFailed(
        f"no sandbox can be had: this host allows no namespaces ({refused}), and bwrap {by_bwrap}",
        "Allow them (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, "
        "kernel.apparmor_restrict_unprivileged_userns), or install a setuid bwrap (package bubblewrap); else use a "
        'container, or place="host" with relative mounts.',
    )


@lru_cache(maxsize=1)
def own_refusal() -> str:
    """Why this process can make no namespaces; "" if it can."""
    from subprocess import DEVNULL, PIPE, run

    done = run(_within({"probe": True, "network": True}), stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, check=False)
    return done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}" if done.returncode else ""


def _within(plan: Mapping[str, Json]) -> list[str]:
    program = os.path.join(os.path.dirname(__file__), "within.py")
    return [sys.executable, "-S", "-E", program, json.dumps(plan)]


def _mount(mount: Placed, upper: str) -> dict[str, Json]:
    permissions = mount.permissions
    if permissions is None:
        permissions = stat.S_IMODE(os.stat(mount.source).st_mode)
    return {
        "target": mount.target, "source": os.path.realpath(mount.source), "mode": mount.mode, "upper": upper,
        "is_folder": mount.is_folder, "permissions": permissions | 0o200,
    }  # fmt: skip
