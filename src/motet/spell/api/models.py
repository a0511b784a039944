"""What the API speaks of: things with attributes, and the values and ranges of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from motet.errors import UsageError
from motet.searching.spaces import Choice, Range

__all__ = ["HyperSearch", "LogEntry", "LsLine", "Model", "RangeSpec", "Run", "User", "ValueSpec", "Workflow"]


class Model:
    """A thing as the API tells it: what is known of it are its attributes."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if value)
        return f"{type(self).__name__}({told})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def to_payload(self) -> dict[str, Any]:
        """What is known of it, as a document."""
        found: dict[str, Any] = json.loads(
            json.dumps(vars(self), default=lambda each: getattr(each, "__dict__", str(each)))
        )
        return found


class User(Model):
    """Who: `user_name`, `email`."""


class Run(Model):
    """A run as it stood when it was asked for."""


class Workflow(Model):
    """A workflow as it stood when it was asked for."""


class HyperSearch(Model):
    """A search as it stood when it was asked for."""


class LogEntry(Model):
    """A line of a log; `str()` of it is what was written."""

    def __str__(self) -> str:
        return str(vars(self)["log"])


class LsLine(Model):
    """A file or folder: `path` (a folder's ends in "/"), `size` in bytes or None, `date`."""


class ValueSpec(Model):
    """Values that a parameter of a search may have."""

    def __init__(self, values: Sequence[Any]) -> None:
        super().__init__(values=list(values))

    def spec(self) -> Choice:
        """The same for a search."""
        return Choice(vars(self)["values"])


class RangeSpec(Model):
    """Numbers that a parameter of a search may have: of `type` "float" or "int", by `scaling` "linear", "log" or
    "reverse_log".
    """

    def __init__(self, min: float, max: float, scaling: str = "linear", type: str = "float") -> None:  # noqa: A002 - as scripts call it
        if type not in ("float", "int"):
            raise UsageError(f"There is no type {type!r:.80} of a range.", "float or int.")
        super().__init__(min=min, max=max, scaling=scaling, type=type)

    def spec(self) -> Range:
        """The same for a search."""
        own = vars(self)
        return Range(own["min"], own["max"], own["scaling"], own["type"] == "int")
