"""Every error Motet raises on purpose. Each message says what happened, where, and what to do.

MotetError
├── UsageError                what was asked cannot be done as asked (exit code 2)
│   ├── TargetError           the file, module or flow that was named is not there
│   │   └── NotServed         a module or name of another system that is not served in its place
│   ├── ParameterError        a parameter is unknown, missing or of the wrong type
│   ├── UsedUp                an iterator was given that has been read already
│   └── SpecError             a workflow file is not what its language asks for
├── KernelError               the history of a run and what is asked of it disagree
│   ├── InvalidTransition     a step cannot go from its status by that event
│   └── ReplayMismatch        the code on disk no longer does what was recorded
├── StoreError                the journal cannot be read or written
│   ├── StoreUnavailable      it cannot be opened: place, rights, file system
│   ├── StoreCorrupt          it opens, but what it holds cannot be trusted
│   ├── StoreFull             there is no room left on the disk
│   ├── Fenced                another owner has taken over the run
│   ├── Conflict              a compare-and-set lost: somebody else wrote first
│   └── NotFound              no such run, document, alias or artifact
│       └── ArtifactDamaged   an artifact is there, and no longer what was kept
├── RunError                  how a run or a step ended, when it did not end well
│   ├── StepFailed            a step failed and its own exception cannot be raised again
│   ├── StepSkipped           a step was not run because one it needs did not succeed
│   ├── RunFailed             a run failed though its function returned
│   ├── StateFailed           a task or flow returned a state that is no success, or was made of such
│   ├── Cancelled             a step or run was stopped
│   └── Suspended             a run waits for an answer, and its process has let go of it
├── ExecutorError             an attempt could not be carried out
│   ├── WorkerDied            the process of an attempt ended: signal or exit status
│   ├── CommandFailed         a command ended badly, or without its outputs, or could not be run
│   ├── EnvironmentFailed     a Python environment could not be built
│   ├── TimedOut              an attempt ran longer than its limit
│   └── StaleAttempt          an attempt that is over wanted its state kept
└── ResultUnavailable         a result was not kept, or can no longer be read
    └── ResultDamaged         its artifact is gone or damaged: its step has to run again
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from motet.typed import Any


class MotetError(Exception):
    """The root of the tree: `str()` is the whole message, ready to be shown to a user.

    `what` says what happened and where; `cure` says what to do, and is printed on a line of its own. `outputs` are the
    files that the command of a step has put out all the same, where it failed, ran out of time or was stopped.
    """

    outputs: Sequence[Any] = ()

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what, cure)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what}\n{self.cure}" if self.cure else self.what


class UsageError(MotetError):
    """What was asked cannot be done as asked; nothing was started."""


class TargetError(UsageError):
    """The file, module, flow or program that was named cannot be found or loaded."""


class NotServed(TargetError, ModuleNotFoundError):
    """A module, or a name in one, of a system that Motet stands in for is not served. `name` is that of the module."""

    def __init__(self, what: str, cure: str = "", name: str = "") -> None:
        super().__init__(what, cure)
        self.name = name


class ParameterError(UsageError):
    """A parameter is unknown, missing, or cannot be made into what its annotation asks for."""


class SpecError(UsageError):
    """A workflow file is not what its language asks for; the message names file, line and column."""


class UsedUp(UsageError):
    """An attempt would be given an iterator that an earlier one has read from, and find nothing in it."""


class KernelError(MotetError):
    """The recorded history of a run and what is now asked of it disagree."""


class InvalidTransition(KernelError):
    """An event does not fit the status of the step (or run) that it is about.

    `story` lists the recorded events of that step, oldest first, once the session has filled it in.
    """

    def __init__(self, key: str, status: str, event: str, story: tuple[str, ...] = ()) -> None:
        self.key, self.status, self.event, self.story = key, status, event, story
        told = "".join(f"\n  {line}" for line in story) or " (nothing recorded)"
        super().__init__(
            f"{key or 'the run'} is {status}, and {event} cannot follow that. Its story:{told}",
            "This is a fault in Motet or in an executor: please report it with the story above.",
        )


class ReplayMismatch(KernelError):
    """A step that was recorded is called otherwise by the code on disk, under the same key.

    differs    what differs beyond what `expected` and `found` say, in words
    reordered  whether what is asked for now was recorded as well, in another order
    """

    def __init__(
        self, key: str, expected: str, found: str, differs: Sequence[str] = (), *, reordered: bool = False
    ) -> None:  # fmt: skip
        self.key, self.expected, self.found = key, expected, found
        self.differs, self.reordered = tuple(differs), reordered
        what = f"Step {key} was recorded as {expected}, but the code now asks for {found}."
        if differs:
            what += f" What differs: {'; '.join(differs)}."
        if reordered:
            what += " The same was recorded, in another order."
        super().__init__(what)
        self.advise("RUN")

    def advise(self, run: str) -> None:
        """Say what to do, by the name that the run is found under."""
        changed = (
            f"put it back as it was; or run this step, and all that used its result, anew: motet resume {run} "
            f"--rerun-changed; or make a new run, which takes over what has not changed: motet fork {run}."
        )
        same = (
            "the flow does not make the same calls each time. The order of a set differs from process to process: go "
            "over sorted(...). What draws on chance, clock or network belongs into tasks."
        )
        if self.reordered:
            self.cure = f"If no code has changed, {same}\nIf it has: {changed}"
        else:
            self.cure = f"If the code has changed: {changed}\nIf not, {same}"
        self.args = (self.what, self.cure)


class StoreError(MotetError):
    """The journal cannot be read or written."""


class StoreUnavailable(StoreError):
    """The store cannot be opened where it was looked for."""


class StoreCorrupt(StoreError):
    """The store opens, but what it holds cannot be trusted."""


class StoreFull(StoreError):
    """The disk has no room for the next record; what was acknowledged before is safe."""


class Fenced(StoreError):
    """Another owner has taken over the run: nothing this owner does can be recorded any more."""


class Conflict(StoreError):
    """A compare-and-set lost: somebody else wrote first."""


class NotFound(StoreError):
    """There is no such run, document, alias or artifact."""


class ArtifactDamaged(NotFound):
    """Something stands under the name of an artifact, and it is not what was kept there."""


class RunError(MotetError):
    """How a run or step ended, when it did not end well."""


class StepFailed(RunError):
    """A step failed, and its own exception cannot be raised again here."""


class StepSkipped(RunError):
    """A step was not run, because one that it needs did not succeed."""


class RunFailed(RunError):
    """A run failed though its function returned: a step failed and nobody looked at it."""


class StateFailed(RunError):
    """A task or flow ended in a state that is no success; `state` is that one, where it was kept."""

    def __init__(self, what: str, cure: str = "", state: object = None) -> None:
        super().__init__(what, cure)
        self.state = state


class Cancelled(RunError):
    """A step or run was stopped on request."""


class Suspended(RunError):
    """A run waits for somebody's answer, and its process has let go of it meanwhile."""


