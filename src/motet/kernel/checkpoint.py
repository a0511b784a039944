"""The primary facts of a run as JSON, and the state built up again from them."""

from __future__ import annotations

import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Any

from motet import rules
from motet.kernel import waits
from motet.kernel.events import Json
from motet.kernel.maps import follow
from motet.kernel.moves import recount, relate
from motet.kernel.policy import PLAIN
from motet.kernel.state import (
    M_BLOCKED,
    M_ENDED,
    M_RUNNING,
    M_SUCCEEDED,
    M_WAITING,
    MapState,
    RunState,
    Step,
    Wait,
    retired_of,
)
from motet.kernel.transitions import ENDED, RUNNING, SUCCEEDED

VERSION = 1

_RUN = ("status", "epoch", "seq", "offset", "steered", "started_at", "ended_at", "result", "error", "reason", "ending")
_ELSE: dict[str, Any] = {
    "form": "call", "parent": "", "name": "", "fingerprint": "", "needs": (), "after": (), "each": (),
    "call": None, "status": SUCCEEDED, "attempt": 0, "failures": 0, "started_at": None, "ended_at": None,
    "due_at": 0.0, "result": None, "error": None, "cached": False, "stopping": "", "of": "", "element": -1,
    "doomed": "", "checkpoints": None, "until": None, "since": 0,
}  # fmt: skip
"""What a step is where its JSON is silent; most of its fields hold this."""


_FACTS = bytes(M_WAITING if mark in (M_BLOCKED, M_RUNNING) else mark for mark in range(256))


def to_json(state: RunState) -> Json:
    """The run's facts as JSON. It shares parts with the state: write it down before folding on."""
    return {
        "version": VERSION,
        "run": state.run,
        **{name: getattr(state, name) for name in _RUN},
        "retired": state.retired.to_json(),
        "steps": {key: _step(step) for key, step in state.steps.items()},
        "waits": [
            [wait.id, wait.rule.to_json(), wait.memory, wait.repeat, wait.fired, wait.open, wait.heard, wait.step]
            for wait in state.waits.values()
        ],
    }


def _step(step: Step) -> Json:
    out: dict[str, Json] = {"task": step.task, "added_at": step.added_at}
    for name, silent in _ELSE.items():
        value = getattr(step, name)
        if value != silent:
            out[name] = value
    for name in ("needs", "after", "each"):
        if name in out:
            out[name] = list(out[name])
    if step.policy is not PLAIN:
        out["policy"] = dict(step.policy.json)
    if step.map is not None:
        out["map"] = _map(step.map)
    return out


def _map(marks: MapState) -> Json:
    # Neither the starts of elements nor what stands in their way are facts of the map. Compressed, one that
    # is done is a few bytes, whatever its size.
    facts = marks.marks.translate(_FACTS)
    plain = all(result is None for result in marks.results)
    return {
        "size": marks.size,
        "marks": b2a_base64(zlib.compress(facts), newline=False).decode(),
        "results": None if plain else marks.results,
        "known": list(marks.known),
    }


def from_json(data: Json) -> RunState:
    """The state that `to_json` wrote. Raises KeyError or ValueError for what it did not write."""
    if data["version"] != VERSION:
        raise ValueError(f"checkpoint of version {data['version']}, this is version {VERSION}")
    state = RunState(data["run"])
    for name in _RUN:
        setattr(state, name, data[name])
    if "retired" in data:
        state.retired = retired_of(data["retired"])
        state.counts.update(state.retired.counts)
    for key, kept in data["steps"].items():
        _load_step(state, key, kept)
    for name, rule, memory, repeat, fired, opened, *since in data["waits"]:
        wait = state.waits[name] = Wait(name, rules.from_json(rule), memory, repeat, fired, opened)
        wait.heard, wait.step = since or (0, "")
        if opened:
            waits.listen(state, name)
    for step in state.steps.values():
        _load_relations(state, step)
    state.take_changes()
    return state


def _load_step(state: RunState, key: str, kept: Mapping[str, Json]) -> None:
    step = Step(
        key, kept["task"], kept.get("form", "call"), kept.get("parent", ""), kept.get("name", ""),
        state.policy(kept.get("policy", {})), kept.get("fingerprint", ""), kept["added_at"],
    )  # fmt: skip
    step.status = SUCCEEDED
    for name, value in kept.items():
        if name in _ELSE:
            setattr(step, name, value)
    if step.after:
        step.after = dict.fromkeys(step.after)
    if "map" in kept:
        size = kept["map"]["size"]
        marks = bytearray(zlib.decompress(a2b_base64(kept["map"]["marks"])))
        known = dict.fromkeys(kept["map"]["known"])
        step.map = MapState(size, marks, kept["map"]["results"] or [None] * size, known=known)
    state.steps[key] = step
    state.counts[step.status] = state.counts.get(step.status, 0) + 1
    state.active += step.status not in ENDED


def _load_relations(state: RunState, step: Step) -> None:
    """Build up what follows from the facts: who waits for whom, what is used, how far maps are."""
    if step.needs or step.after or step.each:
        relate(state, step)
    if step.of:
        marks = state.map_of(step.of)
        marks.own[step.element] = step
        marks.running += step.status == RUNNING
    if step.status == RUNNING and step.map is None:
        state.use(step, 1)
    if step.map is not None:
        byte = step.map.marks
        step.map.bad = byte.count(M_ENDED)
        step.map.ended = byte.count(M_SUCCEEDED) + step.map.bad
        if step.status not in ENDED:
            follow(state, step)
    recount(state, step, step.added_at)
