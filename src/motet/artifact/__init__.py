"""Artifacts that flows and tasks publish, to be seen with their run: tables, texts, links, images, files, metrics.

    from motet import artifact, task

    @task
    def evaluate(model, rows):
        artifact.table("errors", rows)
        artifact.image("curve", figure)
        artifact.metric("loss", 0.12, step=3)

`motet artifacts RUN` lists them. `create_table_artifact` and its like are the names of Prefect 3.
"""

from motet import app as app  # puts the parts together, so that flows find where to run
from motet.artifact.names import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from motet.artifact.publishing import file, image, link, markdown, metric, progress, table

__all__ = [
    "file", "image", "link", "markdown", "metric", "progress", "table",
    "create_image_artifact", "create_link_artifact", "create_markdown_artifact", "create_progress_artifact",
    "create_table_artifact", "update_progress_artifact",
]  # fmt: skip
