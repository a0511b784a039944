"""How one thread wakes another that waits for file descriptors."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from motet import forks


class Alarm:
    """Wakes a thread that waits for `fd` to be readable. Safe from any thread."""

    def __init__(self) -> None:
        self.fd, self._end = os.pipe()
        forks.own(self.fd, self._end)
        os.set_blocking(self.fd, False)
        os.set_blocking(self._end, False)
        self._lock = threading.Lock()
        self._closed = False

    def ring(self) -> None:
        """Wake it, now or when it next waits."""
        with self._lock, suppress(BlockingIOError):  # full: it will wake all the same
            if not self._closed:
                os.write(self._end, b"!")

    def clear(self) -> None:
        """Let it sleep again."""
        with suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def close(self) -> None:
        """Wake nobody any more."""
        with self._lock:
            self._closed = True
            os.close(self.fd)
            os.close(self._end)
