"""What an attempt needs to run and the journal does not hold: functions, arguments, live values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from motet.kernel.events import Json
from motet.ports import Attempt, Outcome
from motet.records import Protocol, Record


class Call(Protocol):
    """The live side of a step. `element` is -1 for a single step, else the index in a map."""

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """What is to be called, or the outcome where it is known already. `here` says that it will run in this process.

        Called while the run is locked, so it must be short; where arguments take time to fetch, what it
        gives does the fetching. What it raises fails the attempt.
        """
        ...

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """How the outcome is to be recorded. Called on the thread that reports, before the commit."""
        ...


class Prepared:
    """A function with its arguments, ready to be called."""

    __slots__ = ("args", "context", "function", "kwargs", "options")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None,
        *, context: Mapping[str, Json] | None = None, options: Mapping[str, Json] | None = None,
    ) -> None:  # fmt: skip
        self.function = function
        self.args = args
        self.kwargs = kwargs or {}
        self.context = context or {}
        self.options = options or {}


class Settled(Record):
    """A success with its record; or a failure with its error, whether a retry is of use, and after how long.

    `cached`: the record was kept by an earlier step. `note` is what the voice wants to remember of why.
    """

    ok: bool
    record: Json = None
    error: Json = None
    retry: bool = True
    delay_s: float | None = None
    cached: bool = False
    note: Json = None
