"""What the engine asks of the world: store, executor, artifact store, clock. The docstrings are the contracts.

Each port has a conformance suite in `motet.testing`; an adapter is right when it passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from motet.kernel.events import Json

# ---------------------------------------------------------------- clock


class Clock(Protocol):
    """Where time comes from, so that a simulator can make its own."""

    def now(self) -> float:
        """Seconds since the epoch. It may step in either direction, as a wall clock does."""
        ...


# ---------------------------------------------------------------- store


@dataclass(slots=True)
class NewRun:
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


@dataclass(slots=True)
class Owner:
    """The process that drives a run: enough to tell from elsewhere on the same host whether it still lives.

    `started` is the process's start time as the system gives it (clock ticks since boot), so that a reused
    pid is not taken for it; `boot` tells one boot of a host from another.
    """

    host: str
    boot: str
    pid: int
    started: int


@dataclass(slots=True)
class RunRow:
    """What lists and pages show of a run; `owner` and the lease are None while nobody drives it."""

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


@dataclass(slots=True)
class StepRow:
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
    cached: bool = False
    needs: Sequence[str] = ()
    size: int | None = None
    done: int = 0
    result: Json = None
    error: Json = None


@dataclass(slots=True)
class Batch:
    """What one commit adds to a run: its events as JSON, and the rows that changed with them.

    `run` holds the columns of the run's row that changed (status, started_at, ended_at, result, error,
    counts); empty for none.
    """

    events: Sequence[Json]
    steps: Sequence[StepRow] = ()
    run: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Publication:
    """An event that anyone may publish. The same `client_key` twice is one event (empty: no such promise).

    Steering (stop, retry, answer) is published too: namespace "motet", with the run it is meant for in `run`.
    """

    key: str
    value: Json = None
    namespace: str = ""
    sender: str = ""
    run: str = ""
    client_key: str = ""
    at: float = 0.0


@dataclass(slots=True)
class Entry:
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


@dataclass(slots=True)
class Checkpoint:
    """The state of a run after its event number `seq`."""

    seq: int
    state: Json


@dataclass(slots=True)
class Document:
    """A voice's own record. `version` counts its writes from 1."""

    voice: str
    kind: str
    key: str
    body: Json
    version: int


@dataclass(slots=True)
class Pruned:
    """What a pruning removed, or would remove."""

    runs: int = 0
    events: int = 0
    artifacts: int = 0
    freed_bytes: int = 0


class Follower(Protocol):
    """Wakes a listener when something new was committed, in this process or another, without polling."""

    def wait(self, timeout_s: float | None) -> bool:
        """Block until something may have been committed since the last call, or the time is up.

        True when woken, False when the time is up. It may wake for nothing; it never misses a commit.
        """
        ...

    def wake(self) -> None:
        """Make a `wait` that is under way, or else the next one, return now. Callable from any thread."""
        ...

    def close(self) -> None:
        """Stop listening. Further calls do nothing."""
        ...


