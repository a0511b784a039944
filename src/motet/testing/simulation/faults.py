"""Mistakes planted on purpose, in the real code or in the world around it. The simulator must catch each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from motet import requests
from motet.engine import recording
from motet.engine import session as engine
from motet.engine.hearing import Hearing
from motet.engine.loop import RunLoop
from motet.engine.session import Session
from motet.kernel import events as ev
from motet.kernel import moves, program
from motet.kernel.fold import _APPLY
from motet.kernel.state import Retired
from motet.ports import Entry
from motet.stores.memory import MemoryStore
from motet.testing.simulation import mistakes as m
from motet.testing.simulation import owner


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake: what is wrong, and the function (of a module or class) that it is planted in."""

    what: str
    place: Any
    function: Any
    replacement: m.Replacement

    def set(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Put the function in its place; gives the one that stood there."""
        if isinstance(self.place, dict):
            stood: Callable[..., Any] = self.place[self.function]
            self.place[self.function] = function
        else:
            stood = getattr(self.place, self.function)
            setattr(self.place, self.function, function)
        return stood


@contextmanager
def planted(name: str) -> Iterator[Fault]:
    """Have the fault of that name in place for a while. Raises KeyError for one that does not exist."""
    fault = FAULTS[name]
    original = fault.set(lambda: None)
    fault.set(fault.replacement(original))
    try:
        yield fault
    finally:
        fault.set(original)


FAULTS = {
    "stale-epochs-write": Fault("the store lets former owners write", MemoryStore, "append", m.any_epoch),
    "any-sequence-is-appended": Fault("the store takes the same events twice", MemoryStore, "append", m.any_seq),
    "the-tail-is-not-read": Fault("a checkpoint is taken for everything", owner, "load_state", m.no_tail),
    "stale-epochs-renew": Fault("the store lets former owners renew", MemoryStore, "renew", m.any_lease),
    "told-before-the-commit": Fault("outcomes are told and not committed", Session, "_settle", m.told_first),
    "started-before-the-commit": Fault("attempts start before the commit", Session, "_settle", m.done_first),
    "stale-attempts-count": Fault("reports of any attempt count", engine, "judge", m.any_attempt),
    "reports-count-at-any-time": Fault("a success counts whatever the status", engine, "judge", m.at_any_time),
    "one-retry-too-many": Fault("a step is tried once more", engine, "judge", m.judging(m.again)),
    "no-backoff": Fault("every retry waits like the first", engine, "judge", m.judging(m.steady)),
    "retries-come-early": Fault("timers are set short", engine, "decide", m.deciding(after=m.early)),
    "retries-by-chance": Fault("waits are not repeatable", engine, "judge", m.judging(m.by_chance)),
    "events-count-twice": Fault("published events are not compared", engine, "judge", m.judging(m.every_event)),
    "hears-what-is-meant-for-others": Fault(
        "whom an event is meant for is not looked at", Entry, "received_by", m.meant_for_all
    ),
    "offsets-are-forgotten": Fault(
        "what was acted on is not recorded", _APPLY, ev.EventReceived, m.folding(m.forget_offset)
    ),
    "stops-count-again": Fault(
        "requests to stop outlive the run", _APPLY, ev.RunReopened, m.folding(m.forget_steering)
    ),
    "dependants-are-not-skipped": Fault(
        "nothing is skipped", engine, "decide", m.deciding(after=m.none_skipped)
    ),
    "failures-satisfy-needs": Fault("any end of a step will do", moves, "_release", m.all_good),
    "limits-do-not-count": Fault("nothing that starts takes anything", moves, "_take", m.nothing),
    "failures-leak-limits": Fault(
        "a failure frees nothing", _APPLY, ev.StepRetrying, m.folding(m.leak)
    ),
    "crashes-leak-limits": Fault(
        "an interruption frees nothing", _APPLY, ev.StepInterrupted, m.folding(m.leak)
    ),
    "interrupted-steps-stay": Fault(
        "what a dead owner ran is left alone", Session, "_record", m.unrecorded(ev.StepInterrupted)
    ),
    "numbers-start-anew": Fault(
        "a new owner counts from one", _APPLY, ev.StepInterrupted, m.folding(m.count_anew)
    ),
    "checkpoints-forget-waits": Fault(
        "rules are not kept", MemoryStore, "save_checkpoint", m.kept_without(lambda state: {**state, "waits": []})
    ),
    "checkpoints-forget-elements": Fault(
        "elements under way are not kept", MemoryStore, "save_checkpoint", m.kept_without(m.no_elements)
    ),
    "changes-are-not-recorded": Fault(
        "a timeout leaves its mark on the state alone", engine, "judge", m.judging(m.unheard)
    ),
    "rows-of-elements-are-not-written": Fault("pages lag", recording, "rows_of", m.no_rows_of_elements),
    "runs-end-early": Fault("the end does not wait for what runs", Session, "_ends", m.over_at_once),
    "stopped-runs-go-on": Fault(
        "a request to stop changes nothing", _APPLY, ev.RunCancelling, m.folding(m.go_on)
    ),
    "endings-are-forgotten": Fault("a new owner does not know of the end", Session, "begin", m.no_ending),
    "checkpoints-are-forgotten": Fault(
        "they are recorded, and not known", _APPLY, ev.StepCheckpointed, m.folding(m.forget_checkpoints)
    ),
    "parked-steps-are-not-woken": Fault(
        "of several limits one is served", engine, "decide", m.deciding(before=m.one_freed)
    ),
    "retrying-steps-are-not-stopped": Fault(
        "a stop forgets what waits for a retry", engine, "decide", m.deciding(before=m.not_retrying)
    ),
    "later-timeouts-are-not-set": Fault(
        "only first attempts have a limit", engine, "decide", m.deciding(after=m.no_timeouts)
    ),
    "needed-steps-are-retired": Fault("a step is forgotten that others need", program, "is_needed", m.never),
    "retired-steps-come-again": Fault("keys of retired steps are forgotten", Retired, "__contains__", m.never),
    "requests-are-not-noted": Fault(
        "what is asked is done, and forgotten", requests, "told", lambda told: lambda *asked: told(*asked)[1:]
    ),
    "late-waits-miss-what-came-before": Fault(
        "no wait looks back", Hearing, "look_back", lambda look_back: lambda self: self.late.clear()
    ),
    "firings-are-shown-again": Fault(
        "a program is asked twice", Session, "_ask", lambda ask: lambda *asked: (ask(*asked), ask(*asked))
    ),
    "debts-are-forgotten": Fault("what is owed to the journal is not written", RunLoop, "_flush", m.no_flush),
    "news-is-left-lying": Fault("what comes while the run is worked on is lost", RunLoop, "drain", m.no_inbox),
    "timers-follow-the-wall-clock": Fault(
        "timers are lost when clocks step back", RunLoop, "_set_timer", m.by_the_wall
    ),
}  # fmt: skip
"""Every fault by its name."""
