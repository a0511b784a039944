"""Asking a machine for what an attempt takes of it: places of executors, cpus, memory, GPUs, whatever is counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from motet.kernel.decide import AskMachine, StartAttempt
from motet.kernel.inputs import Input
from motet.kernel.state import RunState
from motet.ports.content import Clock
from motet.ports.rows import RunRow
from motet.records import Record, field
from motet.typed import Protocol


class Ask(Record):
    """What an attempt needs.

    needs     amounts by name; what nobody counts is not waited for, and GPUs are given whole
    at        since when it is asked: among equals of a priority the earliest comes first
    granted   called once, from any thread, when it may start; also within `Admission.ask`. It must be short
    by        who asks, for people: run and step
    priority  higher comes first
    ahead     it may be handed to workers that are all busy, a few at most, so that they find work at once
    above     what running steps above it hold of that, and `lent` the numbers of their GPUs: it may use these
    """

    needs: Mapping[str, float]
    at: float
    granted: Callable[[Ticket], None]
    by: tuple[str, str] = ("", "")
    priority: int = 0
    ahead: bool = False
    above: Mapping[str, float] = field(default_factory=dict)
    lent: Sequence[str] = ()


class Ticket:
    """An ask on its way: in line, then `held` until it is given back. `gpus` are the numbers of its GPUs then."""

    __slots__ = ("ask", "gpus", "held", "number", "over")

    def __init__(self, ask: Ask, number: int) -> None:
        self.ask = ask
        self.number = number
        self.gpus: list[str] = []
        self.held = self.over = False


class Admission(Protocol):
    """First come, first served within a priority, over all that ask here. Callable from any thread."""

    @property
    def names(self) -> Collection[str]:
        """What is counted."""
        ...

    def ask(self, ask: Ask) -> Ticket:
        """Stand in line. What it needs is held from the moment in which `granted` is called."""
        ...

    def give_back(self, ticket: Ticket) -> None:
        """It is over, or is to start no more. Does nothing for what was given back."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class RunTickets(Protocol):
    """What the attempts of one run have of the machine. The run's lock is held, but for `over`."""

    def ask(self, command: AskMachine) -> None:
        """Ask for what an attempt at the step, or at an element of the map, takes; the answer is `Granted`."""
        ...

    def start(self, command: StartAttempt) -> None:
        """An attempt starts with what was granted."""
        ...

    def gpus(self, key: str, element: int, number: int) -> list[str]:
        """The numbers of the attempt's GPUs."""
        ...

    def over(self, key: str, element: int, number: int) -> None:
        """The attempt uses nothing any more."""
        ...

    def withdraw(self, key: str) -> None:
        """The step is to start no more."""
        ...

    def close(self) -> None:
        """The run is driven no more. What executors still run is over when they say so."""
        ...


class Machine(Protocol):
    """The lines in which attempts of all runs and processes wait for what a machine has."""

    @property
    def names(self) -> Collection[str]:
        """What is counted, as policies name it."""
        ...

    def tickets(self, clock: Clock, state: RunState, run: RunRow, tell: Callable[[Input], None]) -> RunTickets:
        """Those of a run; made when it first asks for something."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
