"""The code that workflows were registered with, and that runs were made of: its files as they were then."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Mapping
from contextlib import suppress

from motet import provenance
from motet.errors import NotFound, UsageError, did_you_mean
from motet.kernel.events import Json
from motet.ports import ArtifactStore, RunRow
from motet.ports.definition import REGISTERED, Definition
from motet.records import Record
from motet.views.versions import made_with

_MOST_BYTES = 1_000_000
_PATIENCE_S = 10.0


class Sources(Record):
    """Files by path, each with what tells whether it is the same as another; and which of them is the program's own."""

    files: Mapping[str, str]
    main: str
    archive: str = ""
    repository: str = ""

    def text(self, artifacts: ArtifactStore, path: str) -> str:
        """What stands in the file. Raises NotFound; UsageError for what is no text, or too long to be read."""
        if path not in self.files:
            raise NotFound(f"There is no file {path[:200]!r}.", did_you_mean(path, self.files, "`files` lists them."))
        content = self._content(artifacts, path)
        if len(content) > _MOST_BYTES:
            raise UsageError(f"{path} is longer than {_MOST_BYTES} bytes.", "Read it where it is kept.")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise UsageError(f"{path} is no text.", "Read it where it is kept.") from None

    def _content(self, artifacts: ArtifactStore, path: str) -> bytes:
        if self.repository:
            return _as_it_was(self.repository, path, self.files[path])
        if not path or not self._is_packed:
            return bytes(artifacts.get(self.archive))
        with zipfile.ZipFile(artifacts.path(self.archive)) as archive, archive.open(path) as file:
            return file.read(_MOST_BYTES + 1)

    @property
    def _is_packed(self) -> bool:
        return self.files.get(self.main) != self.archive


def of_definition(artifacts: ArtifactStore, definition: Definition) -> Sources:
    """What the version was registered with. Raises NotFound for one without code of its own."""
    if definition.snapshot is not None:
        return _packed(artifacts, definition.snapshot["artifact"], definition.target)
    if definition.source is not None:
        name, digest = definition.target.partition(":")[0], definition.source["artifact"]
        return Sources({name: digest}, name, digest)
    raise NotFound(f"{definition.version} was registered without code.", f"It names the module {definition.target}.")


def of_run(artifacts: ArtifactStore, run: RunRow) -> Sources:
    """What the run was made of, as far as it was kept: as it was registered, or by the names git has for the contents.

    Raises NotFound where nothing was kept.
    """
    program = run.program if isinstance(run.program, dict) else {}
    code = (program.get(REGISTERED) or {}).get("code")
    if code:
        return _packed(artifacts, code["artifact"], os.path.relpath(program.get("file") or "", code["folder"]))
    made: Json = made_with(run).get("code") or {}
    if not made.get("files"):
        raise NotFound(f"The code of run {run.name} was not kept.", "Register the workflow, or keep it in git.")
    main = os.path.relpath(program.get("file") or "", made["repository"])
    return Sources(made["files"], _main(made["files"], main), repository=made["repository"])


def _packed(artifacts: ArtifactStore, digest: str, target: str) -> Sources:
    with zipfile.ZipFile(artifacts.path(digest)) as archive:
        files = {each.filename: f"{each.CRC:08x}{each.file_size:x}" for each in archive.infolist() if not each.is_dir()}
    return Sources(files, _main(files, target.partition(":")[0]), digest)


def _main(files: Mapping[str, str], named: str) -> str:
    """The file that is named so, or as a module; else the first one."""
    names = (named, named.removeprefix("./"), named.replace(".", "/") + ".py")
    ends = [
        each for each in files if any(each == name or each.endswith("/" + os.path.basename(name)) for name in names)
    ]
    return next((name for name in names if name in files), (ends or sorted(files) or [""])[0])


def _as_it_was(repository: str, path: str, digest: str) -> bytes:
    """The content that git names so: of the working tree if it is unchanged, else of the repository."""
    file = os.path.join(repository, path)
    with suppress(OSError):
        if provenance.digest(file) == digest:
            with open(file, "rb") as content:
                return content.read(_MOST_BYTES + 1)
    try:
        asked = ["git", "-C", repository, "cat-file", "blob", digest]
        return subprocess.run(
            asked, capture_output=True, timeout=_PATIENCE_S, check=True, stdin=subprocess.DEVNULL
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        raise NotFound(f"{path} has changed since, and what it was is not in git.", "Commit before a run.") from None
