"""What a command and all that it has started take: looked at while they run, and told by the system at their end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from resource import RUSAGE_SELF, getrusage, struct_rusage
from time import monotonic, sleep
from typing import TYPE_CHECKING

from motet.executors.usage import peak_bytes

if TYPE_CHECKING:
    from motet.kernel.events import Json

_FIRST_S, _LAST_S, _SLOWER = 0.05, 1.0, 1.3
"""How soon to look again, first and at last, and by how much later each time."""


class Meter:
    """Measures the command whose first process is `pid`. `others` gives processes of it that are not below that one;
    so many generations as `ours` are of the place that it runs in, and their memory does not count.

    What several processes have of files, and of memory that they share, is counted once.
    The system tells the peak of the largest process that has ended, but never less than what this process had at the
    start of the command, of which it is a copy up to then; looking tells that of all together.
    """

    def __init__(self, pid: int, others: Callable[[], Sequence[int]], ours: int = 0) -> None:
        self._roots = [(pid, ours)]
        self._others = others
        self._floor_kb = getrusage(RUSAGE_SELF).ru_maxrss
        self._peak_bytes = 0
        self._cpu_s: dict[int, float] = {}
        self._pause_s = _FIRST_S
        self._due_at = monotonic() + _FIRST_S
        if not ours:
            with suppress(OSError):
                self._peak_bytes = peak_bytes(_read(pid, "status"))

    def patience_s(self, most: float | None) -> float:
        """How long to wait for the next look; at most the given time."""
        left_s = max(0.0, self._due_at - monotonic())
        return left_s if most is None else min(most, left_s)

    def look(self) -> None:
        """See how much they have, if it is time."""
        now = monotonic()
        if now < self._due_at:
            return
        if self._pause_s > _LAST_S / 2 and len(self._roots) == 1:
            self._roots += [(pid, 0) for pid in self._others()]
        self._due_at, self._pause_s = now + self._pause_s, min(_LAST_S, self._pause_s * _SLOWER)
        own_kb, shared_kb = 0, [0]
        for pid, ours in self._all():
            with suppress(OSError, ValueError, IndexError):
                status, stat = _read(pid, "status"), _read(pid, "stat").rpartition(b")")[2].split()
                self._cpu_s[pid] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
                if ours <= 0:
                    self._peak_bytes = max(self._peak_bytes, peak_bytes(status))
                    own_kb += _field(status, b"RssAnon:")
                    shared_kb.append(_field(status, b"RssFile:") + _field(status, b"RssShmem:"))
        self._peak_bytes = max(self._peak_bytes, (own_kb + max(shared_kb)) * 1024)

    def end(self, told: struct_rusage) -> dict[str, Json]:
        """What it took in all, from what the system tells of the first process: see `ports.Success`."""
        largest_bytes = told.ru_maxrss * 1024 if told.ru_maxrss > self._floor_kb else 0
        cpu_s = max(told.ru_utime + told.ru_stime, sum(self._cpu_s.values()))
        most = max(self._peak_bytes, largest_bytes)
        return {"cpu_s": round(cpu_s, 6), **({"memory_bytes": most} if most else {})}

    def _all(self) -> Iterator[tuple[int, int]]:
        todo = list(self._roots)
        while todo:
            pid, ours = todo.pop()
            yield pid, ours
            with suppress(OSError):
                for thread in os.listdir(f"/proc/{pid}/task"):
                    todo += [(int(each), ours - 1) for each in _read(pid, f"task/{thread}/children").split()]


def _field(status: bytes, name: bytes) -> int:
    return int(status.partition(name)[2].split(maxsplit=1)[0])


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


# ---------------------------------------------------------------- all of a run, just now


def taken(run: str, over_s: float) -> dict[str, float]:
    """What the processes of a run's steps use just now: percent of a processor over that time, and bytes of memory, of
    blocks read and written, and of the machine's memory. Those are the ones that have the run in their environment.
    """
    before, at = _used(run), monotonic()
    sleep(over_s)
    found, past_s = _used(run), monotonic() - at
    ran_s = max(0.0, found["cpu"] - before["cpu"])
    whole_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {**found, "cpu": 100 * ran_s / past_s, "total_bytes": float(whole_bytes)}


def _used(run: str) -> dict[str, float]:
    mark = f"MOTET_RUN={run}\0".encode()
    found = dict.fromkeys(("cpu", "memory_bytes", "read_bytes", "written_bytes"), 0.0)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with suppress(OSError, ValueError, LookupError):  # it has ended meanwhile, or is somebody else's
            if mark not in _read(pid, "environ"):
                continue
            fields = _read(pid, "stat").rpartition(b")")[2].split()
            found["cpu"] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            found["memory_bytes"] += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
            told = dict(line.split(b": ") for line in _read(pid, "io").splitlines())
            found["read_bytes"] += int(told[b"read_bytes"])
            found["written_bytes"] += int(told[b"write_bytes"])
    return found
