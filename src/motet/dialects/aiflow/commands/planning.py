"""`aiflow workflow-schedule` and `aiflow workflow-trigger`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from motet.dialects.aiflow import planning, registry
from motet.dialects.aiflow.commands import tables
from motet.dialects.aiflow.commands.tables import NAMESPACE, OUTPUT, WORKFLOW, YES, Entry, Perform, taking
from motet.dialects.aiflow.metadata import WorkflowMeta
from motet.ports.voice import Desk

_DONE = {"pause": "paused", "resume": "resumed", "delete": "deleted"}
_COLUMNS = {
    "schedule": ("id", "workflow_id", "expression", "create_time", "is_paused"),
    "trigger": ("id", "workflow_id", "rule", "create_time", "is_paused"),
}  # fmt: skip


def _workflow(options: Namespace, desk: Desk) -> WorkflowMeta:
    return registry.named(desk.host().store, options.namespace, options.workflow_name)


def _add(options: Namespace, desk: Desk) -> int:
    made = planning.add_schedule(desk.host(), _workflow(options, desk), options.expression)
    desk.terminal.say(f"Workflow schedule: {made.id} created.")
    return 0


def _list(kind: str) -> Perform:
    def perform(options: Namespace, desk: Desk) -> int:
        listed = planning.schedules_of if kind == "schedule" else planning.triggers_of
        rows = [tables.row(each, _COLUMNS[kind]) for each in listed(desk.host().store, _workflow(options, desk))]
        tables.show(rows, _COLUMNS[kind], options.output, desk)
        return 0

    return perform


def _show(kind: str) -> Perform:
    def perform(options: Namespace, desk: Desk) -> int:
        found = (planning.schedule if kind == "schedule" else planning.trigger)(desk.host().store, options.number)
        if found is None:
            desk.terminal.say(f"No such workflow {kind}.")
            return 1
        tables.show([tables.row(found, _COLUMNS[kind])], _COLUMNS[kind], options.output, desk)
        return 0

    return perform


def _change(kind: str, change: str) -> Perform:
    def perform(options: Namespace, desk: Desk) -> int:
        changed = planning.change_schedule if kind == "schedule" else planning.change_trigger
        changed(desk.host(), options.number, change)
        desk.terminal.say(f"Workflow {kind}: {options.number} {_DONE[change]}.")
        return 0

    return perform


def _delete_all(kind: str) -> Perform:
    def perform(options: Namespace, desk: Desk) -> int:
        meta = _workflow(options, desk)
        planning.delete_all(desk.host(), meta, kind)
        desk.terminal.say(f"All {kind}s of workflow: {meta.title} deleted.")
        return 0

    return perform


def _commands(kind: str) -> dict[str, Entry]:
    number = taking("number", metavar=f"workflow_{kind}_id", type=int)
    return {
        f"workflow-{kind} list": Entry(f"list {kind}s", _list(kind), [WORKFLOW, NAMESPACE, OUTPUT]),
        f"workflow-{kind} show": Entry(f"show a {kind}", _show(kind), [number, OUTPUT]),
        f"workflow-{kind} pause": Entry(f"pause a {kind}", _change(kind, "pause"), [number]),
        f"workflow-{kind} resume": Entry(f"resume a {kind}", _change(kind, "resume"), [number]),
        f"workflow-{kind} delete": Entry(f"delete a {kind}", _change(kind, "delete"), [number, YES]),
        f"workflow-{kind} delete-all": Entry(f"delete all {kind}s", _delete_all(kind), [WORKFLOW, NAMESPACE, YES]),
    }


COMMANDS: Mapping[str, Entry] = {
    "workflow-schedule add": Entry("start executions at times", _add, [WORKFLOW, taking("expression"), NAMESPACE]),
    **_commands("schedule"),
    **_commands("trigger"),
}
