"""The sandbox where only `bwrap` may make namespaces, because it is setuid: the same view, mounts as plain binds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import lru_cache

from motet.errors import UsageError
from motet.executors.commands.binds import Bind, Binds
from motet.executors.commands.mounts import Placed
from motet.executors.commands.places import Launch, by_signal
from motet.executors.commands.spec import Command, Sandbox

_OWN = ("proc", "tmp", "dev")


class InBubblewrap(Launch):
    """How a command is started in the namespaces that bwrap makes. They end with its first process.

    bwrap cannot lay overlays: what may be written to and is not to change is copied.
    """

    alone = kept = True

    def __init__(
        self, command: Command, argv: Sequence[str], folders: tuple[str, str], mounts: Sequence[Placed],
        seen: Sequence[str],
    ) -> None:  # fmt: skip
        place, (folder, own) = command.place, folders
        assert isinstance(place, Sandbox)
        super().__init__((), os.path.normpath(os.path.join(folder, command.cwd or ".")), mounts)
        self.facts = {"kind": "sandbox", "by": "bwrap"}
        self.start_in = "/"
        self._own = own
        shutil.rmtree(own, ignore_errors=True)
        os.makedirs(f"{own}/tmp")
        os.chmod(f"{own}/tmp", 0o1777)
        self._binds = Binds(folder, folder, f"{own}/copies", mounts)
        self.argv = [
            "bwrap", "--die-with-parent", "--unshare-pid", *([] if place.network else ["--unshare-net"]),
            *_shown("/", _OWN), "--proc", "/proc", "--dev-bind", "/dev", "/dev", "--bind", f"{own}/tmp", "/tmp",
            *(part for path in seen for part in ("--ro-bind", path, path)), *_bound(self._binds.all),
            "--chdir", self.cwd, "--", *argv,
        ]  # fmt: skip

    def status(self, status: int) -> int:
        return by_signal(status)

    def end(self) -> None:
        self.removed = self._binds.settle()

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)


def _shown(folder: str, without: Sequence[str] = ()) -> list[str]:
    """Options that let what is in a folder of the host be seen at its place, read-only."""
    options = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in without:
            continue
        if entry.is_symlink():
            options += ["--symlink", os.readlink(entry.path), entry.path]
        else:
            options += ["--ro-bind", entry.path, entry.path]
    return options


def _bound(binds: Sequence[Bind]) -> list[str]:
    options: list[str] = []
    own = ["/tmp"]
    for bind in binds:
        if not any(_is_below(bind.target, each) for each in own[1:]):
            options += _opened(bind, own)
        else:
            _check(bind, os.path.join(binds[0].source, os.path.relpath(bind.target, binds[0].target)))
        options += ["--ro-bind" if bind.read_only else "--bind", bind.source, bind.target]
        own.append(bind.target)
    return options


def _opened(bind: Bind, own: list[str]) -> list[str]:
    """Where the host has nothing to mount on: in the place of the nearest folder one in memory that shows the same."""
    _check(bind, bind.target)
    nearest = bind.target
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if nearest in ("/", bind.target) or any(_is_below(nearest, each) for each in own):
        return []
    own.append(nearest)
    return ["--tmpfs", nearest, *_shown(nearest)]


def _check(bind: Bind, path: str) -> None:
    """Raise UsageError where the path is of another kind than what is to be mounted there."""
    if os.path.islink(path) or (os.path.lexists(path) and os.path.isdir(path) != os.path.isdir(bind.source)):
        kind = "a link" if os.path.islink(path) else "a folder" if os.path.isdir(path) else "a file"
        raise UsageError(f"there is {kind} at the place of a mount: {bind.target}", "Mount it elsewhere.")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@lru_cache(maxsize=1)
def refusal() -> str:
    """Why bwrap makes no sandbox here; "" if it does."""
    from subprocess import DEVNULL, PIPE, run

    try:
        done = run(
            ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"],
            stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, check=False,
        )  # fmt: skip
    except OSError:
        return "is not installed"
    said = done.stderr.decode("utf-8", "replace").strip()
    return f"makes none ({said or done.returncode})" if done.returncode else ""
