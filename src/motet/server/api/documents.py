"""What routes give, as types: the documents that the command line prints as JSON, too."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

Json = Any


class Driver(TypedDict):
    """The process that drives a run."""

    host: str
    pid: int


class Run(TypedDict):
    """A run; see `motet.views.documents.run_json`."""

    id: str
    name: str
    workflow: str
    status: str
    params: Json
    tags: list[str]
    created_at: float
    started_at: float | None
    ended_at: float | None
    duration_s: float | None
    counts: dict[str, int]
    waits: list[Json]
    result: Json
    error: Json
    program: Json
    owner: Driver | None


class RunList(TypedDict):
    """Some runs, newest first. `next` is the cursor of the page after it, None for the last."""

    runs: list[Run]
    next: str | None


class Step(TypedDict):
    """A step; see `motet.views.documents.step_json`."""

    key: str
    task: str
    form: str
    status: str
    parent: str
    name: str
    attempt: int
    cached: int
    needs: list[str]
    size: int | None
    done: int
    added_at: float
    started_at: float | None
    ended_at: float | None
    duration_s: float | None
    result: Json
    error: Json


class StepList(TypedDict):
    """Some steps in the order in which they were added, without results. `behind` is how many of the run's events are
    still being brought in.
    """

    steps: list[Step]
    next: int | None
    behind: int
