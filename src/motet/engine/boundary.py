"""The boundary around a program: it is its voice's code, and may run users' expressions. What it raises ends its run as
failed; one that does not answer can be interrupted. Neither is a fault of the engine's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from motet.errors import Cancelled, RunError, UsageError
from motet.kernel.events import Json
from motet.kernel.program import Action, AddStep, Finish, Program, StartRun, View
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLED, FAILED
from motet.ports import Timers
from motet.typed import Any
from motet.values.errors import encode_error

PATIENCE_S = 3.0
"""A program that has not answered for this long is interrupted when its run is to stop."""

_INSTRUCTIONS = 100


class Interruption(BaseException):
    """Raised in the midst of a program that does not answer."""


class Boundary:
    """Asks one program, under the lock of its run.

    stop  what a signal raised in the program: to be raised on once the run is in order
    """

    def __init__(self, program: Program) -> None:
        self.stop: BaseException | None = None
        self._program = program
        self._guard = threading.Lock()
        self._thread = self._interruptions = self._asked = self._hurried = 0

    def ask(self, view: View) -> Sequence[Action]:
        """What the program says. If it fails, so does the run: its history is sound, and it can be resumed."""
        self._asked += 1
        self._interruptions = 0
        self._thread = threading.get_ident()
        try:
            try:
                return [_checked(action) for action in self._program.advance(view)]
            finally:
                self._answered()
        except Interruption:
            self._thread = 0
            return [
                _stopped("The program did not say what comes next, and was interrupted because the run was to stop.")
            ]
        except (KeyboardInterrupt, SystemExit) as stop:
            self.stop = stop
            return [_stopped(f"interrupted by {type(stop).__name__}")]
        except Exception as error:  # noqa: BLE001 - boundary: whatever comes out of a program is its voice's
            return [self.failed(error)]

    def _answered(self) -> None:
        with self._guard:
            self._thread = 0
        for _ in range(_INSTRUCTIONS * self._interruptions):
            pass  # an interruption under way comes at one of the next instructions: here, and not in the engine

    def hurry(self, timers: Timers, is_wanted: Callable[[], bool]) -> None:
        """From another thread: interrupt the program if it does not answer soon, once that is wanted."""
        if self._thread and self._hurried != self._asked:
            self._hurried = self._asked
            timers.after(PATIENCE_S, partial(self._interrupt, timers, is_wanted, self._asked))

    def _interrupt(self, timers: Timers, is_wanted: Callable[[], bool], asked: int) -> None:
        if self._thread and self._asked == asked:
            if is_wanted():
                self._raise()
            timers.after(PATIENCE_S, partial(self._interrupt, timers, is_wanted, asked))

    def _raise(self) -> None:
        """End the program's thinking, if it is at it still. Code that is not Python's goes on."""
        from ctypes import c_ulong, py_object, pythonapi

        with self._guard:
            if self._thread:
                self._interruptions = 1
                pythonapi.PyThreadState_SetAsyncExc(c_ulong(self._thread), py_object(Interruption))

    @staticmethod
    def failed(error: Exception) -> Finish:
        """The end of a run whose program failed; `step` is told where the exception names one."""
        told: Json = encode_error(error)
        step = getattr(error, "step", "")
        return Finish(FAILED, error={**told, "step": step} if isinstance(step, str) and step else told)

    def says(self, name: str, step: Step) -> Any:
        """What the program's own function of that name says of a step; None without one. Raises RunError."""
        own: Callable[[Step], Any] | None = getattr(self._program, name, None)
        try:
            return own(step) if own is not None else None
        except Exception as error:
            what = f"The program of the run failed when it was asked about step {step.key}: {error!r}"
            raise RunError(what, "Nothing was changed. Correct the program, then resume the run.") from error


def _checked(action: Action) -> Action:
    """The action, if what is to be recorded of it can be. Raises UsageError."""
    action = action.step if isinstance(action, StartRun) else action
    kept: Json = action.call if isinstance(action, AddStep) else None
    if isinstance(action, Finish):
        kept = [action.result, action.error]
    try:
        if kept is not None:
            import json

            json.dumps(kept)
    except (TypeError, ValueError, RecursionError) as error:
        what = (
            f"The call of step {action.key}" if isinstance(action, AddStep) else "What the program ended the run with"
        )
        raise UsageError(f"{what} is no JSON: {error}.", "Say it in JSON, or keep it elsewhere and name it.") from None
    return action


def _stopped(why: str) -> Finish:
    return Finish(CANCELLED, error=encode_error(Cancelled(why)))
