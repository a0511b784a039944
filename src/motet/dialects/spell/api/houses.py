"""Whose house a request is for, opened on a server's home."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from motet.dialects.spell import words
from motet.dialects.spell.house import House
from motet.errors import NotFound, UsageError
from motet.executors.machine import capacities
from motet.kernel.events import Json
from motet.ports import Clock, LogStore, NewRun, RunRow
from motet.ports.routes import Call, Place, Role
from motet.ports.voice import Onward, Underway
from motet.shelves import Shelf

_capacities = cache(capacities)


class Hosted:
    """A server's home as what the house is opened on. Runs are made here, and driven by processes of their own."""

    def __init__(self, site: Place) -> None:
        self.home, self.store, self.artifacts = site.home, site.store, site.artifacts
        self.clock: Clock = site
        self.resources: Mapping[str, float] = _capacities()
        self._logs = site.logs

    @property
    def logs(self) -> LogStore:
        """What attempts have written."""
        return self._logs

    def create(self, run: NewRun) -> None:
        """Add a run. Raises UsageError if one of that id exists."""
        if not self.store.create_run(run):
            raise UsageError(f"There is a run {run.id}.", "Ask again.")

    def program_of(self, row: RunRow | NewRun) -> Json:
        """The run's program: its files are artifacts, and move with the home."""
        return row.program

    def drive(self, row: RunRow, program: object, onward: Onward) -> Underway:
        """Never: a server drives no run."""
        raise UsageError("A server drives no run.", "Its engine is a process of its own.")


def house_of(call: Call, owner: str) -> House:
    """The house of that owner, who has to be whoever asks: to all others, there is nobody of that name."""
    if owner != owner_of(call):
        raise NotFound(
            f"There is no owner {owner[:80]!r}, or none whose runs are to be seen by you.", "Check the name."
        )
    return House(Hosted(call.site), call.site.start, owner=owner)


def shelf_of(call: Call, owner: str, kind: str) -> Shelf:
    """The records of that kind that the API keeps for the owner; "": for all of them."""
    return Shelf(call.site.store, call.site.now, words.VOICE, owner, kind)


def owner_of(call: Call) -> str:
    """Whose runs the caller's are: their own; for code of a run, those of the run's owner. Raises NotFound."""
    if call.caller.role is not Role.RUN:
        return call.caller.user
    program = call.site.store.run(call.caller.run).program
    if program.get("voice") != words.VOICE:
        raise NotFound("This run is none of Spell's.", "Ask with the token of a user.")
    return str(program["owner"])
