"""What a sandbox shows of the host beside its files: paths that are seen all the same, devices, sockets to cover."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from glob import glob

from motet.executors.commands.spec import Command, Function, Sandbox

_OWN = ("/tmp", "/run")
_GPUS = ("/dev/nvidia*", "/dev/nvidia-caps/*", "/dev/dri/*", "/dev/kfd", "/dev/dxg")
_NAMES = "/etc/resolv.conf"


def seen(command: Command, argv: Sequence[str], hidden: Sequence[str]) -> list[str]:
    """What lies in folders that are the sandbox's own, or hidden, and is needed: this program, its interpreter, those
    of the command with their components, programs on its PATH, and how names of hosts are found.
    """
    paths = {sys.prefix, sys.base_prefix, __file__.rpartition("/motet/")[0], os.path.dirname(os.path.dirname(argv[0]))}
    if isinstance(command.run, Function):
        paths.update(command.run.paths)
    for name in ("VIRTUAL_ENV", "PYTHONPATH"):
        paths.update(each for each in (command.env.get(name) or "").split(os.pathsep) if os.path.isdir(each))
    for folder in (command.env.get("PATH") or os.environ.get("PATH", "")).split(os.pathsep):
        paths.add(folder)
        if os.path.basename(folder) == "bin":  # what is beside it, a program takes for its own
            paths.add(os.path.dirname(folder))
    paths = {os.path.abspath(path) for path in paths if os.path.isdir(path)} | {os.path.realpath(_NAMES)}
    return sorted(path for path in paths if path.startswith(tuple(f"{each}/" for each in (*_OWN, *hidden))))


def devices(place: Sandbox) -> list[str]:
    """The devices of graphics processors, where they are asked for."""
    found = (path for pattern in _GPUS for path in sorted(glob(pattern))) if place.gpus else ()
    return [path for path in found if not os.path.isdir(path)]


def sockets() -> list[str]:
    """The paths of the Unix sockets of this host, none of which is to be reached."""
    with open("/proc/net/unix") as file:
        paths = {line.rstrip("\n").split(maxsplit=7)[-1] for line in file}
    return sorted(path for path in paths if path.startswith("/") and _is_socket(path))


def links(folder: str) -> list[tuple[str, str]]:
    """The links in a folder of the host, and where they lead: in /run some systems have those to all their programs."""
    entries = os.scandir(folder) if os.path.isdir(folder) else ()
    return sorted((entry.path, os.readlink(entry.path)) for entry in entries if entry.is_symlink())


def whole(size_bytes: float | None) -> str:
    """A size as mount takes it; "" for none."""
    return "" if size_bytes is None else str(int(size_bytes))


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
