"""What a run finds when it begins: its code in its folder, what is mounted, and its Python."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from motet.environments.build import Environments
from motet.environments.spec import Environment
from motet.executors.commands.spec import Mount
from motet.executors.commands.tools import Tools
from motet.kernel.events import Json
from motet.ports import ArtifactStore
from motet.values.files import File
from motet.values.snapshots import Snapshot


def lay_out(artifacts: ArtifactStore, folder: str, program: Mapping[str, Any]) -> None:
    """Put the code of the run into its folder, and under their paths the repositories that a workflow was given."""
    put_code(artifacts, program.get("code"), folder)
    repos = (program.get("repos") or {}).values()
    for repo in sorted(repos, key=lambda each: str(each["path"])):  # a folder before what is in it
        place = os.path.join(folder, repo["path"])
        shutil.rmtree(place, ignore_errors=True)  # the folder around it may have been taken along with it
        put_code(artifacts, repo, place)


def put_code(artifacts: ArtifactStore, code: Json, folder: str) -> None:
    """Put the files of a record of code into the folder, made if need be."""
    if code:
        os.makedirs(folder, exist_ok=True)
        Snapshot(artifacts.get(code["artifact"])).restore(folder)


def mounts(artifacts: ArtifactStore, beside: str, mounted: Sequence[Mapping[str, Any]]) -> tuple[Mount, ...]:
    """What is to be mounted, of `mounted`: {"target", "files", "folder"}. Folders are put together below `beside`."""
    shutil.rmtree(beside, ignore_errors=True)
    found = []
    for number, each in enumerate(mounted):
        if not each["folder"]:
            file = each["files"][0]
            found.append(Mount(each["target"], File("", file["artifact"], file["size_bytes"], file["mode"])))
            continue
        source = os.path.join(beside, str(number))
        os.makedirs(source)
        put_files(artifacts, source, each["files"])
        found.append(Mount(each["target"], source))
    return tuple(found)


def put_files(artifacts: ArtifactStore, folder: str, files: Sequence[Mapping[str, Any]]) -> None:
    """Copy the files, each {"path", "artifact", "mode"}, into the folder."""
    for file in files:
        path = os.path.join(folder, file["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(artifacts.path(file["artifact"]), path)
        os.chmod(path, file["mode"] | 0o600)


def python_with(packages: Sequence[str], mine: Tools) -> str:
    """An interpreter that has them. Raises EnvironmentFailed, naming what pip said."""
    return Environments(mine.shared, mine).ready(Environment(requirements=tuple(packages))).python


def folder_of(home: str, run: str, attempt: int) -> str:
    """The folder that the attempt at a run's command sees at /spell; 0: that all attempts share."""
    return os.path.join(home, "work", run, f"spell-{attempt}" if attempt else "spell")
