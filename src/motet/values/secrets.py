"""Secrets by name: where they are found, a value that shows nothing, and taking them out of what is written."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from time import monotonic

from motet.errors import UsageError
from motet.private import home
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re

VARIABLES = "MOTET_SECRET_"
"""How variables of the environment begin that hold secrets."""

_SHORTEST = 4
"""A value shorter than this is in every other line: taking it out would tell more than it hides."""

_SHORTEST_ENCODED = 8


class Secrets:
    """Secrets by name: MOTET_SECRET_NAME in the environment, or the file secrets/NAME below the home."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, "secrets")
        self._looked_at = -1
        self._known = _NONE

    def __call__(self, name: str) -> str:
        """The value of that name. Raises UsageError, naming both places."""
        variable = f"{VARIABLES}{name.upper()}"
        if not name.replace("_", "").replace("-", "").isalnum():
            raise UsageError(f"{name!r} is no name of a secret.", "Use letters, digits, - and _.")
        found = os.environ.get(variable)
        if found is not None:
            return found
        path = os.path.join(self.folder, name)
        try:
            return _read(path)
        except OSError:
            raise UsageError(
                f"There is no secret {name!r} here.", f"Set {variable}, or write its value to {path} (mode 600)."
            ) from None

    def hide(self, text: str) -> str:
        """The text with *** for each secret that there is, to the second; see `Cover`."""
        return self.cover()(text)

    def cover(self) -> Cover:
        """What hides all that there are, to the second."""
        now = int(monotonic())
        if now != self._looked_at:
            self._known, self._looked_at = Cover(self._values()), now
        return self._known

    def _values(self) -> Iterator[str]:
        yield from [value for name, value in os.environ.items() if name.startswith(VARIABLES)]
        with suppress(OSError):
            for name in os.listdir(self.folder):
                with suppress(OSError, ValueError):
                    yield _read(os.path.join(self.folder, name))


def hide(text: str) -> str:
    """The text with *** for each secret that this process could look up."""
    return _of(os.environ.get("MOTET_HOME")).hide(text)


def settled(text: str) -> str:
    """The text without what at its end may be the beginning of a secret that goes on in what is written next."""
    return _of(os.environ.get("MOTET_HOME")).cover().settled(text)


@lru_cache(maxsize=8)
def _of(named: str | None) -> Secrets:
    return Secrets(home())


class Cover:
    """Puts *** for these values, wherever they stand in a text: each of their lines (of four characters and more), also
    as it stands in URLs and in JSON, and the whole in base64, also within what was encoded together with it.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._texts = sorted({text for value in values for text in _texts(value)}, key=len, reverse=True)
        self._pattern = _any_of(self._texts) if self._texts else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub("***", text)

    def found_in(self, content: bytes) -> bool:
        """Whether one of them stands in what a file holds, wherever."""
        return any(each.encode() in content for each in self._texts)

    def settled(self, text: str) -> str:
        """The text without what at its end may be the beginning of one of them."""
        if self._pattern is None:
            return text
        held = 0
        for each in self._texts:
            sizes = range(min(len(each) - 1, len(text)), held, -1)
            held = next((size for size in sizes if text.endswith(each[:size])), held)
        end = len(text) - held
        within = (it.start() for it in self._pattern.finditer(text) if it.start() < end < it.end())
        return text[: next(within, end)]  # a whole one stays whole, also where its end is its beginning


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    import re

    return re.compile("|".join(map(re.escape, texts)))


_NONE = Cover(())


def _texts(value: str) -> Iterator[str]:
    """What must not be written of a value."""
    import json
    from urllib.parse import quote

    for line in map(str.strip, value.splitlines()):
        if len(line) >= _SHORTEST:
            yield from (line, quote(line), quote(line, safe=""), json.dumps(line)[1:-1])
    yield from (text for text in _in_base64(value.encode()) if len(text) >= _SHORTEST_ENCODED)


def _in_base64(value: bytes) -> Iterator[str]:
    """The value as it stands in base64, after 0, 1 or 2 other bytes, but for characters that it shares with others."""
    for before in range(3):
        text = codecs.encode(bytes(before) + value, "base64").decode().replace("\n", "").rstrip("=")
        if (before + len(value)) % 3:
            text = text[:-1]
        text = text[(0, 2, 3)[before] :]
        yield from (text, text.replace("+", "-").replace("/", "_"))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().rstrip("\n")


class Secret:
    """A secret that can be handed around: it shows as ***, and only its name is ever kept. `get()` gives the value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def load(cls, name: str) -> Secret:
        """The secret of that name, which must be there. Raises UsageError, naming the places where it may be kept."""
        found = cls(name)
        found.get()
        return found

    def get(self) -> str:
        """The value, as it is now."""
        return Secrets(home())(self.name)

    def __reduce__(self) -> Any:
        return Secret, (self.name,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash((Secret, self.name))

    def __repr__(self) -> str:
        return f"Secret({self.name!r}, ***)"

    def __str__(self) -> str:
        return "***"
