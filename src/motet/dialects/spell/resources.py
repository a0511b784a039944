"""What stands at a path: files of runs, those under way included, uploads, public files, links."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from motet.dialects.spell import runs, words
from motet.dialects.spell.ledger import Ledger
from motet.dialects.spell.shown import Listed
from motet.errors import NotFound, UsageError
from motet.executors.commands.looking import Look
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import RunRow
from motet.records import Record
from motet.values.naming import checked

KINDS = ("runs", "uploads", "public")
"""How paths begin that are no links."""

_UPLOAD, _PUBLIC, _LINK = "upload", "public", "link"
_CHUNK_BYTES = 2**20
_MOST_LINKS = 8


class Found(Record):
    """Files at a path, each {"path": from there on, "artifact", "size_bytes", "mode", "at"}; a file itself is "".

    run  which has made them; "" for none
    """

    files: Sequence[Mapping[str, Any]]
    run: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether the path is that of a folder."""
        return not (len(self.files) == 1 and self.files[0]["path"] == "")


def files(house: Ledger, path: str, *, final: bool = False) -> Found:
    """The files at the path. Raises NotFound: "... is not a valid resource". `final`: of runs that have ended alone."""
    (first, name, rest), run = _parts(house, path), ""
    if first == "runs":
        row = _row(house, path, name)
        run = row.id
        if final and row.status not in ENDED:
            raise _nothing(path)
        found = list(_of_run(house, row))
    elif first in ("uploads", "public"):
        kept = house.document(_UPLOAD if first == "uploads" else _PUBLIC, name)
        if kept is None:
            raise _nothing(path)
        found = kept["files"]
    else:
        raise _nothing(path)
    return Found(_below(found, rest, path), run)


def _parts(house: Ledger, path: str) -> tuple[str, str, str]:
    """What kind of thing, its name, and the path in it. Links are followed."""
    for _ in range(_MOST_LINKS):
        whole = os.path.normpath(path)
        if path.startswith("/") or whole.split("/")[0] == ".." or "\0" in path:
            raise _nothing(path)
        first, _, rest = whole.partition("/")
        link = house.document(_LINK, first)
        if link is None:
            name, _, rest = rest.partition("/")
            return first, name, rest
        path = f"{link['path']}/{rest}" if rest else link["path"]
    raise _nothing(path)


def _row(house: Ledger, path: str, number: str) -> RunRow:
    """The run of that number. What has been archived is not there any more, as far as files go."""
    with suppress(NotFound, ValueError):
        if words.ARCHIVED not in (row := house.row(int(number))).tags:
            return row
    raise _nothing(path)


def _of_run(house: Ledger, row: RunRow) -> Iterator[Mapping[str, Any]]:
    for each in runs.outputs_of(house.host, row).values():
        yield {**each, "at": row.ended_at}


def _below(found: Sequence[Mapping[str, Any]], rest: str, path: str) -> list[Mapping[str, Any]]:
    if rest:
        found = [
            {**each, "path": each["path"][len(rest) + 1 :]}
            for each in found
            if each["path"] == rest or each["path"].startswith(f"{rest}/")
        ]
    if rest and not found:
        raise _nothing(path)
    return list(found)


def _nothing(path: str) -> NotFound:
    return NotFound(f"'{path}' is not a valid resource", "`spell ls` shows what there is.")


# ---------------------------------------------------------------- shown


def ls(house: Ledger, path: str) -> list[Listed]:
    """What is at the path, folders first as they come; at the top all kinds and links."""
    path = path.strip("/")
    if path in ("", "."):
        links = [Listed(f"{name}/", link_target=to) for name, to in house.links().items()]
        return [*(Listed(f"{kind}/") for kind in KINDS), *links]
    if path in ("uploads", "public"):
        return [Listed(f"{name}/") for name in house.documents(_UPLOAD if path == "uploads" else _PUBLIC)]
    if path == "runs":
        rows = runs.all_of(house.host.store, house.owner)
        shown = (row for row in rows if words.ARCHIVED not in row.tags)
        return [Listed(f"{row.program['number']}/", at=row.created_at) for row in shown]
    found: dict[str, Listed] = {}
    for each in _shown(house, path):
        name, slash, _ = each["path"].partition("/")
        name = name or os.path.basename(path)
        found[name] = Listed(f"{name}/") if slash else Listed(name, each["size_bytes"], each.get("at"))
    return list(found.values())


