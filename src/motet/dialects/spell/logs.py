"""The log of a run as Spell has it: what its statuses are, then what its command has written, then how it ended.

Only what the command writes is kept as lines; the others follow from what is recorded of the run. So they stand at the
same places whoever reads them and whenever, and are neither lost nor told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


def entries(
    host: Host, row: RunRow, offset: int = 0, follow: Callable[[RunRow], None] | None = None
) -> Iterator[LogEntry]:  # fmt: skip
    """The entries from the one of that number on; from the end, where it is negative. With `follow`, until the run
    ends: that is called now and then with the run as it stands.
    """
    if offset < 0:
        known = list(_following(host, row, 0, None))
        yield from known[offset:]
        offset = len(known)
        if follow is None:
            return
    yield from _following(host, row, offset, follow)


def _following(
    host: Host, row: RunRow, skip: int, follow: Callable[[RunRow], None] | None
) -> Iterator[LogEntry]:  # fmt: skip
    reading = Reading(host, row, skip)
    follower = host.logs.follow() if follow is not None else None
    try:
        while True:
            yield from reading.read()
            if reading.more:
                continue
            if reading.is_over or follow is None or follower is None:
                return
            follow(reading.row)
            follower.wait(_LOOK_S)
    finally:
        if follower is not None:
            follower.close()


class Reading:
    """A place in the log of a run, which moves on as it is read.

    row      the run as it stood when it was read last
    is_over  all is read: nothing will come any more
    more     there may be more already
    """

    def __init__(self, host: Host, row: RunRow, skip: int = 0) -> None:
        self._host = host
        self.row = row
        self._skip = skip
        self._position = self._had_head = 0
        self.is_over = self.more = False

    def read(self) -> list[LogEntry]:
        """The entries that are new, but for those to be skipped; some of them, where there is `more`."""
        if self.is_over:
            return []
        row = self.row = self._host.store.run(self.row.id)
        is_over = row.status in ENDED  # asked before its lines are read: what it wrote was there by then
        head = _head(self._host, row)
        found, self._had_head = head[self._had_head :], len(head)
        self.more = False
        if is_over or head[-1].status == words.RUNNING:
            page = self._host.logs.read(row.id, self._position, limit=_AT_ONCE, of=_OWN)
            self._position, self.more = page.position, page.more
            found += [LogEntry(words.RUNNING, line.text, line.at) for line in page.lines]
        if is_over and not self.more:
            found += _tail(self._host, row)
            self.is_over = True
        skipped = min(self._skip, len(found))
        self._skip -= skipped
        return found[skipped:]


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
