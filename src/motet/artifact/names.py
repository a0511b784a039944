"""The functions of `publishing` under the names, and with the arguments, of Prefect 3. Each gives the artifact's id."""

from __future__ import annotations

from typing import Any

from motet.artifact import publishing
from motet.artifact.publishing import named
from motet.errors import UsageError


def create_table_artifact(table: Any, key: str | None = None, description: str | None = None) -> str:
    """Publish a table."""
    return publishing.table(named(key, "table"), table, description or "")


def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> str:
    """Publish a text in Markdown."""
    return publishing.markdown(named(key, "markdown"), markdown, description or "")


def create_link_artifact(
    link: str, link_text: str | None = None, key: str | None = None, description: str | None = None
) -> str:
    """Publish a link."""
    return publishing.link(named(key, "link"), link, link_text or "", description or "")


def create_image_artifact(image_url: Any, key: str | None = None, description: str | None = None) -> str:
    """Publish an image: its address, as in Prefect, or all that `publishing.image` takes."""
    return publishing.image(named(key, "image"), image_url, description or "")


def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> str:
    """Say how far it is, from 0 to 100; `update_progress_artifact` takes the id."""
    return publishing.progress(named(key, "progress"), progress, description or "")


def update_progress_artifact(artifact_id: str, progress: float, description: str | None = None) -> str:
    """Move a progress on. May be called from another step of the run than the one that created it."""
    step, mark, key = artifact_id.rpartition("#")
    if not mark:
        raise UsageError(f"{artifact_id!r} is no artifact's id.", "Give what create_progress_artifact gave.")
    return publishing.progress(key, progress, description or "", step=step)
