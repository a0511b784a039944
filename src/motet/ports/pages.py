"""What a store shows on pages: some runs or steps of many, figures of all of them."""

from __future__ import annotations

from collections.abc import Mapping

from motet.kernel.events import Json
from motet.ports.rows import RunRow, StepRow
from motet.records import Record, field
from motet.typed import Protocol


class RunFilter(Record):
    """Which runs a page is to show; each condition that is given narrows the choice.

    text      what stands in the id, the name or the workflow, whatever its case
    tag       one of the run's tags
    params    parameters by name, those of an object by their path ("model.depth"), with the value that each has
    metrics   by name, the lowest and the highest value (None: any) that the last point of the metric may have
    since, until  when it was created: from the one time, before the other
    """

    status: str | None = None
    workflow: str | None = None
    voice: str | None = None
    parent: str | None = None
    tag: str | None = None
    text: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None


class RunPage(Record):
    """Some runs, newest first. `next` is where the page after it begins, None for the last.

    A page may hold fewer runs than were asked for, even none, and have a next one: so much was looked through.
    """

    runs: list[RunRow]
    next: str | None


class StepFilter(Record):
    """Which steps of a run a page is to show. `text` is what stands in the key or the name, whatever its case."""

    parent: str | None = None
    task: str | None = None
    status: str | None = None
    text: str | None = None


class StepPage(Record):
    """Some steps in the order in which they were added, without `result`. `next` is where the page after it begins.

    `behind` is how many of the run's events the page does not show yet: they are being brought in.
    """

    steps: list[StepRow]
    next: int | None
    behind: int = 0


class Summary(Record):
    """A run in a few figures: how many steps of each task are in each status; `behind` as for a `StepPage`."""

    run: RunRow
    tasks: Mapping[str, Mapping[str, int]]
    behind: int = 0


class Cell(Record):
    """How many runs of one status were created within `width_s` from `at` and took from `took_s` up to half as long
    again (a factor of 1.41). `took_s` is None for those that have not ended.
    """

    at: float
    width_s: float
    took_s: float | None
    status: str
    count: int


class AttemptRow(Record):
    """One attempt at a step: when it could have begun, when it began and ended, and how. None: not yet, or never.

    `facts` are what its executor knew of it: see `ports.Success`.
    """

    number: int
    ready_at: float | None
    started_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    facts: Json = None


class Use(Record):
    """A step that an artifact was given to (`given`), or that made it."""

    run: str
    key: str
    given: bool


class Pages(Protocol):
    """What pages show of runs. Each call reads about what it gives back, however much there is; none changes a run."""

    def run_page(self, where: RunFilter, *, start: str | None = None, limit: int = 50) -> RunPage:
        """The runs that the filter chooses, newest first, from where an earlier page's `next` says."""
        ...

    def run_counts(self) -> Mapping[str, int]:
        """How many runs are in each status."""
        ...

    def density(self, since: float, until: float, columns: int) -> list[Cell]:
        """How many runs were created when and took how long, in cells of which at least `columns` lie in that time."""
        ...

    def summary(self, run: str) -> Summary:
        """The run in a few figures. Raises NotFound."""
        ...

    def step_page(self, run: str, where: StepFilter, *, start: int | None = None, limit: int = 50) -> StepPage:
        """The run's steps that the filter chooses, from where an earlier page's `next` says."""
        ...

    def attempts(self, run: str, key: str) -> list[AttemptRow]:
        """The attempts at a step so far; if it is ready or retrying, the one to come as well. Raises NotFound."""
        ...

    def uses(self, digest: str) -> list[Use]:
        """The steps that made an artifact or that it was given to."""
        ...

    def artifacts_of(self, run: str, key: str) -> tuple[list[str], list[str]]:
        """The digests of the artifacts that a step was given, and of those that it made."""
        ...
