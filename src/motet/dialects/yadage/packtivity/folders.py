"""The folders of steps: what is in them, made empty for another attempt, and compared with what was there before."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

from motet.dialects.yadage.packtivity.publishing import OWN

State: TypeAlias = tuple[int, ...]
"""What tells an entry of a folder from another one, or from itself when it was changed."""

_MOST_NAMED = 5


def log_of(folder: str, name: str) -> str:
    """The file with what the step of that name has written."""
    return os.path.join(folder, OWN, f"{name}.run.log")


def begun(folder: str, log: str, *, anew: bool) -> bool:
    """Have the folder, and an empty log in it, there; with `anew`, without what an earlier attempt has left. Gives
    whether it is empty otherwise. Raises OSError.
    """
    own = os.path.dirname(log)
    try:
        os.mkdir(own)
    except FileNotFoundError:
        os.makedirs(own)
    except FileExistsError:
        if anew:
            _clear(folder)
    os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666))
    return len(os.listdir(folder)) == 1


def _clear(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.name == OWN:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def entries(folder: str, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that is below the folder, by path relative to it, folders before what is in them; not what is Motet's own.
    What cannot be read is passed over.
    """
    try:
        found = sorted(os.scandir(os.path.join(folder, below)), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        path = f"{below}/{entry.name}" if below else entry.name
        if path == OWN:
            continue
        yield path, entry
        if entry.is_dir(follow_symlinks=False):
            yield from entries(folder, path)


def state_of(told: os.stat_result) -> State:
    """The state of a file, from what the system tells of it."""
    if stat.S_ISDIR(told.st_mode):  # what is done in it is seen by what is there
        return (told.st_mode,)
    return told.st_mode, told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino


def states(folders: Iterable[str]) -> dict[str, State]:
    """What is in these folders, by absolute path."""
    found = {}
    for folder in folders:
        for path, entry in entries(folder):
            with suppress(OSError):
                found[f"{folder}/{path}"] = state_of(entry.stat(follow_symlinks=False))
    return found


def changed(folders: Sequence[str], before: dict[str, State]) -> list[str]:
    """What was made, changed or removed there since, sorted."""
    now = states(folders)
    return sorted(path for path in now.keys() | before.keys() if now.get(path) != before.get(path))


def some_of(paths: Sequence[str]) -> str:
    """The first of the paths, for a message."""
    return ", ".join(paths[:_MOST_NAMED]) + (
        f", and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    )
