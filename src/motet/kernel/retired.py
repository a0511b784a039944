"""Which keys belonged to steps that were retired: numbered ones as stretches of numbers, so that they take no room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.kernel.events import Json


class Retired:
    """A set of keys. Of `task#1`, `task#2`, ... it keeps the first and the last number of each stretch; see `to_json`.

    counts  how many of them ended how
    """

    __slots__ = ("_stretches", "counts")

    def __init__(self, kept: Mapping[str, Sequence[Sequence[int]]] | None = None) -> None:
        self.counts: dict[str, int] = {}
        self._stretches = {name: [[*each] for each in stretches] for name, stretches in (kept or {}).items()}

    def add(self, key: str, status: str) -> None:
        """The step of that key, which has ended so, is retired."""
        self.counts[status] = self.counts.get(status, 0) + 1
        name, number = _split(key)
        stretches = self._stretches.setdefault(name, [])
        at = next((n for n, each in enumerate(stretches) if each[0] > number), len(stretches))
        before = at > 0 and stretches[at - 1][1] == number - 1
        after = at < len(stretches) and stretches[at][0] == number + 1
        if before and after:
            stretches[at - 1][1] = stretches.pop(at)[1]
        elif before:
            stretches[at - 1][1] = number
        elif after:
            stretches[at][0] = number
        else:
            stretches.insert(at, [number, number])

    def __contains__(self, key: object) -> bool:
        if not self._stretches or not isinstance(key, str):
            return False
        name, number = _split(key)
        return any(first <= number <= last for first, last in self._stretches.get(name, ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Retired) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def to_json(self) -> Json:
        """By name without its number: [[first, last], ...]; -1 for what has none."""
        return {"keys": self._stretches, "counts": self.counts}


def _split(key: str) -> tuple[str, int]:
    name = key.rstrip("0123456789")
    digits = key[len(name) :]
    if not digits or len(digits) > 15 or digits != str(int(digits)):
        return key, -1
    return name, int(digits)


def from_json(kept: Json) -> Retired:
    """What `to_json` gave."""
    retired = Retired(kept["keys"])
    retired.counts = dict(kept["counts"])
    return retired
