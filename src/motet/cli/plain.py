"""Command lines that need no argparse: loading it takes longer than all else of a short command.

What is read here is what argparse reads, to the same values: known flags written out, each with its value as the next
word, and places. Whatever else there is (help, `--name=value`, flags run together, anything wrong) is left to argparse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from motet.typed import Any

_KNOWN = {"dest", "action", "nargs", "default", "type", "choices", "metavar", "help"}


class _Argument:
    """One `add_argument`, with its settings."""

    def __init__(self, flags: Sequence[str], settings: Mapping[str, Any]) -> None:
        said = settings.get
        long = next((flag for flag in flags if flag.startswith("--")), flags[0])
        self.dest: str = said("dest") or long.lstrip("-").replace("-", "_")
        self.action, self.nargs = said("action", "store"), said("nargs")
        self.type, self.choices = said("type"), said("choices")
        self.default = said("default", False if self.action == "store_true" else None)
        self.is_flag = flags[0].startswith("-")
        self.is_plain = (
            settings.keys() <= _KNOWN
            and self.action in ("store", "store_true", "append")
            and self.nargs in ((None,) if self.is_flag else (None, "?"))
            and not (self.type is not None and isinstance(self.default, str))
        )

    def take(self, word: str, taken: dict[str, Any]) -> None:
        """Note what the word says. Raises ValueError for what it cannot say, or what its type raises."""
        value = word if self.type is None else self.type(word)
        if self.choices is not None and value not in self.choices:
            raise ValueError(word)
        taken[self.dest] = [*taken[self.dest], value] if self.action == "append" else value


class Plain:
    """Takes what a command may be given, as an ArgumentParser does, and reads it where it is plain."""

    def __init__(self) -> None:
        self._flags: dict[str, _Argument] = {}
        self._places: list[_Argument] = []
        self._all: list[_Argument] = []

    def add_argument(self, *flags: str, **settings: Any) -> None:
        """As `ArgumentParser.add_argument`."""
        made = _Argument(flags, settings)
        self._all.append(made)
        if made.is_flag:
            self._flags.update(dict.fromkeys(flags, made))
        else:
            self._places.append(made)

    def read(self, given: Sequence[str]) -> SimpleNamespace | None:
        """What was given, by name; None where that takes argparse."""
        if not all(each.is_plain for each in self._all):
            return None
        taken = {each.dest: each.default for each in self._all}
        try:
            words = self._read_flags(given, taken)
            for place, word in zip(self._places, words, strict=False):
                place.take(word, taken)
        except Exception:  # noqa: BLE001 - boundary: argparse says what is wrong
            return None
        needed = sum(place.nargs is None for place in self._places)
        return SimpleNamespace(**taken) if needed <= len(words) <= len(self._places) else None

    def _read_flags(self, given: Sequence[str], taken: dict[str, Any]) -> list[str]:
        """Note what flags say; gives the other words. Raises KeyError, ValueError, StopIteration."""
        words: list[str] = []
        parts = 0
        left = iter(given)
        was_word = False
        for word in left:
            if not word.startswith("-"):
                words.append(word)
                parts += not was_word
            elif (flag := self._flags[word]).action == "store_true":
                taken[flag.dest] = True
            elif (value := next(left)).startswith("-"):
                raise ValueError(value)
            else:
                flag.take(value, taken)
            was_word = not word.startswith("-")
        if parts > 1:  # argparse does not take all places that may be left out then
            raise ValueError(words)
        return words
