"""What a run hears of what is published: each event once and in order; what came before a wait, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from motet import requests
from motet.engine.session import Session
from motet.failpoints import hit
from motet.kernel import events as ev
from motet.kernel.decide import Command
from motet.kernel.transitions import ENDED
from motet.kernel.waits import concerned, hears
from motet.ports import STEERING, Entry
from motet.ports.voice import Host

_AT_ONCE = 1000


class Hearing:
    """Takes published events in, from the session's cursor on. The run's lock is held.

    own   what is done with what others ask of the run itself, in Motet's own namespace, by its key
    late  waits that are yet to be shown what was published before they began
    """

    def __init__(
        self, host: Host, session: Session, carry_out: Callable[[Sequence[Command]], None],
        own: Mapping[str, Callable[[Entry], None]],
    ) -> None:  # fmt: skip
        self.late: dict[str, None] = {}
        self._host = host
        self._store = host.store
        self._session = session
        self._carry_out = carry_out
        self._acts = {**dict.fromkeys(requests.KEYS, self._asked_of_step), **own}

    def take_in(self) -> None:
        """Act on what concerns the run, in order, until nothing more is there."""
        session, run = self._session, self._session.state.run
        while True:
            self.look_back()
            entries = self._store.read(session.cursor, limit=_AT_ONCE, published=True)
            if not entries:
                return
            hit("heard.before")
            heard: list[Entry] = []
            for entry in entries:
                act = self._acts.get(entry.key) if entry.namespace == STEERING and entry.run == run else None
                if act is None:
                    heard.append(entry)
                    continue
                if not self._hear(heard):
                    break
                heard = []
                session.cursor = entry.offset - 1
                act(entry)
                session.cursor = entry.offset
            else:
                self._hear(heard)
            hit("heard.after")

    def _asked_of_step(self, entry: Entry) -> None:
        for event in requests.told(self._session.state, entry, self._host):
            self._session.note(event)
        self._carry_out(self._session.act((), commit=True))

    def _hear(self, entries: Sequence[Entry]) -> bool:
        """Feed what is heard of the entries; whether all were looked at."""
        if not entries:
            return True
        self.look_back()
        if self._session.state.status in ENDED:
            self._session.cursor = entries[-1].offset
        else:
            self._carry_out(self._session.feed(self._heard(entries)))
        return self._session.cursor == entries[-1].offset

    def _heard(self, entries: Sequence[Entry]) -> Iterator[ev.EventReceived]:
        """What the run hears of, up to where something begins to wait: that may have to hear of earlier ones first."""
        session, state = self._session, self._session.state
        begun = state.waited
        for entry in entries:
            if state.waited != begun:
                return
            session.cursor = entry.offset
            if hears(state, told := entry.received_by(state.run)):
                yield told

    def look_back(self) -> None:
        """Show waits that have just begun what was published before, in order, and before all that comes later."""
        session, waits, run = self._session, self._session.state.waits, self._session.state.run
        while late := {each for each in self.late if each in waits and waits[each].open}:
            self.late = {}
            found: list[ev.EventReceived] = []
            after = min(waits[each].heard for each in late)
            while after < session.cursor:
                entries = self._store.read(after, limit=_AT_ONCE, published=True)
                for entry in entries:
                    if entry.offset <= session.cursor:
                        hearing = concerned(session.state, entry.received_by(run))
                        found += [entry.received_by(run, each) for each in hearing if each in late]
                after = entries[-1].offset if entries else session.cursor
            self._carry_out(session.feed(found))
