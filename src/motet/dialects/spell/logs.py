"""The log of a run as Spell has it: what its statuses are, then what its command has written, then how it ended.

Only what the command writes is kept as lines; the others follow from what is recorded of the run. So they stand at the
same places whoever reads them and whenever, and are neither lost nor told twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from motet.dialects.spell import runs, words
from motet.dialects.spell.shown import LogEntry
from motet.kernel.transitions import ENDED
from motet.ports import RunRow
from motet.ports.content import LogFilter

if TYPE_CHECKING:
    from motet.ports.voice import Host

_OWN = LogFilter(step=words.STEP)
_AT_ONCE = 2000
_LOOK_S = 0.2


def entries(host: Host, row: RunRow, offset: int = 0, *, follow: bool = False) -> Iterator[LogEntry]:
    """The entries from the one of that number on; from the end, where it is negative. With `follow`, until it ends."""
    if offset < 0:
        known = list(_following(host, row, 0, follow=False))
        yield from known[offset:]
        offset = len(known)
        if not follow:
            return
    yield from _following(host, row, offset, follow=follow)


def _following(host: Host, row: RunRow, skip: int, *, follow: bool) -> Iterator[LogEntry]:
    position, has_head, told = 0, 0, 0
    follower = host.logs.follow() if follow else None
    try:
        while True:
            row = host.store.run(row.id)
            is_over = row.status in ENDED  # asked before its lines are read: what it wrote was there by then
            head = _head(host, row)
            for entry in head[has_head:]:
                told += 1
                if told > skip:
                    yield entry
            has_head = len(head)
            if is_over or head[-1].status == words.RUNNING:
                page = host.logs.read(row.id, position, limit=_AT_ONCE, of=_OWN)
                position = page.position
                for line in page.lines:
                    told += 1
                    if told > skip:
                        yield LogEntry(words.RUNNING, line.text, line.at)
                if page.more:
                    continue
            if is_over:
                for entry in _tail(host, row)[max(0, skip - told) :]:
                    yield entry
                return
            if follower is None:
                return
            follower.wait(_LOOK_S)
    finally:
        if follower is not None:
            follower.close()


def _head(host: Host, row: RunRow) -> list[LogEntry]:
    """What stands before all that the command has written: as many of these entries as are due."""
    machine = row.program["machine"]["name"]
    told = f"Run created -- waiting for a {machine} machine."
    found = [LogEntry(words.QUEUED, told, row.created_at, True, "info")]
    step = runs.step_of(host.store, row)
    if step is None or not step.attempt or step.started_at is None:
        return found
    at = step.started_at
    found += [
        LogEntry(words.BUILDING, "Run is building", at, True, "info"),
        LogEntry(words.BUILDING, "Machine acquired -- commencing run", at, level="info"),
        *(LogEntry(words.BUILDING, each, at, level="info") for each in row.program["warnings"]),
        LogEntry(words.BUILDING, "Retrieving cached environment...", at),
    ]
    if runs.status_of(host, row) not in (words.BUILDING, words.BUILD_FAILED, words.MOUNT_FAILED):
        found.append(LogEntry(words.RUNNING, "Run is running", at, True, "info"))
    return found


def _tail(host: Host, row: RunRow) -> list[LogEntry]:
    """How the run has ended."""
    shown = runs.view(host, row)
    at, number, found = row.ended_at or 0.0, shown.number, []
    if shown.status in (words.COMPLETE, words.STOPPED, words.KILLED, words.FAILED) and shown.user_exit_code is not None:
        outputs = len(runs.outputs_of(host, row))
        scanned = f"Found {outputs} modified or new files" if outputs else "No modified or new files found"
        found += [
            LogEntry(words.SAVING, "Run is saving", at, True, "info"),
            LogEntry(words.SAVING, "Scanning for modified or new files from the run", at),
            LogEntry(words.SAVING, scanned, at),
            LogEntry(words.PUSHING, "Run is pushing", at, True, "info"),
            LogEntry(words.PUSHING, "Saving build environment for future runs", at, level="info"),
        ]
    lines = shown.why.splitlines() if shown.status != words.COMPLETE else ()
    found += [LogEntry(shown.status, each, at, level="error") for each in lines]
    total_s = at - (row.started_at or row.created_at)
    ended = f"Run {number} {shown.status.replace('_', ' ')}"
    if shown.user_exit_code and shown.status == words.COMPLETE:
        ended += f" ({shown.user_exit_code})"
    found.append(LogEntry(shown.status, f"Total run time: {total_s:.6f}s", at, True, "info"))
    return [*found, LogEntry(shown.status, ended, at, True, "info")]
