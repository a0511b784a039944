"""What a voice is to the engine: a program that, shown the run so far, says what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from motet.errors import UsageError
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.moves import is_needed
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.state import Changes, Fired, RunState, Step
from motet.kernel.transitions import ENDED
from motet.records import Record, field
from motet.rules import Rule
from motet.typed import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TypeAlias


class AddStep(Record):
    """Add a step; nothing happens where the key exists. The fields are those of `events.StepAdded`.

    One with `until` waits for that rule once what it needs is there, and nothing runs: it succeeds when the rule fires,
    with {"json": {"causes": ..., "event": ...}} as its result, or fails when the `timeout_s` of its policy is over.
    `since` is where in the journal it begins to hear what is published; None stands for where the run is now.
    """

    key: str
    task: str
    call: Json = None
    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    size: int | None = None
    policy: Policy = PLAIN
    form: str = "call"
    parent: str = ""
    name: str = ""
    fingerprint: str = ""
    until: Rule | None = None
    since: int | None = None


class StopStep(Record):
    """Ask a step to stop; one that has ended, or does not exist, stays as it is."""

    key: str
    reason: str = "stopped by its workflow"


class RestartStep(Record):
    """Stop the step `key` if it runs, and add `then` to start when it has ended."""

    key: str
    then: AddStep


class StartRun(Record):
    """Begin a run of its own, as the step `key`: of a workflow file, or of another target. The step has the child's end
    as its outcome; the child is stopped with the step, and so with its run. Its id follows from the step's key, so that
    a crash begins no second one. This engine drives it, or, `detached`, a process of its own.
    """

    key: str
    target: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    parent: str = ""
    detached: bool = False

    @property
    def step(self) -> AddStep:
        """The step that it comes to."""
        call = {
            "target": "motet.children:started", "args": [self.target, self.inputs, self.options],
            "kwargs": {"detached": self.detached},
        }  # fmt: skip
        policy = Policy(executor="runs")
        return AddStep(
            self.key, self.target, call, self.needs, self.after, policy=policy, form="run", parent=self.parent
        )


class Retire(Record):
    """Forget a step that is over: its result, and all that is known of it, leaves memory and checkpoints; its row and
    history stay. Nothing happens while it has yet to end, or while a step that is known needs it: retire those first.
    Its key is done with: adding it again changes nothing. So a run may have any number of steps, some at a time.
    """

    key: str


class Listen(Record):
    """Listen for a rule under an id; its firings are in `View.fired`. The same id twice is one."""

    id: str
    rule: Rule
    repeat: bool = True


class Unlisten(Record):
    """Stop listening."""

    id: str


class Answer(Record):
    """Have it recorded what came of a rule's firing, for those who ask why; nothing else follows."""

    wait: str
    number: int
    told: Json


class Finish(Record):
    """The run is over. What still runs is stopped first; `status` is succeeded or failed."""

    status: str = "succeeded"
    result: Json = None
    error: Json = None


Action: TypeAlias = AddStep | StartRun | StopStep | RestartStep | Retire | Listen | Unlisten | Answer | Finish


