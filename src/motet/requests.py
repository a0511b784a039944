"""What may be asked of a run that goes on, beside a stop of it: published in Motet's own namespace, for that run.

    step.stop   {"step": KEY, "reason": words}                        a step ends as cancelled
    step.retry  {"step": KEY}                                         one that did not succeed runs again, and what was
                                                                      skipped because of it
    step.add    {"step": KEY, "task": ..., "call": {...}, ...}        one more step; see `motet.written`

Each has the run's "token", which those know who may read the home's key, and the code of the run's steps. Answers to
questions (`run.answer`) and events of users need none: they say something, and change nothing by themselves.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from math import inf

from motet import private
from motet.errors import UsageError
from motet.kernel import events as ev
from motet.kernel.events import Json
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep, StopStep, events_of
from motet.kernel.state import RunState
from motet.kernel.transitions import CANCELLED, FAILED, RETRYING, RUNNING, SKIPPED
from motet.ports import STEERING, Entry, Publication
from motet.ports.voice import Host

REFUSED = "request.refused"
"""The key under which it is told that a request was refused: {"offset": its place in the journal, "why": words}."""

_ADDS = {
    "task": str, "call": dict, "needs": list, "after": list, "size": int, "form": str, "parent": str, "name": str,
    "policy": dict,
}  # fmt: skip

_ASKED = "$asked"
"""What tells the call of a step that a request has added from those of the run's program."""

_MOST_ELEMENTS = 1_000_000
_WORDS = ("delays_s", "demands", "executor")
"""What is no number of a policy's."""


def token(home: str, run: str) -> str:
    """The run's token; "" in a home that is kept nowhere."""
    if not home:
        return ""
    return blake2b(run.encode(), key=_key(home), digest_size=16).hexdigest()


def _key(home: str) -> bytes:
    """The home's key, made when it is first asked for."""
    path = os.path.join(home, "requests.key")
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        made = f"{path}.{os.urandom(6).hex()}"  # threads of one process may ask at once
        with open(made, "wb", opener=private.opener) as file:
            file.write(os.urandom(32))
        with suppress(FileExistsError):  # of several, one is first
            os.link(made, path)
        os.remove(made)
        return _key(home)


def told(state: RunState, entry: Entry, host: Host) -> list[ev.Event]:
    """What a request comes to, and the note that it was asked, by which it is done once; nothing if that is so already.

    What is refused is published, for whoever has asked.
    """
    if entry.offset <= state.offset or state.status != RUNNING:
        return []
    now = host.clock.now()
    try:
        found = asked_for(state, entry, token(host.home, state.run), now)
    except UsageError as error:
        found, said = [], {"offset": entry.offset, "why": f"{error}"}
        host.store.publish([Publication(REFUSED, said, STEERING, "motet", state.run, "", now)])
    entry.value = without_token(entry.value)  # the history is read by many
    return [entry.received_by(state.run), *found]


def without_token(value: Json) -> Json:
    """What was asked, as those may see it who may not ask: see `Entry.value`."""
    return {name: each for name, each in value.items() if name != "token"} if isinstance(value, dict) else value


def asked_for(state: RunState, entry: Entry, token: str, at: float) -> list[ev.Event]:
    """What a request comes to. Raises UsageError for one that is refused, whatever is wrong with it."""
    value = entry.value if isinstance(entry.value, dict) else {}
    if not hmac.compare_digest(str(value.get("token", "")).encode(errors="replace"), token.encode()):
        raise UsageError(f"The token of {entry.key} is not that of run {state.run}.", "Ask within a step of that run.")
    key = value.get("step")
    if not isinstance(key, str) or not key:
        raise UsageError(f"{entry.key} names no step.", 'Name it: {"step": ...}.')
    try:
        json.dumps(value, ensure_ascii=False).encode()  # half of a character is none
        return _TABLE[entry.key](state, key, value, at)
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{entry.key} of {key} cannot be done: {error}.", "See `motet.requests`.") from None


def _stop(state: RunState, key: str, value: Mapping[str, Json], at: float) -> list[ev.Event]:
    _known(state, key)
    return events_of(state, StopStep(key, str(value.get("reason", "on request"))), at)


def _retry(state: RunState, key: str, value: Mapping[str, Json], at: float) -> list[ev.Event]:
    _known(state, key)
    step = state.steps[key]
    if step.status not in (FAILED, CANCELLED, RETRYING) or step.of:
        raise UsageError(
            f"Step {key} is {step.status}.", "One that failed, or waits to be tried again, can be retried."
        )
    if step.ended and state.steps.get(step.parent) is not None:
        raise UsageError(
            f"The code that called step {key} has seen how it ended.", "`motet retry` runs it again later."
        )
    anew = {key: None}
    for each, other in state.steps.items():
        needs = (*other.needs, *other.each)
        if other.status == SKIPPED and any(need in anew or need.rpartition("[")[0] in anew for need in needs):
            anew[each] = None
    return [ev.StepReset(at, each, reason="on request") for each in anew if not state.steps[each].of]


def _add(state: RunState, key: str, value: Mapping[str, Json], at: float) -> list[ev.Event]:
    given = {name: value[name] for name in _ADDS if name in value}
    told: Json
    for name, told in given.items():
        if type(told) is not _ADDS[name] or (isinstance(told, int) and not 0 <= told <= _MOST_ELEMENTS):
            raise UsageError(f"The {name} of step {key} cannot be {told!r:.80}.", "See `motet.requests`.")
    policy = _policy(given.pop("policy", {}))
    for each in (*given.get("needs", ()), *given.get("after", ())):
        if not state.outcome(each):
            raise UsageError(f"Step {key} needs {each}, which is not a step of this run.", "Correct the key.")
    if key.endswith("]"):
        raise UsageError(f"Step {key} would be an element of a map.", "Choose another key.")
    call = {**given.pop("call", {}), _ASKED: True}
    return events_of(state, AddStep(key, policy=policy, call=call, **{"task": key, **given}), at)


def _policy(told: Mapping[str, Json]) -> Policy:
    """The policy, if it can be counted with."""
    policy = Policy.from_json({"executor": "threads", **told})
    limit_s = 0 if policy.timeout_s is None else policy.timeout_s
    counted = {**told, "priority": abs(policy.priority), "timeout_s": limit_s}
    numbers = [each for name, each in counted.items() if name not in _WORDS]
    for each in (*numbers, *policy.delays_s, *policy.demands.values()):
        if not isinstance(each, int | float) or not 0 <= each < inf:
            raise ValueError(f"its policy has {each!r:.80} in place of a number from 0 on")
    if not policy.executor or not isinstance(told.get("executor", ""), str):
        raise ValueError("its policy names no executor")
    return policy


def _known(state: RunState, key: str) -> None:
    if key not in state.steps:
        raise UsageError(f"Run {state.run} has no step {key}.", "`motet show` lists its steps.")


_TABLE: Mapping[str, Callable[[RunState, str, Mapping[str, Json], float], list[ev.Event]]] = {
    "step.stop": _stop, "step.retry": _retry, "step.add": _add,
}  # fmt: skip

KEYS = tuple(_TABLE)
