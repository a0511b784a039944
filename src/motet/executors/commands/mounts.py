"""What a command sees of the host beside its folder: checked, found, copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motet.errors import UsageError
from motet.executors.commands.folders import leads_out
from motet.executors.commands.spec import Mount
from motet.ports import ArtifactStore
from motet.values.files import File

if TYPE_CHECKING:
    from motet.kernel.events import Json

_MODES = ("ro", "cow", "rw")
_CLONE = 0x40049409
"""The request FICLONE of ioctl: the copy shares its blocks with the source until one of them is written."""


_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Placed:
    """A mount whose source is known to be there. `origin` says which step's file it is, if it is one."""

    target: str
    source: str
    mode: str
    permissions: int | None = None
    origin: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder; else it is a file."""
        return os.path.isdir(self.source)


def placed(mounts: Sequence[Mount], artifacts: ArtifactStore | None, seen_at: str) -> list[Placed]:
    """The mounts, outer ones first. What is mounted below the step's folder, seen at `seen_at`, is so by a relative
    path. Raises UsageError for what cannot be; NotFound for an artifact that is gone.
    """
    found: dict[str, Placed] = {}
    for each in mounts:
        target = os.path.normpath(each.target)
        if not each.target or target in ("/", ".") or ".." in target.split("/") or "\0" in target:
            raise UsageError(
                f"{each.target!r} is no place for a mount.", "Give an absolute path, or one below the step's folder."
            )
        if target.startswith(f"{seen_at}/"):
            target = os.path.relpath(target, seen_at)
        if each.mode not in _MODES:
            raise UsageError(f"A mount cannot be {each.mode!r}.", f"Choose one of: {', '.join(_MODES)}.")
        if target in found:
            raise UsageError(f"Two things are mounted at {each.target}.", "Give each a place of its own.")
        found[target] = _placed(each, target, artifacts)
    ordered = [found[target] for target in sorted(found, key=lambda path: (path.count("/"), path))]
    for inner in ordered:
        for outer in ordered:
            if outer.mode == "rw" and inner.target.startswith(outer.target + "/"):
                check_point(outer.source, os.path.relpath(inner.target, outer.target), outer.target)
    return ordered


def check_point(source: str, inner: str, outer: str) -> None:
    """Raise UsageError if `source`, mounted at `outer`, has nothing at the path `inner` to mount on.

    It could be made only in the source itself, which is not to change, or not by us.
    """
    if not os.path.lexists(os.path.join(source, inner)):
        raise UsageError(
            f"{inner} is to be mounted in {outer}, and {source}, which is mounted there, has no such path.",
            f"Mount {outer} as a copy (cow), or make {inner} in it first.",
        )


def _placed(mount: Mount, target: str, artifacts: ArtifactStore | None) -> Placed:
    source = mount.source
    if isinstance(source, File):
        if artifacts is None:
            raise UsageError(f"{source.path} is an artifact, and no artifact store is at hand.", "Open the run's own.")
        origin = {"target": mount.target, "artifact": source.digest, "run": source.run, "step": source.step}
        mode = "cow" if mount.mode == "rw" else mount.mode  # an artifact never changes
        return Placed(target, artifacts.path(source.digest), mode, source.mode, origin)
    if not os.path.exists(source):
        raise UsageError(f"What is to be mounted at {mount.target} is not there: {source}.", "Check the path.")
    return Placed(target, os.path.abspath(source), mount.mode)


def copy_into(folder: str, mount: Placed) -> None:
    """Put the mount into a folder of the host: a copy if it may be written to, else a link.

    Nothing keeps a program of the host from writing through the link.
    """
    target = os.path.join(folder, mount.target)
    if os.path.lexists(target):
        raise UsageError(
            f"There is something at {mount.target} already, where {mount.source} is to be mounted.",
            "Mount it elsewhere, or run the command in a sandbox, where mounts cover what is below.",
        )
    if leads_out(folder, mount.target):
        raise UsageError(
            f"{mount.target} lies in another mount that is not a copy.", "Mount the outer one as a copy (cow)."
        )
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if mount.mode != "cow":
        os.symlink(mount.source, target)
    else:
        copied(mount, target)


def copied(mount: Placed, target: str) -> None:
    """Copy the file, with the permissions that it had where it was made, or the folder."""
    if mount.is_folder:
        shutil.copytree(mount.source, target, symlinks=True, copy_function=_copy)
        return
    _copy(mount.source, target)
    if mount.permissions is not None:
        os.chmod(target, mount.permissions | 0o200)


def _copy(source: str, target: str) -> None:
    """Copy a file; its blocks are shared until they are written, where the file system can do that."""
    if not os.path.islink(source):
        import fcntl

        with open(source, "rb") as there, open(target, "xb") as here:
            try:
                fcntl.ioctl(here.fileno(), _CLONE, there.fileno())
            except OSError:
                shutil.copyfileobj(there, here, _CHUNK_BYTES)
        shutil.copystat(source, target)
    else:
        shutil.copy2(source, target, follow_symlinks=False)
