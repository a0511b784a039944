"""What each committed event does to the ledger, and what must hold for it to be committed. Each raises Violation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from motet.kernel.policy import Policy
from motet.kernel.transitions import ENDED
from motet.testing.simulation.ledger import Ledger
from motet.testing.simulation.spec import Spec
from motet.testing.simulation.world import Process, Violation

_EPS = 1e-3

_MET = "steps-that-wait-get-the-first-that-will-do"


def commit(ledger: Ledger, process: Process, epoch: int, events: Sequence[Mapping[str, Any]]) -> None:
    """Take in what a process had committed. Raises Violation."""
    if epoch != ledger.epoch:
        raise Violation("stale-owners-are-fenced", f"{process.name} of epoch {epoch} wrote in epoch {ledger.epoch}")
    ledger.writer = process
    for event in events:
        ledger.world.say(process.name, "committed", event)
        FOLD[event["event"]](ledger, event)


def run_started(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A new owner: its epoch is beyond all earlier ones."""
    if ledger.ended:
        raise Violation("outcomes-are-recorded-once", f"the run started after it was {ledger.status}")
    ledger.status = "cancelling" if ledger.cancelling else "running"


def run_cancelling(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The run was asked to stop."""
    ledger.hearing.stopping()
    ledger.cancelling = True
    ledger.status = "cancelling"


def run_reopened(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A run that did not succeed goes on."""
    if ledger.status not in ("failed", "cancelled"):
        raise Violation("outcomes-are-recorded-once", f"a run that is {ledger.status} was reopened")
    ledger.status, ledger.cancelling = "running", False
    ledger.hearing.settle()


def run_finishing(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The program ended the run."""
    ledger.finishing = True


def run_finished(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """All steps have ended, and the status is what became of them, unless the program said otherwise."""
    status = event.get("status", "succeeded")
    if ledger.ended:
        raise Violation("outcomes-are-recorded-once", f"the run was {ledger.status} and is now {status}")
    left = [f"{key} {ledger.items[key].status}" for key in ledger.specs if ledger.items[key].status not in ENDED]
    if left:
        raise Violation("a-run-ends-after-its-steps", f"at the end of the run: {left}")
    if ledger.cancelling != (status == "cancelled") and (ledger.cancelling or status == "cancelled"):
        raise Violation("a-stopped-run-ends-cancelled", f"it ended {status}; asked to stop: {ledger.cancelling}")
    assert ledger.writer is not None
    if not ledger.cancelling and not ledger.finishing and not ledger.writer.finishing:
        retired = [status for key, status in ledger.retired.items() if not key.endswith("]")]
        good = all(each == "succeeded" for each in [*(ledger.items[key].status for key in ledger.specs), *retired])
        if good != (status == "succeeded"):
            raise Violation("a-run-ends-after-its-steps", f"it is {status}; all steps succeeded: {good}")
    ledger.status, ledger.finishing = status, False
    ledger.hearing.waits.clear()


def step_added(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A key is added once."""
    key = event["key"]
    if key in ledger.specs or key in ledger.retired:
        raise Violation("outcomes-are-recorded-once", f"{key} was added twice")
    ledger.specs[key] = _spec(ledger, event)
    ledger.item(key)


def _spec(ledger: Ledger, event: Mapping[str, Any]) -> Spec:
    return Spec(
        event.get("needs", ()), event.get("after", ()), event.get("each", ()), event.get("size"),
        ledger.policy(event.get("policy", {})), event.get("until"), event.get("since", 0),
    )  # fmt: skip


def step_redefined(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A step of which no outcome stands is another from here on."""
    key = event["key"]
    standing = [key, *(name for name, _ in ledger.elements(key))]
    if any(ledger.items[name].status in (*ENDED, "running") for name in standing):
        raise Violation("outcomes-are-recorded-once", f"{key} was redefined while an outcome of it stood, or it ran")
    ledger.specs[key] = _spec(ledger, event)
    ledger.items[key].failures = 0
    _forget_kept(ledger, key)


def _forget_kept(ledger: Ledger, key: str) -> None:
    """What was kept of the step, and of its elements, is of no use to what it is now."""
    for item in (ledger.items[key], *(item for _, item in ledger.elements(key))):
        item.kept.clear()


def step_changed(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The program says something else of a step, which is only noted."""


def step_started(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """An attempt begins where there is no outcome, under a number that was not used before."""
    key, _ = ledger.named(event)
    item, number = ledger.item(key), event.get("attempt", 1)
    if item.status in ENDED:
        raise Violation("no-start-after-the-outcome", f"{key} was {item.status} and started again")
    if number <= item.attempt:
        raise Violation("attempt-numbers-only-grow", f"{key} started as {number} after {item.attempt}")
    item.status, item.attempt, item.by = "running", number, ledger.epoch


def step_waiting(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The step waits for its rule, and takes nothing."""
    item, spec = ledger.item(event["key"]), ledger.specs[event["key"]]
    if item.status in ENDED or spec.until is None:
        raise Violation("no-start-after-the-outcome", f"{event['key']} was {item.status} and waits")
    item.status, item.due_at = "waiting", event["at"] + (spec.policy.timeout_s or math.inf)
    wait = {"wait": f"step {event['key']}", "rule": spec.until, "offset": spec.since}
    ledger.hearing.listen(wait)
    ledger.hearing.fired.pop(wait["wait"], None)


def step_checkpointed(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The attempt that runs has kept its state, under a number that was not used before."""
    key, element = event["key"], event.get("element", -1)
    name = key if element < 0 else f"{key}[{element}]"
    ledger.check_current(name, event.get("attempt", 1), {"by": event["labels"]["by"]})
    kept = ledger.item(name).kept
    if kept and event["number"] <= kept[-1]:
        raise Violation("attempt-numbers-only-grow", f"{name}: checkpoint {event['number']} after {kept[-1]}")
    kept.append(event["number"])


def step_succeeded(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A step or element succeeded; a map with all of its elements."""
    key, of = ledger.named(event)
    size = ledger.specs[of].size
    if ledger.specs[of].until is not None:
        if ledger.items[key].status != "waiting":
            raise Violation(_MET, f"{key} has what it waits for, and is {ledger.items[key].status}")
        ledger.hearing.check_met(key, event["result"]["json"])
    elif key == of and size is not None:
        short = [n for n in range(size) if ledger.outcome(f"{key}[{n}]") != "succeeded"]
        if short:
            raise Violation("a-run-ends-after-its-steps", f"{key} succeeded without its elements {short}")
    elif not event.get("cached"):
        ledger.check_current(key, event.get("attempt", 0), event.get("result"))
    ledger.end(key, "succeeded", event.get("result"))


def elements_succeeded(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """First attempts of elements succeeded."""
    key, indices = event["key"], event["indices"]
    results = event.get("results") or [None] * len(indices)
    for index, result in zip(indices, results, strict=True):
        name = f"{key}[{index}]"
        ledger.check_current(name, ledger.items[key].attempt, result)
        ledger.end(name, "succeeded", result)


def step_retrying(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A failure that the policy allows for, and the wait that it asks for."""
    key, of = ledger.named(event)
    item, policy, number = ledger.item(key), ledger.specs[of].policy, event.get("attempt", 0)
    ledger.check_current(key, number)
    item.failures += 1
    if item.failures > policy.retries:
        raise Violation("retries-keep-to-the-policy", f"{key} failed {item.failures} times and is tried again")
    wait_s = event["due_at"] - event["at"]
    asked = [told.delay_s for told in ledger.told_of(key) if told.delay_s is not None]
    if not any(abs(wait_s - asked_s) < _EPS for asked_s in asked):
        _check_wait(key, policy, item.failures, wait_s)
    item.status, item.attempt, item.by = "retrying", number, ledger.epoch
    item.due_at, item.wait_s = event["due_at"], wait_s
    ledger.over(key)


def _check_wait(key: str, policy: Policy, failures: int, wait_s: float) -> None:
    low = 0.0
    for nth in range(failures):
        low = policy.delays_s[nth] if nth < len(policy.delays_s) else low * policy.backoff
    low = min(low, policy.max_delay_s)
    if not low - _EPS <= wait_s <= low * (1.0 + policy.jitter) + _EPS:
        raise Violation(
            "retries-keep-to-the-policy", f"{key} waits {wait_s:.3f} s after failure {failures}, not {low:.3f} s"
        )


def step_failed(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The last failure that the policy allows for; a map fails when not all of its elements succeeded."""
    key, of = ledger.named(event)
    item, spec = ledger.item(key), ledger.specs[of]
    if spec.until is not None:
        if event["at"] < ledger.items[key].due_at:
            raise Violation(_MET, f"{key} is given up {ledger.items[key].due_at - event['at']:.3f} s too early")
    elif key != of or spec.size is None:
        ledger.check_current(key, event.get("attempt", 0))
        item.failures += 1
        final = not all(told.retry for told in ledger.told_of(key))
        if item.failures <= spec.policy.retries and not final:
            raise Violation("retries-keep-to-the-policy", f"{key} is given up after {item.failures} failures")
    ledger.end(key, "failed")


def step_skipped(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """Something that it needs did not succeed."""
    key, _ = ledger.named(event)
    because = event.get("because", "")
    if ledger.outcome(because) not in ("failed", "cancelled", "skipped"):
        raise Violation(
            "dependants-of-failures-are-skipped", f"{key} is skipped because of {because}: {ledger.outcome(because)}"
        )
    ledger.end(key, "skipped")


def step_stopping(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A step was asked to stop."""


def step_cancelled(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A step or element ended because it was asked to, or with its map."""
    key, _ = ledger.named(event)
    if "attempt" in event:
        ledger.check_current(key, event["attempt"])
    ledger.end(key, "cancelled")


def step_interrupted(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """Its attempt is gone with the process; a map goes on under the next number."""
    key = event["key"]
    item = ledger.items[key]
    if key in ledger.specs and ledger.specs[key].size is not None:
        item.attempt, item.by = item.attempt + 1, ledger.epoch
    else:
        item.status = "pending"
    ledger.over(key)


def step_reset(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The outcome does not count any more; a map keeps the elements that succeeded."""
    key = event["key"]
    item = ledger.items[key]
    if item.status == "running" and ledger.specs[key].size is None:
        raise Violation("outcomes-are-recorded-once", f"{key} was reset while it ran")
    item.status, item.failures = "pending", 0
    maps = [other for other, spec in ledger.specs.items() if spec.size is not None and other != key]
    ledger.begun.update((each, key) for each in maps if ledger.items[each].status == "running")
    if event.get("fingerprint") or event.get("anew"):
        _forget_kept(ledger, key)
    for name, element in ledger.elements(key):
        if element.status != "succeeded" or event.get("fingerprint") or event.get("anew"):
            element.status, element.failures = "pending", 0
            ledger.over(name)


def step_retired(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The step is over, and no other takes its outcome."""
    key = event["key"]
    needing = [other for other, spec in ledger.specs.items() if key in spec.needs or key in spec.each]
    if ledger.items[key].status not in ENDED or needing:
        raise Violation("retired-steps-are-over", f"{key} is {ledger.items[key].status}; it is needed by {needing}")
    for name, item in [*ledger.elements(key), (key, ledger.items[key])]:
        ledger.retired[name] = item.status
        del ledger.items[name]
    del ledger.specs[key]


def wait_added(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The run listens for a rule."""
    ledger.hearing.listen(event)
    ledger.answered.pop(event["wait"], None)
    ledger.hearing.fired.pop(event["wait"], None)


def wait_removed(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """The run listens no longer."""
    del ledger.hearing.waits[event["wait"]]


def event_received(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A published event reached the run."""
    ledger.hearing.receive(event)


def wait_fired(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A rule of several parts fired: one firing after the other, each with what caused it."""
    wait, number = event["wait"], event["number"]
    if number != ledger.hearing.fired.get(wait, 0) + 1 or not event["causes"]:
        raise Violation("events-are-acted-on-once-in-order", f"{wait} fired for the {number}. time: {event['causes']}")
    ledger.hearing.fired[wait] = number


def wait_answered(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """What a program has made of a firing: of each once, and in order."""
    wait, number = event["wait"], event["number"]
    if number <= ledger.answered.get(wait, 0):
        raise Violation("firings-are-shown-once", f"the {number}. firing of {wait} was shown again")
    ledger.answered[wait] = number


def time_passed(ledger: Ledger, event: Mapping[str, Any]) -> None:
    """A rule's deadline was reached."""


FOLD: dict[str, Callable[[Ledger, Mapping[str, Any]], None]] = {
    "run.started": run_started,
    "run.cancelling": run_cancelling,
    "run.reopened": run_reopened,
    "run.finishing": run_finishing,
    "run.finished": run_finished,
    "step.added": step_added,
    "step.started": step_started,
    "step.waiting": step_waiting,
    "step.checkpointed": step_checkpointed,
    "step.succeeded": step_succeeded,
    "step.retrying": step_retrying,
    "step.failed": step_failed,
    "step.skipped": step_skipped,
    "step.stopping": step_stopping,
    "step.cancelled": step_cancelled,
    "step.interrupted": step_interrupted,
    "step.reset": step_reset,
    "step.redefined": step_redefined,
    "step.retired": step_retired,
    "step.changed": step_changed,
    "elements.succeeded": elements_succeeded,
    "wait.added": wait_added,
    "wait.removed": wait_removed,
    "wait.fired": wait_fired,
    "wait.answered": wait_answered,
    "event.received": event_received,
    "time.passed": time_passed,
}
"""What is to be called for each kind of event."""
