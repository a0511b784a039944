"""Archives from elsewhere: what is in one comes to stand in a folder, and nowhere else."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile, ZipInfo

from motet.errors import UsageError

_FETCH_S = 60.0


def unpack(address: str, folder: str, token: str = "") -> None:
    """Unpack the zip file at that address into the folder, which is made. Raises OSError, MotetError for one that is
    damaged, leads out of the folder, or is larger than what is free there. `token` is for the server that has it.
    """
    os.makedirs(folder, exist_ok=True)
    with _opened(address, folder, token) as file:
        try:
            with ZipFile(file) as archive:
                members = archive.infolist()
                for each in members:
                    _check_member(each, address)
                total, free = sum(each.file_size for each in members), shutil.disk_usage(folder).free
                if total > free:
                    raise UsageError(f"{address} holds {total} bytes, and {free} are free.", "Make room for it.")
                for each in members:
                    _extract(archive, each, folder)
        except BadZipFile as error:
            raise UsageError(f"{address} is no whole zip file: {error}.", "Pack it anew.") from None


def _opened(address: str, folder: str, token: str) -> Any:
    if not address.startswith(("http://", "https://")):
        return open(urlsplit(address).path if address.startswith("file://") else address, "rb")
    headers = {"PRIVATE-TOKEN": token} if token else {}
    kept = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    with urlopen(Request(address, headers=headers), timeout=_FETCH_S) as answer:
        shutil.copyfileobj(answer, kept)
    kept.seek(0)
    return kept


def _check_member(member: ZipInfo, address: str) -> None:
    parts = member.filename.replace("\\", "/").split("/")
    mode = member.external_attr >> 16
    if member.filename.startswith("/") or ".." in parts or ":" in parts[0]:
        raise UsageError(f"{address} has the entry {member.filename!r}, which leads out of it.", "Pack it anew.")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) and stat.S_IFMT(mode):
        raise UsageError(f"{address} has the entry {member.filename!r}, which is no file.", "Pack files alone.")


def _extract(archive: ZipFile, member: ZipInfo, folder: str) -> None:
    path = archive.extract(member, folder)
    mode = stat.S_IMODE(member.external_attr >> 16)
    if mode and not member.is_dir():
        os.chmod(path, mode | stat.S_IRUSR | stat.S_IWUSR)
