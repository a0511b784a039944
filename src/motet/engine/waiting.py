"""Who waits for which step of a run to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from motet.kernel.state import M_RUNNING, RunState, element_key

Callback = Callable[[], None]


class Waiters:
    """Callbacks that are due once, when a step, or an element of a map, has its outcome. The run's lock is held.

    What is due is called by whoever lets the lock go, so that a callback may ask for the outcome.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._waiting: dict[str, list[tuple[int, Callback]]] = {}
        self._turns: dict[str, Callback] = {}
        self._due: list[Callback] = []

    def ended(self, key: str, element: int = -1) -> bool:
        """Whether the step, or the element, has its outcome."""
        step = self._state.steps[key]
        if element < 0 or step.map is None or step.ended:
            return step.ended
        own = self._state.steps.get(element_key(key, element))
        return own.ended if own is not None else step.map.marks[element] > M_RUNNING

    def add(self, key: str, element: int, callback: Callback) -> None:
        """Call back when the step, or the element, has its outcome."""
        self._waiting.setdefault(key, []).append((element, callback))

    def add_turn(self, key: str, callback: Callback) -> None:
        """Call back at the next change of the step: it may be the caller's turn to carry it out."""
        self._turns[key] = callback

    def forget(self, key: str, callback: Callback) -> None:
        """Call back no more."""
        left = [pair for pair in self._waiting.pop(key, ()) if pair[1] != callback]
        if left:
            self._waiting[key] = left

    def wake(self, touched: Mapping[str, None]) -> None:
        """Those whom the changed steps concern are to be called."""
        for key in touched:
            if key in self._turns:
                self._due.append(self._turns.pop(key))
            left = []
            for element, callback in self._waiting.pop(key, ()):
                if self.ended(key, element):
                    self._due.append(callback)
                else:
                    left.append((element, callback))
            if left:
                self._waiting[key] = left

    def wake_all(self) -> None:
        """All are to be called: the run goes on no more."""
        self._due += self._turns.values()
        self._due += [callback for pairs in self._waiting.values() for _, callback in pairs]
        self._turns, self._waiting = {}, {}

    def take_due(self) -> Sequence[Callback]:
        """Those who are to be called now."""
        if not self._due:
            return ()
        due, self._due = self._due, []
        return due

    def __bool__(self) -> bool:
        return bool(self._waiting or self._turns)
