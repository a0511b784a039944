"""What this process takes for one attempt: processor time, that of processes which it has waited for too, and memory.

Kept small: a worker process imports it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from motet.kernel.events import Json

_RESET_PEAK = b"5"
_SHORT_S = 0.001


class OwnUsage:
    """Measures one attempt after the other; only the process that made it.

    What takes less than a millisecond of processor time has hardly touched new memory: then what this process had at
    the last look is told, since looking takes longer than such an attempt.
    """

    def __init__(self) -> None:
        self._status = _opened("/proc/self/status", os.O_RDONLY)
        self._reset = _opened("/proc/self/clear_refs", os.O_WRONLY)
        self._spent: tuple[float, int] = (0.0, 0)
        self._bytes, self._is_stale = 0, True

    def begin(self) -> None:
        """An attempt begins."""
        if self._is_stale:
            if self._reset >= 0:
                with suppress(OSError):
                    os.write(self._reset, _RESET_PEAK)
            self._bytes, self._is_stale = self._peak_bytes(), False
        self._spent = _spent()

    def end(self) -> dict[str, Json]:
        """What it took: see `ports.Success`. The memory is that of the largest process."""
        (cpu_s, children_bytes), (before_s, before_bytes) = _spent(), self._spent
        most = self._bytes
        if cpu_s - before_s >= _SHORT_S:
            most, self._is_stale = self._peak_bytes(), True
        if children_bytes > before_bytes:
            most = max(most, children_bytes)
        return {"cpu_s": round(cpu_s - before_s, 6), **({"memory_bytes": most} if most else {})}

    def _peak_bytes(self) -> int:
        return peak_bytes(os.pread(self._status, 4096, 0)) if self._status >= 0 else 0


def peak_bytes(status: bytes) -> int:
    """The most memory of a process at once, from its /proc/PID/status."""
    fields = status.partition(b"VmHWM:")[2].split(maxsplit=1)
    return int(fields[0]) * 1024 if fields else 0


def _spent() -> tuple[float, int]:
    own, others = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime, others.ru_maxrss * 1024


def _opened(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return -1
