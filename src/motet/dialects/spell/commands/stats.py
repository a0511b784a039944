"""`spell stats`: what a run takes of this machine just now."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from contextlib import suppress

from motet.dialects.spell import words
from motet.dialects.spell.commands import formats
from motet.dialects.spell.commands.grammar import Entry
from motet.dialects.spell.house import House
from motet.errors import UsageError
from motet.ports.voice import Desk

_TICKS = os.sysconf("SC_CLK_TCK")
_SAMPLE_S = 0.5


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_id", type=int, metavar="RUN_ID")
    parser.add_argument("-f", "--follow", action="store_true", help="again and again, until it runs no more")


def _stats(options: Namespace, desk: Desk, house: House) -> int:
    view = house.get(options.run_id)
    if view.status != words.RUNNING:
        raise UsageError(f"Run {view.number} is {view.status}, not running.", f"See: spell info {view.number}")
    desk.terminal.say(f"CPU statistics for run {view.number}:")
    names, is_first = ["CPU %", "MEM %", "MEM Usage / MEM Total", "Block I/O"], True
    while is_first or (options.follow and house.get(view.number).status == words.RUNNING):
        took = _taken(view.run)
        if desk.terminal.as_json:
            desk.terminal.json(took)
        cells = [
            f"{took['cpu']:.2f}%", f"{100 * took['memory_bytes'] / took['total_bytes']:.2f}%",
            f"{formats.size(took['memory_bytes'])} / {formats.size(took['total_bytes'])}",
            f"{formats.size(took['read_bytes'])} / {formats.size(took['written_bytes'])}",
        ]  # fmt: skip
        for line in formats.columns(names, [cells])[0 if is_first else 1 :]:
            desk.terminal.say(line)
        is_first = False
    return 0


def _taken(run: str) -> dict[str, float]:
    """What the run's processes use: percent of a processor over half a second, and bytes."""
    before, at = _read(run), time.monotonic()
    time.sleep(_SAMPLE_S)
    found, past_s = _read(run), time.monotonic() - at
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    ran = max(0.0, found["cpu"] - before["cpu"])
    return {**found, "cpu": 100 * ran / past_s, "total_bytes": float(pages)}


def _read(run: str) -> dict[str, float]:
    """Seconds of processor, and bytes, of all processes that have the run in their environment."""
    mark, found = (
        f"MOTET_RUN={run}\0".encode(),
        dict.fromkeys(("cpu", "memory_bytes", "read_bytes", "written_bytes"), 0.0),
    )
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, ValueError, IndexError):  # it has ended meanwhile, or is somebody else's
            if mark not in _content(pid, "environ"):
                continue
            fields = _content(pid, "stat").rpartition(b")")[2].split()
            found["cpu"] += (int(fields[11]) + int(fields[12])) / _TICKS
            found["memory_bytes"] += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
            told = dict(line.split(b": ") for line in _content(pid, "io").splitlines())
            found["read_bytes"] += int(told[b"read_bytes"])
            found["written_bytes"] += int(told[b"write_bytes"])
    return found


def _content(pid: str, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


COMMANDS: Mapping[str, Entry] = {"stats": Entry("show what a run takes of the machine", _stats, _arguments)}
