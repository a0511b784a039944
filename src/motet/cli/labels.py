"""`motet rename`, `motet tag` and `motet rm`: one run called otherwise, found otherwise, removed."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import requests
from motet.cli.prune import settled_at, sweep
from motet.cli.terminal import Terminal
from motet.errors import Conflict, UsageError
from motet.kernel.transitions import ENDED
from motet.ports import Retention
from motet.values.naming import checked
from motet.views import human, lookup
from motet.views.documents import run_json

# ---------------------------------------------------------------- rename, tag


def rename_arguments(parser: ArgumentParser) -> None:
    """The run, and what it is to be called."""
    parser.add_argument("run", metavar="RUN", help=requests.RUN)
    parser.add_argument("name", metavar="NAME", help="what it is called from now on")


def rename(options: Namespace, terminal: Terminal) -> int:
    """Call a run otherwise. Its id stays."""
    store = app.store()
    row = lookup.find_run(store, options.run)
    if not options.name:
        raise UsageError("A run cannot be called nothing.", "Give a name.")
    store.relabel(row.id, checked(options.name, "The name"), row.tags)
    terminal.say(f"Run {row.name} ({row.id}) is called {terminal.paint(options.name, 'bold')} now.")
    if options.json:
        terminal.json(run_json(store.run(row.id)))
    return 0


def tag_arguments(parser: ArgumentParser) -> None:
    """The run, and its tags."""
    parser.add_argument("run", metavar="RUN", help=requests.RUN)
    parser.add_argument("tags", metavar="TAG", nargs="*", help="tags to give it")
    parser.add_argument("--rm", action="append", default=[], metavar="TAG", help="a tag to take from it")


def tag(options: Namespace, terminal: Terminal) -> int:
    """Give a run tags, or take them from it; without any, say which it has."""
    store = app.store()
    row = lookup.find_run(store, options.run)
    lacking = [each for each in options.rm if each not in row.tags]
    if lacking:
        has = ", ".join(row.tags) or "none"
        raise UsageError(f"Run {row.name} has no tag {lacking[0]!r}.", f"Its tags: {has}.")
    tags = {*row.tags, *(checked(each, "The tag") for each in options.tags)} - {*options.rm}
    if tags != {*row.tags}:
        store.relabel(row.id, row.name, sorted(tags))
    terminal.say(f"Run {row.name} ({row.id}) has {'the tags ' + ', '.join(sorted(tags)) if tags else 'no tags'}.")
    if options.json:
        terminal.json(run_json(store.run(row.id)))
    return 0


# ---------------------------------------------------------------- rm


def rm_arguments(parser: ArgumentParser) -> None:
    """The runs."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help=requests.RUN)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def rm(options: Namespace, terminal: Terminal) -> int:
    """Remove runs that have ended, with their logs, and artifacts that nothing else refers to."""
    home, now = app.home(), time.time()
    store = app.open_store(home)
    rows = {row.id: row for row in (lookup.find_run(store, each) for each in options.runs)}
    for row in rows.values():
        if row.status not in ENDED:
            raise Conflict(
                f"Run {row.name} ({row.id}) is {lookup.status_of(row)}; only what has ended is removed.",
                f"To end it: motet stop {row.name}",
            )
    pruned = store.prune(Retention(runs=list(rows)), dry_run=options.dry_run)
    swept = sweep(store, home, settled_at(store, home, now), options.dry_run)
    freed_bytes = pruned.freed_bytes + swept.freed_bytes
    would = "Would remove" if options.dry_run else "Removed"
    named = ", ".join(f"{row.name} ({row.id})" for row in rows.values())
    terminal.say(f"{would} {human.counted(pruned.runs, 'run')}, {named}: {human.size(freed_bytes)}.")
    if pruned.runs < len(rows):
        terminal.say("Runs below others that have not ended, or whose events somebody has yet to read, stay.")
    if options.json:
        terminal.json({"dry_run": options.dry_run, "runs": pruned.runs, "freed_bytes": freed_bytes})
    return 0 if pruned.runs == len(rows) else 1
