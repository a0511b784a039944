"""Runs of which there is to be one: for a key (`submit --key`), or for a workflow at a time (`--only-one`).

Both are documents that are changed by compare-and-set, so that of several commands at the same moment one makes a run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from motet import app
from motet.engine.host import Host
from motet.errors import Conflict, MotetError, NotFound
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLING, ENDED, PENDING, RUNNING, WAITING
from motet.owners import is_dead, this_process, written
from motet.ports import Document, NewRun, Owner, RunFilter, RunRow, Store
from motet.ports.definition import Definition
from motet.ports.voice import Asked, Target, Written
from motet.registry import definitions, starting
from motet.values.naming import KEY_CHARS, checked
from motet.views import lookup

_VOICE, _KEY, _ONLY = "motet", "submitted", "only"
_LOOK_S = 0.05


def submitted(host: Host, key: str) -> RunRow | None:
    """The run that was submitted with the key; None if there is none, and none is being made."""
    checked(key, "The key", KEY_CHARS)
    while True:
        found = host.store.document(_VOICE, _KEY, key)
        if found is None:
            return None
        try:
            return host.store.run(found.body["run"])
        except NotFound:  # not made yet, or pruned since, or whoever was about to make it died
            if is_dead(Owner(**found.body["owner"])) or found.body["made"]:
                return None
        time.sleep(_LOOK_S)


def written_down(target: Target, asked: Asked) -> Json:
    """What is asked of a run, for comparison."""
    params = {name: each.text if isinstance(each, Written) else each for name, each in asked.params.items()}
    return {"target": str(target), **params, **{f"--{name}": str(each) for name, each in asked.options.items()}}


def other(host: Host, key: str, asked: Json) -> str:
    """In what the run of the key was asked for otherwise, in words; "" if in nothing that is known."""
    found = host.store.document(_VOICE, _KEY, key)
    was = found.body.get("asked") if found is not None else None
    if was is None:
        return ""
    differs = [name for name in {**was, **asked} if was.get(name) != asked.get(name)]
    return ", ".join(f"{name} was {was.get(name, 'not given')}" for name in differs)


def registered(store: Store, text: str) -> Definition | None:
    """The registered workflow that is named, if there is no file of that name. Raises NotFound for another version."""
    is_name = not os.path.exists(text) and definitions.is_registered(store, text)
    return definitions.find(store, text) if is_name else None


def of_definition(
    host: Host, definition: Definition, given: Mapping[str, Any], name: str
) -> tuple[Callable[[], NewRun], Json]:
    """What makes a run of it, and what is asked of it, for comparison. Raises ParameterError."""
    host.made_with = None  # it was noted when it was registered

    def make() -> NewRun:
        place = starting.Place(host.store, host.home, host.clock.now())
        return starting.new_run(definition, given, place, name=name)

    return make, {"target": definition.version, **starting.parameters(definition, given)}


def submit(host: Host, key: str, new: NewRun, asked: Json) -> RunRow:
    """Make the run under the key, unless another command has just made one: then that one is it. "" is no key."""
    if not key:
        host.create(new)
        return host.store.run(new.id)
    body = {"run": new.id, "owner": written(this_process()), "made": False, "asked": asked}
    while True:
        known = host.store.document(_VOICE, _KEY, key)  # before the look: who comes in between has another version
        if (other := submitted(host, key)) is not None:
            return other
        try:
            version = known.version if known is not None else 0
            mine = host.store.put_document(Document(_VOICE, _KEY, key, body, version))
            break
        except Conflict:
            continue
    try:
        host.create(new)
    except MotetError:
        host.store.delete_document(mine)
        raise
    host.store.put_document(Document(_VOICE, _KEY, key, {**body, "made": True}, mine.version))
    return host.store.run(new.id)


def alone(host: Host, new: NewRun) -> None:
    """Let the run be the only one of its workflow. Raises Conflict while another one is under way, naming it."""
    while True:
        known = host.store.document(_VOICE, _ONLY, new.workflow)
        other = _under_way(host, known.body) if known is not None else None
        if other is not None or (other := _begun_otherwise(host, new.workflow)) is not None:
            raise Conflict(
                f"Run {other.name} ({other.id}) of workflow {new.workflow} has not ended.",
                f"Wait for it, stop it with `motet stop {other.name}`, or leave out --only-one.",
            )
        body: Json = {"run": new.id, "owner": written(this_process())}
        try:
            version = known.version if known is not None else 0
            host.store.put_document(Document(_VOICE, _ONLY, new.workflow, body, version))
        except Conflict:
            continue
        return


def _under_way(host: Host, body: Json) -> RunRow | None:
    """The run that the document names, if it goes on; a run that is about to be made is waited for."""
    while True:
        try:
            row = host.store.run(body["run"])
        except NotFound:
            if is_dead(Owner(**body["owner"])):
                return None
            time.sleep(_LOOK_S)
            continue
        return None if row.status in ENDED or lookup.has_crashed(row, time.time()) else row


def _begun_otherwise(host: Host, workflow: str) -> RunRow | None:
    """A run of the workflow that is under way and was not to be the only one."""
    for status in (PENDING, RUNNING, WAITING, CANCELLING):
        for row in host.store.run_page(RunFilter(status=status, workflow=workflow)).runs:
            if not lookup.has_crashed(row, time.time()):
                return row
    return None


def start(row: RunRow) -> None:
    """Start a process that drives the run, if none has begun to."""
    if row.owner is None and row.status not in ENDED:
        app.start_engine(row.id)
