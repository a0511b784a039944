"""What a run takes of the machine while it goes on, for those who look."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic

from motet.records import Record

_LOOK_S = 0.4


class Taken(Record):
    """What processes take: so many processors, so much memory, and what they have read from disks and written there."""

    cpus: float
    memory_bytes: int
    read_bytes: int
    written_bytes: int

    @property
    def total_bytes(self) -> int:
        """The memory of this machine."""
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def to_json(self) -> dict[str, float]:
        """The same, with the percentage of one processor."""
        return {
            "cpu": 100 * self.cpus, "memory_bytes": self.memory_bytes, "total_bytes": self.total_bytes,
            "read_bytes": self.read_bytes, "written_bytes": self.written_bytes,
        }  # fmt: skip


class Usage:
    """What all processes take now that have the run's id in their environment, between two looks."""

    def __init__(self, run: str) -> None:
        self._mark = f"MOTET_RUN={run}\0".encode()
        self._looked_at, self._cpu_s = 0.0, 0.0

    def look(self) -> Taken | None:
        """What they take; None at first, and when it was looked for a moment ago."""
        now = monotonic()
        past_s = now - self._looked_at
        if past_s < _LOOK_S:
            return None
        found = [(0.0, 0, 0, 0), *self._processes()]
        cpu_s, memory_bytes, read_bytes, written_bytes = (sum(each) for each in zip(*found, strict=True))
        cpus, is_first = max(0.0, cpu_s - self._cpu_s) / past_s, not self._looked_at
        self._looked_at, self._cpu_s = now, cpu_s
        return None if is_first else Taken(cpus, int(memory_bytes), int(read_bytes), int(written_bytes))

    def _processes(self) -> Iterator[tuple[float, int, int, int]]:
        ticks, page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError, ValueError, IndexError, KeyError):
                if self._mark in _read(pid, "environ"):
                    stat = _read(pid, "stat").rpartition(b")")[2].split()
                    io = dict(each.split(b": ") for each in _read(pid, "io").splitlines())
                    cpu_s = (int(stat[11]) + int(stat[12])) / ticks
                    read_bytes = int(io[b"read_bytes"])
                    written_bytes = int(io[b"write_bytes"])
                    yield cpu_s, int(stat[21]) * page_bytes, read_bytes, written_bytes


def _read(pid: str, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()
