"""Artifacts under Prefect's names, to be called plainly or awaited. Each gives the artifact's id."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from motet.dialects.python.prefect.either import awaited, either

_KINDS = {"Table": "table", "Markdown": "markdown", "Link": "link", "Image": "image_url", "Progress": "progress"}
_NAMES = [f"create_{each.lower()}_artifact" for each in _KINDS] + ["update_progress_artifact"]

__all__ = [*_NAMES, *(f"a{each}" for each in _NAMES), *(f"{each}Artifact" for each in _KINDS), "Artifact"]


def __getattr__(name: str) -> Any:
    if name.removesuffix("Artifact") in _KINDS:
        return _of_kind(name.removesuffix("Artifact"))
    if name in _NAMES:
        return either(_function(name))
    if name.removeprefix("a") in _NAMES:
        return awaited(_function(name.removeprefix("a")))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _function(name: str) -> Any:
    return getattr(import_module("motet.artifact"), name)  # by its name: it is a face above the voices


class Artifact:
    """An artifact that is to be published: `TableArtifact(key="rows", table=rows).create()`."""

    kind = ""

    def __init__(self, key: str | None = None, description: str | None = None, **fields: Any) -> None:
        self.key = key
        self.description = description
        self._fields = fields
        vars(self).update(fields)

    def _create(self, client: object = None) -> Artifact:
        name = f"create_{self.kind.lower()}_artifact"
        given = {_KINDS[self.kind] if each in ("data", "table") else each: it for each, it in self._fields.items()}
        self.id = _function(name)(key=self.key, description=self.description, **given)
        return self

    create, acreate = either(_create), awaited(_create)


def _of_kind(kind: str) -> type[Artifact]:
    return type(f"{kind}Artifact", (Artifact,), {"kind": kind})
