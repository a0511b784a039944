"""What a command has put out: found by name, by pattern or by having changed, and kept as artifacts.

Nothing that leads out of the folder is kept, whatever it is called: `..`, absolute paths, symbolic links.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from motet.errors import CommandFailed, UsageError
from motet.executors.commands.folders import leads_out
from motet.ports import ArtifactStore
from motet.values.files import File

State: TypeAlias = tuple[int, int, int, int]
_TICK_S = 0.02
"""Two changes of a file within this time may get the same time stamp."""

_MAGIC = "*?["
_MAP_BYTES = 1 << 16


def checked(pattern: str) -> str:
    """The pattern of an output. Raises UsageError for one that could lead out of the folder."""
    parts = pattern.split("/")
    if not pattern or pattern.startswith("/") or ".." in parts or "\0" in pattern:
        raise UsageError(
            f"{pattern!r} is no output: it has to lie in the step's folder.",
            "Give a path or glob relative to the folder, without `..`.",
        )
    return pattern


def states(folder: str) -> dict[str, State]:
    """What tells a changed file from an unchanged one, for all that is in the folder now."""
    found = {path: _state(entry) for path, entry in _walk(folder)}
    newest = max((each[1] for each in found.values()), default=0) / 1e9
    if newest:
        time.sleep(min(_TICK_S, max(0.0, newest + _TICK_S - time.time())))
    return found


def state_of(path: str) -> dict[str, State]:
    """The same for one file, at the empty path; nothing if it is gone."""
    try:
        return {"": _told(os.lstat(path))}
    except OSError:
        return {}


def collect(
    root: str,
    patterns: Sequence[str],
    before: Mapping[str, State] | None,
    say: Callable[[str], None],
    *,
    strict: bool,
) -> list[str]:
    """The paths of the outputs below `root`, sorted: what the patterns name and, with `before`, what has changed since.
    `root` is where the folder really is, by no link.

    Raises CommandFailed for a plain path that is not there or leads out; with `strict` False, it is passed over. What a
    glob or a walk meets of that kind is left out, which is said.
    """
    found: set[str] = set()
    for pattern in patterns:
        if any(each in pattern for each in _MAGIC):
            found.update(each for each in _globbed(root, pattern) if _is_inside(root, each, say))
        elif strict or (os.path.lexists(os.path.join(root, pattern)) and not leads_out(root, pattern)):
            found.update(_named(root, pattern, say))
    if before is not None:
        changed = (path for path, entry in _walk(root) if before.get(path) != _state(entry))
        found.update(each for each in changed if _is_inside(root, each, say))
    return sorted(found)


def since(folder: str, at_ns: int, say: Callable[[str], None]) -> list[str]:
    """The files that were made or changed since then, where `states` was asked just before."""
    root = os.path.realpath(folder)
    from_ns = at_ns - int(_TICK_S * 1e9 / 2)
    changed = [path for path, entry in _walk(root) if _state(entry)[1] >= from_ns]
    return [path for path in changed if _is_inside(root, path, say)]


def gone(folder: str, before: Mapping[str, State]) -> list[str]:
    """The paths that are not there any more."""
    return [path for path in before if not os.path.lexists(os.path.join(folder, path))]


def keep(found: Iterable[tuple[str, str]], artifacts: ArtifactStore, run: str, step: str) -> tuple[File, ...]:
    """Put the files into the store: those at the second path of each pair, which the first one names. Raises what the
    store raises.
    """
    files = []
    for path, here in found:
        with _content(here) as (content, mode):
            stored = artifacts.put((content,))
        files.append(File(path, stored.digest, stored.size_bytes, mode, run, step))
    return tuple(files)


def size_bytes(folder: str) -> int:
    """What the files below the folder take on the disk."""
    total = 0
    for _, entry in _walk(folder):
        try:
            total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total


def _walk(folder: str, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files (and links) below the folder, with paths relative to it; what cannot be read is passed over."""
    try:
        entries = list(os.scandir(os.path.join(folder, below)))
    except OSError:
        return
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, path)
        elif entry.is_symlink() or entry.is_file():  # no sockets, pipes, devices
            yield path, entry


def _state(entry: os.DirEntry[str]) -> State:
    try:
        return _told(entry.stat(follow_symlinks=False))
    except OSError:
        return 0, 0, 0, 0


def _told(found: os.stat_result) -> State:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _globbed(root: str, pattern: str) -> Iterator[str]:
    from glob import glob

    for path in glob(pattern, root_dir=root, recursive=True, include_hidden=True):
        whole = os.path.join(root, path)
        if os.path.isdir(whole) and not os.path.islink(whole):
            yield from (f"{path.rstrip('/')}/{each}" for each, _ in _walk(whole))
        else:
            yield path


def _named(root: str, path: str, say: Callable[[str], None]) -> Iterable[str]:
    whole = os.path.join(root, path)
    if not os.path.lexists(whole):
        raise CommandFailed(f"its output {path} is not there", _found_instead(root))
    if leads_out(root, path):
        raise CommandFailed(f"its output {path} leads out of its folder", "Write the file itself, not a link to it.")
    if os.path.isdir(whole):
        below = os.path.normpath(path)
        there = (each if below == "." else f"{below}/{each}" for each, _ in _walk(whole))
        return (each for each in there if _is_inside(root, each, say))
    if not os.path.isfile(whole):
        raise CommandFailed(f"its output {path} is no file", "Write the file itself, no pipe, socket or dangling link.")
    return (os.path.normpath(path),)


def _found_instead(root: str) -> str:
    there = [path for path, _ in _walk(root)]
    if not there:
        return "It has written no file at all: check its working folder, and the name of the output."
    named = ", ".join(sorted(there)[:10]) + (", ..." if len(there) > 10 else "")
    return f"Check the name of the output; in the folder there are: {named}."


def _is_inside(root: str, path: str, say: Callable[[str], None]) -> bool:
    whole = os.path.join(root, path)
    if leads_out(root, path):
        say(f"(motet: {path} is not kept as an output: it leads out of the step's folder)")
        return False
    return os.path.isfile(whole)  # a dangling link, a link to a folder: nothing to keep


@contextmanager
def _content(path: str) -> Iterator[tuple[bytes | memoryview, int]]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        mode = stat.S_IMODE(found.st_mode)
        if found.st_size < _MAP_BYTES:
            with open(fd, "rb", closefd=False) as file:
                yield file.read(), mode
            return
        import mmap

        # Not closed by hand: the traceback of an error may still hold a view of it.
        yield memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ)), mode
    finally:
        os.close(fd)
