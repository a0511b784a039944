"""One attempt at a step that its caller carries out: what it prints is captured, how it ends becomes news."""

from __future__ import annotations

from types import TracebackType

from motet import forks
from motet.dialects.python.scope import Leaving
from motet.engine.attempts import news_of
from motet.engine.replay import GIVEN_UP
from motet.errors import Cancelled
from motet.executors import capture
from motet.executors.current import Current, running
from motet.interrupts import Unheeded, is_interrupted
from motet.kernel.inputs import Ended, Failed, Succeeded
from motet.kernel.transitions import CANCELLING
from motet.ports import Failure, Success
from motet.typed import TYPE_CHECKING, Any
from motet.values.errors import encode_error

if TYPE_CHECKING:
    from motet.dialects.python.calls import TaskCall
    from motet.engine.driver import Driver


class Outcome:
    """Around the code of an attempt, which puts its value in `value`; then `told` is the news of how it ended.

    What the code raises is swallowed, being its outcome. But errors that break the run itself (a replay that differs,
    a store that fails) are none, and pass through; an interruption (Ctrl-C, the cancelling of an asyncio task) is
    recorded, and passes on.
    """

    __slots__ = ("_before", "_call", "_depth", "_driver", "_here", "_number", "_took", "told", "value")

    def __init__(self, driver: Driver, call: TaskCall, number: int) -> None:
        self.value: Any = None
        self.told: Succeeded | Failed | Ended
        self._driver, self._call, self._number = driver, call, number
        context = {"run": driver.run.id, "key": call.key, "attempt": number}
        self._here = Current(context, driver.log_of(call.key, number))
        self._before: Current | None = None
        self._depth = forks.depth

    def __enter__(self) -> Outcome:
        capture.ensure()
        self.enter()
        return self

    def enter(self) -> None:
        """From here on, what is printed is the attempt's."""
        self._before = running.get()
        running.set(self._here)
        self._here.work()

    def leave(self) -> None:
        """From here on, it is not: the code pauses."""
        self._took = self._here.rest()
        running.set(self._before)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._depth != forks.depth:
            forks.leave(error)
        capture.finish(self._here)
        self.leave()
        driver, call, number = self._driver, self._call, self._number
        if error is None and driver.state.status == CANCELLING and driver.state.steps[call.key].form == "flow":
            # It has swallowed that it was to stop: what it says then is no result, and a resume asks it again.
            driver.conclude(Ended(driver.host.clock.now(), call.key, number, driver.state.reason))
            raise driver.stopped
        if error is None:
            settled = call.settled(number, Success(self.value))
        elif isinstance(error, Leaving):  # nothing has ended: the run goes on in another process
            return False
        elif not isinstance(error, Exception) and not self._is_exit(error):
            driver.conclude(Ended(driver.host.clock.now(), call.key, number, self._reason(error)))
            return False
        elif driver.session.broken is not None:
            raise driver.session.broken from error
        elif isinstance(error, Cancelled) and driver.state.status == CANCELLING:
            driver.conclude(Ended(driver.host.clock.now(), call.key, number, driver.state.reason))
            return False
        else:
            settled = call.settled(number, Failure(encode_error(error), error))
        self.told = news_of(driver.host.clock.now(), call.key, number, settled, facts=self._took)
        return True

    def _is_exit(self, error: BaseException) -> bool:
        """Whether the code itself calls `sys.exit`, which is a failure like others: it is not the program that ends."""
        stopping = isinstance(error, Unheeded) or is_interrupted() or self._driver.state.status == CANCELLING
        return isinstance(error, SystemExit) and not stopping

    def _reason(self, error: BaseException) -> str:
        name = type(error).__name__
        if name != "CancelledError":
            return f"interrupted by {name}"
        return self._driver.state.reason if self._driver.state.status == CANCELLING else GIVEN_UP
