"""What a search may try: values that are listed, ranges of numbers, and spaces of both by name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

from motet.errors import UsageError
from motet.records import Record


class Choice(Record, frozen=True):
    """One of these values, of whatever type."""

    values: Sequence[Any]

    def drawn(self, chance: Random) -> Any:
        """One of them, each as likely as any other."""
        return chance.choice(self.values)


class Range(Record, frozen=True):
    """A number from `low` to `high`, both included.

    scale  "linear"; "log": every order of magnitude is as likely as any other; "reverse_log": the same from the upper
           end, so that most are near `high`
    whole  whole numbers alone
    """

    low: float
    high: float
    scale: str = "linear"
    whole: bool = False

    def drawn(self, chance: Random) -> float | int:
        """A number of the range, as likely as its scale says."""
        if self.whole and self.scale == "linear":
            return chance.randint(int(self.low), int(self.high))
        return self.at(chance.random())

    def at(self, part: float) -> float | int:
        """The number at that part of the way, 0 to 1, along the scale."""
        if self.scale == "linear":
            found = self.low + part * (self.high - self.low)
        else:
            up = math.exp(math.log(self.low) + part * (math.log(self.high) - math.log(self.low)))
            found = self.turned(up)
        found = min(max(found, self.low), self.high)
        return round(found) if self.whole else found

    def turned(self, number: float) -> float:
        """A number of the logarithmic scale as one of this scale, and back."""
        return self.low + self.high - number if self.scale == "reverse_log" else number


Space: TypeAlias = Mapping[str, Choice | Range]


def checked(space: Space) -> Space:
    """The space as it is. Raises UsageError for one that cannot be searched, naming the parameter."""
    if not space:
        raise UsageError("A search needs a parameter at least.", "Say what it may be: lr=0.01,0.1 or lr=0.001:0.1:log.")
    for name, each in space.items():
        if isinstance(each, Choice):
            if not each.values:
                raise UsageError(f"Parameter {name!r:.80} has no value.", "List one at least.")
        elif isinstance(each, Range):
            _check_range(name, each)
        else:
            raise UsageError(f"Parameter {name!r:.80} is {each!r:.80}.", "Give a Choice or a Range.")
    return space


def _check_range(name: str, given: Range) -> None:
    ends: tuple[Any, Any] = (given.low, given.high)
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in ends) or given.low > given.high:
        raise UsageError(f"Parameter {name!r:.80} goes from {given.low} to {given.high}.", "Give the lower end first.")
    if given.scale not in ("linear", "log", "reverse_log"):
        raise UsageError(f"Parameter {name!r:.80} has the scale {given.scale!r:.80}.", "linear, log or reverse_log.")
    if given.scale != "linear" and given.low <= 0:
        raise UsageError(
            f"Parameter {name!r:.80} begins at {given.low}, which no logarithmic scale does.", "Begin above 0."
        )
    if given.whole and math.ceil(given.low) > math.floor(given.high):
        raise UsageError(f"Parameter {name!r:.80}: no whole number is from {given.low} to {given.high}.", "Widen it.")


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """All combinations of the values, the last parameter changing fastest. Raises UsageError for a range."""
    for name, each in checked(space).items():
        if not isinstance(each, Choice):
            raise UsageError(f"Parameter {name!r:.80} is a range, of which a grid has no end.", "List its values.")
    for values in itertools.product(*(each.values for each in space.values() if isinstance(each, Choice))):
        yield dict(zip(space, values, strict=True))


def drawn(space: Space, seed: int, number: int) -> dict[str, Any]:
    """The parameters of the trial of that number of a random search: the same for the same seed."""
    chance = Random(f"{seed}/{number}")
    return {name: each.drawn(chance) for name, each in checked(space).items()}
