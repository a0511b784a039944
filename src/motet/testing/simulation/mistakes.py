"""What stands in the place of functions while a fault is planted: each takes the original, and errs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from motet.engine.loop import RunLoop
from motet.engine.session import Session
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import Decision, SetTimer
from motet.kernel.events import Json
from motet.kernel.inputs import Failed, Input, Judgement, Succeeded, TimerFired
from motet.kernel.state import Changes, RunState, Step
from motet.kernel.transitions import CANCELLING, RETRYING, RUNNING
from motet.ports import Batch, Checkpoint, Store
from motet.stores.memory import MemoryStore

Replacement = Callable[[Callable[..., Any]], Callable[..., Any]]
"""From the original function to the one that stands in its place."""


# ---------------------------------------------------------------- the store


def any_epoch(append: Callable[..., None]) -> Callable[..., None]:
    """A former owner may append."""

    def planted_append(self: MemoryStore, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        append(self, run, self.run(run).epoch, expected_seq, batch)

    return planted_append


def any_seq(append: Callable[..., None]) -> Callable[..., None]:
    """The same events may be appended twice."""

    def planted_append(self: MemoryStore, run: str, epoch: int, expected_seq: int, batch: Batch) -> None:
        append(self, run, epoch, self.run(run).seq, batch)

    return planted_append


def any_lease(renew: Callable[..., None]) -> Callable[..., None]:
    """A former owner may renew its lease."""

    def planted_renew(self: MemoryStore, run: str, epoch: int, lease_s: float) -> None:
        renew(self, run, self.run(run).epoch, lease_s)

    return planted_renew


def kept_without(part: Callable[[Json], Json]) -> Replacement:
    """A checkpoint is kept as `part` leaves it."""

    def replacement(save: Callable[..., None]) -> Callable[..., None]:
        def planted_save(self: MemoryStore, run: str, epoch: int, checkpoint: Checkpoint) -> None:
            save(self, run, epoch, Checkpoint(checkpoint.seq, part(checkpoint.state)))

        return planted_save

    return replacement


def no_elements(state: Json) -> Json:
    """A checkpoint without the elements that have a step of their own."""
    return {**state, "steps": {key: step for key, step in state["steps"].items() if not step.get("of")}}


# ---------------------------------------------------------------- the session


def told_first(settle: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Commits that nothing follows are put off."""

    def planted_settle(self: Session, now: float, changes: Changes | None = None, *, commit: bool) -> list[Any]:
        commands = settle(self, now, changes, commit=False)
        if commit and commands:
            self.flush()
        return commands

    return planted_settle


