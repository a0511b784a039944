"""Which code a run is made of: the commit of the repository that it lies in, and what its files hold.

Recorded when a run is made, in well under a millisecond and without git: the commit that is checked out, and the
digests, as git has them, of the files of the repository that are loaded. Whether they are what the commit has is asked
of git when somebody wants to know.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

try:
    _sha1: Any = import_module("_sha1").sha1  # without OpenSSL, which takes longer to load than all of this
except ImportError:
    _sha1 = import_module("hashlib").sha1

_MOST_FILES = 200
_MOST_BYTES = 1_000_000


def code_of(repository: str, file: str) -> dict[str, Any]:
    """The commit of the repository, and the digests of its files that are loaded; `file` is the program's own."""
    loaded = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    digests = {}
    for path in dict.fromkeys(_own(repository, [file, *loaded])):
        with suppress(OSError):
            digests[os.path.relpath(path, repository)] = digest(path)
    return {"repository": repository, "commit": _commit(repository), "files": digests}


def _own(repository: str, paths: Sequence[str]) -> Iterator[str]:
    here = os.path.join(os.path.dirname(__file__), "")
    within = os.path.join(repository, "")
    count = 0
    for path in paths:
        real = os.path.realpath(path) if path else ""
        if real.startswith(within) and not real.startswith(here) and "-packages" not in real and count < _MOST_FILES:
            count += 1
            yield real


def digest(path: str) -> str:
    """The name that git gives the content."""
    with open(path, "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    named: str = _sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return named


def _commit(repository: str) -> str:
    """The commit that is checked out, "" if there is none yet."""
    try:
        folder = _git_folder(repository)
        head = _read(os.path.join(folder, "HEAD"))
        if not head.startswith("ref: "):
            return head
        common = os.path.join(folder, "commondir")
        shared = os.path.normpath(os.path.join(folder, _read(common))) if os.path.exists(common) else folder
        return _resolved(head[5:], folder, shared)
    except OSError:
        return ""


def _git_folder(repository: str) -> str:
    place = os.path.join(repository, ".git")
    if os.path.isdir(place):
        return place
    return os.path.join(repository, _read(place).removeprefix("gitdir: "))  # of a further working tree, or a submodule


def _resolved(ref: str, *folders: str) -> str:
    for folder in folders:
        with suppress(FileNotFoundError):
            return _read(os.path.join(folder, ref))
    with open(os.path.join(folders[-1], "packed-refs"), encoding="utf-8") as file:
        return next((line.split()[0] for line in file if line.rstrip().endswith(f" {ref}")), "")


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()
