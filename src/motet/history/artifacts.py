"""Published artifacts as Python objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from motet.errors import UsageError
from motet.ports import ArtifactStore
from motet.values.published import Published
from motet.views import human
from motet.views.artifacts import content_of, whole_table


class Artifacts(Mapping[str, "Artifact"]):
    """Published artifacts by key; where several steps have the key, STEP#KEY."""

    def __init__(self, kept: ArtifactStore, found: Sequence[Published]) -> None:
        self._kept = kept
        self._found = {f"{each.step}#{each.key}": each for each in found}
        self._keys = [each.key for each in found]

    def __getitem__(self, key: str) -> Artifact:
        """The artifact. Raises KeyError, saying what there is."""
        near = [each for place, each in self._found.items() if key == each.key or f"/{place}".endswith(f"/{key}")]
        if len(near) != 1:
            raise KeyError(f"{len(near)} artifacts are called {key!r}; there are {', '.join(self) or 'none'}")
        return Artifact(self._kept, near[0])

    def __iter__(self) -> Iterator[str]:
        return (
            each.key if self._keys.count(each.key) == 1 else place for place, each in self._found.items()
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<{human.counted(len(self), 'artifact')}: {', '.join(self)}>"


class Artifact:
    """One published artifact."""

    def __init__(self, kept: ArtifactStore, found: Published) -> None:
        self._kept = kept
        self._found = found

    @property
    def key(self) -> str:
        """What it is called."""
        return self._found.key

    @property
    def type(self) -> str:
        """What it is: "table", "markdown", "link", "image", "file", "metric" or "progress"."""
        return self._found.type

    @property
    def step(self) -> str:
        """The key of the step that published it."""
        return self._found.step

    @property
    def description(self) -> str:
        """What its publisher says of it."""
        return self._found.description

    @property
    def points(self) -> dict[float, float]:
        """Of a metric all points, by x."""
        return dict(sorted(self._found.points.items()))

    @property
    def path(self) -> str:
        """A file with its content, to be read only. Raises UsageError for what has none."""
        content = self._found.content or {}
        if "artifact" not in content:
            raise UsageError(f"Artifact {self.key} has no file.", "`value` gives what there is.")
        return self._kept.path(content["artifact"])

    @property
    def value(self) -> Any:
        """A table as a list of dicts (`pandas.DataFrame(value)` makes a frame of it), a metric as the value of its last
        point, a text or a link as text, the progress in percent, a file or an image as bytes.
        """
        preview = self._found.preview or {}
        match self.type:
            case "metric":
                return self._found.points[max(self._found.points)]
            case "progress":
                return preview["percent"]
            case "link":
                return preview["url"]
        if not self._found.content:
            return preview.get("url")
        held = bytes(content_of(self._kept, self._found))
        if self.type == "table":
            columns, rows = whole_table(held)
            return [dict(zip(columns, row, strict=True)) for row in rows]
        return held.decode("utf-8", "replace") if self.type == "markdown" else held

    def __repr__(self) -> str:
        return f"<{self.type} {self.key} of {self.step}>"
