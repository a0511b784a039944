"""`motet prune`."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from math import inf

from motet import app, checkpoints
from motet.checkpoints import Checkpoints
from motet.cli.terminal import Terminal
from motet.errors import NotFound, StoreFull, UsageError
from motet.kernel.transitions import SUCCEEDED
from motet.ports import LogStore, Pruned, Retention, Store
from motet.stores.homes import RESERVE
from motet.stores.rules import ENDED, events_before
from motet.values.quantities import quantity
from motet.views import human, lookup

_DEFAULT_AGE = "30d"
_SETTLED_S = 24 * 3600.0
"""An artifact that was put this lately may be about to be recorded, whatever the store says of it now."""

_SETTLED_ALONE_S = 10.0
"""The same where no process drives a run and room is needed."""

_LITTLE_BYTES = 100_000_000


def prune_arguments(parser: ArgumentParser) -> None:
    """Which runs; whether for real."""
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        help="runs that ended so long ago: 12h, 30d, 4w (default: 30d, if nothing else is said)",
    )
    parser.add_argument(
        "--keep", type=human.whole("--keep", 0), default=0, metavar="N", help="all but the N that ended last"
    )
    parser.add_argument("--status", action="append", default=[], metavar="STATUS", help="that ended so")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="that have this tag")
    parser.add_argument(
        "--max-size", metavar="SIZE", help="the oldest, until the home takes no more than that: 500Mi, 20Gi"
    )
    parser.add_argument(
        "--checkpoints", action="store_true",
        help="only the checkpoints of steps that have succeeded, of whatever age or as old as --older-than says",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def prune(options: Namespace, terminal: Terminal) -> int:
    """Remove runs that have ended, of those that all options choose; then logs and artifacts that nothing refers to any
    more. By age alone also events, cached results, Python environments and the checkpoints of steps as old.
    """
    home, now = app.home(), time.time()
    if options.checkpoints:
        age = human.seconds_of(options.older_than) if options.older_than else 0.0
        _tell_checkpoints(terminal, _remove_checkpoints(home, now - age, options.dry_run), options)
        return 0
    retention = _retention(options)
    before = now - (retention.older_than_s or 0.0)
    store = app.open_store(home)
    most_bytes = _bytes_of(options.max_size) if options.max_size else None
    settled = settled_at(store, home, now)
    done, environments = Pruned(), 0
    while most_bytes is None or _is_beyond(store, home, most_bytes, retention):
        pruned = _prune_store(store, home, retention, now, options.dry_run)
        done.freed_bytes += _remove_checkpoints(home, events_before(retention, now), options.dry_run)[1]
        swept = sweep(store, home, min(before, settled), options.dry_run)
        done.runs += pruned.runs
        done.events += pruned.events
        done.artifacts += swept.artifacts
        done.freed_bytes += pruned.freed_bytes + swept.freed_bytes
        if most_bytes is None or options.dry_run or not pruned.runs:
            break
    if events_before(retention, now) > 0:
        environments, shared_bytes = _remove_environments(store, home, min(before, now - _SETTLED_S), options.dry_run)
        done.freed_bytes += shared_bytes
    _tell(terminal, done, environments, options)
    if most_bytes is not None and not options.dry_run:
        _tell_of_rest(terminal, store, home, most_bytes)
    return 0


def _retention(options: Namespace) -> Retention:
    """Which runs go. Raises UsageError."""
    unknown = [status for status in options.status if status not in ENDED]
    if unknown:
        raise UsageError(f"No run ends as {unknown[0]!r}.", f"Give one of {', '.join(ENDED)}.")
    chosen = options.keep or options.status or options.tag or options.max_size
    age = options.older_than or (None if chosen else _DEFAULT_AGE)
    return Retention(human.seconds_of(age) if age else None, options.keep, options.status, options.tag)


def _bytes_of(text: str) -> int:
    try:
        return int(quantity(text))
    except (UsageError, ValueError, OverflowError):
        raise UsageError(f"--max-size {text!r} is no size.", 'Write one such as "500Mi" or "20Gi".') from None


def _is_beyond(store: Store, home: str, most_bytes: int, retention: Retention) -> bool:
    """Whether the home takes more than that; the retention then says how much of the store's own part is to go.

    That part is taken to be as large as it is of the whole, since what a run has beside it is known when it is gone.
    What nothing refers to any more, and is only too young to go, is not counted: no further run is to go for it.
    """
    size_bytes = _size_bytes(home) - _settling_bytes(store, home)
    share = os.stat(os.path.join(home, "store.db")).st_size / max(1, size_bytes)
    retention.free_bytes = max(1, int((size_bytes - most_bytes) * share))
    return size_bytes > most_bytes


def settled_at(store: Store, home: str, now: float) -> float:
    """What was put before then is recorded by now, if ever."""
    return now - (_SETTLED_S if _has_room(home) or _is_at_work(store, now) else _SETTLED_ALONE_S)


def sweep(store: Store, home: str, before: float, dry_run: bool) -> Pruned:
    """Remove artifacts, logs and folders that nothing refers to any more."""
    used = store.artifacts()
    swept = app.open_artifacts(home).sweep(used.__contains__, before, dry_run=dry_run)
    freed_bytes = swept.freed_bytes
    if not dry_run:
        freed_bytes += _remove_logs(store, app.open_logs(home), os.path.join(home, "engines"))
        freed_bytes += _remove_work(store, app.work_folder(home), before)
        freed_bytes += packed(app.packed_folder(home), before)
    return Pruned(artifacts=swept.artifacts, freed_bytes=freed_bytes)


def _remove_checkpoints(home: str, before: float, dry_run: bool) -> tuple[int, int]:
    """Remove the checkpoints of runs that are gone, and of steps that succeeded before that time; gives how many, and
    the bytes freed.
    """
    store = app.open_store(home)
    kept = Checkpoints(store, app.open_artifacts(home), None)
    count = freed_bytes = 0
    for run in kept.runs():
        is_gone = _is_gone(store, run)
        for step, found in checkpoints.of_run(store, run).items():
            if is_gone or _has_succeeded(store, run, step, before):
                count += len(found)
                freed_bytes += sum(each.size_bytes for each in found)
                if not dry_run:
                    kept.forget(run, step)
        if is_gone and not dry_run:
            kept.forget_run(run)
    return count, freed_bytes


def _has_succeeded(store: Store, run: str, key: str, before: float) -> bool:
    """Whether the step, or the map whose element it is, succeeded before that time."""
    try:
        row = store.step(run, key)
    except NotFound:
        if not key.endswith("]"):
            return False
        return _has_succeeded(store, run, key.rpartition("[")[0], before)
    return row.status == SUCCEEDED and row.ended_at is not None and row.ended_at < before


def _tell_checkpoints(terminal: Terminal, done: tuple[int, int], options: Namespace) -> None:
    count, freed_bytes = done
    would = "Would remove" if options.dry_run else "Removed"
    terminal.say(f"{would} {human.counted(count, 'checkpoint')}: {human.size(freed_bytes)}.")
    if options.json:
        terminal.json({"dry_run": options.dry_run, "checkpoints": count, "freed_bytes": freed_bytes})


def _settling_bytes(store: Store, home: str) -> int:
    """What artifacts take that nothing refers to."""
    used = store.artifacts()
    return app.open_artifacts(home).sweep(used.__contains__, inf, dry_run=True).freed_bytes


def _size_bytes(home: str) -> int:
    """What the home takes on the disk, but for what its folders of environments share."""
    total = 0
    for place, folders, names in os.walk(home):
        if place == home and "shared" in folders:
            folders.remove("shared")
        for name in names:
            if place == home and name == RESERVE:
                continue
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _prune_store(store: Store, home: str, retention: Retention, now: float, dry_run: bool) -> Pruned:
    try:
        return store.prune(retention, dry_run=dry_run)
    except StoreFull:  # files can go without writing anything
        _remove_old_logs(store, app.open_logs(home), events_before(retention, now))
        return store.prune(retention, dry_run=dry_run)


def _has_room(home: str) -> bool:
    room = os.statvfs(home)
    return room.f_bavail * room.f_frsize > _LITTLE_BYTES


def _is_at_work(store: Store, now: float) -> bool:
    """Whether a process drives a run: it may be about to record what it has put."""
    rows = [row for status in lookup.DRIVEN for row in store.runs(limit=1_000_000, status=status)]
    return any(not lookup.has_crashed(row, now) for row in rows)


def _remove_old_logs(store: Store, logs: LogStore, before: float) -> None:
    """Remove the logs of runs that ended so long ago, which are about to go themselves."""
    for status in ENDED:
        for row in store.runs(limit=1_000_000, status=status):
            if not row.parent and row.ended_at is not None and row.ended_at < before:
                logs.remove(row.id)


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


def _tell_of_rest(terminal: Terminal, store: Store, home: str, most_bytes: int) -> None:
    """Say so if the home takes more than it was to take, and what of that is on its way."""
    size_bytes = _size_bytes(home)
    if size_bytes <= most_bytes:
        return
    told = f"The home still takes {human.size(size_bytes)}, more than {human.size(most_bytes)}"
    if settling_bytes := _settling_bytes(store, home):
        told += (
            f"; {human.size(settling_bytes)} of that are artifacts of removed runs, which go a day after they were put"
        )
    terminal.say(f"{told}. Runs that have not ended stay, and what the other options except.")


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
            freed_bytes += _bytes_below(run.path)
            rmtree(run.path, ignore_errors=True)
    return freed_bytes


def packed(folder: str, before: float) -> int:
    """Remove what was packed long ago for somebody to fetch, and other things of that kind; gives the bytes freed."""
    from shutil import rmtree

    freed_bytes = 0
    for each in os.scandir(folder) if os.path.isdir(folder) else ():
        if each.stat().st_mtime >= before:
            continue
        if each.is_dir(follow_symlinks=False):
            freed_bytes += _bytes_below(each.path)
            rmtree(each.path, ignore_errors=True)
        else:
            freed_bytes += each.stat().st_size
            os.unlink(each.path)
    return freed_bytes


def _bytes_below(folder: str) -> int:
    return sum(os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names)


def _is_gone(store: Store, run: str) -> bool:
    try:
        store.run(run)
    except NotFound:
        return True
    return False
