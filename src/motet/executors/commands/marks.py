"""What tells the processes of a command from all others, whatever they do to their groups and sessions.

Every process that a command starts has the command's mark in its environment (`MOTET_MARK`), and as a brand in its
limits: the soft limit of RLIMIT_RTTIME, an odd number of some thousand years, which limits nobody. Programs that
become daemons leave their group and session, and some clear their environment; none touches this limit, and every
child has it. Setting it costs a microsecond, and needs no rights, no process beside the engine and no control group.
Marks of engines within commands of other engines are joined; the brand stays that of the outermost.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MARK = "MOTET_MARK"

_PREFIX_DIGITS = 10
_SERIAL_DIGITS = 7
_OWN = re.compile(r"motet-(\d+)(?:\.(\d+);)?$")
_BRANDED = re.compile(rb"realtime timeout +(\d{11})(\d{7}) ")
_spawning = threading.Lock()
"""Limits are the process's, so only one thread at a time may lend them to a child."""


def fresh_mark() -> str:
    """A mark for an executor: those of its commands begin with it."""
    return joined_mark(f"motet-4{int.from_bytes(os.urandom(8)) % 10**_PREFIX_DIGITS:0{_PREFIX_DIGITS}}")


def joined_mark(mark: str) -> str:
    """What MARK is to be for a command of this engine: the marks of the engines around it stay in it."""
    outer = os.environ.get(MARK)
    return f"{outer}:{mark}" if outer else mark


def numbered(mark: str, serial: int) -> str:
    """The mark of an executor's command of that number."""
    return f"{mark}.{serial % 10**_SERIAL_DIGITS};"


def brand_of(mark: str) -> str:
    """The digits that stand in the limits of what has the mark; for an executor's mark, those with which they begin."""
    own = _OWN.search(mark)
    assert own is not None, mark
    return own[1] if own[2] is None else f"{own[1]}{int(own[2]):0{_SERIAL_DIGITS}}"


@contextmanager
def branding(mark: str) -> Iterator[None]:
    """What this thread starts meanwhile has the brand, where the system and the limits of this process allow it."""
    import resource

    limit = getattr(resource, "RLIMIT_RTTIME", None)
    with _spawning:
        before = None if limit is None else resource.getrlimit(limit)
        if limit is None or before != (resource.RLIM_INFINITY, resource.RLIM_INFINITY):
            yield
            return
        resource.setrlimit(limit, (int(brand_of(mark)), resource.RLIM_INFINITY))
        try:
            yield
        finally:
            resource.setrlimit(limit, before)


def marked(mark: str) -> dict[int, bytes]:
    """The living processes of this host that have the mark, as far as this user may see: pid -> where it stands.

    What has the brand alone may be a child of this process that another thread started while it was lent: it, and
    what it has started and still has, is not of the command.
    """
    found, branded, wanted = {}, {}, mark.encode()
    digits = brand_of(mark).encode()
    for pid in _pids():
        if wanted in (environ := _read(pid, "environ")):
            found[pid] = environ
        elif (own := _BRANDED.search(_read(pid, "limits"))) and b"".join(own.groups()).startswith(digits):
            branded[pid] = numbered(f"motet-{own[1].decode()}", int(own[2])).encode()
    for pid, evidence in branded.items():
        state, parent = _state(pid)
        while parent in branded:
            parent = _state(parent)[1]
        if state not in "ZX" and parent != os.getpid():
            found[pid] = evidence
    return found


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []


def _read(pid: int, name: str) -> bytes:
    """Empty for what has ended, or is another user's."""
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _state(pid: int) -> tuple[str, int]:
    """The state of the process, X if it is gone, and its parent."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1])) if fields else ("X", 0)
