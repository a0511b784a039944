"""Queries by name, from the `.sql` files in this folder.

    -- name: find_fox
    -- What it is for.
    SELECT {columns} FROM foxes WHERE id = ?

A name in braces stands for the query of that name above it in the same file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import TypeAlias

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""That of a connection: a statement and its values."""


class Queries:
    """The queries of one file as attributes; the file is read when the first one is asked for."""

    def __init__(self, name: str) -> None:
        self._path = os.path.join(os.path.dirname(__file__), f"{name}.sql")

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        found = vars(self)
        found.update(load(self._path))
        if name not in found:
            raise AttributeError(f"{self._path} has no query {name}")
        return str(found[name])


def load(path: str) -> dict[str, str]:
    """All queries of the file."""
    with open(path, encoding="utf-8") as file:
        _, *parts = file.read().split("-- name: ")
    found: dict[str, str] = {}
    for part in parts:
        name, _, text = part.partition("\n")
        text = "\n".join(line for line in text.splitlines() if line and not line.startswith("--"))
        if "{" in text:
            for other, meant in found.items():
                text = text.replace("{" + other + "}", meant)
        found[name] = text
    return found
