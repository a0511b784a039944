"""Workflows: a master whose script asks for runs, and those runs, which its engine drives as part of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from motet import requests
from motet.dialects.spell import making, mounting, runs, words
from motet.dialects.spell.ledger import Ledger
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.shown import RunView, WorkflowView
from motet.environments import code
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import SUCCEEDED
from motet.ports import STEERING, LogLine, NewRun, Publication, RunRow
from motet.values.naming import id_within

if TYPE_CHECKING:
    from motet.ports.voice import Host

_WORKFLOW = "workflow"

_asked: dict[tuple[str, int], dict[str, int]] = {}
"""How often each request was made, by the attempt of a master that has made it."""

_lock = threading.Lock()


def new(house: Ledger, request: RunRequest, repos: Mapping[str, Json], start: Callable[[NewRun], None]) -> WorkflowView:
    """Make a workflow, and have its master driven."""
    request.run_type = "workflow"
    made = making.made(house, request, repos=_placed(repos))
    number = made.program["workflow"] = house.next_number("workflows")
    house.put_document(_WORKFLOW, f"{number:012}", {"run": made.id, "at": made.created_at})
    start(made)
    return find(house, number)


def _placed(repos: Mapping[str, Json]) -> dict[str, Json]:
    """The repositories, each with where it is seen: at its path, or by its label where another one is there."""
    placed: dict[str, dict[str, Json]] = {}
    for label, repo in repos.items():
        taken = {each["path"] for each in placed.values() if each["artifact"] != repo["artifact"]}
        free = [each for each in (_inside(repo["path"]), _inside(label)) if each not in taken]
        if not free:
            raise UsageError(f"The repository {label!r} is at {repo['path']}, as another one.", "Choose another label.")
        placed[label] = {**repo, "path": free[0]}
    return {**placed}


def _inside(path: str) -> str:
    """Where in the master's folder a repository is seen: at its path, or by its name where that leads elsewhere."""
    whole = os.path.normpath(path)
    return os.path.basename(os.path.realpath(path)) if whole.startswith(("/", "..")) or whole == "." else whole


def find(house: Ledger, number: int) -> WorkflowView:
    """The workflow of that number. Raises NotFound."""
    known = house.document(_WORKFLOW, f"{int(number):012}")
    try:
        row = house.host.store.run(known["run"]) if known else None
    except NotFound:
        row = None
    if row is None:
        raise NotFound(f"Workflow {number} does not exist", "Check the number.")
    workers = sorted(each.program["number"] for each in runs.all_of(house.host.store, house.owner, row.id))
    return WorkflowView(number, row.program["number"], workers, row.program["repos"], row.created_at)


def every(house: Ledger) -> list[WorkflowView]:
    """All workflows but those that were pruned, newest first."""
    found: list[WorkflowView] = []
    for number in sorted(house.documents(_WORKFLOW), reverse=True):
        with suppress(NotFound):
            found.append(find(house, int(number)))
    return found


# ---------------------------------------------------------------- workers


def worker(house: Ledger, request: RunRequest, within: tuple[str, int]) -> RunView:
    """A run that the code of a run has asked for: the same one at the same place among equal ones."""
    host, (master, attempt) = house.host, within
    row = host.store.run(master)
    request.workflow_id = request.workflow_id or row.program.get("workflow", 0)
    request.strict = request.strict or row.program["request"].get("strict", False)
    has_place = row.program["request"].get("run_type", "user") == "user"
    made = making.made(house, request, _code_of(house, row, request, attempt), within_place=has_place)
    if found := making.same(house, made):
        return found
    with _lock:
        asked = _asked.setdefault(within, {})
        place = asked[made.program["digest"]] = asked.get(made.program["digest"], 0) + 1
        key = _key(made.program["digest"], place)
        made.id, made.parent, made.program["step"] = id_within(master, key), master, key
        known = _kept(house, made)
    _add(house, master, key, known)
    return runs.view(host, known)


def _kept(house: Ledger, made: NewRun) -> RunRow:
    """The worker as it is kept: as an earlier attempt of the master has asked for it, or as it is asked for now."""
    try:
        row = house.host.store.run(made.id)
    except NotFound:
        making.keep(house, made)
        return house.host.store.run(made.id)
    making.known_as(house, row.id, row.program)
    return row


def _add(house: Ledger, master: str, key: str, row: RunRow) -> None:
    """Have the master's engine drive it, as a step of the master, after those whose files it mounts. Safe to repeat."""
    before: dict[str, list[str]] = {"needs": [], "after": []}
    for each in row.program["mounts"]:
        with suppress(NotFound):  # it is an upload's, or its run was pruned
            made_by = house.host.store.run(each["run"])
            if made_by.parent == master:
                before["needs" if made_by.status == SUCCEEDED else "after"].append(made_by.program["step"])
    call: Json = {"target": "motet.children:started", "args": [row.name, {}, {}]}
    told: Json = {
        "step": key, "task": row.workflow, "name": row.name, "form": "run", "call": call, **before,
        "policy": {"executor": "runs"}, "token": requests.token(house.host.home, master),
    }  # fmt: skip
    at = house.host.clock.now()
    house.host.store.publish([Publication("step.add", told, STEERING, words.VOICE, master, f"{master}/{key}", at)])


def _code_of(house: Ledger, row: RunRow, request: RunRequest, attempt: int) -> Json:
    """The code that a label stands for: the master's folder of that name as it is now, if it is there.

    Without a label, the worker has no code: as in the original, that is the master's own.
    """
    if not request.commit_label:
        return None
    repos: Mapping[str, Any] = row.program.get("repos") or {}
    repo = repos.get(request.commit_label)
    if repo is None:
        known = ", ".join(sorted(repos)) or "none"
        cure = f"Labels of this workflow: {known}. Give it one: --repo {request.commit_label}=PATH."
        raise UsageError(f"This workflow has no repository of the label {request.commit_label!r}.", cure)
    root = os.path.realpath(
        mounting.folder_of(house.host.home, row.id, 0 if row.program["request"].get("retries") else attempt)
    )
    folder = os.path.realpath(os.path.join(root, repo["path"]))
    if not (os.path.isdir(folder) and folder.startswith(f"{root}{os.sep}")):
        return repo
    now = code.kept(house.host.artifacts, folder, {})
    return repo if now["artifact"] == repo["artifact"] else {**repo, **now, "uncommitted": True}


def unasked(host: Host, master: str, attempt: int) -> list[str]:
    """Which runs earlier attempts of the master have asked for, and this one, which is over, has not; in words.

    A script that does the same each time asks for all of them again, in whatever order its threads do.
    """
    asked = _asked.pop((master, attempt), {})
    keys = {_key(digest, place) for digest, last in asked.items() for place in range(1, last + 1)}
    return [
        f"{step.name} ({step.task}) was asked for before, and now was not: the script does not do what it did."
        for step in host.store.steps(master)
        if step.key.startswith(words.WORKER) and step.key not in keys
    ]


def tell(host: Host, master: str, attempt: int, text: str) -> None:
    """Write a line of Motet's own to the master's log."""
    host.logs.write(master, [LogLine(host.clock.now(), words.STEP, attempt, "stderr", f"motet: {text}")])


def _key(digest: str, place: int) -> str:
    return f"{words.WORKER}{digest[:12]}-{place}"
