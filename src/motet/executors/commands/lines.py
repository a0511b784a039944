"""What a command writes, on its way to the log."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import suppress
from time import time

from motet.ports import Attempt

_TAIL_CHARS = 16 * 1024
_OWN = "stderr"


class Lines:
    """The lines of an attempt on their way to its log: secrets are taken out, the last of stdout is kept."""

    def __init__(self, attempt: Attempt, secrets: tuple[str, ...], tee: bool = False) -> None:
        self._tee = tee
        self._log = attempt.log
        parts = {line for secret in secrets for line in secret.splitlines()}
        self._secrets = sorted((each for each in parts if each.strip()), key=len, reverse=True)
        self._tail: deque[str] = deque()
        self._errors: deque[str] = deque(maxlen=5)
        self._chars = 0

    def __call__(self, stream: str, text: str, at: float) -> None:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if stream == "stdout":
            self._tail.append(text)
            self._chars += len(text) + 1
            while self._chars > _TAIL_CHARS and len(self._tail) > 1:
                self._chars -= len(self._tail.popleft()) + 1
        else:
            self._errors.append(text)
        if self._tee:
            self._show(stream, text)
        if self._log is not None:
            with suppress(Exception):  # boundary: a log that fails must not take the command along
                self._log(stream, text, at)

    def _show(self, stream: str, text: str) -> None:
        where = sys.stdout if stream == "stdout" else sys.stderr
        if where is not None:
            with suppress(OSError, ValueError):  # nobody looks any more
                where.write(text + "\n")

    def say(self, text: str) -> None:
        """A line of the runner's own."""
        self(_OWN, text, time())

    def keep(self, text: str) -> None:
        """Lines of the runner's own that are told elsewhere as well: they are logged, and not shown."""
        tee, self._tee = self._tee, False
        for line in text.splitlines():
            self.say(line)
        self._tee = tee

    @property
    def stdout(self) -> str:
        """The last of what was written there."""
        return "\n".join(self._tail)[-_TAIL_CHARS:]

    @property
    def last(self) -> str:
        """The last lines of stderr, else of stdout, for a message."""
        return "\n".join(list(self._errors) or list(self._tail)[-5:])
