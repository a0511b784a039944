"""Pictures of graphs: boxes in layers, each below all that it needs; as PDF and PNG, and as text for Graphviz.

Nothing is drawn on a screen, and no program but Python is needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from motet.errors import UsageError
from motet.records import Record
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

Edges: TypeAlias = "Sequence[tuple[str, str]]"

_COLOURS = {
    "succeeded": "#cfe8cf", "failed": "#f4b6b0", "running": "#cfe0f5", "cancelled": "#f5deb3", "skipped": "#eeeeee",
}  # fmt: skip
_OTHER = "#f7f7f7"
_WIDTH, _HEIGHT = 2.2, 0.9
_EDGE = 0.12
"""From the middle of a box to its edge, in inches."""
_MOST_INCHES = 120.0
_LABEL_CHARS = 26


class Box(Record):
    """A node: what is written in it, how it stands, and what it is one of; `begins` for those that all comes from."""

    id: str
    label: str
    status: str = ""
    group: str = ""
    begins: bool = False


def grouped(boxes: Sequence[Box], edges: Edges, most: int) -> tuple[Sequence[Box], Edges]:
    """The same graph; one of more boxes than `most` with one box for each group, which tells how many there are."""
    if len(boxes) <= most:
        return boxes, edges
    members: dict[str, list[Box]] = {}
    for each in boxes:
        members.setdefault(each.group, []).append(each)
    group_of = {each.id: each.group for each in boxes}
    whole = [
        Box(name, f"{name}\n{_counts(each)}", _worst(each), name, each[0].begins) for name, each in members.items()
    ]  # fmt: skip
    pairs = dict.fromkeys((group_of[one], group_of[other]) for one, other in edges)
    return whole, [pair for pair in pairs if pair[0] != pair[1]]


def _counts(boxes: Sequence[Box]) -> str:
    counts: dict[str, int] = {}
    for each in boxes:
        counts[each.status] = counts.get(each.status, 0) + 1
    return ", ".join(f"{number:,} {status}" for status, number in counts.items())


def _worst(boxes: Sequence[Box]) -> str:
    found = {each.status for each in boxes}
    return next((each for each in ("failed", "cancelled", "running", "skipped") if each in found), boxes[0].status)


def dot(boxes: Sequence[Box], edges: Edges) -> str:
    """The graph for Graphviz."""
    lines = ["digraph run {", "  rankdir=TB; node [fontname=Helvetica, fontsize=10, style=filled];"]
    for each in boxes:
        shape = "diamond" if each.begins else "box"
        colour = _COLOURS.get(each.status, _OTHER)
        lines.append(
            f"  {json.dumps(each.id)} [label={json.dumps(each.label)}, shape={shape}, fillcolor={json.dumps(colour)}];"
        )
    lines += [f"  {json.dumps(one)} -> {json.dumps(other)};" for one, other in edges]
    return "\n".join([*lines, "}", ""])


def layers(boxes: Sequence[Box], edges: Edges) -> list[list[Box]]:
    """The boxes in layers, each below all that it needs; those of a group side by side, near what they need."""
    needs: dict[str, list[str]] = {each.id: [] for each in boxes}
    follow: dict[str, list[str]] = {each.id: [] for each in boxes}
    for one, other in edges:
        needs[other].append(one)
        follow[one].append(other)
    left = {name: len(each) for name, each in needs.items()}
    rank = {name: 0 for name, count in left.items() if not count}
    ready = list(rank)
    for name in ready:  # grows on the way
        for other in follow[name]:
            rank[other] = max(rank.get(other, 0), rank[name] + 1)
            left[other] -= 1
            if not left[other]:
                ready.append(other)
    rows: list[list[Box]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for each in boxes:
        rows[rank[each.id]].append(each)
    at: dict[str, float] = {}
    for row in rows:
        centre = {each.id: _mean([at[name] for name in needs[each.id]]) for each in row}
        groups: dict[str, list[float]] = {}
        for each in row:
            groups.setdefault(each.group, []).append(centre[each.id])
        row.sort(key=lambda each: (_mean(groups[each.group]), each.group, centre[each.id]))
        at.update({each.id: number - (len(row) - 1) / 2 for number, each in enumerate(row)})
    return rows


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def write(path: str, title: str, boxes: Sequence[Box], edges: Edges) -> None:
    """Write PATH.pdf and PATH.png. Raises UsageError where matplotlib is not installed, OSError."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("Pictures take matplotlib, which is not installed.", "pip install 'motet[yadage]'") from None
    rows = layers(boxes, edges)
    width = min(_MOST_INCHES, max(5.0, _WIDTH * max(map(len, rows), default=1) + 0.6))
    height = min(_MOST_INCHES, _HEIGHT * len(rows) + 1.0)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(0, _HEIGHT * 0.7, title, ha="center", va="center", fontsize=11, parse_math=False)
    places = {
        each.id: ((number - (len(row) - 1) / 2) * _WIDTH, -depth * _HEIGHT)
        for depth, row in enumerate(rows)
        for number, each in enumerate(row)
    }  # fmt: skip
    _draw(axes, boxes, edges, places)
    axes.set_xlim(-width / 2, width / 2)
    axes.set_ylim(-_HEIGHT * (len(rows) - 0.3), _HEIGHT)
    figure.savefig(f"{path}.pdf")
    figure.savefig(f"{path}.png", dpi=min(120, 12_000 / max(width, height)))


def _draw(axes: Any, boxes: Sequence[Box], edges: Edges, places: Mapping[str, tuple[float, float]]) -> None:
    for one, other in edges:
        (x, y), (to_x, to_y) = places[one], places[other]
        arrow = {"arrowstyle": "-|>", "color": "#888888", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (to_x, to_y + _EDGE), (x, y - _EDGE), arrowprops=arrow, zorder=1)
    for each in boxes:
        style = "round,pad=0.35,rounding_size=0.9" if each.begins else "round,pad=0.35,rounding_size=0.15"
        lines = [
            line if len(line) <= _LABEL_CHARS else f"...{line[3 - _LABEL_CHARS :]}" for line in each.label.split("\n")
        ]
        axes.text(
            *places[each.id], "\n".join(lines), ha="center", va="center", fontsize=8, zorder=2, parse_math=False,
            bbox={"boxstyle": style, "facecolor": _COLOURS.get(each.status, _OTHER), "edgecolor": "#555555"},
        )  # fmt: skip
