"""What this machine has to give: the capacities of resources that steps may demand."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache


@lru_cache(maxsize=1)
def capacities() -> dict[str, float]:
    """Cpu in cores, memory in bytes, gpu in devices (as CUDA_VISIBLE_DEVICES or the device files say)."""
    found = {"cpu": float(_cores()), "gpu": float(_gpus())}
    with suppress(OSError, ValueError):  # unknown: then it does not bind
        found["memory"] = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([each for each in visible.split(",") if each.strip() not in ("", "-1")])
    try:
        return sum(name.startswith("nvidia") and name[6:].isdigit() for name in os.listdir("/dev"))
    except OSError:
        return 0
