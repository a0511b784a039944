"""Time limits of flows that run on their caller's thread, where nothing can be stopped by force."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from motet.errors import MotetError, TimedOut
from motet.kernel.program import StopStep

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope


def limit(scope: Scope, timeout_s: float) -> None:
    """When the time is up, stop the steps below the body, and have the next call of a task or flow in it raise.

    So a flow that waits for its tasks ends at once; one that is busy itself ends where it next calls something.
    """
    driver = scope.driver

    def expire() -> None:
        if scope.over is not None or driver.finished.is_set():
            return
        scope.over = TimedOut(f"{scope.key} ran longer than its limit of {timeout_s:g} s and was stopped.")
        below = [key for key, step in list(driver.state.steps.items()) if not step.ended and not step.of]
        with suppress(MotetError):  # the run is broken: whoever drives it says so
            driver.act(
                [StopStep(key, "its flow ran out of time") for key in below if key.startswith(f"{scope.key}/")],
                commit=True,
            )

    driver.host.tender.after(timeout_s, expire)
