"""Child runs: runs that a step of another run begins, drives or follows to their end, and stops with itself."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from motet import app, deaths, voices
from motet.errors import Conflict, NotFound, RunFailed
from motet.executors import current
from motet.executors.runs import LET_GO
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.owners import LEASE_S, is_dead
from motet.ports import STEERING, Publication, RunRow
from motet.ports.voice import Asked, Onward, Target, Underway
from motet.values.naming import id_within
from motet.values.records import decode

_LOOK_S = 1.0
"""How often it is seen whether the process that drives it elsewhere still lives; its end is heard of at once."""


def started(
    target: str, inputs: Mapping[str, Any], options: Mapping[str, Any], *, detached: bool = False
) -> Mapping[str, Any]:  # fmt: skip
    """What a step does that a program has asked for by `StartRun`."""
    return Child(target, Asked(params=inputs, inputs=inputs, options=options), detached=detached).run()


class Child:
    """The run of a workflow file, or of another target (`flows.py:train`, `package.module:program`).

    detached   whether a process of its own drives it, which outlives this one
    """

    def __init__(self, target: str, asked: Asked, *, detached: bool = False) -> None:
        file, _, name = (target, "", "") if os.path.isfile(target) else target.rpartition(":")
        self._target = Target(file, name=name) if os.path.isfile(file) else Target("", file, name)
        self._asked = asked
        self._detached = detached
        self._here = current.get()
        self._underway: Underway | None = None
        self._elsewhere = ""
        self._host = app.hosts.current()

    def run(self) -> Mapping[str, Any]:
        """Begin it, unless that was done; see to it until it has ended; give what it has put out. Raises RunFailed.

        As part of a step its id follows from that, so that a further attempt takes up the same run; and it is stopped
        when the step is.
        """
        row = self._existing() or self._begun()
        if self._here is not None:
            self._here.at_stop = partial(app.hosts.current().aside, self._stop)
        if self._detached and row.status not in ENDED:
            row = self._followed(row)
        elif row.status != SUCCEEDED:
            row = self._driven(row)
        check_ended(row, "; ".join(deaths.parked(self._host.store, row.id)))
        voice = voices.of_run(row)
        return voice.values(self._host, row) if voice.puts_out else decode(row.result, self._host.artifacts)

    def _existing(self) -> RunRow | None:
        try:
            return self._host.store.run(id_of(self._here.context)) if self._here is not None else None
        except NotFound:
            return None

    def _begun(self) -> RunRow:
        new = voices.of_target(self._target).new_run(self._host, self._target, self._asked)
        if self._here is not None:
            new.id, new.parent = id_of(self._here.context), str(self._here.context["run"])
        self._host.create(new)
        return self._host.store.run(new.id)

    def _driven(self, row: RunRow) -> RunRow:
        """Drive it here; where another process does, that one ends it."""
        onward = Onward(reopen=row.status in ENDED, watch=self._watched)
        try:
            voices.of_run(row).carry_on(self._host, row, onward)
        except Conflict:
            return self._followed(row)
        return self._host.store.run(row.id)

    def _followed(self, row: RunRow) -> RunRow:
        """Wait until it has ended, and have it go on where nobody drives it."""
        self._elsewhere = row.id
        self._watch_out()
        follower = self._host.store.follow()
        start_at = 0.0
        try:
            while row.status not in ENDED and not self._is_let_go and not deaths.parked(self._host.store, row.id):
                if (row.owner is None or is_dead(row.owner)) and time.monotonic() >= start_at:
                    start_at = time.monotonic() + LEASE_S  # a process may take its time to begin
                    app.start_engine(row.id)
                follower.wait(_LOOK_S)
                row = self._host.store.run(row.id)
        finally:
            follower.close()
        return row

    def _watched(self, underway: Underway) -> None:
        self._underway = underway
        self._watch_out()

    def _watch_out(self) -> None:
        """It can be stopped from now on: was it to be stopped before?"""
        if self._here is not None and self._here.stopping is not None:
            self._stop()

    @property
    def _is_let_go(self) -> bool:
        return self._here is not None and self._here.stopping in LET_GO

    def _stop(self) -> None:
        assert self._here is not None
        why = f"the step that it is part of was stopped: {self._here.stopping}"
        if self._underway is not None and self._is_let_go:
            self._underway.leave()
        elif self._underway is not None:
            self._underway.cancel(why)
        elif self._elsewhere and not self._is_let_go:
            at = self._host.clock.now()
            self._host.store.publish([Publication("run.stop", why, STEERING, "motet", self._elsewhere, "", at)])


def check_ended(row: RunRow, story: str = "") -> None:
    """Raise RunFailed unless the run has succeeded."""
    if row.status != SUCCEEDED:
        told = row.error.get("message", "") if isinstance(row.error, dict) else story or row.status
        raise RunFailed(f"Run {row.name} of {row.workflow} {row.status}. {told}", f"Look at it: motet show {row.id}")


def id_of(context: Mapping[str, Any]) -> str:
    """The id of the run that a step begins: the same for every attempt at it."""
    return id_within(str(context["run"]), context["key"], context.get("element", -1))
