"""A checkpoint as it is kept: a state and the files of a folder, in one artifact, so that it is there whole or not.

4 bytes  magic
4 bytes  n, little-endian
n bytes  a JSON object, padded with blanks so that what follows begins at a multiple of 64:
         "of"     what tells it from any other content, so that its artifact is this checkpoint's alone
         "state"  the size of the state, null where there is none
         "files"  [path, size, mode] for each file, [path, target] for each symbolic link
the state, as `values.pickle` has it, then the contents of the files
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from errno import EIO
from stat import S_ISLNK, S_ISREG
from typing import TypeAlias

from motet.kernel.events import Json
from motet.values.marks import DONE, REFUSED, open_below

Part: TypeAlias = bytes | memoryview

_MAGIC = b"\x93M5C"
_ALIGN = 64
_CHUNK_BYTES = 1 << 20

_SAID = frozenset((DONE, f"{DONE}.part", REFUSED))


def packed(of: str, state: Sequence[Part] | None, folder: str = "") -> Iterator[Part]:
    """A checkpoint of that state and of all files in the folder, piece by piece: nothing of it is held in memory.

    What is said in the folder is no file of it (see `values.marks`). Raises OSError, also for a file that becomes
    shorter while it is read.
    """
    if not folder:
        yield _begun({"of": of, "state": None if state is None else size_bytes(state), "files": []})
        yield from state or ()
        return
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        files = list(_files(root))
        yield _begun({"of": of, "state": None if state is None else size_bytes(state), "files": files})
        yield from state or ()
        for path, *told in files:
            if len(told) == 2:
                yield from _content(root, path, told[0])
    finally:
        os.close(root)


def copied(content: memoryview, of: str) -> list[Part]:
    """The parts of the same checkpoint under another name. Raises ValueError for what is no checkpoint."""
    header, at = _header(content)
    return [_begun({**header, "of": of}), content[at:]]


def _begun(header: Json) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGN)
    return _MAGIC + len(text).to_bytes(4, "little") + text


def _header(content: memoryview) -> tuple[dict[str, Json], int]:
    """The header, and where it ends."""
    if content[:4] != _MAGIC:
        raise ValueError("not a checkpoint")
    end = 8 + int.from_bytes(content[4:8], "little")
    return json.loads(bytes(content[8:end])), end


class Snapshot:
    """A checkpoint that was `packed`. Raises ValueError for what was not."""

    def __init__(self, content: memoryview) -> None:
        header, self._at = _header(content)
        self._content = content
        self._state: int | None = header["state"]
        self._files: list[list[Json]] = header["files"]

    @property
    def state(self) -> memoryview | None:
        """The pickle of the state; None if there is none."""
        return None if self._state is None else self._content[self._at : self._at + self._state]

    @property
    def paths(self) -> list[str]:
        """The files, by their paths in the folder."""
        return [each[0] for each in self._files]

    def restore(self, folder: str) -> None:
        """Put the files into the folder, which is empty. Raises OSError."""
        at = self._at + (self._state or 0)
        links = []
        for path, *told in self._files:
            whole = os.path.join(folder, path)
            os.makedirs(os.path.dirname(whole), exist_ok=True)
            if len(told) == 1:
                links.append((told[0], whole))  # last, so that no file is written through one
                continue
            size, mode = told
            with open(whole, "xb") as file:
                file.write(self._content[at : at + size])
            os.chmod(whole, mode & 0o777)
            at += size
        for target, whole in links:
            os.symlink(target, whole)


def size_bytes(parts: Sequence[Part]) -> int:
    """The size of the parts, joined."""
    return sum(memoryview(part).nbytes for part in parts)


def _files(root: int) -> Iterator[list[Json]]:
    """The regular files and symbolic links below the folder `root`, as the header has them, in order.

    Whoever writes there may put links in the place of folders meanwhile: none is ever followed.
    """
    for place, folders, names, here in os.fwalk(".", dir_fd=root):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = os.path.normpath(os.path.join(place, name))
            found = os.stat(name, dir_fd=here, follow_symlinks=False)
            if S_ISLNK(found.st_mode):
                yield [path, os.readlink(name, dir_fd=here)]
            elif S_ISREG(found.st_mode) and path not in _SAID:
                yield [path, found.st_size, found.st_mode]


def _content(root: int, path: str, size: int) -> Iterator[bytes]:
    """The first `size` bytes of a file."""
    fd = open_below(root, path)
    try:
        while size:
            chunk = os.read(fd, min(size, _CHUNK_BYTES))
            if not chunk:
                raise OSError(EIO, "it was written to while it was read", path)
            size -= len(chunk)
            yield chunk
    finally:
        os.close(fd)
