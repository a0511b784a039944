"""One step as the page shows it, in one answer; and what a fork from it would run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from typing_extensions import TypedDict

from motet import questions
from motet.kernel.events import Json
from motet.server.api.documents import Run
from motet.server.api.steering import Fork
from motet.server.table import PREFIX, READ, Call, Text, get, post
from motet.values.published import published
from motet.views import documents, forking, inputs, lookup, usage
from motet.views.reasons import Reasons
from motet.views.steps import find_step


class StepView(TypedDict):
    """All that is shown of a step beside its log.

    before, after  the keys of its siblings; `needed_by`: what takes its result, each with its status
    attempts       each with its error, where it failed
    inputs, result  see `motet.views.inputs`
    waits          the question that it has asked, or the event or rule that it waits for
    now            the time at the server
    """

    run: Run
    step: dict[str, Json]
    before: str
    after: str
    needed_by: list[Any]
    attempts: list[Any]
    inputs: list[Any]
    result: Json
    artifacts: list[Any]
    why: dict[str, Json]
    waits: Json
    code: dict[str, Json]
    policy: dict[str, Json]
    now: float


class ForkPlan(TypedDict):
    """What a fork would do, as far as it can be told beforehand: see `motet.views.forking`."""

    reused: int
    anew: int
    to_come: int
    steps: list[str]
    about_s: float
    surely: bool


def step_view(call: Call, run: Text, step: Text) -> StepView:
    """One step with its attempts, what it was given and gave, why it stands so, and what it waits for."""
    store = call.site.store
    row = lookup.find_run(store, run)
    found = find_step(store, row, step)
    facts = Reasons(store, row, found)
    before, after = inputs.siblings(store, row, found)
    made = [it.json for it in (*published(store, row.id), *usage.put_out(store, row)) if it.step == found.key]
    spec = facts.added.get("call") or {}
    return {
        "run": documents.run_json(row), "step": {**documents.step_json(found), "result": None},
        "before": before, "after": after, "needed_by": inputs.needed_by(store, row, found.key),
        "attempts": list(_attempts(call, facts)),
        "inputs": inputs.inputs(facts, call.site.artifacts), "result": inputs.shown(found.result, call.site.artifacts),
        "artifacts": made, "why": facts.json(), "waits": _waits(call, facts),
        "code": {name: spec[name] for name in ("target", "code", "environment") if name in spec},
        "policy": facts.added.get("policy") or {}, "now": time.time(),
    }  # fmt: skip


def _attempts(call: Call, facts: Reasons) -> Iterator[Json]:
    """Each attempt with its error. Of the elements of maps no row tells, and the first start is not recorded."""
    failed = [each for each in facts.events if each["event"] in ("step.retrying", "step.failed")]
    errors = (documents.error_json(each["error"]) for each in failed)
    known = call.site.store.attempts(facts.run.id, facts.step.key)
    for each in known:
        yield {
            "number": each.number, "ready_at": each.ready_at, "started_at": each.started_at, "ended_at": each.ended_at,
            "outcome": each.outcome, "facts": each.facts,
            "error": next(errors, None) if each.outcome == "failed" else None,
        }  # fmt: skip
    if not known and facts.element >= 0:
        starts = {each.get("attempt", 1): each["at"] for each in facts.events if each["event"] == "step.started"}
        for event in facts.events:
            how = _HOW.get(event["event"])
            number = event.get("attempt", 1)
            if how:
                yield {
                    "number": number, "ready_at": None, "started_at": starts.get(number), "ended_at": event["at"],
                    "outcome": how, "facts": None, "error": documents.error_json(event.get("error")),
                }  # fmt: skip


_HOW = {
    "step.retrying": "failed", "step.failed": "failed", "step.succeeded": "succeeded",
    "elements.succeeded": "succeeded", "step.cancelled": "cancelled",
}  # fmt: skip


def _waits(call: Call, facts: Reasons) -> Json:
    """What it waits for, in words too."""
    body = facts.waits_for if facts.step.ended_at is None else None
    return None if body is None else {**body, "words": questions.told(body)}


def fork_plan(call: Call, run: Text, body: Fork) -> ForkPlan:
    """What such a fork would reuse and run anew, told by the run's own steps; nothing is made, no code loaded."""
    store = call.site.store
    row = lookup.find_run(store, run)
    anew = [find_step(store, row, each.partition("@")[0]).key for each in body.anew or ()]
    found: ForkPlan = forking.plan(store, row, anew, body.params or {})
    return found


_RUN = f"{PREFIX}/runs/{{run}}"

ROUTES = (
    get(f"{_RUN}/step", READ, step_view, by_run=True),
    post(f"{_RUN}/fork/plan", READ, fork_plan),
)
