"""Files that steps have put out: values that name an artifact and where it stood.

Kept small: a worker process imports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from motet.errors import UsageError
from motet.records import Record

_seen: ContextVar[set[str] | None] = ContextVar("motet_files_seen", default=None)


artifacts: list[Callable[[], Any]] = []
"""Opens the artifact store of this process, the last one counts; put here by whoever puts the parts together."""


class File(Record, frozen=True):
    """A file that a step has put out, kept as an artifact: small to pass on, whatever its size.

    Code opens it like a path, for reading: `open(file)`, `Path(file).read_text()`, `pandas.read_csv(file)`. Where its
    content is gone or damaged, that raises NotFound or ArtifactDamaged.

    path        where it stood, relative to the step's folder, with slashes
    digest      the SHA-256 of its content: the name of the artifact
    size_bytes  its size
    mode        its permission bits
    run, step   where it came from
    """

    __content__: ClassVar[tuple[str, ...]] = ("path", "digest", "mode")
    """What tells it from another one: where it came from does not count."""

    path: str
    digest: str
    size_bytes: int
    mode: int = 0o644
    run: str = ""
    step: str = ""

    def __fspath__(self) -> str:
        """Where its content is on this host: to be read, never to be written to. It may have another name there."""
        return str(artifacts[-1]().path(self.digest)) if artifacts else _no_artifacts(self.path)

    def __reduce__(self) -> Any:
        seen = _seen.get()
        if seen is not None:
            seen.add(self.digest)
        return File, (self.path, self.digest, self.size_bytes, self.mode, self.run, self.step)


def files_of(records: Iterable[Mapping[str, Any]]) -> tuple[File, ...]:
    """The files of records of how commands ended: {"path", "artifact", "size_bytes", "mode"}."""
    return tuple(File(each["path"], each["artifact"], each["size_bytes"], each["mode"]) for each in records)


@contextmanager
def files_pickled() -> Iterator[set[str]]:
    """Collects the digests of the files that are pickled meanwhile: what the pickle refers to."""
    found: set[str] = set()
    token = _seen.set(found)
    try:
        yield found
    finally:
        _seen.reset(token)


def _no_artifacts(path: str) -> str:
    raise UsageError(f"The content of {path} cannot be found from here.", "Open it in a task, or import motet before.")
