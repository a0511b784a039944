"""What a run hears of what is published: each event once and in order; what came before a wait, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from motet.engine.session import Session
from motet.failpoints import hit
from motet.kernel import events as ev
from motet.kernel.decide import Command
from motet.kernel.transitions import ENDED
from motet.kernel.waits import concerned, hears
from motet.ports import STEERING, Entry, Store

_AT_ONCE = 1000


class Hearing:
    """Takes published events in, from the session's cursor on. The run's lock is held.

    requests  what is done with what others ask of this run, in Motet's own namespace, by its key
    late      waits that are yet to be shown what was published before they began
    """

    def __init__(
        self, store: Store, session: Session, carry_out: Callable[[Sequence[Command]], None],
        requests: Mapping[str, Callable[[Entry], None]],
    ) -> None:  # fmt: skip
        self.late: dict[str, None] = {}
        self._store = store
        self._session = session
        self._carry_out = carry_out
        self._requests = requests

    def take_in(self) -> None:
        """Act on what concerns the run, in order, until nothing more is there."""
        session, run = self._session, self._session.state.run
        while True:
            self.look_back()
            entries = self._store.read(session.cursor, limit=_AT_ONCE, published=True)
            if not entries:
                return
            hit("heard.before")
            heard: list[ev.EventReceived] = []
            for entry in entries:
                act = self._requests.get(entry.key) if entry.namespace == STEERING and entry.run == run else None
                if act is not None:
                    self._hear(heard, entry.offset - 1)
                    heard = []
                    act(entry)
                elif hears(session.state, told := entry.received_by(run)):
                    heard.append(told)
            self._hear(heard, entries[-1].offset)
            hit("heard.after")

    def _hear(self, heard: Sequence[ev.EventReceived], cursor: int) -> None:
        """Feed the events. All was looked at up to the offset `cursor`: rules added now hear what comes later."""
        self.look_back()
        self._session.cursor = cursor
        if heard and self._session.state.status not in ENDED:
            self._carry_out(self._session.feed(heard))

    def look_back(self) -> None:
        """Show waits that have just begun what was published before, in order, and before all that comes later."""
        session, waits = self._session, self._session.state.waits
        while late := {each for each in self.late if each in waits and waits[each].open}:
            self.late = {}
            found: list[ev.EventReceived] = []
            after = min(waits[each].heard for each in late)
            while after < session.cursor:
                entries = self._store.read(after, limit=_AT_ONCE, published=True)
                for entry in entries:
                    if entry.offset <= session.cursor:
                        told = entry.received_by(session.state.run)
                        found += [told.for_wait(each) for each in concerned(session.state, told) if each in late]
                after = entries[-1].offset if entries else session.cursor
            self._carry_out(session.feed(found))
