"""The folder of a run: taken, never twice without being told so, and what is told in it of the run."""

from __future__ import annotations

import json
import os
from logging import getLogger
from typing import TYPE_CHECKING

from motet.dialects.yadage.growing import Graph
from motet.dialects.yadage.scopes import rules
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.transitions import ENDED
from motet.ports import RunRow, StepRow, Store
from motet.private import replacing
from motet.values import folders
from motet.views import pictures
from motet.views.pictures import Box

if TYPE_CHECKING:
    from motet.ports.voice import Host

META = "_yadage"
_OWN = "motet.json"
_USUAL = "workdir"
_MOST_BOXES = 200


def taken(path: str, run: str, store: Store, *, accept: bool, overwrite: bool) -> str:
    """The folder for a run, made; by default `workdir` here, or where that is taken, one with the run's id behind it.

    Raises UsageError for one in which a run was before, unless `accept`; with `overwrite`, it is emptied.
    """
    folder = os.path.abspath(path or _USUAL)
    meta = os.path.join(folder, META)
    if path and os.path.lexists(meta):
        _check_earlier(folder, store, accept=accept or overwrite)
    if path and overwrite:
        _empty(folder)
    try:
        if not path:
            return _made_anew(folder, run)
        os.makedirs(meta, exist_ok=accept)
    except FileExistsError:
        raise UsageError(f"{folder} was taken by another run just now.", "Name another folder.") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.", "Name another folder for the run.") from None
    return folder


def _made_anew(folder: str, run: str) -> str:
    """The folder; where there is one already, perhaps since another run made it just now, one with the run's id."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        folder = f"{folder}-{run}"
        os.mkdir(folder)
    os.mkdir(os.path.join(folder, META))
    return folder


def _check_earlier(folder: str, store: Store, *, accept: bool) -> None:
    name, status = _earlier(folder, store)
    if name and status not in ENDED:
        raise UsageError(
            f"{folder} is the folder of run {name}, which is {status}.", f"Carry it on: motet resume {name}"
        )
    if not accept:
        resume = f"motet resume {name} carries that one on; " if name and status != "succeeded" else ""
        raise UsageError(
            f"{folder} has a run in it{f' ({name}, {status})' if name else ''}.",
            f"Name another folder; {resume}--accept-metadir runs again in it; -d overwrite=true empties it first.",
        )


def _earlier(folder: str, store: Store) -> tuple[str, str]:
    """The name and status of the run whose folder it is; ("", "") where that is not known here."""
    try:
        row = store.run(run_of(os.path.join(folder, META)))
    except (UsageError, NotFound):
        return "", ""
    return row.name, row.status


def run_of(meta: str) -> str:
    """The run whose metadir it is. Raises UsageError."""
    try:
        with open(os.path.join(meta, _OWN), encoding="utf-8") as file:
            return str(json.load(file)["run"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(f"{meta} tells of no run.", "Name it: yadage-manual step -m DIR.") from None


def _empty(folder: str) -> None:
    """Remove what is in it. Raises UsageError for a folder that no run was in: it holds somebody's own files."""
    if not os.path.lexists(os.path.join(folder, META)):
        if os.path.isdir(folder) and os.listdir(folder):
            raise UsageError(f"{folder} is no folder of a run, and is not emptied.", "Empty it yourself.")
        return
    folders.clear(folder)


def begun(row: RunRow) -> None:
    """Note in the folder whose it is."""
    meta = row.program["metadir"]
    os.makedirs(meta, exist_ok=True)
    _write(os.path.join(meta, _OWN), json.dumps({"run": row.id, "name": row.name}))


def told(host: Host, row: RunRow, graph: Graph) -> None:
    """Write what has come of the run: its steps and their edges as JSON; with `visualize`, for Graphviz, PDF and PNG.

    What goes wrong with that is told and hurts nobody: how the run ended stands in the store.
    """
    path = os.path.join(row.program["metadir"], "yadage_workflow_instance")
    try:
        steps = list(host.store.steps(row.id, whole=True))
        nodes = [_node(each, graph) for each in steps]
        edges = [(one, each.key) for each in steps for one in each.needs]
        idle = [(rule.key, rule.status) for rule in rules(graph.root) if not rule.members and rule.stage is not None]
        stages = [{"stage": key, "status": status} for key, status in idle]
        _write(f"{path}.json", json.dumps({"run": row.id, "steps": nodes, "edges": edges, "without_steps": stages}))
        if row.program["visualize"]:
            boxes = [Box(each["key"], each["key"], each["status"], each["stage"], each["init"]) for each in nodes]
            boxes += [Box(f"{key} ", f"{key}\n{status}", "skipped", key) for key, status in idle]
            drawn = pictures.grouped(boxes, edges, _MOST_BOXES)
            _write(f"{path}.dot", pictures.dot(*drawn))
            pictures.write(path, row.name, *drawn)
    except Exception as error:  # noqa: BLE001 - boundary: a picture that fails must not fail a run
        getLogger("motet").warning("What came of the run could not be written to %s: %s", path, error)


def _node(step: StepRow, graph: Graph) -> dict[str, Json]:
    member = graph.members.get(step.key)
    published = step.result.get("published") if isinstance(step.result, dict) else None
    return {
        "key": step.key, "stage": step.task, "status": step.status, "init": member is not None and member.is_init,
        "folder": member.folder if member is not None else "", "result": published,
    }  # fmt: skip


def _write(path: str, text: str) -> None:
    with replacing(path) as part, open(part, "w", encoding="utf-8") as file:
        file.write(text)
