"""Threads that work for the attempts of one executor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from queue import SimpleQueue
from typing import TypeAlias

from motet.executors.alarm import Alarm
from motet.executors.calls import begin_thread
from motet.ports import Failure

Work: TypeAlias = Callable[[Alarm], None]
"""What a thread is to do. It gets the thread's alarm: what wakes it where it waits for file descriptors."""


class Crew:
    """At most `most` threads, made on demand and kept. What is given to them must not raise."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = self._queued = 0

    def give(self, work: Work) -> Failure | None:
        """Have a thread do the work, soon; gives how its attempt ends if the system gives no thread at all."""
        with self._lock:
            if self._queued >= self._idle and len(self._threads) < self._most:
                thread = begin_thread(self._work, self._name)
                if not isinstance(thread, Failure):
                    self._threads.append(thread)
                    self._idle += 1
                elif not self._threads:
                    return thread
            self._queued += 1
            self._queue.put(work)
        return None

    def _work(self) -> None:
        alarm = Alarm()
        try:
            while (work := self._queue.get()) is not None:
                with self._lock:
                    self._queued -= 1
                    self._idle -= 1
                work(alarm)
                with self._lock:
                    self._idle += 1
                del work
        finally:
            alarm.close()

    def close(self, stuck: Collection[threading.Thread | None]) -> None:
        """Wait for the threads, but those that are stuck, to do what was given to them, and end."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            if thread not in stuck:
                thread.join()
