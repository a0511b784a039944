"""Looking into the folder of a command from outside, while it runs or after: its files as the command sees them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from motet.errors import NotFound, UsageError
from motet.executors.commands import outputs
from motet.executors.commands.begun import begun
from motet.executors.commands.folders import attempt_folder
from motet.executors.commands.marks import marked
from motet.values.files import File

if TYPE_CHECKING:
    from motet.ports import ArtifactStore


class Look:
    """The folder of one attempt: files only, no links, pipes or devices; nothing outside of it is ever read.

    A sandbox is looked into through its own processes, so that its mounts are there; the copies that stand for mounts
    in a container are shown where it sees them.
    """

    def __init__(self, work: str, run: str, key: str, number: int) -> None:
        """`work` is the folder of all attempts. Raises NotFound where there is no folder of this one."""
        told = begun(work, run, key, number) or {}
        self.folder = str(told.get("folder") or attempt_folder(work, run, key, number))
        self._run, self._key = run, key
        self._root, self._places = self.folder, {}
        if told.get("place", {}).get("kind") == "sandbox" and "by" not in told["place"]:
            self._root = _inside(told, run) or self.folder
        else:
            layers: list[tuple[str, str, str]] = told.get("layers", [])
            self._places = {target: upper for target, _, upper in layers if not os.path.isabs(target)}
        if not os.path.isdir(self._root):
            raise NotFound(
                f"There is no folder of attempt {number} at {key}.",
                "One that succeeded has none any more: `motet artifacts` has its outputs.",
            )

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """All files, by path from the folder, as they are now; what vanishes meanwhile is left out."""
        for path, _, found in self._all():
            yield path, found

    def copy(self, wanted: str, to: str) -> list[str]:
        """Copy the file, or all below the folder of that path ("" for everything), to the folder `to`; gives the paths
        of what was copied. Raises NotFound where there is none, OSError.
        """
        done = []
        for path, here, _ in self._chosen(wanted):
            place = os.path.join(to, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            fd = os.open(here, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(fd, "rb") as source, open(place, "wb") as target:
                shutil.copyfileobj(source, target)
            done.append(path)
        return done

    def snapshot(self, artifacts: ArtifactStore, wanted: str = "") -> tuple[File, ...]:
        """Keep the files as they are now as artifacts. They stay as long as something recorded refers to them."""
        found = [(path, here) for path, here, _ in self._chosen(wanted)]
        return outputs.keep(found, artifacts, self._run, self._key)

    def _chosen(self, wanted: str) -> list[tuple[str, str, os.stat_result]]:
        path = os.path.normpath(wanted) if wanted else "."
        if os.path.isabs(path) or path.split("/")[0] == "..":
            raise UsageError(f"{wanted!r} is not in the folder.", "Give a path from the folder on.")
        found = [each for each in self._all() if path in (".", each[0]) or each[0].startswith(f"{path}/")]
        if not found:
            raise NotFound(f"There is no file {wanted!r} in the folder of {self._key}.", "List it without a path.")
        return found

    def _all(self) -> Iterator[tuple[str, str, os.stat_result]]:
        covered = tuple(self._places)
        for path, here, found in _walked(self._root):
            if not path.startswith(tuple(f"{each}/" for each in covered)) and path not in covered:
                yield path, here, found
        for target, place in self._places.items():
            for path, here, found in _walked(place):
                yield os.path.normpath(os.path.join(target, path)), here, found


def _walked(root: str) -> Iterator[tuple[str, str, os.stat_result]]:
    if os.path.isfile(root) and not os.path.islink(root):
        yield "", root, os.lstat(root)
    for folder, folders, names in os.walk(root):
        folders.sort()
        for here in (os.path.join(folder, name) for name in sorted(names)):
            try:
                found = os.lstat(here)
            except OSError:  # it has gone
                continue
            if stat.S_ISREG(found.st_mode):
                yield os.path.relpath(here, root), here, found


def _inside(told: dict[str, Any], run: str) -> str:
    """The folder as a process of the sandbox sees it; "" if there is none any more."""
    wanted = [
        f"{name}={value}\0".encode()
        for name, value in (("MOTET_RUN", run), ("MOTET_STEP", told["step"]), ("MOTET_ATTEMPT", told["attempt"]))
    ]
    for pid, environ in marked(told["mark"]).items():
        if all(each in environ + b"\0" for each in wanted):
            try:
                if not os.path.samefile(f"/proc/{pid}/root", "/"):
                    return f"/proc/{pid}/root{told['seen_at']}"
            except OSError:
                continue
    return ""
