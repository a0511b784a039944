"""One thread that sees to what is nobody's turn: timers, leases, and events that others publish."""

from __future__ import annotations

import itertools
import threading
import time
from _heapq import heappop, heappush
from collections.abc import Callable

from motet.ports import Store


class Tender:
    """Calls back at given times, and whenever events were published. The thread starts with the first need.

    Callbacks run on the tender's thread, one after the other; they must be short and must not raise.
    """

    def __init__(self, store: Store) -> None:
        self._follower = store.follow(published=True)
        self._lock = threading.Lock()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._ids = itertools.count()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    @staticmethod
    def now() -> float:
        """Seconds on a clock that nobody sets."""
        return time.monotonic()

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back once, `delay_s` seconds from now (a clock that is set does not matter)."""
        due = time.monotonic() + max(0.0, delay_s)
        with self._lock:
            first = not self._timers or due < self._timers[0][0]
            heappush(self._timers, (due, next(self._ids), callback))
            self._ensure_thread()
        if first:
            self._follower.wake()

    def every(self, period_s: float, callback: Callable[[], bool]) -> None:
        """Call back every so many seconds, as long as that gives True."""

        def again() -> None:
            if callback():
                self.after(period_s, again)

        self.after(period_s, again)

    def listen(self, callback: Callable[[], None]) -> int:
        """Call back whenever events were published; gives the number with which to `unlisten`."""
        with self._lock:
            number = next(self._ids)
            self._listeners[number] = callback
            self._ensure_thread()
        return number

    def unlisten(self, number: int) -> None:
        """Call that listener no more."""
        with self._lock:
            self._listeners.pop(number, None)

    def close(self) -> None:
        """Stop the thread; what was due later is not called."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._follower.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._follower.close()

    def _ensure_thread(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="motet-tender", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._closed:
                    return
                due = self._timers[0][0] if self._timers else None
            timeout_s = None if due is None else max(0.0, due - time.monotonic())
            woken = timeout_s != 0.0 and self._follower.wait(timeout_s)
            for callback in self._due(woken):
                callback()

    def _due(self, woken: bool) -> list[Callable[[], None]]:
        now = time.monotonic()
        with self._lock:
            if self._closed:
                return []
            out = list(self._listeners.values()) if woken else []
            while self._timers and self._timers[0][0] <= now:
                out.append(heappop(self._timers)[2])
            return out
