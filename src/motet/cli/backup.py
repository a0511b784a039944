"""`motet backup`."""

from __future__ import annotations

import os
import tarfile
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from tempfile import TemporaryDirectory

from motet import app, private
from motet.cli.terminal import Terminal
from motet.errors import StoreError, UsageError
from motet.views import human

_FOLDERS = ("artifacts", "logs", "engines")
_SPARE_BYTES = 64 << 20
"""The log of the database, which is copied too, is seldom longer."""


def backup_arguments(parser: ArgumentParser) -> None:
    """Where to."""
    parser.add_argument("file", metavar="FILE", help="the archive to write: tar -xf FILE -C FOLDER makes a home of it")


def backup(options: Namespace, terminal: Terminal) -> int:
    """Write the store as it is at one moment, with artifacts and logs, to one tar archive, while runs go on.

    Secrets, Python environments and folders of commands are left out.
    """
    home, target = app.home(), os.path.abspath(options.file)
    if os.path.exists(target):
        raise UsageError(f"{target} is there already.", "Name another file.")
    try:
        size_bytes = _write(home, target)
    except OSError as error:
        raise StoreError(
            f"The backup {target} cannot be written: {error.strerror or error}.", "Check the place."
        ) from error
    terminal.say(f"Wrote {target}: {human.size(size_bytes)}. `mkdir FOLDER && tar -xf {target} -C FOLDER` restores it.")
    if options.json:
        terminal.json({"file": target, "size_bytes": size_bytes})
    return 0


def _write(home: str, target: str) -> int:
    """Write the archive, and only when it is whole give it its name; gives its size.

    The store is copied elsewhere first: the archive may be for a place where databases do not work.
    """
    with (
        app.unswept(home),
        TemporaryDirectory(prefix=".backup-", dir=_roomy(home)) as made,
        private.replacing(target) as part,
    ):
        copy = os.path.join(made, "store.db")
        app.open_store(home).copy_to(copy)  # first: what it refers to is there from then on
        with (
            open(part, "xb", opener=private.opener) as file,
            tarfile.open(fileobj=file, mode="w", dereference=True) as archive,
        ):
            _add(archive, copy, "store.db")
            for name in _FOLDERS:
                _add_all(archive, os.path.join(home, name), name)
        private.sync(part)
    return os.stat(target).st_size


def _roomy(home: str) -> str | None:
    """Where the copy of the store is made: in the home, unless nothing more can be written there."""
    with suppress(OSError):
        room, store = os.statvfs(home), os.stat(os.path.join(home, "store.db"))
        if os.access(home, os.W_OK) and room.f_bavail * room.f_frsize > 2 * store.st_size + _SPARE_BYTES:
            return home
    return None


def _add_all(archive: tarfile.TarFile, folder: str, name: str) -> None:
    """Add what stands in the folder by now; not what is still being written, and what is no file."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        archive.addfile(archive.gettarinfo(folder, name))
    except FileNotFoundError:
        return
    for entry in entries:
        inner = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            _add_all(archive, entry.path, inner)
        elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(".part"):
            _add(archive, entry.path, inner)


def _add(archive: tarfile.TarFile, path: str, name: str) -> None:
    """Add the file as long as it is now; logs grow, and old parts of them go."""
    with suppress(FileNotFoundError), open(path, "rb") as file:
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)
