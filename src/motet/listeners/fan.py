"""One follower and one reader for all listeners of a process: who publishes pays for one, however many listen."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from motet.errors import MotetError
from motet.listeners import kept
from motet.listeners.listener import Listener
from motet.listening import Hosts, event_of
from motet.ports import STEERING, Entry, Timers
from motet.rules import OnEvent

_AT_ONCE = 1000

RENEWED_S = 20.0
"""How often a listener that has a name says that it is alive, and how far it is."""

_AGAIN_S = 1.0
"""How long to wait after the store could not be read."""


class Fan:
    """Reads what is published, once, and hands it to those whom it concerns.

    heard  the offset up to which it was handed on: who begins before that reads by itself until it is there
    """

    def __init__(self, host: Hosts) -> None:
        self.lock = threading.Condition()
        self.store, self.clock = host.store, host.clock
        self.heard = 0
        self._timers = host.tender
        self._woken = threading.Event()
        self._number: int | None = None
        self._exact: dict[str, dict[Listener, None]] = {}
        self._like: dict[str, dict[Listener, None]] = {}
        self._named: dict[str, Listener] = {}
        self._count = 0

    def add(self, listener: Listener) -> Listener:
        """From now on the listener hears. Raises Conflict while another one of its name is alive."""
        listener.begin(self)
        with self.lock:
            for rule in listener.rules:
                self._place(rule)[listener] = None
            if listener.name:
                self._named[listener.name] = listener
            self._count += 1
            if self._number is None:
                self.heard = self.store.head()
                self._number = self._timers.listen(self._woken.set)
                threading.Thread(target=self._run, args=(self._number,), name="motet-fan", daemon=True).start()
            listener.join_in()
        return listener

    def remove(self, listener: Listener) -> None:
        """The listener hears no more. The last one to go ends the reading."""
        with self.lock:
            for places in (self._exact, self._like):
                for there in places.values():
                    there.pop(listener, None)
                for key in [each for each, there in places.items() if not there]:
                    del places[key]
            if self._named.get(listener.name) is listener:
                del self._named[listener.name]
            self._count -= 1
            if not self._count and self._number is not None:
                self._timers.unlisten(self._number)
                self._number = None
        self._woken.set()

    def _place(self, rule: OnEvent) -> dict[Listener, None]:
        return (self._like if rule.pattern else self._exact).setdefault(rule.topic[1], {})

    def _run(self, number: int) -> None:
        """Read and hand on until nobody listens any more. Never dies of what befalls the store."""
        while True:
            woken = self._woken.wait(RENEWED_S)
            self._woken.clear()
            with self.lock:
                if self._number != number:
                    return
                named = [] if woken else list(self._named.values())
            try:
                self._hand_on(number)
                for each in named:
                    each.wake()
            except MotetError as error:
                logging.getLogger("motet").error("Events cannot be read, listeners wait: %s", error)
                threading.Event().wait(_AGAIN_S)
                self._woken.set()

    def _hand_on(self, number: int) -> None:
        while entries := self.store.read(self.heard, limit=_AT_ONCE, published=True):
            with self.lock:
                if self._number != number:
                    return
                for entry in entries:
                    for listener in self._concerned(entry):
                        listener.offer(event_of(entry))
                self.heard = entries[-1].offset
                self.lock.notify_all()

    def _concerned(self, entry: Entry) -> Iterator[Listener]:
        if entry.namespace == STEERING and entry.key == kept.AGAIN and entry.value in self._named:
            self._named[entry.value].once_more()
        found = dict(self._exact.get(entry.key, {}))
        for beginning, listeners in self._like.items():
            if entry.key.startswith(beginning):
                found |= listeners
        return (each for each in found if each.wants(entry))


def begin(host: Hosts, listener: Listener) -> Listener:
    """From now on the listener hears what is published on that host. Raises Conflict while another one of its name is
    alive.
    """
    with _making:
        fan = _fans.get(host.tender)
        if fan is None:
            fan = _fans[host.tender] = Fan(host)
    return fan.add(listener)


_fans: WeakKeyDictionary[Timers, Fan] = WeakKeyDictionary()
"""There is one follower a host, so there is one fan."""

_making = threading.Lock()
