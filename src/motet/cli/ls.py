"""`motet ls`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import human, lookup
from motet.cli.terminal import Terminal
from motet.kernel import transitions as st
from motet.ports import RunRow, Store

_STATUSES = (
    st.PENDING, st.RUNNING, st.WAITING, st.CANCELLING, st.SUCCEEDED, st.FAILED, st.CANCELLED, lookup.CRASHED,
)  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    """Which runs, and how many."""
    parser.add_argument("--status", choices=_STATUSES, help="only runs of that status")
    parser.add_argument("-n", type=int, default=20, metavar="N", help="at most N, the newest (default: 20)")


def command(options: Namespace, terminal: Terminal) -> int:
    """List runs, newest first."""
    found = _select(app.open_store(app.home()), options.status, max(0, options.n))
    if options.json:
        terminal.json([lookup.run_json(row) for row in found])
    elif not found:
        told = f" that are {options.status}" if options.status else ""
        terminal.say(f"There are no runs{told} in {app.home()}.")
    else:
        terminal.table(("NAME", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK"), [_cells(row) for row in found])
    return 0


def _select(store: Store, status: str | None, limit: int) -> list[RunRow]:
    """`crashed` is not recorded, nor always `waiting`: such runs are recorded as being driven."""
    if status != lookup.CRASHED and status not in lookup.DRIVEN:
        return lookup.with_waits(store, store.runs(limit=limit, status=status))
    recorded = lookup.DRIVEN if status in (lookup.CRASHED, st.WAITING) else (status,)
    rows = lookup.with_waits(store, [row for each in recorded for row in store.runs(limit=1_000_000, status=each)])
    wanted = [row for row in rows if lookup.status_of(row) == status]
    return sorted(wanted, key=lambda row: row.created_at, reverse=True)[:limit]


def _cells(row: RunRow) -> tuple[str, ...]:
    return (
        row.name, row.id, row.workflow, lookup.status_of(row), human.moment(row.started_at or row.created_at),
        human.length(lookup.duration_of(row)),
    )  # fmt: skip
