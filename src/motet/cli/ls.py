"""`motet ls` and `motet top`: lists of runs."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from itertools import islice

from motet import app
from motet.cli.requests import given
from motet.cli.terminal import Terminal
from motet.ports import RunFilter, RunRow, Store
from motet.views import human, lookup
from motet.views.documents import run_json
from motet.views.listing import STATUSES, listed, metrics_of, moment_of

# ---------------------------------------------------------------- ls


def ls_arguments(parser: ArgumentParser) -> None:
    """Which runs, and how many."""
    parser.add_argument("--status", choices=STATUSES, help="only runs of that status")
    parser.add_argument("--workflow", metavar="NAME", help="only runs of that workflow")
    parser.add_argument("--tag", metavar="TAG", help="only runs that have that tag")
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE",
        help="only runs with that parameter; of an object by its path, model.depth=3",
    )  # fmt: skip
    parser.add_argument(
        "--metric", action="append", default=[], metavar="BOUND",
        help="only runs whose metric is so at last: 'loss<0.5', 'accuracy>=0.9'",
    )  # fmt: skip
    parser.add_argument("--text", metavar="TEXT", help="only runs with that in their name, id or workflow")
    parser.add_argument("--since", metavar="WHEN", help='made from then on: "15m" ago, 14:05, 2026-11-30, ...')
    parser.add_argument("--until", metavar="WHEN", help="made before then, likewise")
    parser.add_argument(
        "-n", type=human.whole("-n", 1), default=20, metavar="N", help="at most N, the newest (default: 20)"
    )
    parser.add_argument("--all", action="store_true", help="all of them, however many")


def ls(options: Namespace, terminal: Terminal) -> int:
    """List runs, newest first; where there are more, say so."""
    runs = listed(app.store(), _filter(options))
    found = list(runs if options.all else islice(runs, options.n))
    if options.json:
        terminal.json([run_json(row) for row in found])
        return 0
    if not found:
        terminal.say(f"There are no {_told(options)} in {app.place()}.")
        return 0
    terminal.table(("NAME", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK"), [_cells(row) for row in found])
    if not options.all and next(runs, None) is not None:
        terminal.say("... and more: -n N shows as many, --all all of them")
    return 0


def _filter(options: Namespace) -> RunFilter:
    """What is asked for. Raises UsageError."""
    now = time.time()
    return RunFilter(
        status=options.status, workflow=options.workflow, tag=options.tag, text=options.text,
        params={name: written.read() for name, written in given(options.param).items()},
        metrics=metrics_of(options.metric),
        since=moment_of("--since", options.since, now) if options.since else None,
        until=moment_of("--until", options.until, now) if options.until else None,
    )  # fmt: skip


def _told(options: Namespace) -> str:
    narrowed = options.workflow or options.tag or options.param or options.metric or options.text or options.since
    status = f"runs that are {options.status}" if options.status else "runs"
    return f"such {status}" if narrowed or options.until else status


def _cells(row: RunRow) -> tuple[str, ...]:
    return (
        row.name, row.id, row.workflow, lookup.status_of(row), human.moment(row.started_at or row.created_at),
        human.length(lookup.duration_of(row)),
    )  # fmt: skip


# ---------------------------------------------------------------- top


_EVERY_S = 1.0
_EARLIER = 20
"""So many earlier runs of a workflow tell how long one takes."""


def top_arguments(parser: ArgumentParser) -> None:
    """Whether to go on."""
    parser.add_argument("--once", action="store_true", help="print what runs now, and end")


def top(options: Namespace, terminal: Terminal) -> int:
    """Show the runs that go on, with how long they may still take, until Ctrl-C."""
    store = app.store()
    if options.json:
        terminal.json([{**run_json(row), "left_s": _left_s(store, row)} for row in _under_way(store)])
        return 0
    if options.once or not terminal.is_live:
        _show(terminal, store)
        return 0
    while True:
        terminal.clear()
        _show(terminal, store)
        terminal.flush()
        time.sleep(_EVERY_S)


def _under_way(store: Store) -> list[RunRow]:
    found = [row for status in lookup.DRIVEN for row in listed(store, RunFilter(status=status))]
    crashed = list(listed(store, RunFilter(status=lookup.CRASHED)))
    return sorted([*found, *crashed], key=lambda row: row.created_at, reverse=True)


def _show(terminal: Terminal, store: Store) -> None:
    rows = _under_way(store)
    terminal.say(f"{human.clock(time.time())[:8]}  {human.counted(len(rows), 'run')} under way in {app.place()}")
    if rows:
        terminal.say()
        told = [(row, _left_s(store, row)) for row in rows]
        terminal.table(
            ("NAME", "WORKFLOW", "STATUS", "STEPS", "RUNS FOR", "LEFT"),
            [
                (
                    row.name, row.workflow, lookup.status_of(row), ", ".join(_counts(row)),
                    human.length(lookup.duration_of(row)), "" if left_s is None else f"about {human.length(left_s)}",
                )
                for row, left_s in told
            ],
        )  # fmt: skip


def _counts(row: RunRow) -> Iterator[str]:
    return (f"{count} {status}" for status, count in row.counts.items())


def _left_s(store: Store, row: RunRow) -> float | None:
    """How long the run may still take, by what earlier ones of its workflow took in the middle; None if none says."""
    so_far_s = lookup.duration_of(row)
    earlier = islice(listed(store, RunFilter(workflow=row.workflow, status="succeeded")), _EARLIER)
    took = sorted(took_s for each in earlier if (took_s := lookup.duration_of(each)) is not None)
    if so_far_s is None or not took:
        return None
    return max(0.0, took[len(took) // 2] - so_far_s)