class Store(Protocol):
    """The journal and the rows beside it. Safe to call from any thread; shared by processes if on disk.

    Each writing call is one transaction: it happened as a whole when the call returns, and not at all when it
    raises. No call ever fails because another process writes at the same time: it waits.
    """

    # -- runs

    def create_run(self, run: NewRun) -> bool:
        """Add the run as pending. False if a run of that id exists (nothing is changed): safe to repeat."""
        ...

    def claim(self, run: str, owner: Owner, now: float, lease_s: float, *, force: bool = False) -> RunRow:
        """Make `owner` the run's owner: its epoch goes up by one, so every earlier owner is fenced off.

        Raises NotFound; raises Conflict, naming the owner, while another owner's lease holds and `force` is
        not given. (Whether that owner is dead is for the caller to know: see `engine.owners`.)
        """
        ...

    def renew(self, run: str, epoch: int, until: float) -> None:
        """Prolong the lease. Raises Fenced if the run has another epoch by now."""
        ...

    def release(self, run: str, epoch: int) -> None:
        """Give the run up: no owner, no lease. Does nothing if the run has another epoch by now."""
        ...

    def append(self, run: str, epoch: int, expected_seq: int, batch: Batch) -> int:
        """Add events number expected_seq+1, ... to the run, with the rows; gives the first one's offset.

        Raises Fenced if the run's epoch differs or its last event is not number `expected_seq`: somebody
        else wrote. Offsets count every event of the store, and their order is the order of commits.
        """
        ...

    def history(self, run: str, after_seq: int = 0) -> Iterator[Json]:
        """The run's events after number `after_seq`, oldest first, as they were appended."""
        ...

    def save_checkpoint(self, run: str, epoch: int, checkpoint: Checkpoint) -> None:
        """Keep the run's state, in place of an earlier one. Raises Fenced like `append`."""
        ...

    def load_checkpoint(self, run: str) -> Checkpoint | None:
        """The last state kept."""
        ...

    def run(self, run: str) -> RunRow:
        """The run with that id. Raises NotFound."""
        ...

    def find_runs(self, text: str) -> list[RunRow]:
        """Runs whose id or name is `text`; else those whose id or name begins with it, newest first."""
        ...

    def runs(self, *, limit: int = 50, status: str | None = None, before: float | None = None) -> list[RunRow]:
        """Runs, newest first."""
        ...

    def steps(self, run: str, *, limit: int | None = None, status: str | None = None) -> list[StepRow]:
        """The run's steps in the order in which they were added; without `result`, to stay light."""
        ...

    def step(self, run: str, key: str) -> StepRow:
        """One step, whole. Raises NotFound."""
        ...

    # -- events

    def publish(self, events: Sequence[Publication]) -> list[int]:
        """Add events; gives their offsets. A client key seen before gives the offset that it had then."""
        ...

    def head(self) -> int:
        """The offset of the newest event, 0 for an empty journal."""
        ...

    def read(self, after: int, *, limit: int = 1000, run: str | None = None, published: bool = False) -> list[Entry]:
        """Events with an offset beyond `after`, in order. `published` leaves out what engines recorded.

        An event once visible at an offset stays there, and none ever appears before one that was visible.
        """
        ...

    def follow(self, *, published: bool = False) -> Follower:
        """A follower that wakes on every commit, or only on published events."""
        ...

    def keep_from(self, listener: str, offset: int, until: float) -> None:
        """Promise the named listener that no event beyond `offset` is pruned before time `until`."""
        ...

    # -- what voices keep

    def document(self, voice: str, kind: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    def documents(self, voice: str, kind: str) -> list[Document]:
        """All documents of that kind, by key."""
        ...

    def put_document(self, document: Document) -> Document:
        """Write version `document.version + 1` where version `document.version` stands (0: none may exist).

        Raises Conflict if another version stands there.
        """
        ...

    def delete_document(self, document: Document) -> None:
        """Remove the document. Raises Conflict if another version stands there."""
        ...

    def set_alias(self, voice: str, name: str, run: str) -> None:
        """Let `name` mean that run for that voice. Raises Conflict if it means another."""
        ...

    def alias(self, voice: str, name: str) -> str:
        """The run that `name` means. Raises NotFound."""
        ...

    def next_number(self, voice: str, name: str) -> int:
        """The next number of a sequence: 1, 2, 3, ... never the same twice, in any process."""
        ...

    # -- upkeep

    def prune(self, *, before: float, now: float, dry_run: bool = False) -> Pruned:
        """Remove ended runs that ended before that time, and published events older than it.

        Never removes a run that has not ended, nor an event beyond the offset that a listener or a run
        that has not ended has yet to read.
        """
        ...

    def artifacts(self) -> set[str]:
        """The digests of all artifacts in use: those that a record {"artifact": digest} refers to, wherever it stands
        in what is stored. Reads all of it.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. What was acknowledged is safe without it."""
        ...


# ---------------------------------------------------------------- logs


@dataclass(slots=True)
class LogLine:
    """One line that an attempt wrote: when it ended, to which stream (stdout, stderr) or at which level."""

    at: float
    key: str
    attempt: int
    stream: str
    text: str


class LogStore(Protocol):
    """The lines that runs write, in the order in which they arrived. Safe from any thread and process."""

    def write(self, run: str, lines: Sequence[LogLine]) -> None:
        """Add lines. They are readable by others when it returns."""
        ...

    def read(self, run: str, position: int = 0, *, limit: int = 1000) -> tuple[list[LogLine], int]:
        """Lines from that position on, and the position behind them. Position 0 is the beginning."""
        ...

    def runs(self) -> list[str]:
        """The ids of the runs that have lines."""
        ...

    def remove(self, run: str) -> int:
        """Forget the run's lines; gives the bytes freed."""
        ...


# ---------------------------------------------------------------- executors


@dataclass(slots=True)
class Success:
    """The attempt's value: `value` as it is where it stayed in this process, `record` as it is kept.

    Where `record` is set, the value was encoded in another process, and `value` means nothing.
    """

    value: Any = None
    record: Json = None


@dataclass(slots=True)
class Failure:
    """Why the attempt failed. `error` is a record (see `values.errors`); `exception` the object, if it is here."""

    error: Json
    exception: BaseException | None = None


@dataclass(slots=True)
class Stopped:
    """The attempt ended because it was asked to."""

    reason: str = ""


Outcome = Success | Failure | Stopped


@dataclass(slots=True)
class Attempt:
    """One try at a step (or at one element of a map), handed to an executor.

    call      the function with its arguments, already resolved; called as `function(*args, **kwargs)`
    context   what the running code may ask about itself: ids, attempt number; JSON
    report    called exactly once, from any thread, with how it ended. It never raises
    log       called with (stream, text, at) for each line the attempt wrote; stream is stdout or stderr
    """

    run: str
    key: str
    number: int
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    report: Callable[[Attempt, Outcome], None]
    element: int = -1
    task: str = ""
    context: Mapping[str, Json] = field(default_factory=dict)
    log: Callable[[str, str, float], None] | None = None
    grace_s: float = 5.0
    options: Mapping[str, Json] = field(default_factory=dict)


class Executor(Protocol):
    """Runs attempts. Every attempt that was started is reported exactly once, whatever becomes of it:
    a worker that dies reports a failure that names the signal or the exit status, never a silence.
    """

    @property
    def name(self) -> str:
        """What policies call it: "threads", "processes", ..."""
        ...

    @property
    def capacity(self) -> int:
        """How many attempts it runs at once."""
        ...

    @property
    def backlog(self) -> int:
        """How many more it takes in advance, so that its workers never wait for the engine."""
        ...

    def start(self, attempt: Attempt) -> None:
        """Begin the attempt; returns at once. Raises nothing: what goes wrong is reported."""
        ...

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """Ask the attempt to end: politely, then by force after its grace. False if it cannot be made to end
        (a thread): the caller may then give it up. Stopping an unknown or ended attempt does nothing.

        A killed attempt reports `Stopped(reason)`.
        """
        ...

    def close(self, *, kill: bool = False) -> None:
        """Let running attempts end (or kill them), then free everything. No process outlives this call."""
        ...


@runtime_checkable
class Lender(Protocol):
    """An executor whose attempts may wait for each other in its own threads, without all places being taken."""

    @property
    def name(self) -> str:
        """As for `Executor`."""
        ...

    def lend(self) -> bool:
        """Called by a thread that is about to wait: until `take_back`, one more attempt may run in its place.

        False if the thread is none of this executor's.
        """
        ...

    def take_back(self) -> None:
        """The thread that lent its place goes on."""
        ...


# ---------------------------------------------------------------- artifacts


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact: its content's hash (hex) and size."""

    digest: str
    size_bytes: int


class ArtifactStore(Protocol):
    """Immutable content, addressed by its hash. Safe from any thread and process."""

    def put(self, parts: Sequence[bytes | memoryview]) -> Stored:
        """Keep the concatenation of `parts`. When it returns, the whole content is in place under its hash.

        Writing the same content again is cheap and changes nothing.
        """
        ...

    def get(self, digest: str) -> memoryview:
        """The content, mapped where possible rather than read. Raises NotFound."""
        ...

    def path(self, digest: str) -> str:
        """A file with the content, to be read only. Raises NotFound; ValueError for what is no digest."""
        ...

    def sweep(self, used: Callable[[str], bool], older_than: float, *, dry_run: bool = False) -> Pruned:
        """Remove what nobody uses and was last put before that time."""
        ...
