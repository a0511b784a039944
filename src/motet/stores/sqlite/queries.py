"""Queries by name, from the `.sql` files in this folder.

    -- name: find_fox
    -- What it is for.
    SELECT {columns} FROM foxes WHERE id = ?

A name in braces stands for the query of that name above it in the same file.
"""

from __future__ import annotations

import _sqlite3 as sqlite3
import os
from collections.abc import Callable

from motet.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""That of a connection: a statement and its values."""


class Queries:
    """The queries of one file as attributes. The file is read when the first one is asked for, and each is made when it
    is: a short run needs few of them.
    """

    def __init__(self, name: str) -> None:
        self._path = os.path.join(os.path.dirname(__file__), f"{name}.sql")
        self._texts: dict[str, str] = {}

    def __getattr__(self, name: str) -> str:
        if not self._texts:
            with open(self._path, encoding="utf-8") as file:
                for part in file.read().split("-- name: ")[1:]:
                    named, _, text = part.partition("\n")
                    self._texts[named] = text
        if name not in self._texts:
            raise AttributeError(f"{self._path} has no query {name}")
        text = "\n".join([line for line in self._texts[name].splitlines() if line and not line.startswith("--")])
        if "{" in text:
            for other in self._texts:
                if other == name:
                    break
                if f"{{{other}}}" in text:
                    text = text.replace(f"{{{other}}}", getattr(self, other))
        vars(self)[name] = text
        return text
