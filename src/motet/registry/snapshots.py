"""The code of a registered workflow as an archive: what belongs to it, packed the same for the same content; and
unpacked again for each run, which may write beside it.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from tempfile import TemporaryFile

from motet import private
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore, RunRow
from motet.ports.definition import REGISTERED
from motet.values.archives import unpack
from motet.values.secrets import Secrets

IGNORED = ".motetignore"
"""A file of patterns, one a line, of what is left out; in the folder that is packed."""

_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", IGNORED)
"""What says that a folder is that of a project."""

_LEFT_OUT = (
    "__pycache__", "*.pyc", ".git", ".hg", ".svn", ".venv", "venv", "node_modules", ".tox", ".nox", ".mypy_cache",
    ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".motet", ".env", ".env.*", "*.pem", "*.key",
    "id_rsa*", "id_ed25519*", ".netrc", ".pypirc", "secrets",
)  # fmt: skip
"""Names of what is no code, or nobody else's business."""

MOST_BYTES, MOST_FILES = 100 * 2**20, 10_000
_EPOCH = (1980, 1, 1, 0, 0, 0)


def root_of(file: str) -> str:
    """The folder that a file belongs to: of its package, or of the project that this is part of, if it is one's."""
    folder = os.path.dirname(os.path.realpath(file))
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    home, above = os.path.expanduser("~"), folder
    while above not in ("/", home):
        if any(os.path.exists(os.path.join(above, mark)) for mark in _MARKS):
            return above
        above = os.path.dirname(above)
    return folder


def pack(artifacts: ArtifactStore, root: str, home: str, left_out: Sequence[str] = ()) -> Json:
    """Keep the files below the folder as one archive; gives its record.

    Left out is what git ignores, what `.motetignore` and `left_out` name, and what is no code: caches, environments,
    files that are made for keys and passwords. Raises UsageError for more than can be meant, for a file that holds a
    secret that is known here, and for one that cannot be read or whose name is no text.
    """
    files = sorted(_files(root, os.path.realpath(home), [*_LEFT_OUT, *_ignored(root), *left_out]))
    sizes = [os.path.getsize(os.path.join(root, each)) for each in files]
    if len(files) > MOST_FILES or sum(sizes) > MOST_BYTES:
        largest = ", ".join(name for _, name in sorted(zip(sizes, files, strict=True), reverse=True)[:3])
        raise UsageError(
            f"{root} has {len(files)} files of {sum(sizes) / 2**20:.0f} MiB together; the largest are {largest}.",
            f"Name the folder with the code: --root DIR; or what to leave out: --exclude PATTERN, or in {IGNORED}.",
        )
    cover = Secrets(home).cover()
    with TemporaryFile() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in files:
                path = os.path.join(root, name)
                content = _content(path)
                if cover.found_in(content):
                    raise UsageError(
                        f"{path} holds a secret.", "Take it out, and let the code ask for it by name: motet.Secret."
                    )
                member = zipfile.ZipInfo(name, _EPOCH)
                member.external_attr = (stat.S_IFREG | (os.stat(path).st_mode & 0o755)) << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, content)
        packed.seek(0)
        stored = artifacts.put_stream(iter(lambda: packed.read(2**20), b""))
    return {"artifact": stored.digest, "size_bytes": stored.size_bytes}


def _content(path: str) -> bytes:
    cure = "Put that right, or leave it out: --exclude PATTERN."
    try:
        path.encode()
        with open(path, "rb") as file:
            return file.read()
    except UnicodeEncodeError:
        raise UsageError(f"The name of the file {path!a} is no text.", cure) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", cure) from None


def unpacked(artifacts: ArtifactStore, snapshot: Json, folder: str) -> None:
    """Unpack the archive to the folder, which is there as a whole or not at all. Raises NotFound if it is gone."""
    if os.path.isdir(folder):
        return
    private.make_folder(os.path.dirname(folder))
    part = f"{folder}.{os.urandom(6).hex()}.part"
    try:
        unpack(artifacts.path(snapshot["artifact"]), part)
        os.rename(part, folder)
    except OSError:
        if not os.path.isdir(folder):  # else another process was quicker
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def restore(artifacts: ArtifactStore, row: RunRow) -> None:
    """Put the code of a run in its place, if it was registered and is not there. Safe to repeat, from any process."""
    code = row.program.get(REGISTERED, {}).get("code")
    if code:
        unpacked(artifacts, code, code["folder"])


def _files(root: str, home: str, left_out: Sequence[str]) -> Iterator[str]:
    """The files that belong to it, by their paths in it."""
    tracked = _of_git(root)
    for folder, folders, names in os.walk(root):
        within = os.path.relpath(folder, root)
        folders[:] = [
            name
            for name in folders
            if not _is_left_out(os.path.normpath(os.path.join(within, name)), left_out)
            and os.path.realpath(os.path.join(folder, name)) != home
            and not os.path.isfile(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        for name in names:
            path = os.path.normpath(os.path.join(within, name))
            is_file = os.path.isfile(os.path.join(folder, name))
            if is_file and not _is_left_out(path, left_out) and (tracked is None or path in tracked):
                yield path


def _is_left_out(path: str, patterns: Sequence[str]) -> bool:
    name = os.path.basename(path)
    return any(fnmatchcase(name, each) or fnmatchcase(path, each.strip("/")) for each in patterns)


def _ignored(root: str) -> list[str]:
    try:
        with open(os.path.join(root, IGNORED), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return []
    return [line.rstrip("/") for line in lines if line and not line.startswith("#")]


def _of_git(root: str) -> set[str] | None:
    """What git does not ignore below the folder; None where it is none of git's."""
    asked = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(asked, capture_output=True, check=False)
    except OSError:
        return None
    if found.returncode:
        return None
    return {os.path.normpath(each) for each in found.stdout.decode("utf-8", "surrogateescape").split("\0") if each}
