"""`motet prune`."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import NotFound
from motet.ports import LogStore, Pruned, Retention, Store
from motet.views import human, lookup

_SETTLED_S = 24 * 3600.0
"""An artifact that was put this lately may be about to be recorded, whatever the store says of it now."""


def prune_arguments(parser: ArgumentParser) -> None:
    """How old; whether for real."""
    parser.add_argument(
        "--older-than", default="30d", metavar="AGE", help="runs that ended so long ago: 12h, 30d, 4w (default: 30d)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def prune(options: Namespace, terminal: Terminal) -> int:
    """Remove runs that ended long ago and events as old, then logs and artifacts that nothing refers to any more, and
    Python environments that were not used for as long.
    """
    home, now = app.home(), time.time()
    before = now - human.seconds_of(options.older_than)
    store = app.open_store(home)
    pruned = store.prune(Retention(older_than_s=now - before), dry_run=options.dry_run)
    used = store.artifacts()
    swept = app.open_artifacts(home).sweep(used.__contains__, min(before, now - _SETTLED_S), dry_run=options.dry_run)
    logs_bytes = 0 if options.dry_run else _remove_logs(store, app.open_logs(home), os.path.join(home, "engines"))
    work_bytes = 0 if options.dry_run else _remove_work(store, app.work_folder(home), now - _SETTLED_S)
    packed_bytes = 0 if options.dry_run else _remove_packed(app.packed_folder(home), now - _SETTLED_S)
    environments, shared_bytes = _remove_environments(store, home, min(before, now - _SETTLED_S), options.dry_run)
    freed_bytes = pruned.freed_bytes + swept.freed_bytes + logs_bytes + work_bytes + packed_bytes + shared_bytes
    done = Pruned(pruned.runs, pruned.events, swept.artifacts, freed_bytes)
    _tell(terminal, done, environments, options)
    return 0


def _tell(terminal: Terminal, done: Pruned, environments: int, options: Namespace) -> None:
    would = "Would remove" if options.dry_run else "Removed"
    terminal.say(
        f"{would} {human.counted(done.runs, 'run')}, {human.counted(done.events, 'event')}, "
        f"{human.counted(done.artifacts, 'artifact')} and {human.counted(environments, 'environment')}: "
        f"{human.size(done.freed_bytes)}."
    )
    if options.dry_run:
        terminal.say("What these runs alone refer to, and their logs, would come on top of that.")
    if options.json:
        terminal.json(
            {
                "dry_run": options.dry_run, "runs": done.runs, "events": done.events, "artifacts": done.artifacts,
                "environments": environments, "freed_bytes": done.freed_bytes,
            }
        )  # fmt: skip


def _remove_logs(store: Store, logs: LogStore, engines: str) -> int:
    """Remove the logs of runs that the store knows no more; gives the bytes freed."""
    freed_bytes = sum(logs.remove(run) for run in logs.runs() if _is_gone(store, run))
    for name in os.listdir(engines) if os.path.isdir(engines) else ():
        path = os.path.join(engines, name)
        if name.endswith(".log") and _is_gone(store, name.removesuffix(".log")):
            freed_bytes += os.stat(path).st_size
            os.unlink(path)
    return freed_bytes


def _remove_environments(store: Store, home: str, before: float, dry_run: bool) -> tuple[int, int]:
    """Remove Python environments, and what they were made of, that were last used before that time; gives how many,
    and the bytes freed. While a run is under way they all stay.
    """
    from motet.environments.upkeep import prune

    if any(store.runs(limit=1, status=status) for status in lookup.DRIVEN):
        return 0, 0
    return prune(app.shared_folder(home), before, dry_run=dry_run)


def _remove_work(store: Store, folder: str, before: float) -> int:
    """Remove what commands of runs that the store knows no more have left in their folders; gives the bytes freed."""
    from shutil import rmtree

    freed_bytes = 0
    for run in os.scandir(folder) if os.path.isdir(folder) else ():
        if run.stat().st_mtime < before and _is_gone(store, run.name):
            for place, _, names in os.walk(run.path):
                freed_bytes += sum(os.lstat(os.path.join(place, name)).st_size for name in names)
            rmtree(run.path, ignore_errors=True)
    return freed_bytes


def _remove_packed(folder: str, before: float) -> int:
    """Remove what was packed long ago for somebody to fetch; gives the bytes freed."""
    freed_bytes = 0
    for each in os.scandir(folder) if os.path.isdir(folder) else ():
        if each.stat().st_mtime < before:
            freed_bytes += each.stat().st_size
            os.unlink(each.path)
    return freed_bytes


def _is_gone(store: Store, run: str) -> bool:
    try:
        store.run(run)
    except NotFound:
        return True
    return False
