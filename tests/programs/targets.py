"""What the steps of these programs call. Each leaves a line in a file, so that executions can be counted."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from motet.executors import current


def note(path: str, *words: object) -> None:
    """Add a line that no kill of this process can take back."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(fd, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(fd)


def own_key() -> str:
    """The key of the step that this code is part of."""
    here = current.get()
    assert here is not None
    return str(here.context["key"])


def add(path: str, *numbers: Any, pause_s: float = 0.0) -> int:
    """The sum of all numbers, however deep in lists."""
    note(path, own_key())
    time.sleep(pause_s)
    return _sum(numbers)


def _sum(value: Any) -> int:
    return sum(map(_sum, value)) if isinstance(value, (list, tuple)) else int(value)


def fail(path: str, what: str = "no") -> None:
    note(path, own_key())
    raise ValueError(what)


def fail_twice(path: str) -> int:
    """Fails on its first two executions."""
    note(path, own_key())
    with open(path) as lines:
        if lines.read().split("\n").count(own_key()) < 3:
            raise ValueError("not yet")
    return 1


def large(path: str, size: int) -> bytes:
    """More than fits in the journal."""
    note(path, own_key())
    return b"x" * size


def length(path: str, content: bytes) -> int:
    note(path, own_key())
    return len(content)


def told(path: str, value: Any, pause_s: float = 0.0) -> Any:
    """Note the value that an event brought."""
    note(path, own_key(), value)
    time.sleep(pause_s)
    return value


def held(path: str, go: str) -> str:
    """Wait for a file, unless asked to stop."""
    note(path, own_key())
    while not os.path.exists(go) and current.stop_requested() is None:
        time.sleep(0.005)
    return "went"


def stream(path: str) -> None:
    """Run until asked to stop, or killed."""
    note(path, own_key(), "begins")
    while current.stop_requested() is None:
        time.sleep(0.005)
    note(path, own_key(), "ends")


def say(words: str) -> None:
    """Print on both streams."""
    print(words, own_key())
    print("error", words, file=sys.stderr)
