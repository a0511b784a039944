"""Uploads: a script with the files that it needs becomes a snapshot, loaded once as it will be in its executions."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from motet.dialects.aiflow import places, registry
from motet.dialects.aiflow.definition import definition_of
from motet.dialects.aiflow.executions import program_of
from motet.dialects.aiflow.loading import stem_of, workflows_in
from motet.dialects.aiflow.metadata import VOICE, WorkflowMeta, WorkflowSnapshotMeta
from motet.errors import SpecError, TargetError, UsageError
from motet.kernel.events import Json
from motet.ports import Stored
from motet.ports.definition import Definition
from motet.registry import definitions
from motet.registry.starting import VARIABLES_KEPT

if TYPE_CHECKING:
    from motet.ports.voice import Host

_CHUNK_BYTES = 1024 * 1024
_PACKED = (".gz", ".npz", ".zip", ".png", ".jpg", ".parquet", ".bz2", ".xz")
"""Files that get no smaller."""


def upload(host: Host, file: str, files: Sequence[str] = (), warn: Callable[[str], None] = print) -> list[WorkflowMeta]:
    """Keep the workflows of the script, each with a new snapshot of it and of the files and folders that it needs.

    Raises TargetError, SpecError, UsageError for what is wrong, before anything is kept.
    """
    members = _members(file, files)
    definitions = _definitions(file, members)
    source = _packed(host, members)
    return [_keep(host, file, each, source, warn) for each in definitions]


def _members(file: str, files: Sequence[str]) -> dict[str, str]:
    """What is to stand in the folder of an execution, by name there, with where it is."""
    if not os.path.isfile(file):
        raise TargetError(f"There is no file {file}.", "Check the path, and the folder that you are in.")
    if not file.endswith(".py"):
        raise TargetError(f"{file} is no Python script.", "Name a file that ends in .py.")
    members = {os.path.basename(file): os.path.abspath(file)}
    for each in files:
        name = os.path.basename(os.path.abspath(each))
        if not os.path.exists(each):
            raise UsageError(f"There is no file or folder {each}.", "Check what stands after --files.")
        if name in members and not os.path.samefile(members[name], each):
            raise UsageError(f"Two of the files are called {name}.", "Call one of them otherwise.")
        members[name] = os.path.abspath(each)
    return members


def _definitions(file: str, members: dict[str, str]) -> list[dict[str, Json]]:
    """The workflows of the script as data, loaded where only those files are beside it."""
    with tempfile.TemporaryDirectory(prefix="motet-") as place, _as_it_was():
        folder = os.path.join(place, stem_of(file))
        os.mkdir(folder)
        for name, source in members.items():
            os.symlink(source, os.path.join(folder, name))
        staged = os.path.join(folder, os.path.basename(file))
        os.remove(staged)
        shutil.copyfile(file, staged)
        found = [definition_of(each) for each in workflows_in(staged)]
    names = [(each["namespace"], each["name"]) for each in found]
    for namespace, name in names:
        if names.count((namespace, name)) > 1:
            raise SpecError(f"{file} defines two workflows {namespace}.{name}.", "Give each a name of its own.")
    return found


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Afterwards, modules and paths are as they were: a process may upload one version of a script after the other."""
    path, modules = sys.path[:], set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        here = os.path.join(tempfile.gettempdir(), "motet-")
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(here):
                del sys.modules[name]


# ---------------------------------------------------------------- the files


def _packed(host: Host, members: dict[str, str]) -> Stored:
    """An artifact with the files: the same files give the same one."""
    with tempfile.TemporaryFile() as packed:
        with ZipFile(packed, "w") as archive:
            for name, path in sorted(members.items()):
                for inside, source in sorted(_files(name, path)):
                    _add(archive, inside, source)
        packed.seek(0)
        return host.artifacts.put_stream(iter(lambda: packed.read(_CHUNK_BYTES), b""))


def _files(name: str, path: str) -> Iterator[tuple[str, str]]:
    if not os.path.isdir(path):
        yield name, path
        return
    yield f"{name}/", path
    for folder, folders, files in os.walk(path, followlinks=True):
        inside = os.path.join(name, os.path.relpath(folder, path)) if folder != path else name
        real = {each: os.path.realpath(os.path.join(folder, each)) for each in folders}
        back = [each for each, place in real.items() if os.path.commonpath([place, os.path.realpath(folder)]) == place]
        if back:
            raise UsageError(f"{folder} has a link to a folder that it is in: {back[0]}.", "Leave it out.")
        folders[:] = [each for each in folders if each != "__pycache__"]
        yield from ((f"{inside}/{each}/", os.path.join(folder, each)) for each in folders)
        yield from ((f"{inside}/{each}", os.path.join(folder, each)) for each in files)


def _add(archive: ZipFile, name: str, path: str) -> None:
    member = ZipInfo(name)  # without the time, which says nothing of the content
    try:
        member.external_attr = (os.stat(path).st_mode & 0xFFFF) << 16
        if name.endswith("/"):
            archive.writestr(member, b"")
            return
        member.compress_type = ZIP_STORED if name.lower().endswith(_PACKED) else ZIP_DEFLATED
        with open(path, "rb") as source, archive.open(member, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Leave it out, or make it readable.") from None


# ---------------------------------------------------------------- what is kept


def _keep(
    host: Host, file: str, definition: dict[str, Json], source: Stored, warn: Callable[[str], None]
) -> WorkflowMeta:  # fmt: skip
    store, now = host.store, host.clock.now()
    namespace, name = definition["namespace"], definition["name"]
    if registry.namespace(store, namespace) is None and registry.add_namespace(store, namespace):
        warn(f"Namespace {namespace} is new: {name} is the first workflow in it.")
    before = registry.workflow(store, namespace, name)
    number = before.id if before is not None else registry.number(store, "workflow")
    meta = WorkflowSnapshotMeta(
        registry.number(store, "snapshot"), number, now, source.digest, source.size_bytes, os.path.basename(file),
        places.get_aiflow_home(), definition,
    )  # fmt: skip
    registry.keep_snapshot(store, meta)

    def changed(there: WorkflowMeta | None) -> WorkflowMeta:
        first = there or WorkflowMeta(number, name, namespace, now, now)
        return WorkflowMeta(first.id, name, namespace, first.create_time, now, True, store.head(), meta.id)

    made = registry.change(store, namespace, name, changed)
    _register(host, made, file)
    return made


def _register(host: Host, meta: WorkflowMeta, file: str) -> None:
    """Have schedules and triggers begin runs of it, by the name that it has among all voices' workflows."""
    variables = {each: os.environ[each] for each in VARIABLES_KEPT if each in os.environ}
    made = Definition(
        meta.title, program_of(meta, host.store), {"type": "object", "properties": {}}, name=meta.title, voice=VOICE,
        target=file, environment={"interpreter": sys.executable, "variables": variables},
    )  # fmt: skip
    definitions.keep(host.store, made, host.clock.now())


def text_of(host: Host, snapshot: WorkflowSnapshotMeta) -> str:
    """The script of the snapshot."""
    with ZipFile(host.artifacts.path(snapshot.signature)) as archive:
        return archive.read(snapshot.file).decode("utf-8", "replace")
