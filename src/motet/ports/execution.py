"""Attempts, their outcomes, and who carries them out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from motet.kernel.events import Json
from motet.records import Record, field
from motet.typed import Any, Literal, Protocol, runtime_checkable


class Success(Record):
    """The attempt's value: `value` as it is where it stayed in this process, `record` as it is kept.

    Where `record` is set, the value was encoded in another process, and `value` means nothing. `facts` are what the
    executor knows of the attempt, in all outcomes (None for nothing): {"cpu_s": of it and all that it started,
    "memory_bytes": the most at once, "preparing_s", "running_s", "collecting_s", "outputs": the files that it has put
    out, each {"path", "artifact", "size_bytes", "mode"}}, as far as it has any.
    """

    value: Any = None
    record: Json = None
    facts: Json = None


class Failure(Record):
    """Why the attempt failed. `error` is a record (see `values.errors`); `exception` the object, if it is here."""

    error: Json
    exception: BaseException | None = None
    facts: Json = None


class Stopped(Record):
    """The attempt ended because it was asked to. `details` are lines for the message, where that is a failure;
    `record` is what it has left, such as files that it has put out: it is kept with the step.
    """

    reason: str = ""
    details: str = ""
    record: Json = None
    facts: Json = None


Outcome = Success | Failure | Stopped


class LineLog(Protocol):
    """Takes what an attempt writes to stdout or stderr: one line or several, with line ends between them, and when they
    came. Without `ended` it is what there is so far of a line that comes again, whole, when it has an end.
    """

    def __call__(self, stream: str, text: str, at: float, ended: bool = True) -> None: ...


class Attempt(Record):
    """One try at a step (or at one element of a map), handed to an executor.

    call      the function with its arguments, already resolved; called as `function(*args, **kwargs)`.
              A coroutine that it gives is awaited, in an event loop of its own; of a generator the list of what
              it yields is the value
    context   what the running code may ask about itself: ids, attempt number; JSON
    report    called exactly once, from any thread, with how it ended. It never raises
    log       called for what the attempt wrote, see `LineLog`
    began_at  when its code began, by `time.monotonic`. An executor where it may have to wait sets it to None,
              and then to the time: a time limit counts from there
    stopping  why it is not wanted any more, None as long as it is: one that waits for its caller's thread looks
              at this before its code begins
    keep      called, from any thread, with a checkpoint that the attempt's code has made: {"digest", "size_bytes",
              "labels", "whole"}; gives its number, committed. Raises StaleAttempt for an attempt that is over.
              `context["checkpoints"]` lists those that the attempt may begin from, the newest first
    slot      whether it takes one of the executor's places; those without one run beside them, however many
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
    log: LineLog | None = None
    grace_s: float = 5.0
    options: Mapping[str, Json] = field(default_factory=dict)
    began_at: float | None = None
    stopping: str | None = None
    keep: Callable[[Mapping[str, Json]], int] | None = None
    slot: bool = True


Place = Literal["caller", "here", "apart"]
"""Where an executor runs attempts: on the thread that drives the run, elsewhere in this process, in another one."""


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
    def place(self) -> Place:
        """Where attempts run. The engine hands nothing to one that runs them on the caller's thread: whoever drives
        the run calls it.
        """
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


@runtime_checkable
class Salvager(Protocol):
    """An executor that keeps what its attempts have made outside of this process."""

    def left_by(self, run: str, key: str) -> list[Json]:
        """What attempts at the step, or at elements of the map, have left whose engine died: a record for each, with
        "step", "attempt" and whatever a `Stopped.record` has. Told once. Raises nothing.
        """
        ...


@runtime_checkable
class Attended(Protocol):
    """An executor for which a thread that waits for an outcome can do the work of its own thread meanwhile."""

    def arrival(self) -> threading.Event:
        """An event to wait for an outcome with. Whoever waits for it works until it is set."""
        ...


class ExecutorSpec(Record, frozen=True):
    """How to make an executor, and how much it takes, which is asked before it is made."""

    make: Callable[[], Executor]
    capacity: int
    backlog: int


class Lock(Protocol):
    """What one thread at a time has, as `threading.Lock`."""

    def acquire(self, blocking: bool = True) -> bool:
        """Take it, after waiting if need be; with `blocking` False at once or not at all: False."""
        ...

    def release(self) -> None:
        """Let it go."""
        ...


class Timers(Protocol):
    """Calls back when it is time, on a thread of its own. Callbacks must be short and must not raise."""

    def now(self) -> float:
        """Seconds on a clock that nobody sets."""
        ...

    def after(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back once, `delay_s` seconds from now (a clock that is set does not matter)."""
        ...

    def every(self, period_s: float, callback: Callable[[], bool]) -> None:
        """Call back every so many seconds, as long as that gives True."""
        ...

    def listen(self, callback: Callable[[], None]) -> int:
        """Call back whenever events were published; gives the number with which to `unlisten`."""
        ...

    def unlisten(self, number: int) -> None:
        """Call that listener no more."""
        ...


class Unbounded:
    """A machine on which nothing is counted: see `ports.admission`, of which nobody has to load more then."""

    names: Collection[str] = ()

    def tickets(self, *_: object) -> Unbounded:
        """Those of a run."""
        return self

    def ask(self, command: object) -> None:
        """Never called: nothing is counted."""

    def start(self, command: object) -> None:
        """Nothing was asked for."""

    def gpus(self, *_: object) -> list[str]:
        """None have numbers."""
        return []

    def over(self, *_: object) -> None:
        """Nothing is given back."""

    def withdraw(self, key: str) -> None:
        """Nothing is in line."""

    def close(self) -> None:
        """Nothing is left."""


UNBOUNDED = Unbounded()


class Call(Protocol):
    """The live side of a step. `element` is -1 for a single step, else the index in a map."""

    def prepare(self, element: int, attempt: int, *, here: bool) -> Prepared | Settled:
        """What is to be called, or the outcome where it is known already. `here` says that it will run in this process.

        Called while the run is locked, so it must be short; where arguments take time to fetch, what it
        gives does the fetching. What it raises fails the attempt.
        """
        ...

    def settle(self, attempt: Attempt, outcome: Outcome) -> Settled:
        """How the outcome is to be recorded. Called on the thread that reports, before the commit."""
        ...


class Prepared:
    """A function with its arguments, ready to be called. `log_file` is a file of the user's that gets what it writes,
    too: an absolute path, whose folder is made if need be.
    """

    __slots__ = ("args", "context", "function", "kwargs", "log_file", "options")

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None,
        *, context: Mapping[str, Json] | None = None, options: Mapping[str, Json] | None = None,
        log_file: str = "",
    ) -> None:  # fmt: skip
        self.function = function
        self.args = args
        self.kwargs = kwargs or {}
        self.context = context or {}
        self.options = options or {}
        self.log_file = log_file


class Settled(Record):
    """A success with its record; or a failure with its error, whether a retry is of use, and after how long.

    `cached`: the record was kept by an earlier step. `note` is what the voice wants to remember of why. `stopped` says
    why the step counts as cancelled, where its own code says that it does.
    """

    ok: bool
    record: Json = None
    error: Json = None
    retry: bool = True
    delay_s: float | None = None
    cached: bool = False
    note: Json = None
    stopped: str | None = None
