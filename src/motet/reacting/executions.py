"""Which executions a task has had in a run, and has: what its program knows of them between one change and the next."""

from __future__ import annotations

from collections.abc import Iterator

from motet.kernel.program import Action, AddStep, Retire, StartRun, StopStep, View
from motet.kernel.transitions import PENDING, READY
from motet.reacting.plan import Task


class Executions:
    """Those of one task in one run.

    last   the number of the last one, 0 for none: it is never retired, so that its status and its cause are known
    alive  those that have yet to end, and whether they were asked to stop
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.last = 0
        self.alive: dict[int, bool] = {}
        self._over: list[int] = []

    def key(self, number: int = 0) -> str:
        """The step of an execution; of the last one for none."""
        return f"{self.task.name}#{number or self.last}"

    def note(self, view: View, number: int) -> Iterator[Action]:
        """What became of one of them; retires those that are over and too many."""
        self.last = max(self.last, number)
        if not view.ended(self.key(number)):
            self._over = [each for each in self._over if each != number]
            self.alive[number] = bool(view.state.steps[self.key(number)].stopping)
            return
        self.alive.pop(number, None)
        if number not in self._over:
            self._over = sorted((*self._over, number))
        while len(self._over) > self.task.keep:
            yield Retire(self.key(self._over.pop(0)))

    @property
    def going(self) -> list[int]:
        """Those that are alive and not to stop."""
        return [number for number, stopping in self.alive.items() if not stopping]

    def waiting(self, view: View) -> bool:
        """Whether the last one has yet to begin: it will see all that is there by then."""
        known = view.state.steps.get(self.key())
        return self.last in self.alive and (known is None or known.status in (PENDING, READY))

    def stop(self, reason: str) -> list[Action]:
        """Ask all to stop."""
        actions: list[Action] = [StopStep(self.key(number), reason) for number in self.going]
        self.alive = dict.fromkeys(self.alive, True)
        return actions

    def start(self, cause: object, *, after_all: bool) -> AddStep:
        """One more; with `after_all` once those that are alive have ended."""
        after = [self.key(number) for number, stopping in self.alive.items() if stopping or after_all]
        self.last += 1
        self.alive[self.last] = False
        task, key = self.task, self.key()
        if task.run is None:
            call = {**(task.call or {}), "cause": cause}
            return AddStep(key, task.name, call, after=after, policy=task.policy)
        inputs = {**task.run.get("inputs", {}), **({task.hand_on: cause} if task.hand_on else {})}
        step = StartRun(
            key, task.run["target"], inputs, task.run.get("options", {}), after=after,
            detached=bool(task.run.get("detached", False)),
        ).step  # fmt: skip
        step.task, step.call = task.name, {**step.call, "cause": cause}
        return step


def numbered(key: str) -> tuple[str, int]:
    """The task and the number that a step's key stands for; 0 for one that is no execution."""
    name, _, digits = key.rpartition("#")
    return (name, int(digits)) if digits.isdecimal() else (key, 0)
