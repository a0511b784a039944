"""Uploads: datasets, whose files come by tus, each named by its dataset and its path there: so whoever begins the same
upload again goes on with it. They are kept as an upload of the house when all of them are there.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
from hashlib import sha256
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import quote

from motet import private
from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of, owner_of, shelf_of
from motet.dialects.spell.api.wire import dated
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, PUBLIC, Call, Content, Refused, Route, delete, post
from motet.ports.voice import PACKED
from motet.receiving import tus
from motet.shelves import Shelf

_MOST_FILES = 100_000
_NAME = re.compile(r"(\d{1,15})-[0-9a-f]{32}")


def _datasets(call: Call, owner: str) -> Shelf:
    return shelf_of(call, owner, "dataset")


def dataset_made(call: Call, owner: str, body: asked.Dataset) -> Json:
    """A dataset, whose files are to come: the one of that name if it is not complete yet."""
    name, house = body.get("name"), house_of(call, owner)
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name:
        raise UsageError(f"{name!r:.80} is no name of an upload.", "Choose one without slashes.")
    shelf = _datasets(call, owner)
    found = shelf.get(name)
    if found is not None and found["status"] == "complete":
        if house.document("upload", name) is not None:
            raise Refused(409, f"There is an upload {name!r} already.", f"Choose another name: spell rm uploads/{name}")
        shelf.remove(name)  # the upload was removed by another door
        found = None
    found = found or shelf.add(name, {"name": name, "status": "uploading", "compressed": bool(body.get("compressed"))})
    return {"user_dataset": dated(found)}


def dataset_removed(call: Call, owner: str, body: asked.Named) -> Json:
    """Remove an upload. Runs that were given it keep it."""
    name, house = str(body.get("name")).removeprefix("uploads/"), house_of(call, owner)
    found = _datasets(call, owner).get(name)
    if found is not None:
        _datasets(call, owner).remove(name)
        shutil.rmtree(_folder(call, owner, found["id"]), ignore_errors=True)
    if found is None or found["status"] == "complete":
        house.remove_upload(name)
    return {}


def dataset_complete(call: Call, owner: str, dataset: int) -> Json:
    """Keep what has come as an upload: all of its files have to be there as a whole."""
    house, folder = house_of(call, owner), _folder(call, owner, dataset)
    name, found = _datasets(call, owner).numbered(dataset)
    if found["status"] == "complete":
        return {}
    private.make_folder(folder)
    with tempfile.TemporaryDirectory(prefix="tree-", dir=folder) as place:
        tree = os.path.join(place, "all")
        for told, part in tus.arrived(folder):
            target = os.path.join(tree, *PurePosixPath(told["path"]).parts)
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.link(part, target)
            except OSError as error:
                why = f"{told['path'][:200]!r} cannot be beside the others: {error.strerror}."
                raise UsageError(why, "Name it otherwise.") from None
        if found["compressed"]:
            tree = _unpacked(os.path.join(tree, "upload.tar.gz"), os.path.join(place, "unpacked"))
        if not os.path.isdir(tree):
            raise UsageError("Nothing has come of this upload.", "Send its files first.")
        house.put_upload(name, tree)
    _datasets(call, owner).change(dataset, lambda _: {"status": "complete"})
    shutil.rmtree(folder, ignore_errors=True)
    return {}


def _unpacked(archive: str, target: str) -> str:
    """The folder with what the client has packed, below its one top folder. Raises UsageError for what leads out."""
    left_bytes, left_files = shutil.disk_usage(os.path.dirname(target)).free // 2, _MOST_FILES
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                left_bytes, left_files = left_bytes - member.size, left_files - 1
                if left_bytes < 0 or left_files < 0:
                    raise UsageError("The archive holds more than there is room for.", "Upload less at once.")
                packed.extract(member, target, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UsageError(f"The upload cannot be unpacked: {error}.", "Pack plain files with relative paths.") from None
    inner = os.path.join(target, "upload")
    return inner if os.path.isdir(inner) else target


# ---------------------------------------------------------------- its files


def abilities(call: Call) -> Content:
    """What of tus is spoken here."""
    return tus.abilities()


def begun(call: Call) -> Content:
    """Begin the upload of a file, or take it up: `path` of the metadata is the dataset's id and the path there."""
    owner = owner_of(call)
    number, _, path = tus.metadata(call).get("path", "").partition("/")
    if not number.isdecimal() or len(number) > 15:
        raise tus.refused(400, "The metadata has no path.", "path: the dataset's id, a slash, the path.")
    _, found = _datasets(call, owner).numbered(int(number))
    if found["status"] == "complete":
        raise tus.refused(409, f"The upload {found['name']} is complete.", "Begin another one.")
    name = f"{number}-{sha256(os.fsencode(tus.relative(path))).hexdigest()[:32]}"
    part = os.path.join(_folder(call, owner, int(number)), name)
    return tus.begun(call, part, {"path": path}, f"/v1/datasets/upload/{name}")


def offset(call: Call, upload: str) -> Content:
    """How much of the file has come."""
    return tus.offset(call, _part(call, upload))


def continued(call: Call, upload: str, body: IO[bytes]) -> Content:
    """Take the next piece of the file, which begins where the last one ended."""
    return tus.continued(call, _part(call, upload), body)


def ended(call: Call, upload: str) -> Content:
    """Give up the upload of a file."""
    return tus.ended(call, _part(call, upload))


def _part(call: Call, upload: str) -> str:
    """Where what has come of the caller's upload is. Raises NotFound."""
    found = _NAME.fullmatch(upload)
    if found is None:
        raise NotFound("There is no such upload.", "Begin it anew.")
    return os.path.join(_folder(call, owner_of(call), int(found[1])), upload)


def _folder(call: Call, owner: str, dataset: int) -> str:
    return os.path.join(call.site.home, PACKED, f"spell-upload-{quote(owner, safe='')}-{dataset}")


_OF_OWNER, _UPLOADS, _UPLOAD = "/v1/datasets/{owner}", "/v1/datasets/upload", "/v1/datasets/upload/{upload}"

ROUTES = (
    Route("OPTIONS", _UPLOADS, PUBLIC, abilities, status=204),
    post(_UPLOADS, OPERATE, begun, status=201),
    Route("HEAD", _UPLOAD, OPERATE, offset),
    Route(
        "PATCH", _UPLOAD, OPERATE, continued, status=204, in_file=True, most_bytes=tus.PIECE_BYTES, consumes=tus.PIECE
    ),
    delete(_UPLOAD, OPERATE, ended, status=204),
    post(_OF_OWNER, OPERATE, dataset_made),
    delete(_OF_OWNER, OPERATE, dataset_removed),
    post(f"{_OF_OWNER}/{{dataset}}/upload_complete", OPERATE, dataset_complete, is_long=True),
)
