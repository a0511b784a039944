"""What has happened in a run: the facts that are recorded, and their JSON form.

An event is never changed once made. The classes are not frozen all the same: a frozen record costs
three times as much to make, and several are made for every step.

Times are seconds since the epoch, put in by whoever saw the thing happen: the kernel reads no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from motet.records import Record, field, put_differing
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import ClassVar, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, or a list or str-keyed dict of these."""


class Event(Record):
    """A fact about one run. `kind` names it in the journal; unrecorded kinds only mark what is in hand."""

    kind: ClassVar[str] = ""
    recorded: ClassVar[bool] = True
    at: float


class RunStarted(Event):
    """An owner (process) took the run up: its first one, or another after a crash or a reopening. `died` tells how the
    one before it died, where it did.
    """

    kind: ClassVar[str] = "run.started"
    epoch: int = 0
    owner: str = ""
    died: str = ""


class RunCancelling(Event):
    """The run was asked to stop; nothing new starts from here on.

    `offset` is the place in the journal of the published request, 0 for one that came otherwise.
    """

    kind: ClassVar[str] = "run.cancelling"
    reason: str = ""
    offset: int = 0


class RunReopened(Event):
    """A run that had failed or been cancelled is taken up again; steps that did not succeed run anew.

    Requests to stop it that were published up to `offset` were meant for what it was before.
    """

    kind: ClassVar[str] = "run.reopened"
    offset: int = 0


class RunFinishing(Event):
    """The program ended the run. It will end so, once what still runs has been stopped."""

    kind: ClassVar[str] = "run.finishing"
    status: str = "succeeded"
    result: Json = None
    error: Json = None


class RunFinished(Event):
    """The run ended. `status` is succeeded, failed or cancelled."""

    kind: ClassVar[str] = "run.finished"
    status: str = "succeeded"
    result: Json = None
    error: Json = None


class LimitSet(Event):
    """At most `capacity` of the named limit may be in use by the run's running attempts."""

    kind: ClassVar[str] = "limit.set"
    recorded: ClassVar[bool] = False
    name: str = ""
    capacity: float = 0.0
    slack: float = 0.0


class StepAdded(Event):
    """A step came to be. Adding is idempotent by key: a key is added once in a run's life.

    needs   keys that must have succeeded before it may start (else it is skipped)
    after   keys that must have ended, no matter how
    each    maps: the i-th element of each must have succeeded before the i-th of this one starts
    size    None for a single step; the number of elements for a map
    form    "call", "map", "flow" (its body adds steps below it); a voice may name others
    until   the rule (see `rules`) that completes the step, in place of an attempt: it waits, and takes nothing. Of
            published events it hears those beyond the offset `since`
    policy  see `policy.Policy.json`
    call    what an executor needs to run it, for steps whose program does not bring it again on recovery
    """

    kind: ClassVar[str] = "step.added"
    key: str = ""
    task: str = ""
    form: str = "call"
    parent: str = ""
    name: str = ""
    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    size: int | None = None
    policy: Mapping[str, Json] = field(default_factory=dict)
    fingerprint: str = ""
    call: Json = None
    until: Json = None
    since: int = 0


class StepRedefined(StepAdded):
    """From here on the step is what is told here, in place of what it was added as. Only where no outcome of it stands.

    None of its elements are kept, if it is a map. Whoever depends on it was reset, and detached from it, before.
    """

    kind: ClassVar[str] = "step.redefined"


class StepEvent(Event):
    """A fact about the step `key`."""

    key: str = ""


class StepStarted(StepEvent):
    """Attempt number `attempt` was handed to an executor. The number is the fencing token."""

    kind: ClassVar[str] = "step.started"
    attempt: int = 1
    element: int = -1


class StepWaiting(StepEvent):
    """The step waits for its rule from now on."""

    kind: ClassVar[str] = "step.waiting"


class StepCheckpointed(StepEvent):
    """The running attempt has kept its state, as checkpoint `number` of its step. The next attempt begins from it.

    `digest` names the artifact, which need not be kept any more (see `motet.checkpoints`); `whole` tells whether the
    code has said that it is whole.
    """

    kind = "step.checkpointed"
    attempt: int = 1
    element: int = -1
    number: int = 0
    digest: str = ""
    size_bytes: int = 0
    labels: Mapping[str, Json] = field(default_factory=dict)
    whole: bool = True


class StepSucceeded(StepEvent):
    """The step has its outcome. `cached`: it was taken over from an earlier step, nothing had to run.

    `note` is what the voice wants to remember of why, and `facts`, which all outcomes of attempts have, what the
    executor knows (see `ports.Success`); the kernel looks at neither.
    """

    kind: ClassVar[str] = "step.succeeded"
    attempt: int = 0
    element: int = -1
    result: Json = None
    cached: bool = False
    note: Json = None
    facts: Json = None


class StepRetrying(StepEvent):
    """An attempt failed and another is due at `due_at`."""

    kind: ClassVar[str] = "step.retrying"
    attempt: int = 0
    element: int = -1
    due_at: float = 0.0
    error: Json = None
    facts: Json = None


class StepFailed(StepEvent):
    """The last attempt that the policy allows failed."""

    kind: ClassVar[str] = "step.failed"
    attempt: int = 0
    element: int = -1
    error: Json = None
    facts: Json = None


class StepSkipped(StepEvent):
    """The step will not run, because the step `because` did not succeed."""

    kind: ClassVar[str] = "step.skipped"
    element: int = -1
    because: str = ""


