"""What the parts of the runner see of the attempt that they work for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from motet.ports import Attempt


class Wanted(Protocol):
    """An attempt in hand (see `executor.Job`).

    stopping  why it is to end; None as long as it is wanted
    grace_s   how long it has for that
    tee       whether what it writes is also shown by this process
    """

    attempt: Attempt
    stopping: str | None
    grace_s: float
    tee: bool


class Runner(Protocol):
    """How tools are run for an attempt (see `tools.Tools`). `shared` is the folder for what all runs share."""

    shared: str

    def run(self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run the tool to its end; gives its exit status and all that it wrote."""
        ...

    def say(self, text: str) -> None:
        """Write a line to the attempt's log."""
        ...
