"""What a program and the engine say to each other in a checkpoint folder, by files of agreed names.

    .done          by the program: what is in the folder is whole, and may be kept. Its text are labels: epoch=30
    .refused       by the engine: why that was not kept
    .motet-state   the state of a program that uses `motet.checkpoint`

The engine removes `.done` when all of it is kept. Until then the program must not write to what is there.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from errno import EINVAL
from stat import S_ISREG

from motet.errors import UsageError
from motet.kernel.events import Json

DONE, REFUSED, STATE = ".done", ".refused", ".motet-state"
_LABEL_CHARS = 200
_SAID_CHARS = 10_000


def say_done(folder: str, labels: Mapping[str, Json]) -> None:
    """Say that what is in the folder is whole, with these labels."""
    part = os.path.join(folder, f"{DONE}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write("\n".join(f"{name}={shlex.quote(str(value))}" for name, value in labels.items()))
    os.replace(part, os.path.join(folder, DONE))


def said(folder: str) -> str | None:
    """What the program has said, the text of `.done`; None for nothing. Raises OSError where that is no file."""
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = open_below(root, DONE)
    except FileNotFoundError:
        return None
    finally:
        os.close(root)
    with open(fd, encoding="utf-8", errors="replace") as file:
        return file.read(_SAID_CHARS)


def answer(folder: str, refused: str = "") -> None:
    """Let the program know that what it has said was heeded, or why it was not. No link in the folder is followed."""
    for name in (REFUSED, DONE) if refused else (DONE,):
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
        if name == REFUSED:
            with open(os.path.join(folder, name), "x", encoding="utf-8") as file:
                file.write(refused)


def open_below(root: int, path: str) -> int:
    """A regular file below the folder `root`, open for reading: no link is followed on the way. Raises OSError."""
    *above, name = path.split("/")
    here = os.dup(root)
    try:
        for each in above:
            inner = os.open(each, _FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    if not S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(EINVAL, "it is no file", path)
    return fd


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def labels_of(text: str) -> dict[str, Json]:
    """The labels in words `name=value`, as a shell writes them: numbers, where they are such, else texts.

    Raises UsageError for what are no labels.
    """
    labels: dict[str, Json] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r:.80} are no labels of a checkpoint: {error}.", _CURE) from None
    for word in words:
        name, is_label, value = word.partition("=")
        if not is_label or not name.isidentifier():
            raise UsageError(f"{word!r:.80} is no label of a checkpoint.", _CURE)
        labels[name] = value
        with suppress(ValueError):
            labels[name] = json.loads(value)
    return checked_labels(labels)


_CURE = "Write name=value, as in epoch=30."


def checked_labels(labels: dict[str, Json]) -> dict[str, Json]:
    """The labels. Raises UsageError for one that is no number and no short text."""
    for name, value in labels.items():
        if not isinstance(value, str | int | float) or len(str(value)) > _LABEL_CHARS:
            raise UsageError(
                f"{name}={value!r:.80} is no label of a checkpoint.",
                "Give a number or a short text: the state holds the rest.",
            )
    return labels