class ExecutorError(MotetError):
    """An attempt could not be carried out."""


class WorkerDied(ExecutorError):
    """The process of an attempt ended before it answered; the message names the signal or status."""


class CommandFailed(ExecutorError):
    """A command ended with a status that it may not end with, or without its outputs, or could not be run."""


class EnvironmentFailed(ExecutorError):
    """A Python environment could not be built: what it is made of cannot be had, or does not fit together."""


class TimedOut(ExecutorError, TimeoutError):
    """An attempt ran longer than its `timeout_s`. It is Python's own TimeoutError too, as users of Prefect expect."""


class StaleAttempt(ExecutorError):
    """An attempt that is not its step's current one any more wanted its state kept: it was given up, or is over."""


class ResultUnavailable(MotetError):
    """A result was not kept (it cannot be pickled) or can no longer be read."""


class ResultDamaged(ResultUnavailable):
    """The artifact that holds a result is gone or damaged: the step that made it has to run again."""


def near(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The one of the known names that is most likely meant by a name that is not known; None if none is like it.

    `likeness` is how much of the two has to agree, from 0 to 1.
    """
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), 1, likeness)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The cure for a name that is not known: the one that is likely meant, else what to do otherwise."""
    meant = near(name, known)
    return f"Did you mean {meant}?" if meant else otherwise
