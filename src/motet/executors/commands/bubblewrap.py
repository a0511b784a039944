"""The sandbox where only `bwrap` may make namespaces, because it is setuid: the same view, mounts as plain binds."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import lru_cache

from motet.errors import UsageError
from motet.executors.commands import confine
from motet.executors.commands.binds import Bind, Binds
from motet.executors.commands.furnishing import OF_THE_KERNEL, of_proc
from motet.executors.commands.mounts import Placed
from motet.executors.commands.places import Folders, Launch, argv_of, by_signal
from motet.executors.commands.spec import Command, Sandbox
from motet.executors.commands.view import devices, links, seen, sockets

_OWN = ("proc", "tmp", "dev", "run")


class InBubblewrap(Launch):
    """How a command is started in the namespaces that bwrap makes. They end with its first process.

    bwrap cannot lay overlays: what may be written to and is not to change is copied.
    """

    alone = kept = True
    ours = 2

    def __init__(self, command: Command, folders: Folders, mounts: Sequence[Placed]) -> None:
        super().__init__((), folders.cwd(command.cwd), mounts)
        place, own, argv = command.place, folders.beside, argv_of(command, folders.own)
        assert isinstance(place, Sandbox)
        self.facts = {"kind": "sandbox", "by": "bwrap"}
        self.start_in = "/"
        self._own = own
        self.also = (own,)
        shutil.rmtree(own, ignore_errors=True)
        os.makedirs(f"{own}/tmp")
        os.chmod(f"{own}/tmp", 0o1777)
        self._binds = Binds(folders, f"{own}/copies", mounts, command.changed)
        self.layers = self._binds.layers
        hidden = [path for path in folders.hidden if os.path.isdir(path)]
        self.argv = [
            "bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL",
            *([] if place.network else ["--unshare-net"]), *_shown("/", _OWN), *_proc(), "--dev", "/dev",
            *_each("--dev-bind", devices(place)), "--bind", f"{own}/tmp", "/tmp", "--tmpfs", "/run",
            *(part for path, to in links("/run") for part in ("--symlink", to, path)),
            *(part for path in hidden for part in ("--tmpfs", path)),
            *_each("--ro-bind", seen(command, argv, folders.hidden)), *_bound(self._binds.all),
            *(part for path in sockets() for part in ("--ro-bind", "/dev/null", path)),
            "--chdir", self.cwd, "--", sys.executable, "-S", "-E", confine.__file__, *argv,
        ]  # fmt: skip

    def status(self, status: int) -> int:
        return by_signal(status)

    def end(self) -> None:
        self.settled = self._binds.settle()

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)


def _each(option: str, paths: Sequence[str]) -> list[str]:
    return [part for path in paths for part in (option, path, path)]


def _proc() -> list[str]:
    """A /proc of its own, as `within` makes it."""
    hidden, read_only = of_proc()
    options = ["--proc", "/proc", *_each("--ro-bind", read_only)]
    for path in (*hidden, *(f"/sys/{name}" for name in OF_THE_KERNEL)):
        if os.path.exists(path):
            options += ["--tmpfs", path] if os.path.isdir(path) else ["--ro-bind", "/dev/null", path]
    return options


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
