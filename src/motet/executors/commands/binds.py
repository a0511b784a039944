"""Mounts for places that can bind a path of the host to one of their own, and no more than that.

What may be written to, and is not to change, is copied. What the command does to the copy of something below its folder
is found in the folder afterwards, where the command saw it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from motet.executors.commands import outputs
from motet.executors.commands.mounts import Placed, check_point, copied, copy_into
from motet.executors.commands.places import Folders
from motet.executors.commands.uppers import Settled

_NEEDS_QUOTES = re.compile(r'[,"\r\n]|^\s|\s$')


@dataclass(frozen=True, slots=True)
class Bind:
    """A path of the host and where it is seen."""

    source: str
    target: str
    read_only: bool


class Binds:
    """The step's folder and its mounts.

    all     what has to be bound, outer ones first
    layers  the copies that stand for mounts: where each is seen, its source, itself
    """

    def __init__(self, folders: Folders, own: str, mounts: Sequence[Placed], changed: bool) -> None:
        """`own` is a folder for copies; with `changed` what is done to copies outside of the folder is told too."""
        self._folder, self._seen, self._own, self._changed = folders.own, folders.seen_at, own, changed
        self._copies: list[tuple[str, str, dict[str, outputs.State]]] = []
        self._points: list[str] = []
        self.layers: list[tuple[str, str, str]] = []
        self.all = [Bind(self._folder, self._seen, False)]
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
        self.layers.append((mount.target, mount.source, copy))
        self._copies.append((copy, mount.target, _states(copy)))
        return Bind(copy, target, False)

    def settle(self) -> Settled:
        """Nothing runs any more: put what was written to copies where it was seen."""
        done = Settled([], [], [])
        for copy, target, before in self._copies:
            now = _states(copy)
            for path in (path for path, state in now.items() if before.get(path) != state):
                seen, here = os.path.normpath(os.path.join(target, path)), os.path.normpath(os.path.join(copy, path))
                if os.path.isabs(target):
                    done.elsewhere.append((seen, here))
                else:
                    place = os.path.join(self._folder, seen)
                    os.makedirs(os.path.dirname(place), exist_ok=True)
                    shutil.move(here, place)
            gone = [os.path.normpath(os.path.join(target, path)) for path in before.keys() - now.keys()]
            (done.lost if os.path.isabs(target) and not self._changed else done.removed).extend(gone)
        clear(self._points)
        found = [(seen, here) for seen, here in done.elsewhere if not os.path.islink(here)]
        if self._changed:
            return done._replace(elsewhere=found)
        return done._replace(elsewhere=[], lost=[*done.lost, *(seen for seen, _ in found)])


def _states(copy: str) -> dict[str, outputs.State]:
    """The states of the files in a folder by path; of a file that of the empty path."""
    return outputs.states(copy) if os.path.isdir(copy) else outputs.state_of(copy)


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
