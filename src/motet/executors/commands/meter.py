"""What a command and all that it has started take: looked at while they run, and told by the system at their end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from resource import RUSAGE_SELF, getrusage, struct_rusage
from time import monotonic
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
