"""Figures as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.figures import Figure, Measured

_SCALES = {
    "us": (1e6, "µs"), "ms": (1e3, "ms"), "s": (1.0, "s"), "B": (1.0, "B"), "MB": (1e-6, "MB"), "/s": (1.0, "/s"),
}  # fmt: skip


def header(machine: dict[str, str], *, quick: bool) -> str:
    """What the figures hold for, and how to read them."""
    told = ", ".join(f"{name} {value}" for name, value in machine.items())
    how = "median (min .. max); the ratio is the median of pairs taken in turn"
    return f"{told}\n{'--quick: this shows that everything runs; the figures mean nothing' if quick else how}\n"


def lines(measured: Measured) -> str:
    """One row: what it is, and a line for each of its figures."""
    row = measured.row
    top = f"{row.name}: {row.what}" + (f"  [floor: {row.floor}]" if row.floor != "-" else "")
    if measured.error:
        return f"{top}\n    BROKEN: {measured.error}"
    if measured.absent:
        return f"{top}\n    not measured: {measured.absent}"
    return "\n".join([top, *(f"    {_line(each)}" for each in measured.figures)])


def _line(figure: Figure) -> str:
    parts = [f"{figure.what:26} {_told(figure.values, figure.unit):30}"]
    if figure.floors:
        parts.append(f"floor {_told(figure.floors, figure.unit):30} {figure.ratio:5.2f} x")
    if figure.budget is not None:
        parts.append(f"budget {figure.budget.text:14} {'met' if figure.met else 'MISSED'}")
    if figure.note:
        parts.append(f"({figure.note})")
    return "  ".join(parts)


def _told(samples: Sequence[float], unit: str) -> str:
    """Median, and the range where there is one."""
    scale, name = _SCALES[unit]
    ordered = sorted(samples)
    middle = f"{_number(median(ordered) * scale)} {name}"
    if len(ordered) == 1:
        return middle
    return f"{middle} ({_number(ordered[0] * scale)} .. {_number(ordered[-1] * scale)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
