"""Artifacts that users publish from flows and tasks: tables, texts, links, images, files, metrics, progress.

A preview is made where the value is, and kept beside it: whoever shows the artifact loads nothing. An artifact of
the same key from the same step takes the place of the one before, also where the step is tried again or resumed.
Outside of a run, nothing is kept.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from motet.dialects.python.hosting import host
from motet.dialects.python.scope import current
from motet.errors import UsageError
from motet.executors.current import get as get_running
from motet.kernel.events import Json
from motet.values import previews
from motet.values.naming import KEY_CHARS, checked
from motet.values.published import publication
from motet.values.records import LIMIT_BYTES

if TYPE_CHECKING:
    from motet.ports.voice import Host

_PROGRESS_EVERY_S = 0.1
"""Progress that is told more often is not recorded; that it is complete always is."""


def table(key: str, rows: Any, description: str = "") -> str:
    """Publish a table: a DataFrame, an Arrow table, a 2-D array, a list of dicts or of lists, a dict of lists."""
    import json

    columns, cells = previews.table_of(rows)
    content = json.dumps({"columns": columns, "rows": cells}).encode()
    return _Place(key, "table").put(previews.table(columns, cells), description, content, "application/json")


def markdown(key: str, text: str, description: str = "") -> str:
    """Publish a text in Markdown."""
    return _Place(key, "markdown").put(
        previews.text(text), description, text.encode("utf-8", "backslashreplace"), "text/markdown"
    )


def link(key: str, url: str, text: str = "", description: str = "") -> str:
    """Publish a link, shown as `text`."""
    return _Place(key, "link").put({"url": url, "text": text or url}, description)


def image(key: str, image: Any, description: str = "") -> str:
    """Publish an image: a matplotlib figure, a PIL image, the bytes of an image file, its path, or its address."""
    place = _Place(key, "image")
    if isinstance(image, str) and image.startswith(("http://", "https://")):
        return place.put({"url": image}, description)
    if isinstance(image, str | os.PathLike):
        image = bytes(_read(image))
    content, thumbnail, preview = previews.image(image)
    if thumbnail is not None:
        preview["thumbnail"] = place.kept(thumbnail, "image/png")
    return place.put(preview, description, content, preview["media_type"])


def file(key: str, path: str | os.PathLike[str], description: str = "") -> str:
    """Publish a file: its content as it is now is kept."""
    content = _read(path)
    preview = previews.file(os.path.basename(os.fspath(path)), content)
    return _Place(key, "file").put(preview, description, content, preview["media_type"])


def metric(key: str, value: float, step: float | None = None) -> str:
    """Add a point to a series. `step` is its x; without it, points are numbered from 0 in each attempt."""
    place = _Place(key, "metric")
    x = place.counted(f"metric {key}") if step is None else step
    return place.put({"x": float(x), "value": float(value)}, "")


def progress(key: str, percent: float, description: str = "", *, step: str = "") -> str:
    """Say how far it is, from 0 to 100. Publishing it again with the same key moves it on; with `step`, that of
    another step of the run.
    """
    place = _Place(key, "progress", step)
    told = max(0.0, min(100.0, float(percent)))
    return place.put({"percent": told}, description) if place.is_due(told) else place.id


# ---------------------------------------------------------------- inside


def named(key: str | None, type_: str) -> str:
    """The key; without one, the type and how manieth it is of its attempt."""
    return key if key is not None else f"{type_}-{_Place(type_, type_).counted(type_)}"


def _read(path: str | os.PathLike[str]) -> Any:
    """The content of the file, mapped rather than read."""
    import mmap

    try:
        with open(path, "rb") as opened:
            if not os.fstat(opened.fileno()).st_size:
                return b""
            return memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise UsageError(f"{os.fspath(path)} cannot be published: {error.strerror}.", "Check the path.") from None


class _Place:
    """Where an artifact goes: the step that the calling code is part of, in whatever process."""

    def __init__(self, key: str, type_: str, step: str = "") -> None:
        if not key or "#" in key:
            raise UsageError(f"{key!r} is no key of an artifact.", "Name it with a text without #.")
        checked(key, "The key", KEY_CHARS)
        here = get_running()
        context = here.context if here is not None else {}
        element = context.get("element", -1)
        self._key = key
        self._type = type_
        self._run: str = context.get("run", "")
        self._attempt = context.get("attempt", 1)
        self._step = step or (context.get("key", "") if element < 0 else f"{context['key']}[{element}]")
        self._kept: dict[str, Any] = here.kept if here is not None else {}

    @property
    def id(self) -> str:
        """What the artifact is called in its run."""
        return f"{self._step}#{self._key}"

    def put(self, preview: Json, description: str, content: Any = None, media_type: str = "") -> str:
        """Publish it; gives its id."""
        if self._run:
            on = self._host()
            value = {
                "type": self._type, "step": self._step, "attempt": self._attempt, "description": description,
                "content": None if content is None else self.kept(content, media_type), "preview": preview,
            }  # fmt: skip
            on.store.publish([publication(self._run, self._key, value, on.clock.now())])
        return self.id

    def kept(self, content: Any, media_type: str) -> Json:
        """The content as it is referred to: text itself if it is short, else an artifact."""
        record: dict[str, Json] = {"media_type": media_type}
        if len(content) <= LIMIT_BYTES and media_type in ("text/markdown", "application/json"):
            return {**record, "text": bytes(content).decode()}
        if not self._run:
            return record
        stored = self._host().artifacts.put([memoryview(content)])
        return {**record, "artifact": stored.digest, "size_bytes": stored.size_bytes}

    def counted(self, what: str) -> int:
        """How often this was asked before in this attempt."""
        number: int = self._kept.get(what, 0)
        self._kept[what] = number + 1
        return number

    def is_due(self, percent: float) -> bool:
        """Whether progress is to be recorded: not too often, and always when it is complete."""
        from time import monotonic

        now, last_at = monotonic(), self._kept.get(f"progress {self.id}")
        if percent < 100 and last_at is not None and now - last_at < _PROGRESS_EVERY_S:
            return False
        self._kept[f"progress {self.id}"] = now
        return True

    def _host(self) -> Host:
        scope = current.get()
        return scope.driver.host if scope is not None else host()
