"""What is measured: figures with their floors and budgets, and rows that make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchmarks.bench import Bench

Judged = Literal["ratio", "difference", "value", "rate"]


@dataclass(frozen=True)
class Budget:
    """A limit on the ratio to the floor, on the difference from it, on the value itself; or the least rate."""

    judged: Judged
    limit: float
    text: str

    def met_by(self, figure: Figure) -> bool:
        """Whether the figure's median keeps to it."""
        if self.judged == "rate":
            return figure.value >= self.limit
        if self.judged == "value":
            return figure.value <= self.limit
        return (figure.ratio if self.judged == "ratio" else figure.value - figure.floor) <= self.limit


def at_most_times(limit: float) -> Budget:
    """At most so many times the floor."""
    return Budget("ratio", limit, f"<= {limit:g} x")


@dataclass
class Figure:
    """One figure of a row: samples, and the floor's samples that were taken in turn with them.

    Times are in seconds, sizes in bytes, rates in 1/s; `unit` is what they are shown in: us, ms, s, B, MB, /s.
    """

    what: str
    unit: str
    values: Sequence[float]
    floors: Sequence[float] = ()
    budget: Budget | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def floor(self) -> float:
        """The floor's median."""
        return median(self.floors)

    @property
    def ratio(self) -> float:
        """The median of each sample's ratio to the floor's sample that was taken beside it.

        Pairs see the same machine: where its speed drifts, this is steadier than the ratio of the medians.
        """
        return median(value / floor for value, floor in zip(self.values, self.floors, strict=True))

    @property
    def met(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        return None if self.budget is None else self.budget.met_by(self)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "what": self.what, "unit": self.unit, "values": list(self.values), "floors": list(self.floors),
            "value": self.value, "floor": self.floor if self.floors else None,
            "ratio": self.ratio if self.floors else None,
            "budget": self.budget.text if self.budget else None, "met": self.met, "note": self.note,
        }  # fmt: skip


class Absent(Exception):
    """The row cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Row:
    """A row of the performance budget. `measure` is None for what Motet does not have yet: `missing` says so."""

    name: str
    what: str
    floor: str
    measure: Callable[[Bench], list[Figure]] | None
    missing: str = ""


@dataclass
class Measured:
    """A row with what came of it: figures, or why there are none."""

    row: Row
    figures: list[Figure] = field(default_factory=list)
    absent: str = ""
    error: str = ""
    took_s: float = 0.0
