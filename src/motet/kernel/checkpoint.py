"""The primary facts of a run as JSON, and the state built up again from them."""

from __future__ import annotations

import base64
from typing import Any

from motet.kernel import rules
from motet.kernel.events import Json
from motet.kernel.fold import hold, listen_for
from motet.kernel.maps import follow
from motet.kernel.policy import PLAIN, Policy
from motet.kernel.state import (
    M_ENDED, M_RUNNING, M_SUCCEEDED, M_WAITING, MapState, RunState, Step, Wait, element_key,
)  # fmt: skip
from motet.kernel.transitions import ENDED, PENDING, SUCCEEDED

VERSION = 1

_RUN = ("status", "epoch", "seq", "offset", "started_at", "ended_at", "result", "error", "reason")
_STEP = (
    "task", "form", "parent", "name", "fingerprint", "added_at", "needs", "after", "each", "call", "status",
    "attempt", "failures", "started_at", "ended_at", "due_at", "result", "error", "cached", "stopping", "of",
    "element", "doomed", "unmet",
)  # fmt: skip
_EMPTY: dict[str, Any] = {
    "form": "call", "parent": "", "name": "", "fingerprint": "", "needs": (), "after": (), "each": (),
    "call": None, "attempt": 0, "failures": 0, "started_at": None, "ended_at": None, "due_at": 0.0,
    "result": None, "error": None, "cached": False, "stopping": "", "of": "", "element": -1, "doomed": "",
    "status": SUCCEEDED, "unmet": 0,
}  # fmt: skip


def to_json(state: RunState) -> Json:
    """The run's facts as JSON."""
    return {
        "version": VERSION,
        "run": state.run,
        **{name: getattr(state, name) for name in _RUN},
        "steps": {key: _step(step) for key, step in state.steps.items()},
        "waits": [
            [wait.id, wait.rule.to_json(), wait.memory, wait.repeat, wait.fired, wait.open]
            for wait in state.waits.values()
        ],
    }


def _step(step: Step) -> Json:
    out: dict[str, Json] = {}
    for name in _STEP:
        value = getattr(step, name)
        if name not in _EMPTY or value != _EMPTY[name]:
            out[name] = list(value) if isinstance(value, tuple) else value
    if step.policy is not PLAIN:
        out["policy"] = step.policy.to_json()
    if step.map is not None:
        marks = step.map.marks.replace(bytes([M_RUNNING]), bytes([M_WAITING]))
        plain = all(result is None for result in step.map.results)
        out["map"] = {
            "size": step.map.size,
            "marks": base64.b85encode(_packed(marks)).decode(),
            "results": None if plain else step.map.results,
        }
    return out


def _packed(marks: bytes | bytearray) -> bytes:
    """Runs of equal marks as (mark, length): a map that is done is a few bytes, whatever its size."""
    out = bytearray()
    at, size = 0, len(marks)
    while at < size:
        mark, end = marks[at], at + 1
        while end < size and marks[end] == mark:
            end += 1
        out.append(mark)
        out += (end - at).to_bytes(4, "big")
        at = end
    return bytes(out)


def _unpacked(data: bytes) -> bytearray:
    out = bytearray()
    for at in range(0, len(data), 5):
        out += data[at : at + 1] * int.from_bytes(data[at + 1 : at + 5], "big")
    return out


def from_json(data: Json) -> RunState:
    """The state that `to_json` wrote. Raises KeyError or ValueError for what it did not write."""
    if data["version"] != VERSION:
        raise ValueError(f"checkpoint of version {data['version']}, this is version {VERSION}")
    state = RunState(data["run"])
    for name in _RUN:
        setattr(state, name, data[name])
    for key, kept in data["steps"].items():
        state.steps[key] = _load_step(state, key, kept)
    for name, rule, memory, repeat, fired, opened in data["waits"]:
        state.waits[name] = Wait(name, rules.from_json(rule), memory, repeat, fired, opened)
        if opened:
            listen_for(state, name)
    for step in state.steps.values():
        _relate(state, step)
    state.take_changes()
    return state


def _load_step(state: RunState, key: str, kept: dict[str, Json]) -> Step:
    body = {name: kept.get(name, _EMPTY.get(name)) for name in _STEP}
    policy: Policy = state.policy(kept.get("policy", {}))
    step = Step(key=key, policy=policy, **body)
    state.counts[step.status] = state.counts.get(step.status, 0) + 1
    state.active += step.status not in ENDED
    if "map" in kept:
        size = kept["map"]["size"]
        marks = _unpacked(base64.b85decode(kept["map"]["marks"]))
        step.map = MapState(size, marks, kept["map"]["results"] or [None] * size)
    return step


def _relate(state: RunState, step: Step) -> None:
    """Build up what follows from the facts: who waits for whom, what is used, how far maps are."""
    if step.status == PENDING:
        hold(state, step, step.added_at)
    if step.status == "running" and step.map is None:
        for name, amount in step.policy.claims.items():
            state.limit(name).used += amount
        if step.of:
            owner = state.steps[step.of].map
            assert owner is not None
            owner.running += 1
    if step.map is not None:
        _relate_map(state, step, step.map)


def _relate_map(state: RunState, step: Step, marks: MapState) -> None:
    succeeded = marks.marks.count(M_SUCCEEDED)
    own = [index for index, mark in enumerate(marks.marks) if mark == M_ENDED] if M_ENDED in marks.marks else []
    marks.bad = sum(state.steps[element_key(step.key, index)].status != SUCCEEDED for index in own)
    marks.ended = succeeded + len(own)
    if step.each and step.status not in ENDED:
        marks.lacks = bytearray([len(step.each)]) * marks.size
        for upstream in step.each:
            follow(state, step, upstream)


