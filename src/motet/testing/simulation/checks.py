"""What must hold when attempts start, when outcomes are told, after looks at the journal, and at the end."""

from __future__ import annotations

import json
from typing import Any

from motet.engine.recording import load_state
from motet.errors import MotetError
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.decide import StartAttempt
from motet.kernel.fold import apply
from motet.kernel.policy import Policy, slot_of
from motet.kernel.state import M_RUNNING, RunState, Step
from motet.kernel.transitions import ENDED, PENDING
from motet.ports import Store
from motet.testing.simulation.ledger import Item, Ledger
from motet.testing.simulation.plan import RUN
from motet.testing.simulation.spec import Spec
from motet.testing.simulation.world import Process, Running, Violation

INVARIANTS = {
    "acknowledged-outcomes-are-kept": "an outcome that anybody was told of is in the journal",
    "outcomes-are-recorded-once": "a step (or run) that has an outcome gets no other, unless it was reset",
    "outcomes-are-of-the-current-attempt": "what a former attempt reports, or reports twice, is dropped",
    "no-start-after-the-outcome": "no attempt starts after the outcome of its step was recorded",
    "attempts-begin-from-the-last-checkpoint": "the last one committed; what a former attempt keeps is refused",
    "attempt-numbers-only-grow": "no attempt has the number of an earlier one whose start was recorded",
    "stale-owners-are-fenced": "nothing is written by an owner after another has taken over",
    "commands-follow-their-commit": "what an attempt needs is in the journal before it starts",
    "needs-are-met-before-a-start": "an attempt starts when all it needs succeeded, and all it comes after ended",
    "dependants-of-failures-are-skipped": "a step is skipped if, and only if, one that it needs did not succeed",
    "limits-are-kept": "no limit is exceeded, but by one demand alone that is beyond it, and by a backlog of elements",
    "retries-keep-to-the-policy": "as many retries as the policy says, after the waits that it says",
    "retries-are-not-early": "no retry starts before it is due",
    "timeouts-are-enforced": "an attempt beyond its limit is stopped",
    "nothing-starts-once-stopped": "nothing starts in a run that was asked to stop or has ended",
    "a-stopped-run-ends-cancelled": "a run that was asked to stop ends, and ends cancelled",
    "stop-requests-are-acted-on-once": "a request to stop is never lost, and has no effect later",
    "events-are-heard-by-whom-they-are-meant-for": "no event that is meant for another run, unless that is named",
    "events-are-acted-on-once-in-order": "each published event that is listened for, once, in order of offsets",
    "firings-are-shown-once": "a program is shown each firing of a rule once, whatever becomes of its engines",
    "steps-that-wait-get-the-first-that-will-do": "beyond where it begins to hear; or fail when their time is up",
    "requests-are-taken-in-once": "what is asked for a step while the run goes on is never lost, and done once",
    "no-run-hangs": "a run with a live owner ends",
    "what-is-owed-is-written-soon": "what need not be safe at once is in the journal a moment later",
    "retired-steps-are-over": "what is forgotten has ended, is needed by nobody, and is never added again",
    "a-run-ends-after-its-steps": "a run, or map, ends when all in it has, and as that did",
    "refolding-gives-the-live-state": "the journal, folded from its beginning, gives what the owner holds",
    "checkpoint-and-tail-give-the-state": "a checkpoint, and what came after it, give what the journal gives",
    "rows-tell-the-journal": "the rows that pages read say what the journal says",
    "one-seed-one-run": "the same seed gives the same run",
    "the-engine-does-not-break": "no error comes out of the engine but those of its store",
}
"""Every invariant by the name under which its violation is told."""

_EPS = 1e-3


# ---------------------------------------------------------------- starts


def check_start(ledger: Ledger, owner: Process, command: StartAttempt, running: Running) -> None:
    """What must hold for the attempt that the owner is about to start. Raises Violation."""
    _check_number(ledger, owner, running)
    if owner.epoch != ledger.epoch:
        return  # nobody can keep a process from starting what it meant to start before it was paused
    if ledger.cancelling or ledger.ended:
        raise Violation("nothing-starts-once-stopped", f"{running.name} starts in a run that is {ledger.status}")
    item = ledger.item(running.name)
    if ledger.outcome(running.name) in ENDED:
        raise Violation("no-start-after-the-outcome", f"{running.name} is {item.status} and starts")
    spec = ledger.specs.get(command.key) or owner.asked[command.key]
    _check_needs(ledger, owner, spec, running)
    _check_limits(owner, running)
    if item.status == "retrying" or item.failures:
        _check_retry(owner, item, spec.policy, running)


