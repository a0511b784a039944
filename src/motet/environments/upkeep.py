"""Removing what has not been used for long: environments, checkouts that none of the others needs, mirrors."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

from motet.environments.build import READY
from motet.environments.locks import free
from motet.environments.sources import CHECKOUTS, MIRRORS


def prune(folder: str, before: float, *, dry_run: bool = False) -> tuple[int, int]:
    """Remove what was last used before that time, but for what is being built; gives how many environments that were,
    and the bytes freed. What is asked for again is made again. For when nothing runs: an interpreter may be in use.
    """
    count = freed_bytes = 0
    needed: set[str] = set()
    for place in _entries(os.path.join(folder, "environments")):
        ready = os.path.join(place, READY)
        whole = os.path.exists(ready)
        size_bytes = _removed(place, ready if whole else place, before, dry_run)
        if size_bytes is None:
            needed.update(_components(ready))
        else:
            count += whole
            freed_bytes += size_bytes
    for kind in (CHECKOUTS, MIRRORS):
        for place in _entries(os.path.join(folder, kind)):
            if place not in needed:
                freed_bytes += _removed(place, place, before, dry_run) or 0
    return count, freed_bytes


def _entries(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder) if os.path.isdir(folder) else ():
        if entry.is_dir(follow_symlinks=False):
            yield entry.path


def _components(ready: str) -> list[str]:
    try:
        with open(ready) as file:
            return list(json.load(file)["components"].values())
    except (OSError, ValueError):
        return []


def _removed(place: str, used: str, before: float, dry_run: bool) -> int | None:
    """Remove the folder if `used` was last changed before that time; gives its size, None if it stays."""
    if os.stat(used).st_mtime >= before:
        return None
    with free(f"{place}.lock") as mine:
        if not mine:
            return None
        files = (os.path.join(path, name) for path, _, names in os.walk(place) for name in names)
        size_bytes = sum(os.lstat(each).st_size for each in files)
        if not dry_run:
            shutil.rmtree(place, ignore_errors=True)
    return size_bytes
