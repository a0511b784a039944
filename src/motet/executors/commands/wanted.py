"""What the parts of the runner see of the attempt that they work for."""

from __future__ import annotations

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
