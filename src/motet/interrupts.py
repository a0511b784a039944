"""Ctrl-C, SIGTERM and time that is up as exceptions in the main thread, raised only where they can tear nothing apart.

Python raises KeyboardInterrupt between any two instructions: in the middle of a commit as well, after which nothing
fits what is stored any more. So it is held back while the main thread does Motet's own work, and raised in the
user's code, or where Motet waits for something: in what is `interruptible`, and nowhere else.

An exception that is raised once is swallowed by one `except:`. So the first signal also stops the runs that this
process drives, which is a state of theirs: from then on each call and wait of their code raises (see `Stop`).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from types import CodeType, FrameType, TracebackType

from motet.typed import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import signal
    from selectors import BaseSelector, SelectorKey
    from typing import ClassVar
else:
    import _signal as signal  # without the enumerations of it, which take as long to make as all classes here together

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_NUDGE = signal.SIGRTMIN + 5
"""Asks the main thread again whether it has come to where it may be interrupted. Nobody else's signal."""

_NUDGE_S = 0.002

_RAISE = signal.SIGRTMIN + 6
"""Asks the main thread to raise what a `Raiser` holds. Nobody else's signal."""

_SLICE_S = 0.5
"""The main thread waits no longer than this at a time: a signal that comes just before it begins to wait for a lock
sets a mark that Python looks at only afterwards."""

_WAITS: set[CodeType] = set()


def interruptible(function: F) -> F:
    """A function that only waits: code of its own, and what it calls of the standard library, may be interrupted."""
    _WAITS.add(function.__code__)
    return function


@interruptible
def block(event: threading.Event, timeout_s: float | None = None) -> bool:
    """Wait for the event, for so many seconds; whether it came. May be interrupted."""
    if threading.get_ident() != _MAIN.ident:
        return event.wait(timeout_s)
    until = None if timeout_s is None else time.monotonic() + timeout_s
    while not event.wait(_slice_s(until)):
        if until is not None and time.monotonic() >= until:
            return False
    return True


class _Queue(Protocol):
    def get(self, block: bool = True, timeout: float | None = None) -> Any: ...


@interruptible
def take(queue: _Queue, timeout_s: float | None = None) -> Any:
    """The next item of the queue. May be interrupted. Raises queue.Empty when the time is up."""
    if threading.get_ident() != _MAIN.ident:
        return queue.get(timeout=timeout_s)
    from queue import Empty

    until = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        try:
            return queue.get(timeout=_slice_s(until))
        except Empty:
            if until is not None and time.monotonic() >= until:
                raise


_MAIN = threading.main_thread()


@interruptible
def poll(selector: BaseSelector, timeout_s: float | None) -> list[tuple[SelectorKey, int]]:
    """What the selector has, for so many seconds at most. May be interrupted; the main thread is told to look again."""
    return selector.select(timeout_s)


def _slice_s(until: float | None) -> float:
    return _SLICE_S if until is None else max(0.0, min(_SLICE_S, until - time.monotonic()))


_ROOM = 250


