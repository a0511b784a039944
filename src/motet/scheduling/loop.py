"""The scheduler: looks at what is due, what has come and what is to be told, and sleeps until the next of it.

It keeps nothing in memory that counts. Any number of them may work on one store, and each may die at any moment: what
is to be begun is written down first, and has an id that follows from its cause.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from motet.errors import MotetError, NotFound, UsageError
from motet.ports import Store
from motet.registry import definitions
from motet.scheduling import alerts, living, schedules, triggers
from motet.scheduling.beginning import Beginner

_LONGEST_S = 30.0
"""At least so often it is looked at the clock, which somebody may have set."""

_SHORTEST_S = 0.05
"""Between two looks: what is published in haste is looked at together."""

_TROUBLE_S = 5.0


class Scheduler:
    """Carries out what is scheduled in a home.

    now  the wall clock; `say` tells what is done
    """

    def __init__(self, store: Store, home: str, now: Callable[[], float], say: Callable[[str], None]) -> None:
        self._store = store
        self._home = home
        self._now = now
        self._say = say
        self._beginner = Beginner(store, home, now, say)
        self._alerts = alerts.Teller(store, home, now, say)
        self._follower = store.follow(published=True)

    def look(self) -> float | None:
        """Do all that is to be done now; gives when to look again at the latest, None if nothing is scheduled."""
        times = [schedules.look(self._beginner), triggers.look(self._beginner), self._alerts.look()]
        return min((each for each in times if each is not None), default=None)

    def once(self) -> None:
        """Do all that is to be done now, and see it done: messages are told, too."""
        self.look()
        self._alerts.close(wait=True)

    def run(self, stopped: threading.Event, *, while_wanted: bool = False) -> None:
        """Go on until `stopped` is set; with `while_wanted`, as long as anything is scheduled."""
        threading.Thread(target=self._wake_at, args=(stopped,), daemon=True).start()
        try:
            while not stopped.is_set() and not (while_wanted and self._is_idle()):
                self._follower.wait(self._patience_s())
                stopped.wait(_SHORTEST_S)
        finally:
            self._alerts.close()

    def _wake_at(self, stopped: threading.Event) -> None:
        stopped.wait()
        self._follower.wake()

    def close(self) -> None:
        """Let go of what it listens with."""
        self._follower.close()

    def _patience_s(self) -> float:
        """How long to sleep after a look. What goes wrong with that is said, and tried again."""
        try:
            until = self.look()
        except Exception as error:  # noqa: BLE001 - boundary: one bad look must not end what all schedules hang on
            what = error.what if isinstance(error, MotetError) else f"{type(error).__name__}: {error}."
            self._say(f"{what} Trying again.")
            return _TROUBLE_S
        return _LONGEST_S if until is None else min(max(until - self._now(), 0.0), _LONGEST_S)

    def _is_idle(self) -> bool:
        """Whether nothing is scheduled any more, or the home is gone. What is added at this moment is seen."""
        if not os.path.isdir(self._home):
            return True
        if is_needed(self._store):
            return False
        living.unwant(self._home)
        if is_needed(self._store):
            living.want(self._home)
            return False
        return True


def check_unused(store: Store, text: str) -> None:
    """Raise UsageError where NAME, or NAME@VERSION, cannot be removed: a schedule or trigger begins runs of it, by its
    version, or by a name that no other version would be left of.
    """
    going = {each.version for each in definitions.meant(store, text)}
    stays = len(definitions.versions(store, text)) > len(going)
    name = text.partition("@")[0]
    there = [("schedule", each.name, each.target) for each in schedules.every(store)]
    there += [("trigger", each.name, each.target) for each in triggers.every(store)]
    used = [
        f"{kind} {of}"
        for kind, of, target in there
        if target.partition("@")[0] == name and (_is_one(store, target, going) if "@" in target else not stays)
    ]
    if used:
        raise UsageError(f"{text} is needed by {', '.join(used)}.", "Remove these first.")


def _is_one(store: Store, target: str, versions: set[str]) -> bool:
    try:
        return definitions.find(store, target).version in versions
    except NotFound:
        return False


def is_needed(store: Store) -> bool:
    """Whether a scheduler has anything to do there."""
    return bool(schedules.every(store) or triggers.every(store) or alerts.every(store))
