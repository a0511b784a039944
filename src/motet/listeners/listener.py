"""One listener: what it wants, where it is, and what is done when its code fails."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from motet.errors import Conflict, MotetError, UsageError
from motet.interrupts import block
from motet.listeners import kept
from motet.listening import Event, event_of
from motet.ports import Clock, Entry, EventFilter, Store
from motet.records import Record
from motet.rules import OnEvent
from motet.typed import TYPE_CHECKING, Any, Protocol
from motet.values.naming import check_published, checked

if TYPE_CHECKING:
    from datetime import datetime

DEAD_LETTER, SKIP = "dead letter", "skip"

_MOST_WAITING = 1000
"""So many events wait in memory for one listener. One that is further behind reads by itself."""

_KEPT_S = 0.5
"""How often a busy listener keeps how far it is. One that has nothing to do keeps it at once."""

_LINGER_S = 1.0
"""How long its thread waits for more before it ends."""

_AGAIN_S = 1.0
"""How long to wait after the store could not be written or read."""


class Errors(Record, frozen=True):
    """What is done where a listener's code raises: it is logged, and tried again `retries` times, after `delay_s`
    seconds, twice that, and so on; then the event is passed over: kept as a dead letter if the listener has a name, or
    skipped.
    """

    retries: int = 3
    delay_s: float = 1.0
    then: str = DEAD_LETTER

    def __post_init__(self) -> None:
        if self.then not in (DEAD_LETTER, SKIP):
            raise UsageError(f"{self.then!r} is nothing to do about an event.", f'Say "{DEAD_LETTER}" or "{SKIP}".')
        if self.retries < 0 or not 0 <= self.delay_s < float("inf"):
            raise UsageError(f"{self.retries} retries, {self.delay_s} s apart, cannot be.", "Give numbers from 0 on.")


class Source(Protocol):
    """Whoever hands events on: see `fan`. All up to the offset `heard` was handed on."""

    store: Store
    clock: Clock
    heard: int
    lock: threading.Condition

    def remove(self, listener: Listener) -> None:
        """The listener hears no more."""


class Listener:
    """Calls with each event that concerns it, in order, on a thread of its own; begun by `begin`, closed by `close`, or
    at the end of a `with` block.

    call    is given an Event; with `batch`, a list of 1 to so many of them
    keys    a key, or several; each "*" in one stands for any text. A rule OnEvent says more: namespace, sender, values;
            what is meant for a run is heard where that is named, run="*" hears what is meant for any
    start   from that offset on, or from that time on; None: from now on
    name    makes it durable: where it stopped it goes on, in this process or a later one; one process at a time is it
    errors  what is done where `call` raises

    Each event comes at least once: what was under way when the process was killed comes again. Raises UsageError for a
    name or key that cannot be.
    """

    def __init__(
        self, call: Callable[[Any], object], keys: str | OnEvent | Iterable[str | OnEvent] = "*", *,
        start: int | datetime | None = None, name: str = "", errors: Errors | None = None, batch: int = 0,
    ) -> None:  # fmt: skip
        wanted = [keys] if isinstance(keys, str | OnEvent) else list(keys)
        if not wanted:
            raise UsageError("A listener needs a key to listen for.", 'Name some; "*" stands for all.')
        self.rules = [each if isinstance(each, OnEvent) else _of_key(each) for each in wanted]
        self.name = checked(name, "The listener's name")
        self._call, self._start, self._errors, self._batch = call, start, errors or Errors(), batch
        self._fan: Source
        self._kept: kept.Mark | None = None
        self._at = 0  # all up to here was dealt with
        self._seen = 0  # all up to here was dealt with, or waits in the line
        self._line: deque[Event] = deque()
        self._behind = True  # it reads by itself
        self._again = bool(name)  # there may be dead letters to deal with once more
        self._working = False  # it has a thread
        self._dealing = False  # which has something in hand
        self._closing = threading.Event()
        self._moved = threading.Condition()

    # ------------------------------------------------------------ for users

    @property
    def position(self) -> int:
        """The offset up to which it has dealt with all that concerns it."""
        with self._fan.lock:
            idle = not (self._line or self._behind or self._dealing or self._closing.is_set())
            return max(self._at, self._fan.heard) if idle else self._at

    def wait(self, offset: int, timeout_s: float | None = None) -> bool:
        """Wait until it has dealt with all up to that offset; False if the time is up, or it was closed, before."""
        with self._fan.lock:
            self._fan.lock.wait_for(lambda: self.position >= offset or self._closing.is_set(), timeout_s)
            return self.position >= offset

    def join(self) -> None:
        """Wait until it is closed: from another thread, or by Ctrl-C."""
        block(self._closing)

    def close(self, *, wait: bool = True) -> None:
        """Hear no more. A call that is under way is waited for, unless this is that call, or `wait` is not given."""
        if self._closing.is_set():
            return
        with self._fan.lock:
            self._at = self.position
            self._closing.set()
            self._fan.lock.notify_all()
        self._fan.remove(self)
        with self._moved:
            self._moved.notify_all()
            if wait and threading.current_thread().name != self._thread_name:
                self._moved.wait_for(lambda: not self._working)
            if self._working:
                return  # whoever works gives the name back
        self._give_back()

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ for the fan

    def begin(self, fan: Source) -> None:
        """Find where it stands. Raises Conflict while another one of its name is alive."""
        self._fan, store = fan, fan.store
        start, at = self._start, 0
        if isinstance(start, int):
            at = start
        else:
            at = store.head() if start is None else store.offset_at(start.timestamp())
        if self.name:
            self._kept = kept.claimed(store, self.name, at, fan.clock.now(), self.rules)
            at = self._kept.position
        self._at = self._seen = at

    def join_in(self) -> None:
        """It is entered with the fan, whose lock is held: from here on it is handed what comes."""
        self._behind = self._seen < self._fan.heard
        if self._behind or self._again:
            self.wake()

    def wants(self, entry: Entry) -> bool:
        """Whether the event concerns it."""
        received = entry.received_by("")
        return any(rule.meets(received) for rule in self.rules)

    def offer(self, event: Event) -> None:
        """An event that concerns it, in order; the fan's lock is held."""
        if self._behind or event.offset <= self._seen:
            return
        if len(self._line) >= _MOST_WAITING:
            self._behind = True
            return
        self._line.append(event)
        self._seen = event.offset
        self.wake()

    def once_more(self) -> None:
        """Deal with dead letters that are marked for it."""
        self._again = True
        self.wake()

    def wake(self) -> None:
        """See to it that a thread works: on what is there, and to say how far it is."""
        with self._moved:
            if self._working:
                self._moved.notify_all()
            elif not self._closing.is_set():
                self._working = True
                threading.Thread(target=self._work, name=self._thread_name, daemon=True).start()

    # ------------------------------------------------------------ its thread

    @property
    def _thread_name(self) -> str:
        return f"motet-listener-{self.name or id(self)}"

    def _work(self) -> None:
        while True:
            try:
                self._work_off()
            except Conflict as error:
                self._log().error("Listener %s stops: %s", self.name, error)
                self._kept = None
                self._closing.set()
                self._fan.remove(self)
            except MotetError as error:
                self._log().error("Listener %s waits: %s", self._title, error)
                self._start_over()
                self._closing.wait(_AGAIN_S)
                continue
            with self._moved:
                if not self._moved.wait_for(self._has_work, _LINGER_S):
                    self._working = False
                    return
            if self._closing.is_set():
                break
        self._give_back()
        with self._moved:
            self._working = False
            self._moved.notify_all()

    def _start_over(self) -> None:
        """What was in hand when the store failed was not dealt with: go on from what was."""
        with self._fan.lock:
            self._line.clear()
            self._seen, self._behind, self._again = self._at, True, bool(self.name)

    def _has_work(self) -> bool:
        return bool(self._line) or self._again or self._closing.is_set()

    def _work_off(self) -> None:
        """Deal with all that is there."""
        due_at = time.monotonic() + _KEPT_S
        self._dealing = True
        while not self._closing.is_set():
            if self._again:
                self._again = False
                self._deal_again()
            some = self._next()
            if not some:
                break
            self._deal(some)
            if time.monotonic() >= due_at:
                self._keep()
                due_at = time.monotonic() + _KEPT_S
        self._dealing = False
        self._reach(self._at)
        self._keep()

    def _next(self) -> list[Event]:
        """The next ones to deal with; none if there is nothing to do."""
        most = self._batch or 1
        while not self._line and self._behind and not self._closing.is_set():
            self._read()
        return [self._line.popleft() for _ in range(min(most, len(self._line)))]

    def _read(self) -> None:
        """Read some of what others have heard before; once all is read, the fan hands it on."""
        fan, (first, *others) = self._fan, self.rules
        where = None if others or first.pattern else EventFilter(first.key, first.namespace, first.sender)
        heard = fan.heard
        entries = fan.store.read(self._seen, limit=_MOST_WAITING, published=True, where=where)
        self._line.extend(event_of(entry) for entry in entries if self.wants(entry))
        self._seen = max(self._seen, entries[-1].offset if entries else heard)
        if not self._line:
            self._reach(self._seen)
        with fan.lock:
            self._behind = self._seen < fan.heard

    def _deal(self, events: list[Event]) -> None:
        """Have the user's code deal with it; what it cannot deal with is passed over, as it was said."""
        for attempt in range(self._errors.retries + 1):
            error = self._called(events)
            if error is None:
                break
            if attempt < self._errors.retries and self._closing.wait(self._errors.delay_s * 2**attempt):
                return
        else:
            if self.name and self._errors.then == DEAD_LETTER:
                for event in events:
                    kept.bury(self._fan.store, self.name, event, f"{type(error).__name__}: {error}")
        self._reach(events[-1].offset)

    def _deal_again(self) -> None:
        for letter in kept.marked(self._fan.store, self.name) if self.name else ():
            error = self._called([letter.event])
            kept.settle(self._fan.store, letter, "" if error is None else f"{type(error).__name__}: {error}")

    def _called(self, events: list[Event]) -> BaseException | None:
        """What the user's code raised, which was logged."""
        try:
            self._call(events if self._batch else events[0])
        except BaseException as error:  # noqa: BLE001 - boundary: the user's code, and sys.exit() is no reason to be deaf
            place = f"{events[0].key} at offset {events[0].offset}"
            self._log().error("Listener %s failed with event %s", self._title, place, exc_info=error)
            return error
        return None

    def _reach(self, offset: int) -> None:
        with self._fan.lock:
            self._at = max(self._at, offset)
            self._fan.lock.notify_all()

    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.keep(self._fan.store, self.position, self._fan.clock.now())

    def _give_back(self) -> None:
        """Nobody works any more: let others have the name."""
        mark, self._kept = self._kept, None
        if mark is not None:
            mark.let_go(self._fan.store, self._at, self._fan.clock.now())

    @property
    def _title(self) -> str:
        return self.name or f"of {', '.join(rule.key for rule in self.rules)}"

    @staticmethod
    def _log() -> logging.Logger:
        return logging.getLogger("motet")


def _of_key(key: str) -> OnEvent:
    check_published(key)
    return OnEvent(key, pattern="*" in key)
