"""Files and folders by what is in them, for parameters that are annotated so: `Annotated[Path, Content]`.

A path is a path or a text, also one in a list, tuple, set, or among the values of a dict. Its name counts, and what it
leads to; not where that lies.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from stat import S_ISDIR, S_ISREG
from typing import Any

from motet.values.hashing import blake2b

Stamp = tuple[int, int, int, int, int]

_SETTLED_NS = 2 * 10**9
"""A file that was changed so lately may be changed once more without a trace in its times: it is read again."""

_known: dict[str, tuple[Stamp, bytes]] = {}


class Content:
    """Says of a parameter that its files count by what is in them: `data: Annotated[Path, Content]`.

    The task gets the path as it was given. A cached result, and a step of an earlier run, is taken only if the file
    (or all in the folder) is what it was then; a resume names steps whose files have changed since.
    """


class NoFile(Exception):
    """A path leads to nothing that can be read; says so."""


def names(value: Any) -> Any:
    """The value with the last part of each path in its place."""
    return _each(value, lambda path: os.path.basename(os.path.normpath(path)))


def contents(value: Any) -> Any:
    """The value with a digest of what it leads to in place of each path. Raises NoFile."""
    return _each(value, _digest)


def _each(value: Any, of: Callable[[str], object]) -> Any:
    if isinstance(value, str | os.PathLike):
        return of(os.fsdecode(value))
    if isinstance(value, list | tuple | set | frozenset):
        found = [_each(each, of) for each in value]
        return found if isinstance(value, list | tuple) else sorted(found, key=repr)
    return {name: _each(each, of) for name, each in value.items()} if isinstance(value, dict) else value


def _digest(path: str) -> bytes:
    try:
        mode = os.stat(path).st_mode
        if S_ISDIR(mode):
            return _of_folder(path)
        if S_ISREG(mode):
            return _of_file(path)
    except OSError as error:
        raise NoFile(f"names {path!r}, which cannot be read: {error.strerror}") from None
    raise NoFile(f"names {path!r}, which is neither a file nor a folder")


def _of_folder(path: str) -> bytes:
    digest = blake2b(digest_size=16)
    for name, content in sorted(_below(path)):
        digest.update(blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest() + content)
    return b"folder" + digest.digest()


def _below(folder: str) -> Iterator[tuple[str, bytes]]:
    """All files and folders in it, by their place in it; links to folders count by where they lead."""

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            inner = os.path.relpath(path, folder)
            if name in files:
                yield inner, _digest(path)
            else:
                yield inner, os.fsencode(os.readlink(path)) if os.path.islink(path) else b"folder"


def _of_file(path: str) -> bytes:
    """A digest of the file; the one that is known, unless another file is there, or it was changed since."""
    with open(path, "rb", buffering=0) as file:
        before = _stamp(os.fstat(file.fileno()))
        known = _known.get(whole := os.path.abspath(path))
        if known is not None and known[0] == before:
            return known[1]
        digest = blake2b(digest_size=16)
        while block := file.read(1 << 20):
            digest.update(block)
        found = b"file" + digest.digest()
        if _stamp(os.fstat(file.fileno())) == before and time.time_ns() - before[-1] > _SETTLED_NS:
            _known[whole] = before, found
    return found


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
