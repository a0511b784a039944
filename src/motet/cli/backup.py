"""`motet backup`."""

from __future__ import annotations

import os
import tarfile
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from tempfile import TemporaryDirectory

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import StoreError, UsageError
from motet.views import human

_FOLDERS = ("artifacts", "logs", "engines")


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

    The store is copied within the home: the archive may be for a place where databases do not work.
    """
    part = f"{target}.part"
    with TemporaryDirectory(prefix=".backup-", dir=home) as made:
        copy = os.path.join(made, "store.db")
        app.open_store(home).copy_to(copy)  # first: what it refers to is there from then on, and only grows
        try:
            with open(part, "xb", opener=_private) as file, tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(copy, "store.db")
                for name in _FOLDERS:
                    path = os.path.join(home, name)
                    if os.path.isdir(path):
                        archive.add(path, name, filter=_is_whole)
            with open(part, "rb") as written:
                os.fsync(written.fileno())
            os.replace(part, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)
    return os.stat(target).st_size


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_whole(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what is being written, and what is no file."""
    return None if member.name.endswith(".part") or not (member.isfile() or member.isdir()) else member
