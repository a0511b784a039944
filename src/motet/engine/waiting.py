"""Who waits for which step of a run to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from motet.kernel.state import M_RUNNING, RunState, element_key

Callback = Callable[[], None]


class Waiters:
    """Callbacks that come once when a step, or an element of a map, has its outcome. The run's lock is held."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._waiting: dict[str, list[tuple[int, Callback]]] = {}
        self._turns: dict[str, Callback] = {}

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

    def wake(self, touched: Mapping[str, None]) -> None:
        """Call back whom the changed steps concern."""
        for key in touched:
            if key in self._turns:
                self._turns.pop(key)()
            left = []
            for element, callback in self._waiting.pop(key, ()):
                if self.ended(key, element):
                    callback()
                else:
                    left.append((element, callback))
            if left:
                self._waiting[key] = left

    def wake_all(self) -> None:
        """Call all back: the run goes on no more."""
        waiting, self._waiting = self._waiting, {}
        turns, self._turns = self._turns, {}
        for callback in (*turns.values(), *(each for pairs in waiting.values() for _, each in pairs)):
            callback()

    def __bool__(self) -> bool:
        return bool(self._waiting or self._turns)
