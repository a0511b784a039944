"""What a command writes, on its way to the log."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from time import time

from motet.executors.calls import show
from motet.ports import Attempt
from motet.values.secrets import Cover, hide

_TAIL_CHARS = 16 * 1024
_OWN = "stderr"


class Lines:
    """The lines of an attempt on their way to its log: secrets are taken out, the last of stdout is kept."""

    def __init__(self, attempt: Attempt, secrets: tuple[str, ...], tee: bool = False) -> None:
        self._tee = tee
        self._log = attempt.log
        self._cover = Cover(secrets)
        self._tail: deque[str] = deque()
        self._errors: deque[str] = deque(maxlen=5)
        self._chars = 0

    def __call__(self, stream: str, text: str, at: float) -> None:
        text = self.hide(text)
        if stream == "stdout":
            self._tail.append(text)
            self._chars += len(text) + 1
            while self._chars > _TAIL_CHARS and len(self._tail) > 1:
                self._chars -= len(self._tail.popleft()) + 1
        else:
            self._errors.append(text)
        if self._tee:
            show(stream, text)
        if self._log is not None:
            with suppress(Exception):  # boundary: a log that fails must not take the command along
                self._log(stream, text, at)

    def hide(self, text: str) -> str:
        """The text without secrets: those of the command, and all others that are known here."""
        return hide(self._cover(text))

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