def _check_number(ledger: Ledger, owner: Process, running: Running) -> None:
    """A number is not given twice by one owner, nor is one that an earlier owner had recorded."""
    world, name, number = owner.world, running.name, running.number
    known = [ledger.item(key) for key in (name, running.key)]
    last_epoch, last = world.started.get(name, (0, 0))
    if last_epoch < owner.epoch:
        of = known[1] if running.element >= 0 else None
        last = max((each.attempt for each in known if each.by < owner.epoch and each is not of), default=0)
        if of is not None and of.by < owner.epoch:
            last = max(last, of.attempt - 1)  # elements bear the number of their map's attempt
    elif last_epoch > owner.epoch:
        return
    world.started[name] = (owner.epoch, number)
    if number <= last:
        raise Violation("attempt-numbers-only-grow", f"{name} starts as {number} after {last}")


def _check_needs(ledger: Ledger, owner: Process, spec: Spec, running: Running) -> None:
    each = [f"{key}[{running.element}]" for key in spec.each]
    session = owner.session
    assert session is not None
    for key in (*spec.needs, *each):
        if ledger.outcome(key) != "succeeded" and (running.key, key) not in ledger.begun:
            early = session.state.outcome(key) == "succeeded"
            name = "commands-follow-their-commit" if early else "needs-are-met-before-a-start"
            raise Violation(name, f"{running.name} starts, and {key} is {ledger.outcome(key)} in the journal")
    for key in spec.after:
        if ledger.outcome(key) not in ENDED and key not in spec.needs and (running.key, key) not in ledger.begun:
            early = session.state.outcome(key) in ENDED
            name = "commands-follow-their-commit" if early else "needs-are-met-before-a-start"
            raise Violation(name, f"{running.name} starts, and {key} is {ledger.outcome(key)} in the journal")


def _check_limits(owner: Process, running: Running) -> None:
    for name, amount in running.demands.items():
        capacity, slack = owner.limits.get(name, (float("inf"), 0.0))
        taken = [(each.demands.get(name, 0.0), each.element < 0) for each in owner.running.values()]
        used, by_steps = sum(each for each, _ in taken), sum(each for each, alone in taken if alone)
        beyond = used + amount > capacity + slack + _EPS
        if running.element < 0:
            beyond = beyond or by_steps + amount > capacity + _EPS
        if used > _EPS and beyond:
            assert owner.session is not None
            over = any(owner.session.state.outcome(each) in ENDED for each in owner.running)
            raise Violation(
                "commands-follow-their-commit" if over else "limits-are-kept",
                f"{running.name} starts with {amount:g} of {name}, {used:g} of {capacity:g} (+{slack:g}) is in use",
            )


def _check_retry(owner: Process, item: Item, policy: Policy, running: Running) -> None:
    world = owner.world
    if item.failures > policy.retries:
        raise Violation("retries-keep-to-the-policy", f"{running.name} starts after {item.failures} failures")
    if item.status != "retrying":
        return  # interrupted while it was tried again: it had waited already
    by, at, steps = world.failed.get((running.name, item.attempt), (0, 0.0, -1))
    if steps != world.steps:
        return  # when it is due by a clock that was stepped is anybody's guess
    early = at + item.wait_s - world.now if by == owner.number else item.due_at - owner.clock.now()
    if early > _EPS:
        raise Violation("retries-are-not-early", f"{running.name} is tried again {early:.3f} s too early")


def check_timeout(owner: Process, running: Running, due_at: float) -> None:
    """Some time after its limit: the attempt must be over, or have been asked to stop."""
    if owner.running.get(running.name) is not running or running.stopped or owner.broken:
        return
    if owner.resumed_at >= due_at:  # it has just woken up, and may need a moment
        owner.world.after(1.0, check_timeout, owner, running, owner.world.now + 0.5, owner=owner, live=False)
        return
    raise Violation("timeouts-are-enforced", f"{running.name} runs on, {running.number} beyond its limit")


# ---------------------------------------------------------------- outcomes, stops


def check_told(ledger: Ledger, owner: Process, step: Step) -> None:
    """Somebody is told that the step has ended: it must be in the journal."""
    if owner.epoch != ledger.epoch:
        return
    known = ledger.items.get(step.key)
    if known is None or known.status != step.status or (step.map is None and known.result != step.result):
        status = known.status if known is not None else "unknown"
        raise Violation(
            "acknowledged-outcomes-are-kept", f"{step.key} is told to be {step.status}, in the journal it is {status}"
        )


