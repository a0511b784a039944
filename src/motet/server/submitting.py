"""Code that was sent: a file or an archive, put in a folder of its own, from which a command begins the run."""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

from motet import private
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.server.site import Site
from motet.values.naming import new_id

_MOST_FILES = 10_000
_MOST_BYTES = 512 * 2**20
_PIECE_BYTES = 2**20
_PARAMS = ".motet-params.json"


def submitted(
    site: Site, target: str, code: str, params: Mapping[str, Json], options: Sequence[str], begun: Mapping[str, str]
) -> Json:  # fmt: skip
    """The run that is begun of the code, as JSON.

    code    a file, or an archive (tar, also compressed, or zip), in base64
    target  what `motet submit` is to be given: a path within the archive, or the name of the file

    Nothing of an archive leaves its folder: it may have neither links nor paths that lead out. Raises UsageError.
    """
    with sent(site, target, code, params) as (folder, arguments):
        return site.command("submit", [*arguments, *options], folder, begun)


def registered(
    site: Site, target: str, code: str, params: Mapping[str, Json], options: Sequence[str], begun: Mapping[str, str]
) -> Json:  # fmt: skip
    """The workflow that the code is registered as, as JSON; alike. An archive of it is kept, the folder goes."""
    with sent(site, target, code, params) as (folder, arguments):
        kept = [*arguments, "--root", ".", "--exclude", _PARAMS, *options]
        made = site.command("register", kept, folder, begun)
    shutil.rmtree(folder, ignore_errors=True)
    return made


@contextmanager
def sent(site: Site, target: str, code: str, params: Mapping[str, Json]) -> Iterator[tuple[str, list[str]]]:
    """What was sent in a folder of its own, and the first arguments of a command about it. Gone after an error."""
    place = _place(target)
    folder = os.path.join(site.home, "submitted", new_id(site.now()))
    private.make_folder(folder)
    try:
        path = os.path.join(folder, _PARAMS)
        with open(path, "w", encoding="utf-8", opener=private.opener) as file:
            json.dump(dict(params), file)
        _unpack(_decoded(code), folder, place)
        yield folder, [target, "--params", path]
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _place(target: str) -> str:
    """The path that the target begins with. Raises UsageError for one that leads out of the folder."""
    path = target.partition(":")[0] if not target.endswith(".py") else target
    if not path or target.startswith("-") or not _is_within(path):
        raise UsageError(f"The target {target[:200]!r} is no place in what was sent.", "Name a file of it: flow.py")
    return path


def _is_within(path: str) -> bool:
    found = PurePosixPath(path)
    return bool(found.parts) and not found.is_absolute() and ".." not in found.parts and "\0" not in path


def _decoded(code: str) -> bytes:
    try:
        return base64.b64decode(code, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("The code is not in base64.", "Send it encoded: base64 -w0 flow.py") from None


def _unpack(content: bytes, folder: str, place: str) -> None:
    left_bytes = _MOST_BYTES
    for count, (path, source) in enumerate(_files(content, place)):
        if count >= _MOST_FILES:
            raise UsageError(f"The archive has more than {_MOST_FILES} files.", "Send the code without its data.")
        if source is None:
            continue
        if not _is_within(path):
            raise UsageError(f"The archive has a path that leads out of it: {path[:200]!r}.", "Pack relative paths.")
        for piece in _pieces(source, _made(folder, path)):
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise UsageError(f"The archive has more than {_MOST_BYTES} bytes.", "Send the code without its data.")


def _made(folder: str, path: str) -> IO[bytes]:
    """The file of that path in the folder, which is new. Raises UsageError for one that cannot be beside the others."""
    target = os.path.join(folder, *PurePosixPath(path).parts)
    try:
        private.make_folder(os.path.dirname(target))
        return open(target, "xb", opener=private.opener)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"The archive has a path that cannot be: {path[:200]!r}: {why}.", "Pack it anew.") from None


def _pieces(source: IO[bytes], file: IO[bytes]) -> Iterator[bytes]:
    """Each piece of the content, before it is written."""
    with file:
        while piece := source.read(_PIECE_BYTES):
            yield piece
            file.write(piece)


def _files(content: bytes, place: str) -> Iterator[tuple[str, IO[bytes] | None]]:
    """The files of an archive, with their paths, and its folders (None); or the file that the content is. Raises
    UsageError.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for each in archive.infolist():
                    if stat.S_ISLNK(each.external_attr >> 16):
                        raise _not_plain(each.filename)
                    yield each.filename, None if each.is_dir() else archive.open(each)
            return
        packed = _tar(content)
        if packed is None:
            yield place, io.BytesIO(content)
            return
        with packed:
            for member in packed:
                source = packed.extractfile(member) if member.isreg() else None
                if source is None and not member.isdir():
                    raise _not_plain(member.name)
                yield member.name, source
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"What was sent cannot be unpacked: {error}.", "Send a tar, a zip, or a file.") from None


def _not_plain(name: str) -> UsageError:
    return UsageError(f"The archive has a link or device: {name[:200]!r}.", "Pack plain files.")


def _tar(content: bytes) -> tarfile.TarFile | None:
    try:
        return tarfile.open(fileobj=io.BytesIO(content))
    except tarfile.TarError:
        return None
