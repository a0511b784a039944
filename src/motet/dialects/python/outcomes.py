"""How outcomes are recorded, and what a body owes to what it submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motet.engine.calls import Settled
from motet.errors import RunFailed
from motet.kernel.transitions import SUCCEEDED
from motet.ports import Failure, Outcome, Success
from motet.values.errors import encode_error
from motet.values.records import encode

if TYPE_CHECKING:
    from motet.dialects.python.scope import Scope
    from motet.engine.driver import Driver


def settle(driver: Driver, key: str, outcome: Outcome, *, persist: bool = True) -> Settled:
    """The outcome as it is recorded; a value that cannot be pickled is said once, and is kept in memory only.

    One that is not to be persisted is kept in memory only, too.
    """
    if isinstance(outcome, Success) and not persist:
        return Settled(True, {"lost": "its task says persist_result=False"})
    if isinstance(outcome, Success):
        record = outcome.record
        if record is None:
            try:
                record = encode(outcome.value, driver.host.artifacts)
            except Exception as error:  # noqa: BLE001 - boundary: a value that cannot be kept must not take the run with it
                return Settled(False, error=encode_error(error), retry=False)
        if type(record) is dict and "lost" in record:
            _say_lost(driver, key, record["lost"])
        return Settled(True, record)
    assert isinstance(outcome, Failure)
    return Settled(False, error=outcome.error)


def _say_lost(driver: Driver, key: str, why: str) -> None:
    task = driver.state.steps[key].task
    if task not in driver.said:
        import logging

        driver.said.add(task)
        logging.getLogger("motet").warning(
            "The result of task %s (step %s) is kept in memory only: %s. The run goes on as usual; should it be "
            "resumed, this step will run again. Return something that can be pickled to avoid that.",
            task, key, why,
        )  # fmt: skip


def await_submitted(scope: Scope) -> None:
    """Wait for all that a body submitted. Raises RunFailed if some of it failed and nobody looked at that."""
    if not scope.unlooked:
        return
    for key in list(scope.unlooked):
        scope.driver.wait(key)
    failed = [found for key, looked in scope.unlooked.items() if (found := _failure(scope.driver, key, looked))]
    if failed:
        raise RunFailed(
            f"{len(failed)}/{len(scope.unlooked)} submitted tasks did not succeed, and the flow did not look at "
            f"their results:\n  " + "\n  ".join(failed[:10]),
            "Call .result() on their futures, or .state where a failure is expected.",
        )


def _failure(driver: Driver, key: str, looked: set[int]) -> str:
    step = driver.state.steps[key]
    if step.status == SUCCEEDED:
        return ""
    if step.map is not None:
        own = (each for each in driver.state.steps.values() if each.of == key and each.status != SUCCEEDED)
        unseen = [each for each in own if each.element not in looked]
        if not unseen and looked:
            return ""
        step = unseen[0] if unseen else step
    error = step.error if isinstance(step.error, dict) else {}
    why = f"{error['type']}: {error['message']}" if error else step.doomed and f"{step.doomed} did not succeed"
    return f"{step.key} {step.status}: {why}".rstrip(": ")