class View(Record):
    """The run so far, for reading: `changed` names the steps that changed, `fired` the rules that fired."""

    state: RunState
    params: Json = None
    changed: Mapping[str, None] = field(default_factory=dict)
    fired: Sequence[Fired] = ()

    @property
    def run(self) -> str:
        """The run's id."""
        return self.state.run

    def status(self, key: str) -> str:
        """The status of a step or of an element of a map; "retired" if it was, "" if there is none of that key."""
        return self.state.outcome(key) or ("retired" if key in self.state.retired else "")

    def ended(self, key: str) -> bool:
        """Whether the step has an outcome."""
        return self.state.outcome(key) in ENDED or key in self.state.retired

    def result(self, key: str) -> Json:
        """The record of a step's result, as its `Call.settle` made it; a list of records for a map.

        Where the value stands in its record (up to 1 KB, of plain parts), `motet.values.plain.peek` gives it without
        I/O. A voice that needs more in `advance` records JSON of its own in `settle`; users' code that is to look at
        large values is a step.
        """
        step = self.state.steps.get(key)
        if step is not None:
            return step.result if step.map is None else step.map.results
        found = self.state.element(key)
        if found is None or found[0].map is None:
            raise UsageError(f"There is no step {key} in run {self.state.run}.", "Ask `status` first.")
        return found[0].map.results[found[1]]

    def steps(self, task: str = "") -> Iterator[str]:
        """The keys of all steps, or of those of one task, in the order in which they were added."""
        return (key for key, step in self.state.steps.items() if not task or step.task == task)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to run or to wait for but rules."""
        return not self.state.active


class Program(Protocol):
    """A voice's answer to "what next?".

    `advance` is asked once when the run is taken up (then every step counts as changed), and after each
    change. It must say the same when shown the same history: no clock, no chance, no I/O. It may say again
    what it has said before. What it raises, or says that cannot be done, ends the run as failed, with that message (and
    the exception's `step`, if it has one); resuming the run asks again. While it thinks the run stands still.
    """

    def advance(self, view: View) -> Iterable[Action]:
        """The actions that are due now."""
        ...


class Lasting(Program, Protocol):
    """A program some of whose steps are over for good even though they did not succeed."""

    def is_final(self, step: Step) -> bool:
        """Whether the step's failure, or its stop, stays when the run is taken up again after it had ended."""
        ...


class Comparing(Program, Protocol):
    """A program whose steps may become others while a run of it lies still: they use code that is not pinned."""

    def changed(self, step: Step) -> tuple[Sequence[str], Json]:
        """In what the recorded step is no longer what the program would add now, in words; and its call as of now."""
        ...


def events_of(state: RunState, action: Action, at: float) -> list[ev.Event]:
    """The events an action comes to; none for what was said before. Finish is the session's. Raises UsageError."""
    if isinstance(action, AddStep):
        return [] if action.key in state.steps or action.key in state.retired else [added(action, at)]
    if isinstance(action, StartRun):
        return events_of(state, action.step, at)
    if isinstance(action, StopStep):
        step = state.steps.get(action.key)
        active = step is not None and not step.ended and not step.stopping
        return [ev.StepStopping(at, action.key, action.reason)] if active else []
    if isinstance(action, RestartStep):
        if action.then.key in state.steps or action.then.key in state.retired:
            return []
        stop = events_of(state, StopStep(action.key, "restarted by its workflow"), at)
        then = added(action.then, at)
        before = state.steps.get(action.key)
        if before is not None:  # where that one has yet to start, what it waits for is waited for in its place
            then.after = [*then.after, *before.after, action.key]
        return [*stop, then]
    if isinstance(action, Retire):
        step = state.steps.get(action.key)
        over = step is not None and step.ended and not step.of and not is_needed(state, step)
        return [ev.StepRetired(at, action.key)] if over else []
    if isinstance(action, Listen):
        known = action.id in state.waits
        return [] if known else [ev.WaitAdded(at, action.id, action.rule.to_json(), action.repeat)]
    if isinstance(action, Unlisten):
        return [ev.WaitRemoved(at, action.id)] if action.id in state.waits else []
    if isinstance(action, Answer):
        return [ev.WaitAnswered(at, action.wait, action.number, action.told)]
    if isinstance(action, Finish):
        return []
    raise UsageError(f"A program said {action!r:.200}, which is nothing to do.", "Let it say `AddStep`, `Finish`, ...")


def added(action: AddStep, at: float, kind: type[ev.StepAdded] = ev.StepAdded) -> ev.StepAdded:
    """The event that adds the step, or redefines it."""
    return kind(
        at, action.key, action.task, action.form, action.parent, action.name, action.needs, action.after,
        action.each, action.size, action.policy.json,
        action.fingerprint, action.call, action.until.to_json() if action.until is not None else None,
        (action.since or 0) if action.until is not None else 0,
    )  # fmt: skip


def everything(state: RunState) -> Changes:
    """All that there is, as if it had just changed: what a program is shown when a run is taken up."""
    stopping = [key for key, step in state.steps.items() if step.stopping]
    return Changes(
        dict.fromkeys(state.steps), [], dict.fromkeys(stopping), dict.fromkeys(state.limits),
        dict.fromkeys(state.waits), True,
    )  # fmt: skip
