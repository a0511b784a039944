"""What the attempts of a run ask of the machine, from the ask until they are over."""

from __future__ import annotations

from collections.abc import Callable

from motet.kernel.decide import AskMachine, StartAttempt
from motet.kernel.inputs import Granted
from motet.kernel.state import RunState, element_key
from motet.ports import Clock, RunRow
from motet.ports.admission import Admission, Ask, Ticket


class Tickets:
    """The tickets of one run. `tell` takes news, from any thread. The run's lock is held, but for `over`.

    Until a run has begun with anything it is in line since it was created: so runs begin in the order in which they
    were asked for, whichever process comes to its first step first.
    """

    def __init__(
        self, admission: Admission, clock: Clock, state: RunState, run: RunRow, tell: Callable[[Granted], None]
    ) -> None:  # fmt: skip
        self._admission = admission
        self._clock = clock
        self._state = state
        self._run = run
        self._tell = tell
        self._begun = False
        self._waiting: dict[str, Ticket] = {}
        self._held: dict[tuple[str, int, int], Ticket] = {}

    def ask(self, command: AskMachine) -> None:
        """Ask for what an attempt at the step, or at an element of the map, takes of the machine."""
        key = command.key
        step = self._state.steps[key]
        self.withdraw(key)
        self._waiting[key] = self._admission.ask(
            Ask(
                {name: amount for name, amount in step.policy.demands.items() if name in self._state.shared},
                self._clock.now() if self._begun else self._run.created_at,
                lambda _: self._tell(Granted(self._clock.now(), key)),
                (self._run.name, key),
                int(self._run.program.get("priority", 0)) + step.policy.priority,
                step.map is not None,
                command.above,
                self._lent(key) if command.above else (),
            )
        )

    def start(self, command: StartAttempt) -> None:
        """An attempt starts with what was granted."""
        own = element_key(command.key, command.element)
        ticket = self._waiting.pop(own if own in self._waiting else command.key, None)
        if ticket is not None:
            self._begun = True
            self._held[command.key, command.element, command.attempt] = ticket

    def gpus(self, key: str, element: int, number: int) -> list[str]:
        """The numbers of the attempt's GPUs."""
        ticket = self._held.get((key, element, number))
        return ticket.gpus if ticket is not None else []

    def over(self, key: str, element: int, number: int) -> None:
        """The attempt is over, and uses nothing any more."""
        ticket = self._held.pop((key, element, number), None)
        if ticket is not None:
            self._admission.give_back(ticket)

    def withdraw(self, key: str) -> None:
        """The step is to start no more."""
        ticket = self._waiting.pop(key, None)
        if ticket is not None:
            self._admission.give_back(ticket)

    def close(self) -> None:
        """The run is driven no more. What executors still run is over when they say so."""
        for key in list(self._waiting):
            self.withdraw(key)
        for key, element, number in list(self._held):
            if not self._state.steps[key].policy.executor:
                self.over(key, element, number)

    def _lent(self, key: str) -> list[str]:
        above: list[str] = []
        for (held, element, _), ticket in self._held.items():
            if key.startswith(f"{held if element < 0 else element_key(held, element)}/"):
                above += ticket.gpus
        return above
