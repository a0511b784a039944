"""Files that come by tus 1.0, in pieces, and resumable: https://tus.io/protocols/resumable-upload

What has come so far is a file, whose size says how far it is; so nothing is lost where the server dies. Beside it
stands what is known of it, as JSON. A lock on it, which the system takes from whoever dies, keeps two from writing at
once.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from motet import private
from motet.errors import NotFound, UsageError
from motet.ports.routes import Call, Content, Refused

PIECE = "application/offset+octet-stream"
"""The kind of body in which a piece comes."""

PIECE_BYTES = 64 * 2**20
"""So large a piece may be."""

_VERSION = "1.0.0"
_MOST_BYTES = 2**40
_PART_CHARS, _PATH_CHARS = 255, 2000
_ALWAYS = {"Tus-Resumable": _VERSION}


def abilities() -> Content:
    """What of tus is spoken here."""
    told = {"Tus-Version": _VERSION, "Tus-Extension": "creation,termination", "Tus-Max-Size": str(_MOST_BYTES)}
    return Content(status=204, headers={**_ALWAYS, **told})


def metadata(call: Call) -> dict[str, str]:
    """What the client says of a file that is to come. Raises Refused."""
    _check(call)
    found = {}
    for each in filter(None, call.headers.get("upload-metadata", "").split(",")):
        name, _, text = each.strip().partition(" ")
        try:
            found[name] = base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
        except ValueError:
            raise refused(400, f"{name[:80]} of the metadata is not in base64.", "Encode each value.") from None
    return found


def relative(path: str) -> str:
    """The path, if it can be that of a file in a folder. Raises Refused for one that leads out of it, or is none."""
    parts = path.split("/")
    is_odd = any(each in ("", ".", "..") or len(os.fsencode(each)) > _PART_CHARS for each in parts)
    if is_odd or "\0" in path or len(os.fsencode(path)) > _PATH_CHARS:
        raise refused(400, f"{path[:200]!r} is no path in an upload.", "Give a relative path, without . and ..")
    return path


def begun(call: Call, part: str, told: Mapping[str, Any], location: str) -> Content:
    """Begin a file, or take it up; `location` is where its pieces go. Raises Refused for another size than it had."""
    size = _number(call, "upload-length")
    private.make_folder(os.path.dirname(part))
    if size > min(_MOST_BYTES, shutil.disk_usage(os.path.dirname(part)).free):
        raise refused(413, f"There is no room for {size} bytes.", "Send less.")
    with _locked(part, os.O_CREAT):
        if not os.path.exists(_beside(part)):
            with private.replacing(_beside(part)) as temporary, open(temporary, "w", encoding="utf-8") as file:
                json.dump({**told, "size_bytes": size}, file)
    known = _told(part)["size_bytes"]
    if known != size:
        raise refused(409, f"This file had {known} bytes when its upload was begun.", "Upload it by another name.")
    return Content(status=201, headers={**_ALWAYS, "Location": location})


def offset(call: Call, part: str) -> Content:
    """How much of the file has come. Raises NotFound."""
    _check(call)
    size = _told(part)["size_bytes"]
    return Content(headers={**_ALWAYS, "Upload-Offset": str(os.path.getsize(part)), "Upload-Length": str(size)})


def continued(call: Call, part: str, body: IO[bytes]) -> Content:
    """Take the next piece of the file, which begins where the last one ended. Raises NotFound, Refused."""
    _check(call)
    begins, size = _number(call, "upload-offset"), _told(part)["size_bytes"]
    with _locked(part) as file:
        at, sent = os.fstat(file.fileno()).st_size, os.fstat(body.fileno()).st_size
        if begins != at:
            raise refused(409, f"{at} bytes have come, and this piece begins at {begins}.", "Ask for the offset.")
        if at + sent > size:
            raise refused(413, f"The file has {size} bytes, and this piece ends beyond.", "Send no more.")
        file.seek(at)
        shutil.copyfileobj(body, file, 2**20)
        file.flush()
        if at + sent == size:
            os.fsync(file.fileno())
    os.utime(os.path.dirname(part))  # it is in use: not to be pruned soon
    return Content(status=204, headers={**_ALWAYS, "Upload-Offset": str(at + sent)})


def ended(call: Call, part: str) -> Content:
    """Give the file up. Raises NotFound, Refused."""
    _check(call)
    with _locked(part):
        os.unlink(_beside(part))
        os.unlink(part)
    return Content(status=204, headers=_ALWAYS)


def arrived(folder: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The files that have come in the folder: what is known of each, and where it is. Raises UsageError for a half."""
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".json"):
            part = os.path.join(folder, name.removesuffix(".json"))
            told, size = _told(part), os.path.getsize(part)
            if size != told["size_bytes"]:
                cure = "Upload it again: it goes on where it was."
                raise UsageError(f"{told} has {size} of {told['size_bytes']} bytes.", cure)
            yield told, part


def refused(status: int, what: str, cure: str) -> Refused:
    """A refusal as clients of tus take it."""
    return Refused(status, what, cure, _ALWAYS)


def _beside(part: str) -> str:
    return f"{part}.json"


def _told(part: str) -> dict[str, Any]:
    try:
        with open(_beside(part), encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
    except OSError:
        raise NotFound("There is no such upload.", "Begin it anew.") from None
    return found


def _check(call: Call) -> None:
    if call.headers.get("tus-resumable") != _VERSION:
        raise Refused(412, "This is another version of tus.", f"Tus-Resumable: {_VERSION}", {"Tus-Version": _VERSION})


def _number(call: Call, name: str) -> int:
    text = call.headers.get(name, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise refused(400, f"{name} is {text[:40]!r}, and has to be a number.", "Send it.")
    return int(text)


@contextmanager
def _locked(part: str, flags: int = 0) -> Iterator[IO[bytes]]:
    """The file of what has come, while nobody else writes to it. Raises NotFound, Refused where somebody does."""
    try:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CLOEXEC | flags, 0o600), "r+b")
    except FileNotFoundError:
        raise NotFound("There is no such upload.", "Begin it anew.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refused(423, "Somebody else sends this file just now.", "Wait, and ask for the offset.") from None
        yield file
