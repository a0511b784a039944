"""What goes into a store and comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.kernel.events import EventReceived, Json
from motet.records import Record, field
from motet.rules import OWN_NAMESPACES
from motet.typed import Any

STEERING, ARTIFACTS = OWN_NAMESPACES
"""The namespaces of what is asked of runs (stop, answer), where nobody else may publish; and of published artifacts."""


class NewRun(Record):
    """A run to be created. `program` says how to rebuild it: {"voice": ..., "target": ..., ...}.

    Published events beyond `offset` concern it, earlier ones do not.
    """

    id: str
    name: str
    workflow: str
    program: Json
    params: Json = None
    parent: str = ""
    tags: Sequence[str] = ()
    created_at: float = 0.0
    offset: int = 0


class Owner(Record):
    """The process that drives a run: enough to tell from elsewhere on the same host whether it still lives.

    `started` is the process's start time as the system gives it (clock ticks since boot), so that a reused
    pid is not taken for it; `boot` tells one boot of a host from another.
    """

    host: str
    boot: str
    pid: int
    started: int


class RunRow(Record):
    """What lists and pages show of a run; `owner` and the lease are None while nobody drives it.

    `waits` is what its voice says that it waits for: filled in by whoever shows it, not by stores.
    """

    id: str
    name: str
    workflow: str
    program: Json
    params: Json
    status: str
    epoch: int
    seq: int
    parent: str = ""
    tags: Sequence[str] = ()
    offset: int = 0
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    result: Json = None
    error: Json = None
    owner: Owner | None = None
    lease_until: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    waits: Json = None


class StepRow(Record):
    """What lists and pages show of a step. `done` and `size` count the elements of a map (size None: no map)."""

    key: str
    task: str
    form: str
    status: str
    parent: str = ""
    name: str = ""
    attempt: int = 0
    added_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    cached: int = 0
    needs: Sequence[str] = ()
    size: int | None = None
    done: int = 0
    result: Json = None
    error: Json = None


class Batch(Record):
    """What one commit adds to a run: its events as JSON, and the rows that changed with them.

    `run` holds the columns of the run's row that changed (status, started_at, ended_at, result, error);
    empty for none. `counts` says how many steps are in each status after the events; None: as before.
    """

    events: Sequence[Json]
    steps: Sequence[StepRow] = ()
    run: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] | None = None


class Publication(Record):
    """An event that anyone may publish. The same `client_key` twice is one event (empty: no such promise).

    Steering (stop, retry, answer) is published too: namespace "motet", with the run it is meant for in `run`.
    `metric` is a number by which that run is found: the last one under each key.
    """

    key: str
    value: Json = None
    namespace: str = ""
    sender: str = ""
    run: str = ""
    client_key: str = ""
    at: float = 0.0
    metric: float | None = None


class Entry(Record):
    """One event as it stands in the journal. `seq` is its place in its run (0 for published events)."""

    offset: int
    run: str
    seq: int
    key: str
    namespace: str
    value: Json
    at: float
    sender: str
    published: bool

    def received_by(self, run: str, wait: str = "") -> EventReceived:
        """The published event as that run, or one wait of it, receives it. An artifact is meant for all: its run is who
        made it.
        """
        foreign = self.run not in ("", run) and self.namespace != ARTIFACTS
        return EventReceived(
            self.at, self.offset, self.key, self.namespace, self.value, self.sender, self.run, foreign, wait
        )  # fmt: skip


class EventFilter(Record):
    """Which published events are wanted: those of one key, namespace or sender; each that is given must be so."""

    key: str | None = None
    namespace: str | None = None
    sender: str | None = None


class Checkpoint(Record):
    """The state of a run after its event number `seq`."""

    seq: int
    state: Json


class Document(Record):
    """A voice's own record. `version` counts its writes from 1."""

    voice: str
    kind: str
    key: str
    body: Json
    version: int


class Pruned(Record):
    """What a pruning removed, or would remove."""

    runs: int = 0
    events: int = 0
    artifacts: int = 0
    freed_bytes: int = 0


class Retention(Record):
    """Which ended runs may be removed; each condition that is given narrows the choice.

    older_than_s  those that ended longer ago
    keep          all but so many of them that ended last
    statuses      those that ended so
    tags          those with at least one of these tags
    runs          those with these ids
    free_bytes    the oldest of them, only until so much is freed
    """

    older_than_s: float | None = None
    keep: int = 0
    statuses: Sequence[str] = ()
    tags: Sequence[str] = ()
    free_bytes: int | None = None
    runs: Sequence[str] = ()
