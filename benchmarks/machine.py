"""The machine that the figures hold for."""

from __future__ import annotations

import os
import platform
import sqlite3


def described(folder: str) -> dict[str, str]:
    """What a reader needs to place the figures."""
    return {
        "processor": _processor(), "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version,
        "disk": _file_system(folder), "load": " ".join(f"{each:.2f}" for each in os.getloadavg()),
    }  # fmt: skip


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _file_system(folder: str) -> str:
    """The type of the file system that the folder is on."""
    place, found = os.path.realpath(folder), ("", "unknown")
    try:
        with open("/proc/self/mounts") as file:
            for line in file:
                _, mount, kind = line.split()[:3]
                inside = place == mount or place.startswith(mount.rstrip("/") + "/")
                if inside and len(mount) >= len(found[0]):
                    found = (mount, kind)
    except OSError:
        pass
    return found[1]
