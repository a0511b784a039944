"""Artifacts in memory, for what lives no longer than the process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from motet.artifacts.digests import checked, stored
from motet.errors import NotFound
from motet.ports import Pruned, Stored

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory


class MemoryArtifacts:
    """Artifacts that go with this object. See `ports.ArtifactStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: dict[str, tuple[bytes, float]] = {}
        self._folder: TemporaryDirectory[str] | None = None

    def put(self, parts: Sequence[bytes | memoryview]) -> Stored:
        artifact = stored(parts)
        content = b"".join(parts)
        with self._lock:
            self._contents[artifact.digest] = (content, time.time())
        return artifact

    def put_stream(self, parts: Iterable[bytes | memoryview]) -> Stored:
        return self.put([bytes(each) for each in parts])

    def get(self, digest: str) -> memoryview:
        with self._lock:
            found = self._contents.get(checked(digest))
        if found is None:
            raise NotFound(f"There is no artifact {digest}.", "Run what made it again.")
        return memoryview(found[0])

    def path(self, digest: str) -> str:
        content = self.get(digest)
        with self._lock:
            if self._folder is None:
                from tempfile import TemporaryDirectory

                self._folder = TemporaryDirectory(prefix="motet-artifacts-")
            path = os.path.join(self._folder.name, digest)
            if not os.path.exists(path):
                with open(path, "wb") as file:
                    file.write(content)
        return path

    def sync(self, digests: set[str]) -> None:
        pass

    def remove(self, digest: str) -> None:
        with self._lock:
            self._contents.pop(digest, None)

    def sweep(self, used: Callable[[str], bool], older_than: float, *, dry_run: bool = False) -> Pruned:
        pruned = Pruned()
        with self._lock:
            old = [digest for digest, (_, put_at) in self._contents.items() if put_at < older_than]
        for digest in old:
            if used(digest):
                continue
            with self._lock:
                content, put_at = self._contents.get(digest, (b"", older_than))
                if put_at < older_than:
                    pruned.artifacts += 1
                    pruned.freed_bytes += len(content)
                    if not dry_run:
                        del self._contents[digest]
        return pruned
