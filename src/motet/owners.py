"""Who drives a run, and whether that process still lives."""

from __future__ import annotations

import os
from functools import lru_cache

from motet.ports import Owner
from motet.typed import Any

LEASE_S = 15.0
"""How long an owner that is silent still counts as alive, unless its process is seen to be dead."""


def written(owner: Owner) -> dict[str, Any]:
    """The owner as plain data."""
    return {each: getattr(owner, each) for each in type(owner).__record__}


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; 0 where the system does not say; None if it is dead."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if os.path.isdir("/proc/self") else _alive_without_proc(pid)
    except ProcessLookupError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])  # a zombie is dead, it only was not buried


def _alive_without_proc(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0


def this_process() -> Owner:
    """The owner that this process is."""
    pid = os.getpid()
    return Owner(os.uname().nodename, _boot(), pid, _start_ticks(pid) or 0)


def is_dead(owner: Owner) -> bool:
    """Whether the owner is known to be dead: its process is gone, or its host has been booted since.

    False for an owner on another host: only its lease can tell.
    """
    if owner.host != os.uname().nodename:
        return False
    if owner.boot != _boot():
        return True
    return _start_ticks(owner.pid) != owner.started
