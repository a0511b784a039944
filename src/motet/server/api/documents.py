"""What routes give, as types: the documents that the command line prints as JSON, too."""

from __future__ import annotations

from typing import Any, NotRequired

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


class RunSummary(TypedDict):
    """A run in figures: steps by task and status."""

    run: Run
    tasks: dict[str, dict[str, int]]
    behind: int


class Attempt(TypedDict):
    """One attempt at a step."""

    number: int
    ready_at: float | None
    started_at: float | None
    ended_at: float | None
    outcome: str
    facts: Json


class AttemptList(TypedDict):
    """The attempts at a step, in order."""

    attempts: list[Attempt]


class LogLine(TypedDict):
    """One line that an attempt wrote, and where it begins.

    cut_chars      how many characters of it are left out
    hit, left_out  among lines around those that are looked for: whether it is one of these; and how many lines are
                   left out before it, -1 for very many
    """

    at: float
    key: str
    attempt: int
    stream: str
    text: str
    position: int
    cut_chars: NotRequired[int]
    hit: NotRequired[bool]
    left_out: NotRequired[int]


class LogLines(TypedDict):
    """Some lines, where to go on, and whether there may be more that way."""

    lines: list[LogLine]
    position: int
    more: bool


class Use(TypedDict):
    """A step that an artifact was given to, or that made it."""

    run: str
    step: str
    given: bool


class Uses(TypedDict):
    """The uses of an artifact."""

    uses: list[Use]


class Event(TypedDict):
    """One event of the journal."""

    offset: int
    run: str
    seq: int
    key: str
    namespace: str
    value: Json
    at: float
    sender: str
    published: bool


class EventList(TypedDict):
    """Some events, the offset to go on from, and that of the newest."""

    events: list[Event]
    next: int
    head: int


class QuestionList(TypedDict):
    """What runs wait for."""

    waits: list[dict[str, Json]]


class Cell(TypedDict):
    """How many runs of a status were created then and took so long."""

    at: float
    width_s: float
    took_s: float | None
    status: str
    count: int


class Density(TypedDict):
    """A grid of runs over time and duration."""

    cells: list[Cell]
