"""What a command may use: enforced by control groups where they can be had, else by looking on.

Without control groups memory and processes are counted a few times a second, and who is over the limit is killed; the
limit of cpus is then none, which is said. The folder's size is always watched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from motet.errors import CommandFailed, MotetError
from motet.executors.commands import cgroups, outputs
from motet.executors.commands.child import Child
from motet.executors.commands.marks import marked
from motet.executors.commands.spec import Limits

_WATCH_S = 0.2
_ENTER = 'for place in $1; do echo $$ > "$place/cgroup.procs" || exit 125; done; shift; exec "$@"'


class Guard:
    """Sees to the limits of one command. `folders` are those whose size counts; `say` writes to the command's log."""

    def __init__(self, limits: Limits, folders: Sequence[str], name: str, say: Callable[[str], None]) -> None:
        self._limits = limits
        self._folders = folders
        self._groups: list[cgroups.Group] = []
        self._found: MotetError | None = None
        self._watched = set()
        for controller, limit in (("memory", limits.memory_bytes), ("pids", limits.pids), ("cpu", limits.cpus)):
            try:
                if limit is not None:
                    self._groups.append(cgroups.make(controller, limit, name))
            except OSError as error:
                self._watched.add(controller)
                if controller == "cpu":
                    say(f"(motet: its limit of cpus is not enforced: no control group can be had here: {error})")
        self._watched.discard("cpu")

    @property
    def patience_s(self) -> float | None:
        """How often to `watch`; None if nothing has to be watched."""
        return _WATCH_S if self._watched or self._limits.disk_bytes is not None else None

    def entered(self, argv: Sequence[str]) -> Sequence[str]:
        """The command, so that it begins within its limits."""
        if not self._groups:
            return argv
        places = " ".join(dict.fromkeys(each.path for each in self._groups))
        return ["/bin/sh", "-c", _ENTER, "motet", places, *argv]

    def watch(self, child: Child) -> None:
        """Kill it if it is over a limit that only looking can tell."""
        limits = self._limits
        if self._found is not None:
            return
        most = limits.disk_bytes
        if most is not None and (used := sum(map(outputs.size_bytes, self._folders))) > most:
            self._end(child, _over("disk", f"it has written {_size(used)}", _size(most)))
        elif self._watched:
            self._count(child)

    def _count(self, child: Child) -> None:
        pids = [pid for pid in marked(child.mark) if pid != os.getpid()]
        if "pids" in self._watched and self._limits.pids is not None and len(pids) > self._limits.pids:
            self._end(child, _over("pids", f"it has {len(pids)} processes", str(self._limits.pids)))
        most = self._limits.memory_bytes
        if "memory" in self._watched and most is not None and (used := sum(map(_resident_bytes, pids))) > most:
            self._end(child, out_of_memory(most, f"it had {_size(used)}"))

    def _end(self, child: Child, why: MotetError) -> None:
        self._found = why
        child.kill_all()

    def end(self) -> None:
        """It has ended: see whether the kernel kept it within a limit, and free the groups."""
        limits = self._limits
        for group in self._groups:
            if group.controller == "memory" and limits.memory_bytes is not None and group.count("oom_kill"):
                self._found = out_of_memory(limits.memory_bytes, "the kernel killed it")
            elif group.controller == "pids" and self._found is None and group.count("max"):
                self._found = _over("pids", "it could not start another process", str(limits.pids))
        cgroups.free(self._groups)
        self._groups = []

    def problem(self, status: int) -> MotetError | None:
        """Which limit it went over; None if it ended otherwise."""
        return self._found if status else None


def _resident_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def out_of_memory(limit_bytes: float, how: str) -> MotetError:
    """That it went over its limit of memory."""
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