def _shown(house: Ledger, path: str) -> Sequence[Mapping[str, Any]]:
    look, rest = _look(house, path)
    if look is None:
        return files(house, path).files
    found = [{"path": each, "size_bytes": told.st_size, "at": told.st_mtime} for each, told in look.files()]
    return _below(found, rest, path)


def _look(house: Ledger, path: str) -> tuple[Look | None, str]:
    """The folder of the run at the path, if its command runs now; and the path in it."""
    first, name, rest = _parts(house, path)
    row = _row(house, path, name) if first == "runs" else None
    step = runs.step_of(house.host.store, row) if row is not None and row.status not in ENDED else None
    if row is None or step is None or not step.attempt:
        return None, rest
    try:
        return Look(os.path.join(house.host.home, "work"), row.id, words.STEP, step.attempt), rest
    except NotFound:
        return None, rest


def tar(house: Ledger, path: str) -> Iterator[bytes]:
    """The files at the path as a tar archive, piece by piece. Raises NotFound at once."""
    look, rest = _look(house, path)
    if look is not None:
        return _tar_of_live(house, look, rest, path)
    found = files(house, path).files
    named = os.path.basename(path.rstrip("/"))
    return _packed([(each["path"] or named, house.host.artifacts.path(each["artifact"]), each) for each in found])


def _tar_of_live(house: Ledger, look: Look, rest: str, path: str) -> Iterator[bytes]:
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="motet-spell-")
    try:
        copied = look.copy(rest, folder)
        named = os.path.basename(path.rstrip("/"))
        members: list[tuple[str, str, Mapping[str, Any]]] = [
            (each[len(rest) :].strip("/") or named, os.path.join(folder, each), {}) for each in copied
        ]
        yield from _packed(members)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(members: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Iterator[bytes]:
    import tarfile

    for name, path, told in members:
        info = tarfile.TarInfo(name)
        found = os.stat(path)
        info.size, info.mode, info.mtime = found.st_size, told.get("mode", 0o644), told.get("at") or found.st_mtime
        yield info.tobuf(tarfile.PAX_FORMAT)
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
        yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


# ---------------------------------------------------------------- uploads


def put_upload(house: Ledger, name: str, folder: str) -> int:
    """Keep the files of the folder, or the file, under the name; gives how many. Raises UsageError."""
    if not name or "/" in name or name in (".", ".."):
        raise UsageError(f"{name!r} is no name of an upload.", "Choose one without slashes.")
    try:
        found = [_kept(house, path, folder) for path in sorted(_files(folder))]
    except OSError as error:
        raise UsageError(f"{folder} cannot be kept: {error}.", "Make its files readable.") from None
    if not found:
        raise UsageError(f"There are no files in {folder}.", "Check the path.")
    house.put_document(_UPLOAD, checked(name, "The upload"), {"files": found})
    return len(found)


def _kept(house: Ledger, path: str, folder: str) -> Json:
    told = os.stat(path)
    with open(path, "rb") as file:
        stored = house.host.artifacts.put_stream(iter(partial(file.read, _CHUNK_BYTES), b""))
    inner = os.path.relpath(path, folder) if os.path.isdir(folder) else os.path.basename(folder)
    return {
        "path": inner, "artifact": stored.digest, "size_bytes": stored.size_bytes, "mode": told.st_mode & 0o777,
        "at": told.st_mtime,
    }  # fmt: skip


def _files(folder: str) -> Iterator[str]:
    """The regular files of a folder, links left out; of a file itself."""
    if os.path.isfile(folder):
        yield folder
    for place, _, names in os.walk(folder):
        for path in (os.path.join(place, name) for name in names):
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def remove_upload(house: Ledger, name: str) -> None:
    """Remove the upload. Raises NotFound."""
    house.forget(_UPLOAD, name)