class StepStopping(StepEvent):
    """The step was asked to stop. If an attempt is running, it is being stopped."""

    kind: ClassVar[str] = "step.stopping"
    reason: str = ""


class StepCancelled(StepEvent):
    """The step ended because it was asked to stop. `attempt` is the one that was running, 0 if none was; `result` is
    what that has left.
    """

    kind: ClassVar[str] = "step.cancelled"
    element: int = -1
    reason: str = ""
    attempt: int = 0
    result: Json = None
    facts: Json = None


class StepInterrupted(StepEvent):
    """The engine that ran the attempt died with it. The step is ready again; no retry is used up.

    A map goes on, and hands out again what it had in hand; its elements with a step of their own (`m[3]`) are
    interrupted one by one. `left` is what executors still had of lost attempts (see `ports.Salvager`).
    """

    kind: ClassVar[str] = "step.interrupted"
    left: Sequence[Json] = ()


class StepReset(StepEvent):
    """The step's outcome is put aside and it may run anew (a reopened run, code that changed).

    Steps that have yet to start wait for it again; what has begun or ended is reset by an event of its own.
    `fingerprint` replaces the recorded one where it is given. Then, or `anew`, no element of a map is kept; else
    those that succeeded are. What runs cannot be reset, but a map of which nothing is in hand can.
    """

    kind: ClassVar[str] = "step.reset"
    fingerprint: str = ""
    reason: str = ""
    anew: bool = False


class StepRetired(StepEvent):
    """The step is over, and its outcome needed no more: it leaves the state of the run. Its row and history stay."""

    kind: ClassVar[str] = "step.retired"


class StepChanged(StepEvent):
    """What the program says of the step is no longer what was recorded; `differs` says in what, in words.

    `kept` tells that its outcome stands all the same (of a map: those that elements have). `call` takes the place of
    the recorded one where it is given: what will run is that.
    """

    kind: ClassVar[str] = "step.changed"
    differs: Sequence[str] = ()
    kept: bool = False
    call: Json = None


class ElementsStarted(StepEvent):
    """Elements of a map were handed to an executor. Not recorded: only their outcomes are."""

    kind: ClassVar[str] = "elements.started"
    recorded: ClassVar[bool] = False
    indices: Sequence[int] = ()


class ElementsSucceeded(StepEvent):
    """First attempts of a map's elements succeeded. `results[n]` belongs to element `indices[n]`.

    Empty `results` stands for None everywhere. `cached` are those of the elements that were taken over from earlier
    ones: nothing had to run. `facts` are like `results`.
    """

    kind: ClassVar[str] = "elements.succeeded"
    indices: Sequence[int] = ()
    results: Sequence[Json] = ()
    cached: Sequence[int] = ()
    facts: Sequence[Json] = ()


class WaitAdded(Event):
    """The run listens for a rule (its JSON form, see `rules`); `repeat` keeps listening after it has fired.

    It hears published events beyond `offset` only: nobody heard the earlier ones, and nobody ever will.
    """

    kind: ClassVar[str] = "wait.added"
    wait: str = ""
    rule: Json = None
    repeat: bool = False
    offset: int = 0


class WaitRemoved(Event):
    """The run listens for that rule no longer."""

    kind: ClassVar[str] = "wait.removed"
    wait: str = ""


class WaitFired(Event):
    """A rule of several parts fired, the `number`-th time, because of that (see `rules.Causes`).

    A rule of one part fires on what is recorded anyway.
    """

    kind: ClassVar[str] = "wait.fired"
    wait: str = ""
    number: int = 0
    causes: Json = None


class WaitAnswered(Event):
    """What the program has made of a rule's firing, as it tells itself."""

    kind: ClassVar[str] = "wait.answered"
    wait: str = ""
    number: int = 0
    told: Json = None


class EventReceived(Event):
    """A published event reached the run. `offset` is its place in the journal: it is acted on once.

    `run` is the run that it was published for, or by; it is `foreign` if that is for another run than this one. With
    `wait` it reaches that wait alone, which began when others had heard of it already.
    """

    kind: ClassVar[str] = "event.received"
    offset: int = 0
    key: str = ""
    namespace: str = ""
    value: Json = None
    sender: str = ""
    run: str = ""
    foreign: bool = False
    wait: str = ""


class TimePassed(Event):
    """The deadline of the rule `wait` was reached."""

    kind: ClassVar[str] = "time.passed"
    wait: str = ""


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunStarted, RunCancelling, RunReopened, RunFinishing, RunFinished, LimitSet,
        StepAdded, StepStarted, StepWaiting, StepCheckpointed, StepSucceeded, StepRetrying, StepFailed, StepSkipped,
        StepStopping, StepCancelled, StepInterrupted, StepReset, StepRedefined, StepRetired, StepChanged,
        ElementsStarted, ElementsSucceeded, WaitAdded, WaitRemoved, WaitFired, WaitAnswered, EventReceived,
        TimePassed,
    )
}  # fmt: skip
"""Every kind of event by its name in the journal."""


def to_json(event: Event) -> dict[str, Json]:
    """The event as a JSON object: its kind, and the fields that differ from their defaults."""
    out: dict[str, Json] = {"event": event.kind}
    put_differing(event, out)
    return out


def from_json(data: Mapping[str, Json]) -> Event:
    """The event that `to_json` wrote. Raises KeyError for a kind that this version does not know."""
    body = dict(data)
    return KINDS[body.pop("event")](**body)