def need_stack() -> None:
    """Raise RecursionError here and now if the stack is nearly used up, before anything is begun that must be ended.

    Python raises it at any call, also at the one that was to unlock what is locked. It may count more than one for a
    frame, where C code stands between: only so many frames as a quarter of the limit are taken for few without trying.
    """
    try:
        sys._getframe(sys.getrecursionlimit() // 4)
    except ValueError:  # far from the limit
        return
    _descend(_ROOM)


def _descend(calls: int) -> None:
    if calls:
        _descend(calls - 1)


def run_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in an event loop of its own. May be interrupted while it runs, not while that loop is made."""
    import asyncio

    with asyncio.Runner() as runner:
        return _run(runner, coroutine)


@interruptible
def _run(runner: Any, coroutine: Coroutine[Any, Any, T]) -> T:
    found: T = runner.run(coroutine)
    return found


def may_interrupt(frame: FrameType | None) -> bool:
    """Whether code at that place may be interrupted: it is the user's, or waits.

    Told by the module that the code belongs to: what is made at run time (the methods of a dataclass) has no file.
    """
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        top = name.partition(".")[0]
        if top == "motet":
            return frame.f_code in _WAITS
        if top not in sys.stdlib_module_names and not top.startswith("namedtuple_"):
            return True
        frame = frame.f_back
    return True


class Driven(Protocol):
    """A run that this process drives."""

    def cancel(self, reason: str) -> None:
        """Stop it, from any thread. May wait for the run's lock, and commit."""

    def disown(self) -> None:
        """In a copy of the process that drives it: refuse all that is asked of it."""
        ...


driven: list[Driven] = []
"""The runs that this process drives, the last that was begun behind the others."""


def _leave_them() -> None:
    global _MAIN
    _MAIN, Interrupts.acting = threading.main_thread(), None
    for run in driven:
        run.disown()
    driven.clear()


os.register_at_fork(after_in_child=_leave_them)

_PATIENCE_S = 1.0
"""How long the exception waits until the runs are stopped. A store that hangs must not hold it up for longer."""


class Interrupts:
    """While entered, from the main thread: the first of these signals stops the runs that are driven here, and then
    becomes an exception in the main thread as soon as may be.

    SIGINT becomes KeyboardInterrupt, any other SystemExit with 128 and its number. A second one is not held back.
    Signals that are ignored (nohup) stay so. `seen` is the number of the first one, 0 before.
    """

    acting: ClassVar[Interrupts | None] = None
    """The one that was entered last and not left."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.seen = 0
        self._numbers = tuple(numbers)
        self._before: dict[int, Any] = {}
        self._raised = False
        self._nudging = False
        self._main = threading.get_ident()
        self._outer: Interrupts | None = None

    def __enter__(self) -> Interrupts:
        self._outer, Interrupts.acting = Interrupts.acting, self
        signal.signal(_NUDGE, self._on_signal)
        for number in self._numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        Interrupts.acting = self._outer
        held_back, self._raised = self.seen and not self._raised, True
        if held_back and error is None:
            raise self._exception(self.seen)

    def in_charge(self, number: int) -> bool:
        """Whether nobody has put another handler in place."""
        return signal.getsignal(number) == self._on_signal

    def again(self) -> BaseException | None:
        """What is to be raised in the calling thread, where the user's code calls Motet; also once more."""
        if not self.seen or threading.get_ident() != self._main:
            return None
        self._raised = True
        return self._exception(self.seen)

    @property
    def reason(self) -> str:
        """Why runs are stopped."""
        return "interrupted by Ctrl-C" if self.seen == signal.SIGINT else "interrupted by exit"

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again = bool(self.seen) and number != _NUDGE
        self.seen = self.seen or (number if number != _NUDGE else 0)
        stopped = number == _NUDGE or not driven  # else the runs come first
        if again or (self.seen and not self._raised and stopped and may_interrupt(frame)):
            self._raised = True
            raise self._exception(number if again else self.seen)
        if self.seen and not self._raised:
            self.urge()

    def urge(self) -> None:
        """Stop the runs; then have the main thread look at what came, again and again, until it could be raised.

        Also for whoever learns of a signal by other means: one that comes just before the main thread waits for a
        lock does not end that wait by itself.
        """
        if not self._nudging:
            from _thread import start_new_thread  # `threading` takes locks that the interrupted code may hold

            self._nudging = True
            start_new_thread(self._nudge, ())

    def _nudge(self) -> None:
        stopping = threading.Thread(target=self._stop_runs, name="motet-stopping", daemon=True)
        stopping.start()
        stopping.join(_PATIENCE_S)
        while not self._raised:
            time.sleep(_NUDGE_S)
            signal.pthread_kill(self._main, _NUDGE)

    def _stop_runs(self) -> None:
        while not self.seen:  # whoever urges may be faster than the handler
            time.sleep(_NUDGE_S)
        for run in tuple(driven):  # a run before the child runs that its steps drive: it stops them
            run.cancel(self.reason)

    def _exception(self, number: int) -> BaseException:
        return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


class held_back:  # noqa: N801 - reads as what it does: with held_back(run)
    """Around what drives a run: hold Ctrl-C back while it would do harm, unless the program sees to it itself.

    A signal that this process has had already stops the run at once.
    """

    __slots__ = ("_own", "_run")

    def __init__(self, run: Driven) -> None:
        self._run = run
        in_main = threading.get_ident() == _MAIN.ident
        is_ours = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._own = Interrupts((signal.SIGINT,)) if is_ours else None

    def __enter__(self) -> None:
        driven.append(self._run)
        if self._own is not None:
            self._own.__enter__()
        elif Interrupts.acting is not None and Interrupts.acting.seen:  # by a program that has swallowed it
            self._run.cancel(Interrupts.acting.reason)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        driven.remove(self._run)
        if self._own is not None:
            self._own.__exit__(kind, error, trace)


def is_interrupted() -> bool:
    """Whether a signal has come that ends what this process drives."""
    return Interrupts.acting is not None and bool(Interrupts.acting.seen)


class Unheeded(SystemExit):
    """Raised in place of an error in code that was told before that its run is stopped, and went on."""


_OFTEN = 3
_GRACE_S = 5.0


class Stop:
    """How the code of a run that is stopped is told: at each call and wait, so that it cannot go on by swallowing it.

    In the main thread after a signal that is KeyboardInterrupt or SystemExit. Else each thread is told once by an
    error; one that goes on has swallowed it, and gets `Unheeded`, which no `except Exception` catches.

    `given_up` is called, once, for code that goes on all the same, which only `except BaseException` in a loop does:
    it was told several times and has had some seconds.
    """

    given_up: ClassVar[Callable[[], None] | None] = None

    def __init__(self) -> None:
        self._told: dict[int, int] = {}
        self._since = 0.0

    def has_told(self, thread: int) -> bool:
        """Whether that thread was told."""
        return thread in self._told

    def told(self, error: Exception) -> BaseException:
        """What is to be raised in the calling thread, where it calls or waits; `error` says why the run is stopped."""
        me, now = threading.get_ident(), time.monotonic()
        self._since = self._since or now
        told = self._told[me] = self._told.get(me, 0) + 1
        if told > _OFTEN and now - self._since > _GRACE_S and me == _MAIN.ident:
            give_up, Stop.given_up = Stop.given_up, None
            if give_up is not None:
                threading.Thread(target=give_up, name="motet-giving-up", daemon=True).start()
        if Interrupts.acting is not None and (again := Interrupts.acting.again()) is not None:
            return again
        return Unheeded(1) if told > 1 else error


def in_main(stop: Stop, ended: Callable[[], bool]) -> Callable[[Exception], None] | None:
    """What raises an error in the code of a run on this thread, once, as Ctrl-C is raised there: unless it has ended or
    was told by then. None where this is not the main thread.
    """
    me = threading.get_ident()
    if me != _MAIN.ident:
        return None
    raiser = Raiser()

    def wanted() -> bool:
        return not ended() and not stop.has_told(me) and not is_interrupted()

    return lambda error: raiser.raise_while(error, wanted)


class Raiser:
    """Raises an exception in the main thread, made there: in the user's code, or where Motet waits, as Ctrl-C is."""

    def __init__(self) -> None:
        self._main = threading.get_ident()
        signal.signal(_RAISE, _on_raise)

    def raise_while(self, error: Exception, wanted: Callable[[], bool]) -> None:
        """From another thread: have it raised once, as soon as that may be, unless it is no longer wanted by then."""
        threading.Thread(target=self._urge, args=(_Due(error, wanted),), name="motet-late", daemon=True).start()

    def _urge(self, due: _Due) -> None:
        _dues.append(due)
        while not due.raised and due.wanted():
            signal.pthread_kill(self._main, _RAISE)
            time.sleep(_NUDGE_S)
        _dues.remove(due)


class _Due:
    """An exception that is to be raised."""

    def __init__(self, error: Exception, wanted: Callable[[], bool]) -> None:
        self.error = error
        self.wanted = wanted
        self.raised = False


_dues: list[_Due] = []
"""Of the whole process, as the signal is: flows with limits nest."""


def _on_raise(number: int, frame: FrameType | None) -> None:
    for due in tuple(_dues):
        if not due.raised and due.wanted() and may_interrupt(frame):
            due.raised = True
            raise due.error
