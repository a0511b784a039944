"""What an executor and its worker processes say to each other, and how it is framed.

A message is a tuple, pickled: a magic number, eight bytes of length (little-endian), then the parts of
`values.pickle`. The magic number tells what a task has written into the wrong file descriptor.

To the worker:
    ("boot", factory, limit_bytes, argv)        once, first: how to open the artifact store, ...
    ("settings", cwd, path, variables, main)    from now on; before a call whenever they have changed. `main`, or
                                                None: the script that it needs something of, as the fields of a `Main`
    ("call", reference, function, args, kwargs, context, environ)
                                                `reference` or, if that is None, `function`
    ("kept", number, refused)                   the answer to a checkpoint; `refused` is None, or why and the cure
    ("close",)                                  end

From the worker:
    ("ready",)                                  once: it has booted
    ("checkpoint", made)                        the attempt's state was kept so (see `ports.Attempt`); waits for "kept"
    ("success", record, leaving)                `leaving`: the worker ends by itself now
    ("failure", error, leaving)
    ("unknown", error)                          the reference cannot be imported here: nothing was run

Kept small: a worker process imports it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from motet.values import pickle

STOP = signal.SIGRTMIN + 7
"""Asks a worker process to end, and what its attempt has started with it. Nobody else's signal: SIGTERM has its default
action in a worker, so that a process which the attempt forks has that, too.
"""

MAGIC = b"\x93M5>"
PREFIX = len(MAGIC) + 8
_MOST_PARTS = 64
"""Parts per system call; all systems take more."""


def frame(parts: Sequence[pickle.Part]) -> list[pickle.Part]:
    """The message whose pickle has these parts, ready to be sent."""
    return [MAGIC + pickle.size_bytes(parts).to_bytes(8, "little"), *parts]


def length(prefix: bytes | bytearray) -> int:
    """The size of the message that follows. Raises ValueError for what is no prefix."""
    if prefix[: len(MAGIC)] != MAGIC:
        raise ValueError("not a message")
    return int.from_bytes(prefix[len(MAGIC) :], "little")


def message(*content: Any) -> list[pickle.Part]:
    """A message of plain content, ready to be sent."""
    return frame(pickle.dumps(content))


def rest(parts: Sequence[pickle.Part], sent: int) -> list[memoryview]:
    """What of `parts` remains when `sent` bytes are through."""
    left = []
    for part in parts:
        view = memoryview(part)
        if sent >= view.nbytes:
            sent -= view.nbytes
        else:
            left.append(view[sent:])
            sent = 0
    return left


def send(fd: int, parts: Sequence[pickle.Part]) -> None:
    """Write the message, waiting as long as it takes. Raises OSError when nobody reads any more."""
    todo: Sequence[pickle.Part] = parts
    while todo:
        sent = os.writev(fd, todo[:_MOST_PARTS])
        todo = rest(todo, sent)


def receive(fd: int) -> bytearray | None:
    """Read the next message, waiting as long as it takes; None when the other end is gone."""
    prefix = _read(fd, bytearray(PREFIX))
    return None if prefix is None else _read(fd, bytearray(length(prefix)))


def _read(fd: int, into: bytearray) -> bytearray | None:
    view = memoryview(into)
    while view.nbytes:
        try:
            count = os.readv(fd, (view,))
        except ConnectionResetError:
            return None
        if not count:
            return None
        view = view[count:]
    return into
