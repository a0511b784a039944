"""Time limits of flows that run on their caller's thread, where nothing can be stopped by force."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from motet.errors import MotetError
from motet.interrupts import Raiser
from motet.kernel.program import StopStep

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope


def limit(scope: Scope, timeout_s: float, is_inside: Callable[[], bool] = lambda: True) -> None:
    """When the time is up, stop the steps below the body, and have the next call of a task or flow in it raise.

    So a flow that waits for its tasks ends at once. The code of one that is busy itself is interrupted on the main
    thread, if it `is_inside` then; on another thread it ends where it next calls something.
    """
    driver = scope.driver
    raiser = Raiser() if threading.current_thread() is threading.main_thread() else None

    def expire() -> None:
        if scope.ended or scope.over is not None or driver.finished.is_set():
            return
        late = scope.over = scope.timed_out(timeout_s)
        below = [key for key, step in list(driver.state.steps.items()) if not step.ended and not step.of]
        with suppress(MotetError):  # the run is broken: whoever drives it says so
            driver.act(
                [StopStep(key, "its flow ran out of time") for key in below if key.startswith(f"{scope.key}/")],
                commit=True,
            )
        if raiser is not None:
            raiser.raise_while(late, lambda: not scope.ended and scope.over is late and is_inside())

    driver.host.tender.after(timeout_s, expire)
