"""What a command may use: enforced by a control group where one can be had (v1 and v2), else by looking on.

A control group holds all that the command starts, whatever it does to its groups and sessions. Without one, memory and
processes are counted a few times a second, and who is over the limit is killed. The folder's size is always watched.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from motet.errors import CommandFailed, MotetError
from motet.executors.commands import outputs
from motet.executors.commands.child import Child
from motet.executors.commands.marks import marked
from motet.executors.commands.spec import Limits

_PERIOD = 100_000
_WATCH_S = 0.2
_ENTER = 'for place in $1; do echo $$ > "$place/cgroup.procs" || exit 125; done; shift; exec "$@"'
_FREE_S = 2.0


class Guard:
    """Sees to the limits of one command. `folder` is the one whose size counts."""

    def __init__(self, limits: Limits, folder: str, name: str) -> None:
        self._limits = limits
        self._folder = folder
        self._groups = _groups(limits, name) if limits != Limits(disk_bytes=limits.disk_bytes) else {}
        self._found: MotetError | None = None
        self._looks = limits != Limits() and (limits.disk_bytes is not None or not self._groups)

    @property
    def patience_s(self) -> float | None:
        """How often to `watch`; None if nothing has to be watched."""
        return _WATCH_S if self._looks else None

    def entered(self, argv: Sequence[str]) -> Sequence[str]:
        """The command, so that it begins within its limits."""
        if not self._groups:
            return argv
        places = " ".join(dict.fromkeys(self._groups.values()))
        return ["/bin/sh", "-c", _ENTER, "motet", places, *argv]

    def watch(self, child: Child) -> None:
        """Kill it if it is over a limit that only looking can tell."""
        limits = self._limits
        if not self._looks or self._found is not None:
            return
        if limits.disk_bytes is not None and (used := outputs.size_bytes(self._folder)) > limits.disk_bytes:
            self._end(child, _over("disk", f"its folder has {_size(used)}", _size(limits.disk_bytes)))
        elif not self._groups and (limits.memory_bytes is not None or limits.pids is not None):
            self._count(child)

    def _count(self, child: Child) -> None:
        pids = [pid for pid in marked(child.mark) if pid != os.getpid()]
        if self._limits.pids is not None and len(pids) > self._limits.pids:
            self._end(child, _over("pids", f"it has {len(pids)} processes", str(self._limits.pids)))
        most = self._limits.memory_bytes
        if most is not None and (used := sum(map(_resident_bytes, pids))) > most:
            self._end(child, _out_of_memory(most, f"it had {_size(used)}"))

    def _end(self, child: Child, why: MotetError) -> None:
        self._found = why
        child.kill_all()

    def end(self) -> None:
        """It has ended: see whether it was killed for its memory, end what is left of it, and free the group."""
        memory = self._groups.get("memory")
        if memory is not None and self._limits.memory_bytes is not None and _was_out_of_memory(memory):
            self._found = _out_of_memory(self._limits.memory_bytes, "the kernel killed it")
        until = monotonic() + _FREE_S
        for place in dict.fromkeys(self._groups.values()):
            while not _freed(place) and monotonic() < until:
                continue
        self._groups = {}

    def problem(self, status: int) -> MotetError | None:
        """Which limit it went over; None if it ended otherwise."""
        return self._found if status else None


def _groups(limits: Limits, name: str) -> dict[str, str]:
    """The control group for each limit, made and set; empty where not all of them can be had."""
    wanted = {
        "memory": limits.memory_bytes, "cpu": limits.cpus, "pids": limits.pids,
    }  # fmt: skip
    made: dict[str, str] = {}
    for controller, limit in wanted.items():
        if limit is None:
            continue
        try:
            made[controller] = _made(controller, limit, name)
        except OSError:
            for place in made.values():
                _freed(place)
            return {}
    return made


def _made(controller: str, limit: float, name: str) -> str:
    """Raises OSError where this process may make no group of that kind."""
    parent, version = _own_group(controller)
    place = os.path.join(parent, name)
    with suppress(FileExistsError):
        os.mkdir(place)
    try:
        for file, value in _settings(controller, limit, version):
            with open(os.path.join(place, file), "w") as setting:
                setting.write(value)
    except OSError:
        _freed(place)
        raise
    return place


def _settings(controller: str, limit: float, version: int) -> list[tuple[str, str]]:
    whole = str(int(limit))
    if controller == "pids":
        return [("pids.max", whole)]
    if controller == "memory":
        return (
            [("memory.limit_in_bytes", whole)] if version == 1 else [("memory.max", whole), ("memory.oom.group", "1")]
        )
    quota = str(max(1000, int(limit * _PERIOD)))
    if version == 1:
        return [("cpu.cfs_period_us", str(_PERIOD)), ("cpu.cfs_quota_us", quota)]
    return [("cpu.max", f"{quota} {_PERIOD}")]


def _own_group(controller: str) -> tuple[str, int]:
    """The folder of this process's group, and the version. Raises OSError."""
    with open("/proc/self/cgroup") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, names, path in lines:
        if controller in names.split(","):
            return _mounted("cgroup", controller) + path.rstrip("/"), 1
    for _, names, path in lines:
        if not names:
            return _mounted("cgroup2", "") + path.rstrip("/"), 2
    raise FileNotFoundError("no control groups")


def _mounted(kind: str, controller: str) -> str:
    with open("/proc/self/mounts") as file:
        for line in file:
            _, place, found, options, *_ = line.split()
            if found == kind and (not controller or controller in options.split(",")):
                return place
    raise FileNotFoundError(f"no {kind} {controller}")


def _was_out_of_memory(place: str) -> bool:
    for name in ("memory.events", "memory.oom_control"):
        with suppress(OSError), open(os.path.join(place, name)) as file:
            for line in file:
                key, _, count = line.partition(" ")
                if key == "oom_kill" and int(count):
                    return True
    return False


def _freed(place: str) -> bool:
    """Kill what is left in the group and remove it; False if it has to be tried again."""
    with suppress(OSError), open(os.path.join(place, "cgroup.procs")) as file:
        for line in file:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(line), signal.SIGKILL)
    try:
        os.rmdir(place)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _out_of_memory(limit_bytes: float, how: str) -> MotetError:
    return CommandFailed(
        f"it ran out of memory (OOM): {how}, its limit is {_size(limit_bytes)}",
        "Give it more memory in its resources, or less to hold at once.",
    )


def _over(name: str, how: str, limit: str) -> MotetError:
    return CommandFailed(
        f"it went over its limit of {name}: {how}, the limit is {limit}", f"Give it more {name} in its resources."
    )


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.4g} {unit}"
        count /= 1024
    return ""
