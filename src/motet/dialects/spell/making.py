"""Runs made of what is asked for: mounts and code found, numbers given, equal runs looked for."""

from __future__ import annotations

import os
from typing import Any

from motet.dialects.spell import resources, runs, words
from motet.dialects.spell.ledger import Ledger
from motet.dialects.spell.machines import machine
from motet.dialects.spell.requests import RunRequest, digest_of
from motet.dialects.spell.shown import RunView
from motet.environments.code import fetched
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import NewRun
from motet.values.naming import checked, new_id

_SAME = "idempotent"


def made(house: Ledger, request: RunRequest, code: Json = None, **more: Json) -> NewRun:
    """A run of what is asked for, checked, and not kept yet: it has no number so far. Raises UsageError."""
    host = house.host
    wanted = machine(request.machine_type, host.resources, host.home)
    mounted = [_mounted(house, path, at) for path, at in request.attached_resources.items()]
    places = [each["target"] for each in mounted]
    if twice := [each for each in places if places.count(each) > 1]:
        raise UsageError(f"Two things are to be mounted at {twice[0]}.", "Give each a place of its own.")
    if request.commit_label and code is None:
        raise UsageError(
            f"There is no code of the label {request.commit_label!r} here.", "Labels are those of a workflow: --repo."
        )
    if request.github_url:
        code = fetched(host.artifacts, request.github_url, request.github_ref, os.path.join(host.home, "shared"))
    program: dict[str, Json] = {
        "voice": words.VOICE, "number": 0, "owner": house.owner, "command": request.substituted,
        "request": {name: each for name, each in request.to_json().items() if name != "code"},
        "code": code or request.code, "mounts": mounted, "path": os.getcwd(),
        "machine": {"name": wanted.name, "told": wanted.told}, "warnings": _warnings(request, wanted.warning), **more,
    }  # fmt: skip
    for each in (program["code"], *(more.get("repos") or {}).values()):
        if left_out := ", ".join((each or {}).get("submodules", ())):
            program["warnings"].append(f"Submodules are not taken along: {left_out}.")
    program["digest"] = digest_of(request, [mounted, (program["code"] or {}).get("artifact")])
    now = host.clock.now()
    return NewRun(
        new_id(now), "spell-run", request.title, program, {**request.params, **request.hyper_params} or None,
        tags=[checked(each, "The label") for each in request.labels], created_at=now, offset=host.store.head(),
    )  # fmt: skip


def _warnings(request: RunRequest, of_machine: str) -> list[str]:
    taken = {
        "apt_packages": "packages of apt are those of this machine", "conda": "no conda environment is made",
        "distributed": "it runs on this machine alone", "tensorboard_directory": "no TensorBoard is started",
    }  # fmt: skip
    return [
        *filter(None, [of_machine]),
        *(f"{name}: {each}." for name, each in taken.items() if getattr(request, name)),
    ]


def _mounted(house: Ledger, path: str, at: str) -> dict[str, Json]:
    """What is mounted where. Raises UsageError."""
    place = at or path.rstrip("/").rpartition("/")[2]
    target = os.path.normpath(f"/{place.lstrip('/')}" if place.startswith("/") else place)
    try:
        found = resources.files(house, path, final=True)
    except NotFound as error:
        raise UsageError(f"Cannot mount resource '{path}': {error.what}", error.cure) from None
    if target in ("/", ".", words.SPELL) or ".." in target.split("/") or "\0" in target:
        raise UsageError(f"Cannot mount resource '{path}': {at!r} is no place for it.", "Give a path below /spell.")
    if target.startswith(f"{words.SPELL}/"):
        target = os.path.relpath(target, words.SPELL)
    return {"resource": path, "target": target, "folder": found.is_folder, "files": found.files, "run": found.run}


def keep(house: Ledger, new: NewRun) -> None:
    """Keep a new run: it gets its number, and may be taken for equal ones from now on."""
    program = new.program
    if program["request"].get("run_type") != "search":
        number = program["number"] = house.next_number("runs")
        new.name = f"spell-{number}"
    house.host.create(new)
    known_as(house, new.id, new.program)


def known_as(house: Ledger, run: str, program: Any) -> None:
    """Have the run found by its number, and by what it does if no other is. Safe to repeat."""
    if program["number"]:
        house.host.store.set_alias(words.VOICE, runs.name_of(house.owner, program["number"]), run)
        if _equal(house, program["digest"]) is None:
            house.put_document(_SAME, program["digest"], {"run": run})


def same(house: Ledger, new: NewRun) -> RunView | None:
    """An earlier run of the same, where one is asked for: under way, or complete with exit status 0."""
    program = new.program
    found = _equal(house, program["digest"]) if program["request"].get("idempotent") else None
    if found is not None:
        found.already_existed = True
        found.why = (
            f"Run {found.number} has the same command, code, mounts, environment, machine type and parameters "
            f"(key {program['digest']})."
        )
    return found


def _equal(house: Ledger, digest: str) -> RunView | None:
    """The run that is known to do that, unless it is gone, or has ended badly."""
    known = house.document(_SAME, digest)
    try:
        row = house.host.store.run(known["run"]) if known is not None else None
    except NotFound:
        row = None
    if row is None:
        return None
    found = runs.view(house.host, row)
    is_good = row.status not in ENDED or (found.status == words.COMPLETE and not found.user_exit_code)
    return found if is_good else None
