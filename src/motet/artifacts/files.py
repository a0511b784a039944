"""Artifacts as files in a folder, `ab/cdef...` for the content whose digest is abcdef..."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import inf

from motet import private
from motet.artifacts.digests import checked, is_digest, stored
from motet.errors import ArtifactDamaged, NotFound, StoreError, StoreFull, StoreUnavailable
from motet.failpoints import hit
from motet.ports import Pruned, Stored
from motet.typed import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from typing import TypeAlias

_PART = ".part"

_CHUNK_BYTES = 1 << 20

_REMEMBERED = 100_000
"""How many files are known to be sound at a time: each costs some 200 bytes."""

Identity: TypeAlias = tuple[int, int, int, int]
"""Device, inode, size and time of change: a file that keeps them has not been written to."""

# Below this size, reading a file costs less than mapping it.
_MAP_BYTES = 1 << 16


class FileArtifacts:
    """The artifacts below `folder`, made at first use. See `ports.ArtifactStore`.

    Content is written under a temporary name and renamed, so that a digest never names half of it. With
    durability "full" it is on the disk when `put` returns.

    What a digest names is hashed before it is given away, once for as long as the file stays as it is. What is
    damaged is as good as gone, and `put` writes it anew.
    """

    def __init__(self, folder: str, *, durability: Literal["normal", "full"] = "normal") -> None:
        self._folder = os.path.abspath(folder)
        self._sync = durability == "full"
        self._sound: dict[str, Identity] = {}

    def put(self, parts: Sequence[bytes | memoryview]) -> Stored:
        artifact = stored(parts)
        path = self._path(artifact.digest)
        try:
            if not self._refresh(path, artifact, parts):
                self._write(path, parts)
            self._remember_written(artifact.digest, path)
        except OSError as error:
            raise _explained(error, self._folder) from error
        return artifact

    def put_stream(self, parts: Iterable[bytes | memoryview]) -> Stored:
        from hashlib import sha256

        hashed, size_bytes = sha256(), 0
        part = os.path.join(self._folder, f"{os.urandom(6).hex()}{_PART}")

        def read() -> Iterator[bytes | memoryview]:
            nonlocal size_bytes
            for each in parts:
                hashed.update(each)
                size_bytes += memoryview(each).nbytes
                yield each

        try:
            with self._written(part, read()):
                artifact = Stored(hashed.hexdigest(), size_bytes)
                path = self._path(artifact.digest)
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                self._place(part, path)
            self._remember_written(artifact.digest, path)
        except OSError as error:
            raise _explained(error, self._folder) from error
        return artifact

    def get(self, digest: str) -> memoryview:
        with self._opened(digest) as fd:
            content = _content(fd)
            found = os.fstat(fd)
            if self._sound.get(digest) != _identity(found):
                _check(digest, content)
                self._remember(digest, found)
            return content

    def path(self, digest: str) -> str:
        path = self._path(checked(digest))
        try:
            known = self._sound.get(digest) == _identity(os.stat(path))
        except OSError:
            known = False  # whoever opens it says why
        if not known:
            self.get(digest)
        return path

    @contextmanager
    def _opened(self, digest: str) -> Iterator[int]:
        """Its file, open for reading. Raises NotFound; ArtifactDamaged where the disk gives it away no more."""
        try:
            fd = os.open(self._path(checked(digest)), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _missing(digest) from None
        except OSError as error:
            raise _damaged(digest, error.strerror or "cannot be opened") from error
        try:
            yield fd
        except OSError as error:
            raise _damaged(digest, error.strerror or "cannot be read") from error
        finally:
            os.close(fd)

    def _remember_written(self, digest: str, path: str) -> None:
        with suppress(FileNotFoundError):  # a sweep may be as fast
            self._remember(digest, os.stat(path))

    def _remember(self, digest: str, found: os.stat_result) -> None:
        if len(self._sound) >= _REMEMBERED:
            self._sound.clear()
        self._sound[digest] = _identity(found)

    def sync(self, digests: set[str]) -> None:
        folders = set()
        for digest in digests:
            path = self._path(digest)
            with suppress(FileNotFoundError):  # it was pruned since
                private.sync(path)
                folders.add(os.path.dirname(path))
        for folder in (*folders, *([self._folder] if folders else ())):
            private.sync(folder)

    def remove(self, digest: str) -> None:
        self._sound.pop(digest, None)
        self._remove(self._path(checked(digest)), inf, dry_run=False)

    def sweep(self, used: Callable[[str], bool], older_than: float, *, dry_run: bool = False) -> Pruned:
        pruned = Pruned()
        for path, digest in self._all():
            if _changed_at(path) >= older_than or (digest and used(digest)):
                continue
            freed_bytes = self._remove(path, older_than, dry_run=dry_run)
            if freed_bytes is not None:
                pruned.artifacts += bool(digest)
                pruned.freed_bytes += freed_bytes
        return pruned

    def _path(self, digest: str) -> str:
        return os.path.join(self._folder, digest[:2], digest[2:])

    def _refresh(self, path: str, artifact: Stored, parts: Sequence[bytes | memoryview]) -> bool:
        """Whether the content is there already, and whole; if so, it counts as put just now."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        if self._sound.get(artifact.digest) != _identity(found) and not _holds(path, artifact.size_bytes, parts):
            return False
        with unswept(self._folder):
            try:
                os.utime(path)
            except FileNotFoundError:
                return False
        return True

    def _write(self, path: str, parts: Sequence[bytes | memoryview]) -> None:
        with self._written(f"{path}.{os.urandom(6).hex()}{_PART}", parts) as part:
            self._place(part, path)

    @contextmanager
    def _written(self, part: str, parts: Iterable[bytes | memoryview]) -> Iterator[str]:
        """The parts in a file of that name, which is to get its own; after an exception nothing is left of it."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        os.makedirs(os.path.dirname(part), mode=0o700, exist_ok=True)
        try:
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
            try:
                for content in parts:
                    _write_all(fd, content)
                if self._sync:
                    os.fsync(fd)
            finally:
                os.close(fd)
            yield part
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise

    def _place(self, part: str, path: str) -> None:
        """Give what was written its own name."""
        with unswept(self._folder):
            hit("artifact.before_rename")
            os.rename(part, path)
            hit("artifact.after_rename")
        if self._sync:
            private.sync(os.path.dirname(path))
            private.sync(self._folder)

    def _all(self) -> Iterator[tuple[str, str]]:
        """Every file with its digest; the digest is empty for what a process left that died in `put`."""
        for folder, _, names in os.walk(self._folder):
            start = os.path.basename(folder)
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(_PART):
                    yield path, ""
                elif is_digest(start + name):
                    yield path, start + name

    def _remove(self, path: str, older_than: float, *, dry_run: bool) -> int | None:
        """Remove the file, unless it was put since; gives its size, None if it stays or was gone."""
        with unswept(self._folder, fcntl.LOCK_EX):
            try:
                found = os.stat(path)
                if found.st_mtime >= older_than:
                    return None
                if not dry_run:
                    os.unlink(path)
            except FileNotFoundError:
                return None
        return found.st_size


@contextmanager
def unswept(folder: str, kind: int = fcntl.LOCK_SH) -> Iterator[None]:
    """Nothing in the folder is removed meanwhile; whoever removes, from its look to the removal, is alone (LOCK_EX)."""
    fd = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, private.FILE)
    try:
        fcntl.flock(fd, kind)
        yield
    finally:
        os.close(fd)


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _content(fd: int) -> memoryview:
    """What the file holds, mapped where it is large."""
    if os.fstat(fd).st_size >= _MAP_BYTES:
        import mmap

        return memoryview(mmap.mmap(fd, 0, access=mmap.ACCESS_READ))
    with open(fd, "rb", closefd=False) as file:
        return memoryview(file.read())


def _check(digest: str, content: memoryview) -> None:
    """Raise ArtifactDamaged unless the content is what the digest names."""
    if stored((content,)).digest != digest:
        raise _damaged(digest, f"its {content.nbytes} bytes are not what was kept under this name")


def _holds(path: str, size_bytes: int, parts: Sequence[bytes | memoryview]) -> bool:
    """Whether the file holds these parts and nothing else. Comparing takes a fraction of what hashing does."""
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size != size_bytes:
                return False
            return all(file.read(len(chunk)) == chunk for chunk in _chunks(parts))
    except OSError:  # unreadable: it is written anew
        return False


def _chunks(parts: Sequence[bytes | memoryview]) -> Iterator[bytes]:
    for part in parts:
        whole = _flat(part)
        for start in range(0, len(whole), _CHUNK_BYTES):
            yield bytes(whole[start : start + _CHUNK_BYTES])


def _flat(content: bytes | memoryview) -> memoryview:
    """The content as bytes in a row."""
    view = memoryview(content)
    return view.cast("B") if view.nbytes else memoryview(b"")


def _write_all(fd: int, content: bytes | memoryview) -> None:
    left = _flat(content)
    while left:
        left = left[os.write(fd, left) :]


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return float("inf")


def _missing(digest: str) -> NotFound:
    return NotFound(
        f"There is no artifact {digest}.",
        "It was pruned, or belongs to another MOTET_HOME: run what made it again.",
    )


def _damaged(digest: str, why: str) -> ArtifactDamaged:
    return ArtifactDamaged(
        f"Artifact {digest} is damaged: {why}.",
        "Run what made it again: that puts it right. `motet doctor` tells which run and step that is.",
    )


def _explained(error: OSError, folder: str) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"There is no room left for artifacts in {folder}: {error.strerror}.",
            "Free some disk space (`motet prune` removes old runs), then resume.",
        )
    return StoreUnavailable(
        f"Artifacts cannot be kept in {folder}: {error.strerror}: {error.filename or folder}.",
        "Make it a folder that this user may write to, or set MOTET_HOME to one.",
    )
