"""What is in folders: entry by entry, what tells whether something was changed there, digests of what it holds; and
emptying them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import file_digest
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from motet.kernel.events import Json

State: TypeAlias = tuple[int, ...]
"""What tells an entry of a folder from another one, or from itself when it was changed."""

_REMEMBERED = 100_000
_digests: dict[str, tuple[State, str]] = {}
_large: dict[str, bool] = {}
_MANY = 100
_CHUNK_BYTES = 1 << 20


def entries(folder: str, but: str = "", below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that is below the folder, by path relative to it, folders before what is in them; `but` is left out. What
    cannot be read is passed over.
    """
    try:
        found = sorted(os.scandir(os.path.join(folder, below)), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        path = f"{below}/{entry.name}" if below else entry.name
        if path == but:
            continue
        yield path, entry
        if entry.is_dir(follow_symlinks=False):
            yield from entries(folder, but, path)


def state_of(told: os.stat_result) -> State:
    """The state of a file, from what the system tells of it."""
    if stat.S_ISDIR(told.st_mode):  # what is done in it is seen by what is there
        return (told.st_mode,)
    return told.st_mode, told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino


class Watch:
    """What is in folders as of now, to be compared with what is there later. `but` is left out of each.

    named  paths of files. Given them, a folder that has very many entries is looked at where they lead only, so that
           very many steps that each read one file of a folder do not look at all of them each. None: at everything
    """

    def __init__(self, folders: Sequence[str], but: str = "", named: Iterable[str] | None = None) -> None:
        self._but = but
        large = set() if named is None else {each for each in folders if _is_large(each, but)}
        self._folders = [each for each in folders if each not in large]
        self._named = [path for path in named or () if not large.isdisjoint(_above(path))]
        self._before = self._states()

    def _states(self) -> dict[str, State]:
        found = {}
        for folder in self._folders:
            for path, entry in entries(folder, self._but):
                with suppress(OSError):
                    found[f"{folder}/{path}"] = state_of(entry.stat(follow_symlinks=False))
        for path in self._named:
            with suppress(OSError):
                found[path] = state_of(os.lstat(path))
        return found

    def changed(self) -> list[str]:
        """What was made, changed or removed there since, sorted."""
        before, now = self._before, self._states()
        return sorted(path for path in now.keys() | before.keys() if now.get(path) != before.get(path))


def _above(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) not in ("", path):
        yield above
        path = above


def _is_large(folder: str, but: str) -> bool:
    """Whether it has very many entries; found once."""
    if folder not in _large:
        if len(_large) >= _REMEMBERED:
            _large.clear()
        _large[folder] = next(islice(entries(folder, but), _MANY, None), None) is not None
    return _large[folder]


def contents(folder: str, but: str = "") -> Json:
    """What is in the folder: each path with its kind, and what it holds. Raises OSError for what cannot be read."""
    return [[path, *_content(entry)] for path, entry in entries(folder, but)]


def _content(entry: os.DirEntry[str]) -> Json:
    told = entry.stat(follow_symlinks=False)
    if stat.S_ISREG(told.st_mode):
        return [stat.S_IMODE(told.st_mode) & 0o111, digest_of(entry.path, told)]
    return [stat.S_IFMT(told.st_mode), os.readlink(entry.path) if entry.is_symlink() else ""]


def digest_of(path: str, told: os.stat_result) -> str:
    """The digest of a file, which is read once as long as it stays as it is. Raises OSError."""
    state = state_of(told)
    known = _digests.get(path)
    if known is not None and known[0] == state:
        return known[1]
    with open(path, "rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    if len(_digests) >= _REMEMBERED:
        _digests.clear()
    _digests[path] = state, digest
    return digest


def clear(folder: str, but: str = "") -> None:
    """Remove all that is in the folder; `but` is left. Raises OSError."""
    import shutil

    for entry in os.scandir(folder):
        if entry.name == but:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def holds(path: str, text: bytes) -> bool:
    """Whether the text stands in the file. Raises OSError."""
    before = b""
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if text in before + chunk:
                return True
            before = chunk[-len(text) :]
    return False
