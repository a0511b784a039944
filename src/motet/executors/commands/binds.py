"""Mounts for places that can bind a path of the host to one of their own, and no more than that.

What may be written to, and is not to change, is copied. What the command does to the copy of something below its folder
is found in the folder afterwards, where the command saw it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from motet.executors.commands import outputs
from motet.executors.commands.mounts import Placed, check_point, copied, copy_into

_NEEDS_QUOTES = re.compile(r'[,"\r\n]|^\s|\s$')


@dataclass(frozen=True, slots=True)
class Bind:
    """A path of the host and where it is seen."""

    source: str
    target: str
    read_only: bool


class Binds:
    """The step's folder, seen at `seen`, and its mounts. `own` is a folder for copies.

    all  what has to be bound, outer ones first
    """

    def __init__(self, folder: str, seen: str, own: str, mounts: Sequence[Placed]) -> None:
        self._folder, self._seen, self._own = folder, seen, own
        self._covering: list[tuple[str, str, dict[str, outputs.State]]] = []
        self._points: list[str] = []
        self.all = [Bind(folder, seen, False)]
        for number, mount in enumerate(mounts):
            bind = self._bind(mount, number)
            self._check(bind)
            self.all.append(bind)

    def _check(self, inner: Bind) -> None:
        for outer in self.all:
            if outer.read_only and inner.target.startswith(outer.target.rstrip("/") + "/"):
                check_point(outer.source, os.path.relpath(inner.target, outer.target), outer.target)

    def _bind(self, mount: Placed, number: int) -> Bind:
        target = os.path.normpath(os.path.join(self._seen, mount.target))
        own = os.path.join(self._folder, mount.target)
        below = not os.path.isabs(mount.target)
        if mount.mode != "cow":
            if below:
                self._points += missing(self._folder, own)
            return Bind(mount.source, target, mount.mode == "ro")
        if below and not os.path.lexists(own):
            copy_into(self._folder, mount)
            return Bind(own, target, False)
        copy = os.path.join(self._own, str(number))
        os.makedirs(self._own, exist_ok=True)
        copied(mount, copy)
        if below and mount.is_folder:
            self._covering.append((copy, own, outputs.states(copy)))
        return Bind(copy, target, False)

    def settle(self) -> list[str]:
        """Nothing runs any more: put what was written to copies where it was seen; gives what was removed there."""
        removed = []
        for copy, target, before in self._covering:
            now = outputs.states(copy)
            for path in (path for path, state in now.items() if before.get(path) != state):
                place = os.path.join(target, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.replace(os.path.join(copy, path), place)
            removed += [
                os.path.relpath(os.path.join(target, path), self._folder) for path in before.keys() - now.keys()
            ]
        clear(self._points)
        return removed


def as_csv(*fields: str) -> str:
    """As a line of CSV, which is how engines read mounts: so any path can be told."""
    return ",".join('"' + each.replace('"', '""') + '"' if _NEEDS_QUOTES.search(each) else each for each in fields)


def missing(folder: str, path: str) -> list[str]:
    """The path and what is above it in the folder, as far as it is not there: inner ones first."""
    found = []
    while path != folder and not os.path.lexists(path):
        found.append(path)
        path = os.path.dirname(path)
    return found


def clear(points: Sequence[str]) -> None:
    """Remove what was made only to mount something there: empty files and folders."""
    for path in sorted(points, key=len, reverse=True):
        with suppress(OSError):
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            elif os.path.lexists(path) and os.path.getsize(path) == 0:
                os.unlink(path)
