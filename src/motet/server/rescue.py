"""Runs that lost the process that drove them, or never got one, are taken up again, if they were begun to go on alone.

A run that somebody drives by hand is left to them. The others are taken up at once, then after growing waits, and at
most three times without a new outcome; of several servers on one store one does it, by compare-and-set of a document.
"""

from __future__ import annotations

import sys
import time
from threading import Event

from motet import deaths
from motet.errors import Conflict, MotetError
from motet.kernel.transitions import ENDED, PENDING
from motet.ports import Document, RunFilter, RunRow
from motet.server.site import Site
from motet.values import visible
from motet.views import lookup

WAITS_S = (0.0, 5.0, 30.0)
"""How long after the last take-over the next one comes: so many there are."""

_WAYS = {"submit", "server", "schedule", "trigger"}
_LOOK_S = 2.0
_UNBEGUN_S = 30.0
"""A run that was made so long ago and that nobody drives was begun by a process that died then."""

_VOICE, _KIND = "motet", "taken over"
_AT_ONCE = 500
_SHARE = 20


class Rescue:
    """Looks after the runs of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._told: set[str] = set()

    def run(self, stopped: Event) -> None:
        """Look again and again, until `stopped` is set. Looking takes a small part of the time, however many runs."""
        took_s = 0.0
        while not stopped.wait(max(_LOOK_S, _SHARE * took_s)):
            began_at = time.monotonic()
            try:
                self.look()
            except MotetError as error:
                self._say(f"runs cannot be looked after: {error.what}")
            took_s = time.monotonic() - began_at

    def look(self) -> list[str]:
        """Take up what is to be taken up now; gives the ids."""
        lost = [row for status in (PENDING, *lookup.DRIVEN) for row in self._lost(status)]
        return [row.id for row in lost if self._taken(row)]

    def _lost(self, status: str) -> list[RunRow]:
        """The runs of that status that nobody drives, and that were to go on alone."""
        store, start, now = self._site.store, None, time.time()
        found: list[RunRow] = []
        while True:
            page = store.run_page(RunFilter(status=status), start=start, limit=_AT_ONCE)
            rows = [row for row in page.runs if _goes_alone(row)]
            if status == PENDING:
                found += [row for row in rows if row.owner is None and row.created_at + _UNBEGUN_S < now]
            else:
                crashed = [row for row in rows if lookup.has_crashed(row, now)]
                found += [row for row in lookup.with_waits(store, crashed) if not lookup.is_suspended(row)]
            if page.next is None:
                return found
            start = page.next

    def _taken(self, row: RunRow) -> bool:
        """Whether it was taken up: not if another server was faster, or it is not its time, or it was too often."""
        store = self._site.store
        if deaths.parked(store, row.id):
            self._say(f"run {row.name} is parked: its engine died too often. motet resume {row.name} takes it up.", row)
            return False
        known = store.document(_VOICE, _KIND, row.id) or Document(_VOICE, _KIND, row.id, {}, 0)
        outcomes = sum(count for status, count in row.counts.items() if status in ENDED)
        times = known.body.get("times", 0) if known.body.get("outcomes") == outcomes else 0
        if times >= len(WAITS_S):
            self._say(f"run {row.name} was taken up {times} times to no end. motet resume {row.name} tries again.", row)
            return False
        if known.body.get("at", 0.0) + WAITS_S[times] > time.time():
            return False
        body = {"times": times + 1, "outcomes": outcomes, "at": time.time()}
        try:
            store.put_document(Document(_VOICE, _KIND, row.id, body, known.version))
        except Conflict:
            return False
        self._say(f"run {row.name} lost its process: taken up again.")
        self._site.start(row.id)
        return True

    def _say(self, text: str, row: RunRow | None = None) -> None:
        """Tell whoever keeps the server; of one run that is let lie, once."""
        if row is None or row.id not in self._told:
            sys.stderr.write(f"motet: {visible.line(text)}\n")
            sys.stderr.flush()
        if row is not None:
            self._told.add(row.id)


def _goes_alone(row: RunRow) -> bool:
    """Whether the run was begun to go on by itself, and nobody need see to it."""
    begun = row.program.get("begun_by") if isinstance(row.program, dict) else None
    if not isinstance(begun, dict):
        return False
    return begun.get("by") in _WAYS or bool(_WAYS & begun.keys())
