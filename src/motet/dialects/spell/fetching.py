"""Files of runs and uploads, written to a folder here."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from motet.errors import UsageError

if TYPE_CHECKING:
    from typing import IO

    from motet.dialects.spell.house import House


def fetch(house: House, path: str, folder: str, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[str]:
    """Write the file at the path, or all that is below that folder, into `folder`, which is made if need be; gives each
    name once it is there. What is there already is replaced if it is `wanted`, and else left. Nothing is ever written
    outside of the folder. Raises NotFound, UsageError.
    """
    pieces = _Pieces(house.tar(path))
    try:
        os.makedirs(folder, exist_ok=True)
        with tarfile.open(fileobj=cast("IO[bytes]", pieces), mode="r|*") as archive:
            for member in archive:
                there = os.path.join(folder, member.name)
                if os.path.lexists(there) and not member.isdir() and not wanted(member.name):
                    continue
                archive.extract(member, folder, filter="data")
                if not member.isdir():
                    yield member.name
    except (tarfile.TarError, OSError) as error:
        raise UsageError(f"{path} cannot be written to {folder}: {error}.", "Name another folder.") from error


class _Pieces:
    """Pieces of bytes as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        found = [self._left]
        have = len(self._left)
        while have < size and (piece := next(self._pieces, None)) is not None:
            found.append(piece)
            have += len(piece)
        whole = b"".join(found)
        self._left = whole[size:]
        return whole[:size]
