"""Runs as they are kept: found by number, shown as Spell shows them, with what they have put out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from motet.dialects.spell import words
from motet.dialects.spell.shown import RunView
from motet.errors import NotFound
from motet.executors.commands.begun import begun
from motet.kernel.events import Json
from motet.kernel.transitions import CANCELLED, CANCELLING, ENDED, PENDING, RUNNING, SUCCEEDED
from motet.owners import is_dead
from motet.ports import RunFilter, RunRow, StepRow, Store
from motet.values.records import decode
from motet.views.listing import listed
from motet.views.lookup import DRIVEN

if TYPE_CHECKING:
    from motet.ports.voice import Host


def name_of(owner: str, number: int) -> str:
    """What the run of that number is called among the names of the voice."""
    return f"{owner}/runs/{number}"


def find(store: Store, owner: str, number: int) -> RunRow:
    """The run of that number of that owner. Raises NotFound."""
    try:
        return store.run(store.alias(words.VOICE, name_of(owner, int(number))))
    except (NotFound, ValueError, TypeError):
        raise NotFound(f"Run {number} does not exist", "`spell ps` lists the runs.") from None


def all_of(store: Store, owner: str, parent: str | None = None) -> Iterator[RunRow]:
    """The runs of that owner, newest first: all of them, or those of one master."""
    for row in listed(store, RunFilter(voice=words.VOICE, parent=parent)):
        if row.program["owner"] == owner and row.program["number"]:
            yield row


def step_of(store: Store, row: RunRow) -> StepRow | None:
    """Its command as a step; None before that is known."""
    try:
        return store.step(row.id, words.STEP)
    except NotFound:
        return None


def view(host: Host, row: RunRow, **more: Any) -> RunView:
    """The run as Spell shows it."""
    program, asked = row.program, dict(row.program["request"])
    status, code, why = _status(host, row)
    labels = [tag for tag in row.tags if tag != words.ARCHIVED]
    return RunView(
        program["number"], row.id, status, program["command"], program["owner"], code, asked,
        program["machine"]["told"], {**(program["code"] or {})}, labels, row.created_at, row.started_at, row.ended_at,
        why=why, warnings=program["warnings"], archived=words.ARCHIVED in row.tags, **more,
    )  # fmt: skip


def status_of(host: Host, row: RunRow) -> str:
    """Spell's word for how the run stands."""
    return _status(host, row)[0]


def _status(host: Host, row: RunRow) -> tuple[str, int | None, str]:
    """Its status, its exit status, and why it ended so."""
    error: Mapping[str, Any] = row.error if isinstance(row.error, dict) else {}
    if row.status == SUCCEEDED:
        told = decode(row.result, host.artifacts)
        return told["status"], told["exit_code"], ""
    if row.status == CANCELLED:
        step = step_of(host.store, row)
        left = step.result if step is not None and isinstance(step.result, dict) else {}
        reason = stop_reason(host.store, row.id)
        return _stopped(reason, bool(left)), left.get("exit_code"), reason
    if row.status in ENDED:
        return error.get("spell", words.FAILED), error.get("exit_code"), str(error.get("message", ""))
    return _under_way(host, row), None, ""


def _stopped(reason: str, begun: bool) -> str:
    return words.KILLED if reason.startswith(words.KILL_REASON) or not begun else words.STOPPED


def _under_way(host: Host, row: RunRow) -> str:
    if row.status == CANCELLING:
        is_kill = stop_reason(host.store, row.id).startswith(words.KILL_REASON)
        return words.KILLING if is_kill else words.STOPPING
    if row.status == PENDING:
        return words.QUEUED
    if is_left(row):
        return words.INTERRUPTED
    step = step_of(host.store, row)
    if step is None or not step.attempt:
        return words.QUEUED
    if step.status == RUNNING:
        has_begun = begun(f"{host.home}/work", row.id, words.STEP, step.attempt) is not None
        return words.RUNNING if has_begun else words.BUILDING
    return words.PUSHING if step.status in ENDED else words.RUNNING


def is_left(row: RunRow) -> bool:
    """Whether the process that should drive the run is gone."""
    return row.status in DRIVEN and (row.owner is None or is_dead(row.owner))


def stop_reason(store: Store, run: str) -> str:
    """Why the run was asked to stop last; "" if it was not."""
    reason = ""
    for event in store.history(run):
        if event["event"] == "run.cancelling":
            reason = event.get("reason", "")
    return reason


def outputs_of(host: Host, row: RunRow) -> dict[str, Mapping[str, Any]]:
    """The files below its folder that the run has put out in all of its attempts, by path."""
    found: dict[str, Mapping[str, Any]] = {}
    for event in host.store.history(row.id):
        if event.get("key") == words.STEP:
            for left in _left_by(event):
                for path in left.get("removed", ()):
                    found.pop(path, None)
                found.update({each["path"]: each for each in left.get("outputs", ()) if each["path"][0] != "/"})
    return dict(sorted(found.items()))


def _left_by(event: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What an event of the command tells of files, in whatever way the command has ended."""
    facts = event.get("facts") or {}
    yield from facts.get("left", ())
    yield from event.get("left", ())
    error: Json = event.get("error") or {}
    for each in (event.get("result"), error.get("finished")):
        if isinstance(each, dict):
            yield each
