"""What the journal tells of one step, and what is kept of earlier runs beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

from motet import leases, private, questions
from motet.admission import board
from motet.checkpoints import Checkpoint, of_step
from motet.errors import NotFound
from motet.kernel import transitions as st
from motet.kernel.events import Json
from motet.ports import RunRow, StepRow, Store
from motet.views import human, usage
from motet.views.steps import find_step

_FEW = 10


class Facts:
    """The facts of one step (or element of a map) of one run."""

    def __init__(self, store: Store, run: RunRow, step: StepRow) -> None:
        self.store = store
        self.run = run
        self.step = step
        of, _, index = step.key.rpartition("[")
        self.of, self.element = (of, int(index[:-1])) if step.form == "element" else (step.key, -1)
        self.events = [event for event in store.history(run.id) if self._concerns(event)]
        self.added = self._as_defined()

    def _as_defined(self) -> Json:
        """What the step was added as; where it was defined anew since, or changed before it ran, as that."""
        found: Json = {}
        for each in self.events:
            if each["event"] in ("step.added", "step.redefined"):
                found = {**each, "at": found.get("at", each["at"])}
            elif each["event"] == "step.changed" and "call" in each:
                found = {**found, "call": each["call"]}
        return found

    def _concerns(self, event: Json) -> bool:
        key, element = event.get("key"), event.get("element", -1)
        if self.element < 0:
            return bool(key == self.step.key and (element < 0 or event["event"] == "step.failed"))
        if key != self.of or event["event"] in ("step.added", "step.redefined", "step.changed"):
            return key in (self.of, self.step.key)
        return bool(element == self.element or self.element in event.get("indices", ()))

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        """Those that are kept, the oldest first."""
        return of_step(self.store, self.run.id, self.step.key)

    @cached_property
    def note(self) -> Json:
        """What the voice noted when the step succeeded."""
        done = [each for each in self.events if each["event"] == "step.succeeded"]
        return (done[-1].get("note") if done else None) or {}

    @property
    def used(self) -> list[Json]:
        """What its attempts took: see `usage.used`."""
        return usage.used(self.events, self.element)

    @cached_property
    def taken(self) -> int:
        """How many of a map's elements did not run, because an earlier result stands for them; of an element 1 or 0."""
        told = [each.get("cached", ()) for each in self.events if each["event"] == "elements.succeeded"]
        return sum(self.element in each if self.element >= 0 else len(each) for each in told)

    @property
    def taken_from(self) -> str:
        """Where results come from that stand for it, in words."""
        if self.forked:
            return f"run {self.name_of(self.forked['run'])}, from which this run was forked, was asked to do the same"
        return "results were kept of calls that were asked to do the same"

    @property
    def place(self) -> str:
        """That it runs in a worker process, and which option has it do so; empty for what runs anywhere else."""
        policy = self.added.get("policy") or {}
        if policy.get("executor") != "processes":
            return ""
        limit_s, runner = policy.get("timeout_s"), any(each.startswith("runner:") for each in policy.get("demands", ()))
        option = "the task runner of its flow" if runner else 'executor="processes"'
        option = f"its time limit of {limit_s:g} s" if limit_s else option
        return f", for a worker process, by {option}"

    @property
    def waits_for(self) -> Json:
        """What its body waits for, as its voice tells it: {"for": ..., "since": ...}; None if for nothing."""
        if self.step.status == st.WAITING:
            return questions.of_row(self.step)
        found = questions.of_step(self.store, self.run, self.step.key)
        return found.body if found is not None else None

    @property
    def stands_in_line(self) -> list[leases.Limit]:
        """The limits shared by all runs that its body waits for."""
        by = f"{self.run.name} {self.step.key}"
        limits = leases.every(self.store, time.time())
        return [each for each in limits if any(waiting["by"] == by for waiting in each.line)]

    @property
    def cause(self) -> str:
        """Why its program has added it, in words; "" where it does not say."""
        cause = (self.added.get("call") or {}).get("cause") or {}
        if "rule" in cause:
            return f"started by rule {cause['rule']}: {'; '.join(map(human.cause, cause['causes']))}"
        return f"asked for by {cause['asked'] or 'somebody'}" if "asked" in cause else ""

    @property
    def circle(self) -> list[tuple[str, str]]:
        """Who waits for whom over limits, if that comes back to this step: each with the limit that it waits for."""
        own = f"{self.run.name} {self.step.key}"
        limits = leases.every(self.store, time.time())
        paths: list[list[tuple[str, str]]] = [[(own, each.name)] for each in self.stands_in_line]
        seen: set[str] = set()
        for path in paths:
            held = next(each for each in limits if each.name == path[-1][1])
            for by in dict.fromkeys(str(each["by"]) for each in held.holders):
                if by == own:
                    return path
                if by and by not in seen:
                    seen.add(by)
                    waits = [each.name for each in limits if any(waiting["by"] == by for waiting in each.line)]
                    paths += [[*path, (by, name)] for name in waits]
        return []

    @property
    def forked(self) -> Json:
        """What the run was forked from, None if it was not."""
        return self.run.program.get("fork")

    @property
    def because(self) -> str:
        """The step because of which it was skipped."""
        return next((each.get("because", "") for each in reversed(self.events) if each["event"] == "step.skipped"), "")

    @property
    def needs(self) -> list[str]:
        """The steps that must have ended before it starts."""
        added = self.added
        return [*added.get("needs", ()), *added.get("after", ()), *added.get("each", ())]

    @property
    def retries(self) -> int:
        """How many its policy allows."""
        return int(self.added.get("policy", {}).get("retries", 0))

    @property
    def limits(self) -> list[str]:
        """The limits that it takes of while it runs."""
        return list(self.added.get("policy", {}).get("demands", ()))

    @cached_property
    def _rows(self) -> dict[str, StepRow]:
        """The rows of all steps of the run: where many are asked for, one look gives them all."""
        return {row.key: row for row in self.store.steps(self.run.id)} if len(self.needs) > _FEW else {}

    def row(self, key: str) -> StepRow | None:
        """The row of another step of the run."""
        if key in self._rows:
            return self._rows[key]
        try:
            return find_step(self.store, self.run, key) if key else None
        except NotFound:
            return None

    def status_of(self, key: str) -> str:
        """The status of another step of the run."""
        row = self.row(key)
        return row.status if row is not None else "unknown"

    def holders(self, limit: str) -> list[str]:
        """The running steps that take of the limit."""
        running = {row.key for row in self.store.steps(self.run.id, status=st.RUNNING)}
        return [
            event["key"]
            for event in self.store.history(self.run.id)
            if event["event"] == "step.added"
            and event["key"] in running
            and limit in event.get("policy", {}).get("demands", ())
        ]

    def of_machine(self, name: str) -> list[str]:
        """Who has something of what the machine counts under that name, in any run, where somebody waits for it."""
        standings = board.seen(private.machine(private.home()))
        if not any(name in ticket["needs"] for each in standings for ticket in each["front"]):
            return []
        having = [each for each in standings if each["holds"].get(name)]
        return [f"{run} {step}" for each in having for run, step, *names in each["by"] if name in names]

    def name_of(self, run: str) -> str:
        """A run's name and id; the id alone of one that is gone."""
        try:
            return f"{self.store.run(run).name} ({run})"
        except NotFound:
            return run

    @cached_property
    def nearest(self) -> Json:
        """The kept result, of another step, that has most parts of the key in common; the newest of several."""
        cache = self.note.get("cache")
        if not cache or "from" in cache or cache.get("missed"):
            return None
        parts, found = cache["parts"], None
        for each in self.store.documents(self.run.program.get("voice", ""), "cache"):
            body = each.body
            if "parts" not in body:
                continue
            own = (body["run"], body["step"]) == (self.run.id, self.step.key)
            if body.get("task") != self.step.task or own or body["at"] > (self.step.ended_at or body["at"]):
                continue
            differs = sorted(name for name in {*parts, *body["parts"]} if parts.get(name) != body["parts"].get(name))
            if differs and (found is None or (-len(differs), body["at"]) > found[0]):
                found = (-len(differs), body["at"]), {"run": body["run"], "step": body["step"], "differs": differs}
        return found[1] if found else None


def checkpoint_line(found: Sequence[Checkpoint]) -> str:
    """The last of the checkpoints, and how old it is; empty for none."""
    return f"{found[-1].title}, {human.length(max(0.0, time.time() - found[-1].at))} ago" if found else ""
