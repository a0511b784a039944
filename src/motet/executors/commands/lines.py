"""What a command writes, on its way to the log."""

from __future__ import annotations

from contextlib import suppress
from time import time

from motet.executors.calls import show
from motet.executors.worker_process import Undecoded
from motet.ports import Attempt
from motet.values.secrets import Cover, hide

_TAIL_CHARS = 16 * 1024
_LAST_LINES = 5
_OWN = "stderr"


class Lines:
    """The lines of an attempt on their way to its log: secrets are taken out, the last of each stream are kept."""

    def __init__(self, attempt: Attempt, secrets: tuple[str, ...], tee: bool = False) -> None:
        self._tee = tee
        self._log = attempt.log
        self._cover = Cover(secrets)
        self._tails = {"stdout": "", "stderr": ""}

    def __call__(self, stream: str, text: str, at: float, ended: bool = True) -> None:
        if ended:
            text = text.changed(self.hide) if isinstance(text, Undecoded) else self.hide(text)
            tail = f"{self._tails[stream]}{text[-_TAIL_CHARS:]}\n"
            self._tails[stream] = tail[-_TAIL_CHARS - 1 :]
            if self._tee:
                show(stream, text)
        else:
            text = self._cover.settled(self._cover(text))
        if self._log is not None:
            with suppress(Exception):  # boundary: a log that fails must not take the command along
                self._log(stream, text, at, ended)

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
        return self._tails["stdout"].removesuffix("\n")

    @property
    def last(self) -> str:
        """The last lines of stderr, else of stdout, for a message."""
        said = self._tails["stderr"] or self._tails["stdout"]
        return "\n".join(said.removesuffix("\n").split("\n")[-_LAST_LINES:])
