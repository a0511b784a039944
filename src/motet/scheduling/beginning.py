"""Runs that nobody starts by hand: begun once for each cause, whatever process does it, and however often."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from motet.errors import MotetError, NotFound
from motet.failpoints import hit
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, ENDED, PENDING
from motet.ports import STEERING, Publication, RunRow, Store
from motet.registry import definitions, starting
from motet.registry.starting import Place
from motet.views.lookup import has_crashed

_SETTLED_S = 5.0
"""A run that another process made so long ago, and that nobody drives, is started again."""

DONE, NOT_YET = "", "not yet"


class Beginner:
    """Begins runs of what is registered in a home.

    launch  starts the engine of a run; `say` tells what is done
    """

    def __init__(
        self, store: Store, home: str, now: Callable[[], float], say: Callable[[str], None],
        launch: Callable[[RunRow], None] | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.home = home
        self.now = now
        self.say = say
        self._launch = launch or self._start_engine

    def begin(self, target: str, params: Mapping[str, Json], run: str, name: str, begun_by: Json) -> str:
        """Make the run of that id and start its engine, unless that is done. Gives "" when it is, NOT_YET if another
        process may be about to; else why it cannot be.
        """
        try:
            row, made = self.store.run(run), False
        except NotFound:
            try:
                definition = definitions.find(self.store, target)
                place = Place(self.store, self.home, self.now())
                new = starting.new_run(definition, params, place, run=run, name=name, begun_by=begun_by)
            except MotetError as error:
                return error.what
            hit("create_run.before")
            made = self.store.create_run(new)
            hit("create_run.after")
            row = self.store.run(run)
        if row.status != PENDING or row.owner is not None:
            return DONE
        if not made and abs(self.now() - row.created_at) < _SETTLED_S:
            return NOT_YET
        self._launch(row)
        return DONE

    def is_under_way(self, run: str) -> bool:
        """Whether the run goes on: it has not ended, and somebody drives it, or is about to."""
        try:
            row = self.store.run(run)
        except NotFound:
            return False
        return row.status not in ENDED and not has_crashed(row, self.now())

    def stop(self, run: str, why: str) -> None:
        """Ask for the run to be stopped, if it goes on."""
        if self.is_under_way(run) and self.store.run(run).status != CANCELLING:
            self.store.publish([Publication("run.stop", why, STEERING, "motet", run, f"stop/{run}/{why}", self.now())])

    def _start_engine(self, row: RunRow) -> None:
        starting.start_engine(self.home, row, alone=True)
