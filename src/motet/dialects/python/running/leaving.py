"""Letting go of a run that goes on waiting: its process may end, and another takes the run up when there is news."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motet.errors import Suspended

if TYPE_CHECKING:
    from motet.ports import RunRow


class Leaving(BaseException):
    """Unwinds the bodies of a run that is to be let go of: nothing has failed. `cure` says how it goes on."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def suspended(self, run: RunRow) -> Suspended:
        """What whoever called the flow is told."""
        return Suspended(f"Run {run.name} is suspended: it waits for {self.what}.", self.cure.format(run=run.name))
