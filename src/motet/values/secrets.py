"""Secrets by name: where they are found, a value that shows nothing, and taking them out of what is logged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from motet.errors import UsageError

_PREFIX = "MOTET_SECRET_"
_SHORTEST = 4
"""A value shorter than this is in every other line: taking it out would tell more than it hides."""


def home() -> str:
    """The folder that everything is kept in: $MOTET_HOME, else ~/.motet."""
    return os.path.abspath(os.path.expanduser(os.environ.get("MOTET_HOME") or "~/.motet"))


class Secrets:
    """Secrets by name: MOTET_SECRET_NAME in the environment, or the file secrets/NAME below the home."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, "secrets")

    def __call__(self, name: str) -> str:
        """The value of that name. Raises UsageError, naming both places."""
        variable = f"{_PREFIX}{name.upper()}"
        if not name.replace("_", "").replace("-", "").isalnum():
            raise UsageError(f"{name!r} is no name of a secret.", "Use letters, digits, - and _.")
        found = os.environ.get(variable)
        if found is not None:
            return found
        path = os.path.join(self.folder, name)
        try:
            return _read(path)
        except OSError:
            raise UsageError(
                f"There is no secret {name!r} here.", f"Set {variable}, or write its value to {path} (mode 600)."
            ) from None

    def lines(self) -> Sequence[str]:
        """Each line of each value that there is, the longest first."""
        values = [value for name, value in os.environ.items() if name.startswith(_PREFIX)]
        with suppress(OSError):
            values += [_read(os.path.join(self.folder, name)) for name in os.listdir(self.folder)]
        lines = {line.strip() for value in values for line in value.splitlines()}
        return sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().rstrip("\n")


class Secret:
    """A secret that can be handed around: it shows as ***, and only its name is ever kept. `get()` gives the value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def load(cls, name: str) -> Secret:
        """The secret of that name, which must be there. Raises UsageError, naming the places where it may be kept."""
        found = cls(name)
        found.get()
        return found

    def get(self) -> str:
        """The value, as it is now."""
        return Secrets(home())(self.name)

    def __reduce__(self) -> Any:
        return Secret, (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Secret, self.name))

    def __repr__(self) -> str:
        return f"Secret({self.name!r}, ***)"

    def __str__(self) -> str:
        return "***"
