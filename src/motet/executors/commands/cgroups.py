"""Control groups for one command: made, set, asked what happened, and freed with all that is in them. Version 1 and 2.

They hold all that the command starts, whatever it does to its groups and sessions.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

_PERIOD = 100_000
_FREE_S = 2.0


@dataclass(frozen=True, slots=True)
class Group:
    """A group that limits one thing: "memory", "cpu" or "pids"."""

    controller: str
    path: str

    def count(self, event: str) -> int:
        """How often the kernel says that this happened: "oom_kill" in memory, "max" (refused) in pids."""
        for name in (f"{self.controller}.events", f"{self.controller}.oom_control"):
            with suppress(OSError), open(os.path.join(self.path, name)) as file:
                for line in file:
                    key, _, count = line.partition(" ")
                    if key == event:
                        return int(count)
        return 0


def free(groups: Sequence[Group]) -> None:
    """Kill what is left in the groups and remove them."""
    until = monotonic() + _FREE_S
    for path in dict.fromkeys(each.path for each in groups):
        while not _freed(path) and monotonic() < until:
            continue


def make(controller: str, limit: float, name: str, proc: str = "/proc/self") -> Group:
    """A group with that limit. `proc` has the files `cgroup` and `mounts` of this process. Raises OSError."""
    error: OSError = FileNotFoundError(f"no control groups for {controller}")
    for parent, version in _parents(controller, proc):
        path = os.path.join(parent, name)
        try:
            with suppress(FileExistsError):
                os.mkdir(path)
            _set(path, controller, limit, version)
        except OSError as problem:
            _freed(path)
            error = problem
        else:
            return Group(controller, path)
    raise error


def _set(path: str, controller: str, limit: float, version: int) -> None:
    whole = str(int(limit))
    quota = str(max(1000, int(limit * _PERIOD)))
    wanted = {
        ("pids", 1): {"pids.max": whole},
        ("pids", 2): {"pids.max": whole},
        ("memory", 1): {"memory.limit_in_bytes": whole},
        ("memory", 2): {"memory.max": whole, "memory.oom.group": "1"},
        ("cpu", 1): {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": quota},
        ("cpu", 2): {"cpu.max": f"{quota} {_PERIOD}"},
    }[controller, version]
    for file, value in wanted.items():
        _write(os.path.join(path, file), value)
    if controller == "memory":  # what is swapped out counts too, where the kernel can count it
        with suppress(OSError):
            swap = {"memory.memsw.limit_in_bytes": whole} if version == 1 else {"memory.swap.max": "0"}
            for file, value in swap.items():
                _write(os.path.join(path, file), value)


def _write(path: str, value: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # what the kernel does not have is not to be made
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def _parents(controller: str, proc: str) -> Iterator[tuple[str, int]]:
    """Where a group may be made, nearest first, and the version there.

    In version 2 a group that holds processes can have none below it, so a sibling of our own has to do: below the
    nearest group that hands the controller on, and lets us move a process there.
    """
    with open(f"{proc}/cgroup") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, names, path in lines:
        if controller in names.split(","):
            mount = _mounted("cgroup", controller, proc)
            yield mount + path.rstrip("/"), 1
            yield mount, 1  # in a container the path may be the host's
            return
    for _, names, path in lines:
        if not names:
            mount = _mounted("cgroup2", "", proc)
            place = os.path.normpath(mount + path)
            while place.startswith(mount):
                if _hands_on(place, controller) and os.access(f"{place}/cgroup.procs", os.W_OK):
                    yield place, 2
                place = os.path.dirname(place)


def _hands_on(place: str, controller: str) -> bool:
    try:
        with open(f"{place}/cgroup.subtree_control") as file:
            return controller in file.read().split()
    except OSError:
        return False


def _mounted(kind: str, controller: str, proc: str) -> str:
    with open(f"{proc}/mounts") as file:
        for line in file:
            _, place, found, options, *_ = line.split()
            if found == kind and (not controller or controller in options.split(",")):
                return place
    raise FileNotFoundError(f"no {kind} {controller}")


def _freed(path: str) -> bool:
    """Kill what is left in the group and remove it; False if it has to be tried again."""
    with suppress(OSError):
        _write(f"{path}/cgroup.kill", "1")  # version 2 since Linux 5.14: all at once
    with suppress(OSError), open(f"{path}/cgroup.procs") as file:
        for line in file:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(line), signal.SIGKILL)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
