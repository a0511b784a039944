"""Published artifacts in words."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore
from motet.values.published import Published
from motet.views import human


def content_of(artifacts: ArtifactStore, one: Published) -> bytes | memoryview:
    """Its content. Raises UsageError for one that has none, such as a metric."""
    content = one.content or {}
    if "text" in content:
        return bytes(content["text"].encode())
    if "artifact" not in content:
        raise UsageError(f"Artifact {one.key} has no content to be written.", "It is all shown without -o.")
    return artifacts.get(content["artifact"])


def whole_table(content: bytes | memoryview) -> tuple[list[str], list[list[Json]]]:
    """The columns and all rows of a table, from the content of its artifact."""
    found = json.loads(bytes(content))
    return found["columns"], found["rows"]


def as_csv(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    """The table as CSV: a line of names, then one for each row; what is missing is empty."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


_BARS = "▁▂▃▄▅▆▇█"


def told(each: Published) -> str:
    """An artifact in a few words."""
    preview = each.preview or {}
    if each.type == "metric":
        ys = [y for _, y in sorted(each.points.items())]
        return f"{sparkline(ys)}  last {ys[-1]:g}, {human.counted(len(ys), 'point')}" if ys else ""
    match each.type:
        case "table":
            words = f"{preview['n_rows']} x {preview['n_columns']}: {', '.join(preview['columns'])}"
        case "markdown":
            words = preview["head"].partition("\n")[0]
        case "image":
            words = preview.get("url") or f"{preview['media_type']}{_pixels(preview)}"
        case "file":
            words = f"{preview['name']}, {human.size(preview['size_bytes'])}"
        case "progress":
            words = f"{preview['percent']:g} %"
        case _:
            words = preview.get("url", "")
    return human.short_text(f"{words}  {each.description}".rstrip(), 80)


def _pixels(preview: Json) -> str:
    return f", {preview['width']} x {preview['height']}" if "width" in preview else ""


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """The course of a series: up to `width` small bars."""
    if len(values) > width:
        values = [values[at * (len(values) - 1) // (width - 1)] for at in range(width)]
    known = [value for value in values if value - value == 0]
    low, high = min(known, default=0.0), max(known, default=0.0)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] if value - value == 0 else "?" for value in values)
