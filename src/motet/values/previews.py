"""What is shown of tables, texts, files and images without loading them: made where they are, kept as JSON and PNG.

table     {"columns": [...], "rows": [[...], ...], "n_rows": n, "n_columns": n}: the first rows and columns
text      {"head": text, "n_chars": n}
file      {"name": ..., "size_bytes": n, "media_type": ..., "head": the beginning, if it is text}
image     {"media_type": ..., "thumbnail": {"artifact": digest, ...}, "width": n, "height": n}, as far as known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from motet.errors import UsageError
from motet.kernel.events import Json

SHOWN_ROWS, SHOWN_COLUMNS, SHOWN_CHARS = 10, 20, 80
HEAD_CHARS = 1000
THUMBNAIL_PIXELS = 320
_THUMBNAIL_DPI = 50
_SMALL_BYTES = 32_768

Columns = list[str]
Rows = list[list[Any]]

_MAGIC = {
    b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"<svg": "image/svg+xml",
    b"RIFF": "image/webp", b"%PDF": "application/pdf",
}  # fmt: skip


def table_of(value: Any) -> tuple[Columns, Rows]:
    """Columns and rows of a table, its cells JSON: of a DataFrame, an Arrow table, an array, a list of dicts or of
    lists, or a dict of lists. Raises UsageError for what is none.
    """
    if hasattr(value, "to_pylist"):
        value = value.to_pylist()
    elif hasattr(value, "to_dict") and hasattr(value, "columns"):
        if hasattr(value, "rows"):
            return _plain(value.columns, value.rows())
        split = value.to_dict("split")
        return _plain(split["columns"], split["data"])
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        columns = [list(each) if _is_list(each) else [each] for each in value.values()]
        if len({len(each) for each in columns}) > 1:
            raise UsageError("The columns of the table are not equally long.", "Give each as many values.")
        return _plain(value, zip(*columns, strict=True))
    if not _is_list(value):
        raise UsageError(f"A {type(value).__name__} is no table.", "Give a DataFrame, or a list of dicts or of lists.")
    rows = list(value)
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return _plain(names, ([row.get(name) for name in names] for row in rows))
    lists = [list(row) if _is_list(row) else [row] for row in rows]
    return _plain(range(max(map(len, lists), default=0)), lists)


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _plain(columns: Iterable[Any], rows: Iterable[Iterable[Any]]) -> tuple[Columns, Rows]:
    return [str(each) for each in columns], [[_cell(cell) for cell in row] for row in rows]


def _cell(value: Any) -> Json:
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON knows neither NaN nor infinities
    return str(value)


def table(columns: Columns, rows: Rows, shown_rows: int = SHOWN_ROWS) -> Json:
    """The head of a table."""
    head = [[_cut(cell) for cell in row[:SHOWN_COLUMNS]] for row in rows[:shown_rows]]
    return {"columns": columns[:SHOWN_COLUMNS], "rows": head, "n_rows": len(rows), "n_columns": len(columns)}


def _cut(cell: Json) -> Json:
    return cell[: SHOWN_CHARS - 3] + "..." if isinstance(cell, str) and len(cell) > SHOWN_CHARS else cell


def text(content: str) -> Json:
    """The head of a text."""
    return {"head": content[:HEAD_CHARS], "n_chars": len(content)}


def file(name: str, content: Sequence[int] | memoryview | bytes) -> Json:
    """What a file is, and its beginning if that is text."""
    from mimetypes import guess_type

    size_bytes = len(content)
    found: dict[str, Json] = {"name": name, "size_bytes": size_bytes, "media_type": guess_type(name)[0] or ""}
    head = bytes(content[: 4 * HEAD_CHARS])
    try:
        shown = head.decode() if len(head) == size_bytes else head.decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return found
    if "\0" not in shown:
        found["head"] = shown[:HEAD_CHARS]
        found["media_type"] = found["media_type"] or "text/plain"
    return found


def media_type(content: bytes) -> str:
    """What an image is, by its first bytes."""
    return next((found for magic, found in _MAGIC.items() if content.startswith(magic)), "application/octet-stream")


def image(value: Any) -> tuple[bytes, bytes | None, Json]:
    """The content of an image (PNG where it has to be made), a thumbnail as PNG if one can be had, and its size.

    `value` is the content of an image file, a matplotlib figure or a PIL image. Raises UsageError for anything else.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        content = bytes(value)
        thumbnail, size = _thumbnail(content)
        return content, thumbnail, {"media_type": media_type(content), **size}
    if hasattr(value, "savefig"):
        whole, small = BytesIO(), BytesIO()
        value.savefig(whole, format="png")
        value.savefig(small, format="png", dpi=_THUMBNAIL_DPI)
        content, width, height = whole.getvalue(), *_png_size(whole.getvalue())
        return content, small.getvalue(), {"media_type": "image/png", "width": width, "height": height}
    if hasattr(value, "save") and hasattr(value, "thumbnail"):
        whole = BytesIO()
        value.save(whole, format="PNG")
        return image(whole.getvalue())
    raise UsageError(
        f"A {type(value).__name__} is no image.", "Give a path, the bytes of a PNG, a matplotlib figure or a PIL image."
    )


def thumbnail(value: Any) -> bytes:
    """A matplotlib figure or a PIL image as a small PNG; nothing for anything else."""
    made = BytesIO()
    if hasattr(value, "savefig"):
        value.savefig(made, format="png", dpi=_THUMBNAIL_DPI)
    elif hasattr(value, "save") and hasattr(value, "thumbnail") and hasattr(value, "copy"):
        small = value.copy()
        small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        small.save(made, format="PNG")
    return made.getvalue()


def _png_size(content: bytes) -> tuple[int, int]:
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _thumbnail(content: bytes) -> tuple[bytes | None, dict[str, Json]]:
    """A small PNG of the image. Without Pillow, an image that is small already does."""
    small = content if len(content) <= _SMALL_BYTES and content.startswith(b"\x89PNG") else None
    try:
        from PIL import Image
    except ImportError:
        return small, {}
    try:
        with Image.open(BytesIO(content)) as opened:
            size = {"width": opened.width, "height": opened.height}
            opened.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
            made = BytesIO()
            opened.convert("RGBA").save(made, format="PNG")
            return made.getvalue(), size
    except Exception:  # noqa: BLE001 - boundary: what Pillow cannot read (an SVG, say) is an artifact all the same
        return small, {}