def done_first(settle: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """Commits that something follows are put off, and so is the telling."""

    def planted_settle(self: Session, now: float, changes: Changes | None = None, *, commit: bool) -> list[Any]:
        commands = settle(self, now, changes, commit=False)
        if commands:
            self.touched = {}
        elif commit:
            self.flush()
        return commands

    return planted_settle


def unrecorded(kind: type[ev.Event]) -> Replacement:
    """Events of that kind are neither folded nor recorded."""

    def replacement(record: Callable[..., None]) -> Callable[..., None]:
        def planted_record(self: Session, event: ev.Event) -> None:
            if not isinstance(event, kind):
                record(self, event)

        return planted_record

    return replacement


def over_at_once(ends: Callable[..., bool]) -> Callable[..., bool]:
    """The run ends while steps still run."""

    def planted_ends(self: Session, now: float) -> bool:
        if self._finish is not None and self.state.status == RUNNING:
            self._record(ev.RunFinished(now, self._finish.status))
            return True
        return ends(self, now)

    return planted_ends


def no_rows_of_elements(rows_of: Callable[..., Any]) -> Callable[..., Any]:
    """Elements get no rows."""

    def planted_rows_of(state: RunState, keys: Iterable[str]) -> Any:
        return rows_of(state, [key for key in keys if not key.endswith("]")])

    return planted_rows_of


def no_tail(load_state: Callable[..., Any]) -> Callable[..., Any]:
    """What came after a checkpoint is not read."""

    def planted_load_state(store: Store, run: str, offset: int) -> RunState:
        kept = store.load_checkpoint(run)
        state: RunState = checkpoint.from_json(kept.state) if kept is not None else load_state(store, run, offset)
        return state

    return planted_load_state


def no_ending(begin: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """A new owner does not know how the program ended the run."""

    def planted_begin(self: Session, *told: Any) -> list[Any]:
        self._finish = None
        return begin(self, *told)

    return planted_begin


# ---------------------------------------------------------------- what comes in


def judging(change: Callable[[RunState, Input, Judgement], Judgement]) -> Replacement:
    """What news comes to is changed."""

    def replacement(judge: Callable[..., Judgement]) -> Callable[..., Judgement]:
        def planted_judge(state: RunState, told: Input) -> Judgement:
            return change(state, told, judge(state, told))

        return planted_judge

    return replacement


def subject(state: RunState, key: str, element: int) -> Step:
    """The step that news is about; an element has one of its own, or else its map."""
    step = state.steps[key]
    return step.map.own.get(element, step) if step.map is not None else step


def any_attempt(judge: Callable[..., Judgement]) -> Callable[..., Judgement]:
    """News of any attempt is taken for news of the current one."""

    def planted_judge(state: RunState, told: Input) -> Judgement:
        if isinstance(told, Succeeded | Failed):
            told = replace(told, attempt=subject(state, told.key, told.element).attempt)
        return judge(state, told)

    return planted_judge


def again(state: RunState, told: Input, judged: Judgement) -> Judgement:
    """The last failure is followed by another attempt."""
    if isinstance(told, Failed) and isinstance(judged.event, ev.StepFailed) and told.retry:
        step = subject(state, told.key, told.element)
        if (step.failures if step.map is None else 0) == step.policy.retries:
            return Judgement(ev.StepRetrying(told.at, told.key, told.attempt, told.element, told.at, told.error))
    return judged


def steady(state: RunState, told: Input, judged: Judgement) -> Judgement:
    """No wait is longer than the first one."""
    event = judged.event
    if isinstance(event, ev.StepRetrying) and isinstance(told, Failed) and told.delay_s is None:
        delays = state.steps[event.key].policy.delays_s
        event.due_at = min(event.due_at, event.at + (delays[0] if delays else 0.0))
    return judged


def by_chance(state: RunState, told: Input, judged: Judgement) -> Judgement:
    """Waits differ from one time to the next."""
    if isinstance(judged.event, ev.StepRetrying):
        judged.event.due_at += random.random() / 10_000.0
    return judged


def unheard(state: RunState, told: Input, judged: Judgement) -> Judgement:
    """Something is changed that no event tells of."""
    if isinstance(told, TimerFired) and judged.command is not None:
        subject(state, told.key, told.element).error = "it took too long"
    return judged


def at_any_time(judge: Callable[..., Judgement]) -> Callable[..., Judgement]:
    """A success counts whatever the status of its step."""

    def planted_judge(state: RunState, told: Input) -> Judgement:
        judged = judge(state, told)
        if isinstance(told, Succeeded) and told.element < 0 and told.key in state.steps:
            return Judgement(ev.StepSucceeded(told.at, told.key, told.attempt, told.element, told.result))
        return judged

    return planted_judge


def every_event(state: RunState, told: Input, judged: Judgement) -> Judgement:
    """A published event counts although it was acted on before."""
    return Judgement(told) if isinstance(told, ev.EventReceived) else judged


def meant_for_all(received_by: Callable[..., ev.EventReceived]) -> Callable[..., ev.EventReceived]:
    """Every event is taken for one that is meant for this run."""
    return lambda entry, run, wait="": received_by(entry, entry.run, wait)


# ---------------------------------------------------------------- what is known


def folding(change: Callable[[RunState, Any, RunState], None]) -> Replacement:
    """After the event was folded; `change` is also given some of what was known before."""

    def replacement(fold: Callable[..., None]) -> Callable[..., None]:
        def planted_fold(state: RunState, event: Any) -> None:
            before = RunState(state.run, offset=state.offset, steered=state.steered)
            fold(state, event)
            change(state, event, before)

        return planted_fold

    return replacement


def leak(state: RunState, event: Any, before: RunState) -> None:
    """What the step used is not given back."""
    step = subject(state, event.key, getattr(event, "element", -1))
    if step.map is None:
        for name, amount in step.policy.demands.items():
            state.limit(name).used += amount


def count_anew(state: RunState, event: Any, before: RunState) -> None:
    """Attempts are numbered from one again."""
    state.steps[event.key].attempt = 0


def go_on(state: RunState, event: Any, before: RunState) -> None:
    """The run runs on."""
    state.status = RUNNING


def nothing(take: Callable[..., None]) -> Callable[..., None]:
    """What starts takes nothing of any limit."""

    def planted_take(state: RunState, step: Step) -> None:
        take(state, step)
        for name, amount in step.policy.demands.items() if step.map is None else ():
            state.limit(name).used -= amount

    return planted_take


def forget_offset(state: RunState, event: Any, before: RunState) -> None:
    """What was acted on is not known any more."""
    state.offset = before.offset


def forget_checkpoints(state: RunState, event: Any, before: RunState) -> None:
    """What an attempt has kept is not known."""
    state.steps[event.key].checkpoints = None


def forget_steering(state: RunState, event: Any, before: RunState) -> None:
    """Which requests to stop are settled is not known any more."""
    state.steered = before.steered


def all_good(release: Callable[..., None]) -> Callable[..., None]:
    """Any end of a step will do for those who need it."""

    def planted_release(state: RunState, waiting: Step, ended: str, good: bool, at: float) -> None:
        release(state, waiting, ended, True, at)

    return planted_release


# ---------------------------------------------------------------- what is decided


def deciding(
    before: Callable[[RunState, Changes], None] = lambda state, changes: None,
    after: Callable[[Decision], None] = lambda decision: None,
) -> Replacement:
    """What is decided on, or decided, is changed."""

    def replacement(decide: Callable[..., Decision]) -> Callable[..., Decision]:
        def planted_decide(state: RunState, changes: Changes, at: float) -> Decision:
            before(state, changes)
            decision = decide(state, changes, at)
            after(decision)
            return decision

        return planted_decide

    return replacement


def one_freed(state: RunState, changes: Changes) -> None:
    """Of several limits that have room again one is served."""
    changes.freed = dict.fromkeys(list(changes.freed)[:1])


def not_retrying(state: RunState, changes: Changes) -> None:
    """A run that stops forgets what waits for a retry."""
    if state.status == CANCELLING:
        steps = state.steps
        changes.steps = {key: None for key in changes.steps if key not in steps or steps[key].status != RETRYING}


def none_skipped(decision: Decision) -> None:
    """Nothing is skipped."""
    decision.events = [event for event in decision.events if not isinstance(event, ev.StepSkipped)]


def no_timeouts(decision: Decision) -> None:
    """Only first attempts have a limit."""
    decision.commands = [
        command
        for command in decision.commands
        if not (isinstance(command, SetTimer) and command.what == "timeout" and command.attempt > 1)
    ]


def early(decision: Decision) -> None:
    """Retries come a little early."""
    for command in decision.commands:
        if isinstance(command, SetTimer) and command.what == "retry":
            command.due_at -= 0.25


def never(function: Callable[..., bool]) -> Callable[..., bool]:
    """It is never so."""
    return lambda *given: False


def no_flush(flush: Callable[..., None]) -> Callable[..., None]:
    """Nothing is committed later."""
    return lambda self: None


def no_inbox(drain: Callable[..., None]) -> Callable[..., None]:
    """What cannot be worked on at once is dropped."""

    def planted_drain(self: RunLoop) -> None:
        drain(self)
        self.inbox.clear()

    return planted_drain


def by_the_wall(set_timer: Callable[..., None]) -> Callable[..., None]:
    """A timer that goes off before its time by the wall clock is lost."""

    def planted_set_timer(self: RunLoop, command: SetTimer) -> None:
        def fire() -> None:
            if self.host.clock.now() > command.due_at - 0.001:
                self.tell(TimerFired(command.due_at, command.what, command.key, command.attempt, command.element))

        if command.what == "timeout":
            set_timer(self, command)
        else:
            self.host.tender.after(command.due_at - self.host.clock.now(), fire)

    return planted_set_timer
