"""What a command did to a mount that takes its writes: found in the layer that holds them, above the source.

The layer is that of an overlay, or a copy of the source where there could be no overlay.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def settle(upper: str, source: str, target: str) -> list[str]:
    """Move what was written to `target`, where it was seen; gives the files that were removed, relative to it.

    A mounted file that was not changed is not moved.
    """
    if not os.path.lexists(upper):
        return []
    is_copy = not os.path.isdir(f"{upper}.work")
    if not os.path.isdir(source):
        _take(upper, source, target, is_copy=True)
        return []
    return list(_settled(upper, source, target, "", is_copy))


class Settled(NamedTuple):
    """What was done to the mounts of a command.

    removed    files that were removed, as they were seen
    elsewhere  those that were changed outside of the step's folder: as they were seen, and as they are here
    lost       of such files, removed ones too, those that nobody wants: as they were seen
    """

    removed: list[str]
    elsewhere: list[tuple[str, str]]
    lost: list[str]


def settle_all(layers: Sequence[tuple[str, str, str]], folder: str, *, changed: bool) -> Settled:
    """Settle the layers, each told by where it was seen, its source and itself: those seen below the step's folder in
    there, others beside themselves. `changed` says whether what was changed there is wanted.
    """
    done = Settled([], [], [])
    for target, source, upper in layers:
        outside = os.path.isabs(target)
        place = f"{upper}.kept" if outside else os.path.join(folder, target)
        gone = [os.path.normpath(os.path.join(target, path)) for path in settle(upper, source, place)]
        found = files_in(place) if outside else ()
        told = [(os.path.normpath(os.path.join(target, path)), file) for path, file in found]
        if outside and not changed:
            done.lost.extend((*(seen for seen, _ in told), *gone))
        else:
            done.removed.extend(gone)
            done.elsewhere.extend(told)
    return done


def files_in(place: str) -> Iterator[tuple[str, str]]:
    """The files at a place, which is a folder or a file or nothing, by path from there: no links, pipes, sockets."""
    if os.path.isfile(place) and not os.path.islink(place):
        yield "", place
    for folder, _, names in os.walk(place):
        for path in (os.path.join(folder, name) for name in sorted(names)):
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, place), path


def _settled(upper: str, source: str, target: str, below: str, is_copy: bool) -> Iterator[str]:
    names = os.listdir(upper)
    if is_copy or _is_opaque(upper):
        for name in sorted({*_names(source)} - {*names}):
            yield from _files(os.path.join(source, name), os.path.join(below, name))
    for name in names:
        here, there = os.path.join(upper, name), os.path.join(source, name)
        path, goal = os.path.join(below, name), os.path.join(target, name)
        if stat.S_ISCHR(os.lstat(here).st_mode):  # stands for what was removed
            yield from _files(there, path)
        elif os.path.isdir(here) and not os.path.islink(here):
            if not _is_folder(there):
                _make_folder(goal)
            yield from _settled(here, there, goal, path, is_copy)
        else:
            if _is_folder(there):
                yield from _files(there, path)
            _take(here, there, goal, is_copy)


def _take(upper: str, source: str, target: str, is_copy: bool) -> None:
    if is_copy and _same(upper, source):
        return
    _make_folder(os.path.dirname(target))
    if _is_folder(target):
        shutil.rmtree(target)
    shutil.move(upper, target)


def _same(one: str, other: str) -> bool:
    from filecmp import cmp

    if os.path.islink(one) or os.path.islink(other):
        return os.path.islink(one) and os.path.islink(other) and os.readlink(one) == os.readlink(other)
    return os.path.isfile(other) and cmp(one, other, shallow=False)


def _make_folder(path: str) -> None:
    if os.path.lexists(path) and not _is_folder(path):
        os.unlink(path)
    os.makedirs(path, exist_ok=True)


def _is_opaque(upper: str) -> bool:
    for name in _OPAQUE:
        try:
            if os.getxattr(upper, name) == b"y":
                return True
        except OSError:
            continue
    return False


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _names(folder: str) -> list[str]:
    return os.listdir(folder) if _is_folder(folder) else []


def _files(path: str, name: str) -> Iterator[str]:
    if not _is_folder(path):
        if os.path.lexists(path):
            yield name
        return
    for each in sorted(os.listdir(path)):
        yield from _files(os.path.join(path, each), os.path.join(name, each))
