"""What was committed, folded by a second and simpler set of rules than the kernel's, which judges it on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from motet.kernel.events import Json
from motet.kernel.inputs import Failed
from motet.kernel.policy import Policy
from motet.testing.simulation.hearing import Hearing
from motet.testing.simulation.world import Violation, World

if TYPE_CHECKING:
    from motet.testing.simulation.owner import Owner

ENDED = ("succeeded", "failed", "cancelled", "skipped")
_EPS = 1e-3


@dataclass(slots=True)
class Item:
    """What the journal says of a step, or of an element of a map.

    attempt  the last one it knows of, written by the owner of epoch `by`
    due_at   when a retry is due, by the wall clock; `wait_s` after the failure
    own      whether it is an element of which something was told by itself
    """

    status: str = "pending"
    attempt: int = 0
    by: int = 0
    failures: int = 0
    due_at: float = 0.0
    wait_s: float = 0.0
    result: Json = None
    own: bool = False


@dataclass(slots=True)
class Spec:
    """How a step was added."""

    needs: Sequence[str] = ()
    after: Sequence[str] = ()
    each: Sequence[str] = ()
    size: int | None = None
    policy: Policy = field(default_factory=Policy)
    added: bool = True


class Ledger:
    """The committed run.

    epoch      the newest owner's
    finishing  whether its program ended the run, so that what became of its steps does not decide
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.status = "pending"
        self.epoch = 0
        self.items: dict[str, Item] = {}
        self.specs: dict[str, Spec] = {}
        self.hearing = Hearing()
        self.cancelling = self.finishing = False
        self.outcomes = 0
        self._policies: dict[str, Policy] = {}
        self._writer: Owner | None = None

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("succeeded", "failed", "cancelled")

    def item(self, key: str) -> Item:
        """What is known of a step or element; nothing yet, at first."""
        found = self.items.get(key)
        if found is None:
            found = self.items[key] = Item()
        return found

    def outcome(self, key: str) -> str:
        """The status of a step or element; elements that never ran share the fate of their map."""
        found = self.items.get(key)
        if found is not None and found.status in ENDED:
            return found.status
        of = key.rpartition("[")[0] if key.endswith("]") else ""
        if of in self.specs and self.items[of].status in ENDED:
            return "cancelled" if self.items[of].status == "cancelled" else "skipped"
        return found.status if found is not None else "pending"

    def steps_left(self) -> int:
        """How many steps have yet to end."""
        return sum(self.items[key].status not in ENDED for key in self.specs)

    def commit(self, owner: Owner, epoch: int, events: Sequence[Mapping[str, Any]]) -> None:
        """Take in what a process had committed. Raises Violation."""
        if epoch != self.epoch:
            raise Violation("stale-owners-are-fenced", f"{owner.name} of epoch {epoch} wrote in epoch {self.epoch}")
        self._writer = owner
        say, name = self.world.say, owner.name
        for event in events:
            say(name, "committed", event)
            _FOLD[event["event"]](self, event)

    # ------------------------------------------------------------ run

    def run_started(self, event: Mapping[str, Any]) -> None:
        """A new owner: its epoch is beyond all earlier ones."""
        if self.ended:
            raise Violation("outcomes-are-recorded-once", f"the run started after it was {self.status}")
        self.status = "cancelling" if self.cancelling else "running"

    def run_cancelling(self, event: Mapping[str, Any]) -> None:
        """The run was asked to stop."""
        self.hearing.stopping()
        self.cancelling = True
        self.status = "cancelling"

    def run_reopened(self, event: Mapping[str, Any]) -> None:
        """A run that did not succeed goes on."""
        if self.status not in ("failed", "cancelled"):
            raise Violation("outcomes-are-recorded-once", f"a run that is {self.status} was reopened")
        self.status, self.cancelling = "running", False
        self.hearing.settle()

    def run_finishing(self, event: Mapping[str, Any]) -> None:
        """The program ended the run."""
        self.finishing = True

    def run_finished(self, event: Mapping[str, Any]) -> None:
        """All steps have ended, and the status is what became of them, unless the program said otherwise."""
        status = event.get("status", "succeeded")
        if self.ended:
            raise Violation("outcomes-are-recorded-once", f"the run was {self.status} and is now {status}")
        left = [f"{key} {self.items[key].status}" for key in self.specs if self.items[key].status not in ENDED]
        if left:
            raise Violation("a-run-ends-after-its-steps", f"at the end of the run: {left}")
        if self.cancelling != (status == "cancelled") and (self.cancelling or status == "cancelled"):
            raise Violation("a-stopped-run-ends-cancelled", f"it ended {status}; asked to stop: {self.cancelling}")
        assert self._writer is not None
        if not self.cancelling and not self.finishing and not self._writer.finishing:
            good = all(self.items[key].status == "succeeded" for key in self.specs)
            if good != (status == "succeeded"):
                raise Violation("a-run-ends-after-its-steps", f"it is {status}; all steps succeeded: {good}")
        self.status, self.finishing = status, False
        self.hearing.waits.clear()

    # ------------------------------------------------------------ steps

    def step_added(self, event: Mapping[str, Any]) -> None:
        """A key is added once."""
        key = event["key"]
        if key in self.specs:
            raise Violation("outcomes-are-recorded-once", f"{key} was added twice")
        self.specs[key] = Spec(
            event.get("needs", ()), event.get("after", ()), event.get("each", ()), event.get("size"),
            self._policy(event.get("policy", {})),
        )  # fmt: skip
        self.item(key)

    def _policy(self, written: Json) -> Policy:
        text = repr(written)
        found = self._policies.get(text)
        if found is None:
            found = self._policies[text] = Policy.from_json(written)
        return found

    def _named(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """The key of the step or element that the event is about, and of the step that has its policy."""
        key, element = event["key"], event.get("element", -1)
        if element >= 0:
            name = f"{key}[{element}]"
            self.item(name).own = True
            return name, key
        return key, key if key in self.specs else key.rpartition("[")[0]

    def step_started(self, event: Mapping[str, Any]) -> None:
        """An attempt begins where there is no outcome, under a number that was not used before."""
        key, _ = self._named(event)
        item, number = self.item(key), event.get("attempt", 1)
        if item.status in ENDED:
            raise Violation("no-start-after-the-outcome", f"{key} was {item.status} and started again")
        if number <= item.attempt:
            raise Violation("attempt-numbers-only-grow", f"{key} started as {number} after {item.attempt}")
        item.status, item.attempt, item.by = "running", number, self.epoch

    def step_succeeded(self, event: Mapping[str, Any]) -> None:
        """A step or element succeeded; a map with all of its elements."""
        key, of = self._named(event)
        size = self.specs[of].size
        if key == of and size is not None:
            short = [n for n in range(size) if self.outcome(f"{key}[{n}]") != "succeeded"]
            if short:
                raise Violation("a-run-ends-after-its-steps", f"{key} succeeded without its elements {short}")
        elif not event.get("cached"):
            self._current(key, event.get("attempt", 0), event.get("result"))
        self._end(key, "succeeded", event.get("result"))

    def elements_succeeded(self, event: Mapping[str, Any]) -> None:
        """First attempts of elements succeeded."""
        key, indices = event["key"], event["indices"]
        results = event.get("results") or [None] * len(indices)
        for index, result in zip(indices, results, strict=True):
            name = f"{key}[{index}]"
            self._current(name, self.items[key].attempt, result)
            self._end(name, "succeeded", result)

    def _current(self, key: str, number: int, result: Json = None) -> None:
        """Whether the outcome is one of the attempt that runs, and the very one that it reported."""
        assert self._writer is not None
        running = self._writer.running.get(key)
        if running is None or running.number != number:
            now = running.number if running is not None else "none"
            raise Violation("outcomes-are-of-the-current-attempt", f"{key}: of attempt {number}, running is {now}")
        if result is not None and result["by"] != running.mark:
            raise Violation(
                "outcomes-are-of-the-current-attempt", f"{key}: {result['by']} reported it, running is {running.mark}"
            )

    def _end(self, key: str, status: str, result: Json = None) -> None:
        item = self.item(key)
        if item.status in ENDED:
            raise Violation("outcomes-are-recorded-once", f"{key} was {item.status} and is now {status}")
        item.status, item.result = status, result
        running = self._writer.running.get(key) if self._writer is not None else None
        if running is not None:
            item.attempt, item.by = running.number, self.epoch
        self.outcomes += 1
        self._over(key)

    def _over(self, key: str) -> None:
        assert self._writer is not None
        self._writer.running.pop(key, None)

    def step_retrying(self, event: Mapping[str, Any]) -> None:
        """A failure that the policy allows for, and the wait that it asks for."""
        key, of = self._named(event)
        item, policy, number = self.item(key), self.specs[of].policy, event.get("attempt", 0)
        self._current(key, number)
        item.failures += 1
        if item.failures > policy.retries:
            raise Violation("retries-keep-to-the-policy", f"{key} failed {item.failures} times and is tried again")
        wait_s = event["due_at"] - event["at"]
        asked = [told.delay_s for told in self._told(key) if told.delay_s is not None]
        if not any(abs(wait_s - asked_s) < _EPS for asked_s in asked):
            self._check_wait(key, policy, item.failures, wait_s)
        item.status, item.attempt, item.by = "retrying", number, self.epoch
        item.due_at, item.wait_s = event["due_at"], wait_s
        self._over(key)

    def _told(self, key: str) -> list[Failed]:
        """The failures that the attempt in hand was said to have ended with."""
        assert self._writer is not None
        return self._writer.running[key].told

    def _check_wait(self, key: str, policy: Policy, failures: int, wait_s: float) -> None:
        low = 0.0
        for nth in range(failures):
            low = policy.delays_s[nth] if nth < len(policy.delays_s) else low * policy.backoff
        low = min(low, policy.max_delay_s)
        if not low - _EPS <= wait_s <= low * (1.0 + policy.jitter) + _EPS:
            raise Violation(
                "retries-keep-to-the-policy", f"{key} waits {wait_s:.3f} s after failure {failures}, not {low:.3f} s"
            )

    def step_failed(self, event: Mapping[str, Any]) -> None:
        """The last failure that the policy allows for; a map fails when not all of its elements succeeded."""
        key, of = self._named(event)
        item, spec = self.item(key), self.specs[of]
        if key != of or spec.size is None:
            self._current(key, event.get("attempt", 0))
            item.failures += 1
            final = not all(told.retry for told in self._told(key))
            if item.failures <= spec.policy.retries and not final:
                raise Violation("retries-keep-to-the-policy", f"{key} is given up after {item.failures} failures")
        self._end(key, "failed")

    def step_skipped(self, event: Mapping[str, Any]) -> None:
        """Something that it needs did not succeed."""
        key, _ = self._named(event)
        because = event.get("because", "")
        if self.outcome(because) not in ("failed", "cancelled", "skipped"):
            raise Violation(
                "dependants-of-failures-are-skipped", f"{key} is skipped because of {because}: {self.outcome(because)}"
            )
        self._end(key, "skipped")

    def step_stopping(self, event: Mapping[str, Any]) -> None:
        """A step was asked to stop."""

    def step_cancelled(self, event: Mapping[str, Any]) -> None:
        """A step or element ended because it was asked to, or with its map."""
        key, _ = self._named(event)
        if "attempt" in event:
            self._current(key, event["attempt"])
        self._end(key, "cancelled")

    def step_interrupted(self, event: Mapping[str, Any]) -> None:
        """Its attempt is gone with the process; a map goes on under the next number."""
        key = event["key"]
        item = self.items[key]
        if key in self.specs and self.specs[key].size is not None:
            item.attempt, item.by = item.attempt + 1, self.epoch
        else:
            item.status = "pending"
        self._over(key)

    def step_reset(self, event: Mapping[str, Any]) -> None:
        """The outcome does not count any more; a map keeps the elements that succeeded."""
        key = event["key"]
        item = self.items[key]
        if item.status == "running":
            raise Violation("outcomes-are-recorded-once", f"{key} was reset while it ran")
        item.status, item.failures = "pending", 0
        for name, element in self.elements(key):
            if element.status != "succeeded":
                element.status, element.failures = "pending", 0
                self._over(name)

    def elements(self, key: str) -> Iterator[tuple[str, Item]]:
        """The elements of a map of which something is known."""
        for index in range(self.specs[key].size or 0):
            found = self.items.get(f"{key}[{index}]")
            if found is not None:
                yield f"{key}[{index}]", found

    # ------------------------------------------------------------ rules

    def wait_added(self, event: Mapping[str, Any]) -> None:
        """The run listens for a rule."""
        self.hearing.listen(event)

    def wait_removed(self, event: Mapping[str, Any]) -> None:
        """The run listens no longer."""
        del self.hearing.waits[event["wait"]]

    def event_received(self, event: Mapping[str, Any]) -> None:
        """A published event reached the run."""
        self.hearing.receive(event)

    def time_passed(self, event: Mapping[str, Any]) -> None:
        """A rule's deadline was reached."""


_FOLD: dict[str, Callable[[Ledger, Mapping[str, Any]], None]] = {
    "run.started": Ledger.run_started,
    "run.cancelling": Ledger.run_cancelling,
    "run.reopened": Ledger.run_reopened,
    "run.finishing": Ledger.run_finishing,
    "run.finished": Ledger.run_finished,
    "step.added": Ledger.step_added,
    "step.started": Ledger.step_started,
    "step.succeeded": Ledger.step_succeeded,
    "step.retrying": Ledger.step_retrying,
    "step.failed": Ledger.step_failed,
    "step.skipped": Ledger.step_skipped,
    "step.stopping": Ledger.step_stopping,
    "step.cancelled": Ledger.step_cancelled,
    "step.interrupted": Ledger.step_interrupted,
    "step.reset": Ledger.step_reset,
    "elements.succeeded": Ledger.elements_succeeded,
    "wait.added": Ledger.wait_added,
    "wait.removed": Ledger.wait_removed,
    "event.received": Ledger.event_received,
    "time.passed": Ledger.time_passed,
}