def check_stops(ledger: Ledger, owner: Process) -> None:
    """After a look at the journal: requests to stop that were passed must have had their effect."""
    if owner.epoch != ledger.epoch or ledger.ended or ledger.cancelling or owner.session is None:
        return
    ledger.hearing.check_stops(owner.session.cursor)


# ---------------------------------------------------------------- states


def facts(state: RunState) -> Any:
    """All that is known of a run, as JSON that can be compared."""
    return json.loads(json.dumps([checkpoint.to_json(state), _derived(state)]))


def _derived(state: RunState) -> Any:
    """What follows from the facts. Elements that run without a step of their own are no facts: they wait."""
    used = {name: limit.used for name, limit in state.limits.items()}
    maps = {}
    for key, step in state.steps.items():
        marks = step.map
        if marks is None:
            continue
        ran = marks.marks.count(M_RUNNING)
        for name, amount in demands(step.policy).items():
            if name in used:
                used[name] -= amount * ran
        maps[key] = [
            marks.ended, marks.bad, marks.running - ran, sorted(marks.own), sorted(marks.followers),
            0 if step.ended else marks.blocked, sorted((n, sorted(w)) for n, w in marks.watchers.items() if w),
        ]  # fmt: skip
    return {
        "retired": state.retired.to_json(),
        "counts": {status: count for status, count in sorted(state.counts.items()) if count},
        "active": state.active,
        "used": {name: round(amount, 3) for name, amount in sorted(used.items()) if abs(amount) > _EPS},
        "unmet": {key: step.unmet for key, step in state.steps.items() if step.status == PENDING},
        "blocks": {key: sorted(step.blocks) for key, step in state.steps.items() if step.blocks},
        "maps": maps,
        "heeding": {"/".join(key): sorted(waits) for key, waits in sorted(state.heeding.items())},
    }


def refolded(store: Store) -> RunState:
    """The state from the whole journal, without any checkpoint."""
    state = RunState(RUN, offset=store.run(RUN).offset)
    for event in store.history(RUN):
        apply(state, ev.from_json(event))
    state.take_changes()
    return state


def check_states(store: Store, live: RunState | None) -> None:
    """Whether journal, checkpoint and (if given) the live state agree. Nothing may wait to be committed."""
    try:
        whole = facts(refolded(store))
        loaded = facts(load_state(store, RUN, store.run(RUN).offset))
    except MotetError as error:
        raise Violation("checkpoint-and-tail-give-the-state", f"the journal cannot be folded: {error}") from error
    _compare("checkpoint-and-tail-give-the-state", whole, loaded)
    if live is not None:
        _compare("refolding-gives-the-live-state", whole, facts(live))


def _compare(name: str, expected: Any, found: Any, path: str = "") -> None:
    """Raise Violation with the place of the first difference."""
    if expected == found:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            _compare(name, expected.get(key), found.get(key), f"{path}.{key}")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            _compare(name, one, other, f"{path}[{index}]")
    raise Violation(name, f"at {path or 'the top'}: the journal gives {expected!r}, not {found!r}")


def demands(policy: Policy) -> dict[str, float]:
    """What an attempt takes of limits: what the policy says, and a place of its executor."""
    slot = {slot_of(policy.executor): 1.0} if policy.executor else {}
    return {**policy.demands, **slot}


# ---------------------------------------------------------------- the end


def check_end(ledger: Ledger, store: Store) -> None:
    """When nothing is left to happen. Raises Violation."""
    if not ledger.ended:
        left = [f"{key} {ledger.items[key].status}" for key in ledger.specs if ledger.items[key].status not in ENDED]
        raise Violation("no-run-hangs", f"the run is {ledger.status}; nothing is left to happen; {left}")
    for key, spec in ledger.specs.items():
        bad = [each for each in spec.needs if ledger.outcome(each) != "succeeded"]
        if bad and ledger.items[key].status in ("succeeded", "failed"):
            raise Violation("dependants-of-failures-are-skipped", f"{key} is not, and {bad[0]} did not succeed")
    check_states(store, None)
    row = store.run(RUN)
    if row.status != ledger.status:
        raise Violation("rows-tell-the-journal", f"the run's row is {row.status}, the journal says {ledger.status}")
    for step in store.steps(RUN):
        known = ledger.outcome(step.key)
        if known != step.status:
            raise Violation("rows-tell-the-journal", f"{step.key}'s row is {step.status}, the journal says {known}")
    rows = {step.key for step in store.steps(RUN)}
    own = [key for key, item in ledger.items.items() if item.own]
    if missing := [key for key in (*ledger.specs, *own) if key not in rows]:
        raise Violation("rows-tell-the-journal", f"{missing[0]} has no row")
