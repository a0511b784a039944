"""What is simulated under one seed. A plan is a value: the same seed always gives the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from motet.kernel.events import Json
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.program import Program
from motet.rules import Rule

RUN = "simulated"
"""The id of the run that is simulated."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that goes wrong `gap` points after the one before.

    kind     crash, pause, clock (they step), rival (another takes over), full (the disk), resend (a commit is sent
             twice), stop (somebody publishes a request), cancel (Ctrl-C)

    amount   seconds: of a pause, or by which clocks step
    when     what the run has to be at: "ending", "cancelling", or its "last" step
    rival    who takes the run over meanwhile: "forced" at once, "polite" once the lease has run out, or nobody
    """

    kind: str
    gap: int
    amount: float = 0.0
    rival: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """An executor. `stops`: it can make attempts end, as one of processes can and one of threads cannot."""

    name: str
    capacity: int
    backlog: int
    stops: bool


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely things are to happen to an attempt, each from 0 to 1.

    fail     it fails; `refuse` is the share of failures that no retry can help
    lose     its report is lost (only where a timeout sees to it)
    repeat   its report comes twice
    break_   it cannot even be started
    lost     its result is not kept (only for steps that a script carries out itself)
    coarse   it takes whole seconds, so that many end at once
    keep     it makes a checkpoint, and another
    edited   another process finds the script changed in places, and runs these and what used their results anew
    """

    fail: float = 0.0
    refuse: float = 0.0
    lose: float = 0.0
    repeat: float = 0.0
    break_: float = 0.0
    lost: float = 0.0
    coarse: float = 0.0
    edited: float = 0.0
    keep: float = 0.0
    longest_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Said:
    """An event that somebody publishes at `at_s`, and again (with the same client key) at each of `again_s`."""

    at_s: float
    key: str
    value: Json = None
    namespace: str = ""
    client_key: str = ""
    run: str = ""
    again_s: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Op:
    """One statement of a script.

    kind      call, submit, map, flow (a nested body), loop, wait, sleep, publish or limit (one is set anew)
    needs     the places of earlier statements of the same body whose steps this one uses
    each      the same for maps that a map follows
    tolerant  whether the body looks at the outcome and goes on after a failure
    body      the statements of a nested flow or of a loop
    until     of a call: the rule that its step waits for, in place of running
    """

    kind: str
    task: str = ""
    policy: Policy = PLAIN
    needs: Sequence[int] = ()
    each: Sequence[int] = ()
    size: int | None = None
    tolerant: bool = True
    seconds: float = 0.0
    body: Sequence[Op] = ()
    until: Rule | None = None


@dataclass(slots=True)
class Plan:
    """One simulation. `program` makes the declarative program; without one, `script` drives the session.

    asked_s     when somebody asks for a step to be stopped, or tried again
    reopenings  how often a run that did not succeed is taken up again
    endless     whether nothing but an event "end" ends the run
    """

    seed: int
    manner: str
    limits: dict[str, float]
    pools: dict[str, Pool]
    chances: Chances
    program: Callable[[], Program] | None = None
    script: Sequence[Op] = ()
    policy: Policy = PLAIN
    said: list[Said] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    asked_s: Sequence[float] = ()
    reopenings: int = 0
    checkpoint_events: int = 10_000
    endless: bool = False
