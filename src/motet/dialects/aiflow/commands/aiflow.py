"""`aiflow`: namespaces, workflows, executions, and what of the quickstart has nothing to do here."""

from __future__ import annotations

import json
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from functools import partial

from motet.dialects.aiflow import executions, places, registry, steering, uploading
from motet.dialects.aiflow.commands import planning, tables
from motet.dialects.aiflow.commands.tables import NAMESPACE, OUTPUT, WORKFLOW, YES, Entry, taking
from motet.errors import NotFound, UsageError
from motet.ports import RunRow
from motet.ports.voice import Desk
from motet.views import lookup

_WORKFLOW_COLUMNS = ("id", "workflow_name", "namespace", "create_time", "update_time", "is_enabled", "event_offset")
_EXECUTION_COLUMNS = (
    "id", "workflow_id", "begin_date", "end_date", "status", "run_type", "snapshot_id", "event_offset",
)  # fmt: skip
_TASK_COLUMNS = (
    "id", "workflow_execution_id", "task_name", "sequence_number", "try_number", "begin_date", "end_date", "status",
)  # fmt: skip


def arguments(parser: ArgumentParser) -> None:
    """The words of an `aiflow` command, which has options of its own."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...", help="a command of aiflow: motet aiflow help")


def perform(options: Namespace, desk: Desk) -> int:
    """Carry out the `aiflow` command; gives its exit code."""
    return tables.perform("aiflow", COMMANDS, options.words, desk)


# ---------------------------------------------------------------- namespaces


def _namespace_add(options: Namespace, desk: Desk) -> int:
    try:
        properties = json.loads(options.properties or "{}")
    except ValueError as error:
        raise UsageError(f"--properties is no JSON: {error}.", """Write --properties '{"owner": "me"}'.""") from None
    added = registry.add_namespace(desk.host().store, options.namespace_name, properties)
    said = f"Namespace: {options.namespace_name}, created." if added else None
    desk.terminal.say(said or f"Namespace: {options.namespace_name} already exists")
    return 0


def _namespace_list(options: Namespace, desk: Desk) -> int:
    rows = [{"namespace": each.name, "properties": each.properties} for each in registry.namespaces(desk.host().store)]
    tables.show(rows, ("namespace", "properties"), options.output, desk)
    return 0


def _namespace_delete(options: Namespace, desk: Desk) -> int:
    name = options.namespace_name
    if not registry.delete_namespace(desk.host().store, name):
        raise NotFound(
            f"There is no namespace {name} to be deleted.", "aiflow namespace list shows those that there are."
        )
    desk.terminal.say(f"Namespace: {name}, deleted.")
    return 0


# ---------------------------------------------------------------- workflows


def _workflow_upload(options: Namespace, desk: Desk) -> int:
    files = [each for part in options.files or () for given in part for each in given.split(",") if each]
    for each in uploading.upload(desk.host(), options.file_path, files, desk.warn):
        desk.terminal.say(f"Workflow: {each.title}, submitted.")
    return 0


def _workflow_list(options: Namespace, desk: Desk) -> int:
    rows = [tables.row(each, _WORKFLOW_COLUMNS) for each in registry.workflows(desk.host().store, options.namespace)]
    tables.show(rows, _WORKFLOW_COLUMNS, options.output, desk)
    return 0


def _workflow_show(options: Namespace, desk: Desk) -> int:
    host = desk.host()
    meta = registry.workflow(host.store, options.namespace, options.workflow_name)
    snapshot = registry.snapshot(host.store, meta.snapshot) if meta is not None else None
    if meta is None or snapshot is None:
        return _none("No such workflow.", desk)
    told = {each: snapshot.definition[each] for each in ("config", "tasks", "rules")}
    shown = {**tables.row(meta, _WORKFLOW_COLUMNS), "content": uploading.text_of(host, snapshot), **told}
    tables.show([shown], list(shown), options.output, desk)
    return 0


def _workflow_enable(enabled: bool, options: Namespace, desk: Desk) -> int:
    meta = steering.enable(desk.host(), options.namespace, options.workflow_name, enabled)
    desk.terminal.say(f"Workflow: {meta.title} {'enabled' if meta.is_enabled else 'disabled'}.")
    return 0


def _workflow_delete(options: Namespace, desk: Desk) -> int:
    meta = registry.named(desk.host().store, options.namespace, options.workflow_name)
    steering.delete_workflow(desk.host(), meta)
    desk.terminal.say(f"Workflow: {meta.title} deleted.")
    return 0


def _none(said: str, desk: Desk) -> int:
    desk.terminal.say(said)
    return 1


# ---------------------------------------------------------------- executions


def _execution_start(options: Namespace, desk: Desk) -> int:
    host = desk.host()
    meta = registry.named(host.store, options.namespace, options.workflow_name)
    desk.terminal.say(f"Workflow execution: {steering.start(host, meta, desk.start_engine)} submitted.")
    return 0


def _execution_list(options: Namespace, desk: Desk) -> int:
    host = desk.host()
    meta = registry.named(host.store, options.namespace, options.workflow_name)
    return _show_executions(reversed(list(executions.of_workflow(host.store, meta))), options, desk)


def _execution_show(options: Namespace, desk: Desk) -> int:
    try:
        row = executions.find(desk.host().store, options.workflow_execution_id)
    except NotFound:
        return _none("No such workflow execution.", desk)
    return _show_executions([(options.workflow_execution_id, row)], options, desk)


def _show_executions(found: Iterable[tuple[int, RunRow]], options: Namespace, desk: Desk) -> int:
    rows = []
    for number, row in found:
        rows.append(tables.row(executions.meta_of(number, row), _EXECUTION_COLUMNS))
        _warn_of_crash(number, row, desk)
    tables.show(rows, _EXECUTION_COLUMNS, options.output, desk)
    return 0


def _warn_of_crash(number: int, row: RunRow, desk: Desk) -> None:
    if lookup.has_crashed(row, desk.host().clock.now()):
        desk.warn(f"The process of workflow execution {number} has died. `motet resume {row.name}` has it go on.")


def _execution_stop(options: Namespace, desk: Desk) -> int:
    host = desk.host()
    row = executions.find(host.store, options.workflow_execution_id)
    desk.terminal.say(f"Stopping workflow execution: {options.workflow_execution_id}")
    if not steering.stop(host, row, desk.start_engine):
        desk.warn(f"Workflow execution {options.workflow_execution_id} had ended already: {executions.status_of(row)}.")
    return 0


def _execution_stop_all(options: Namespace, desk: Desk) -> int:
    host = desk.host()
    meta = registry.named(host.store, options.namespace, options.workflow_name)
    desk.terminal.say(f"Stopping all workflow executions of workflow: {meta.title}")
    if not steering.stop_all(host, meta, desk.start_engine):
        desk.warn(f"No execution of {meta.title} goes on.")
    return 0


def _execution_delete(options: Namespace, desk: Desk) -> int:
    steering.delete_execution(desk.host().store, options.workflow_execution_id)
    desk.terminal.say(f"Workflow execution: {options.workflow_execution_id} deleted.")
    return 0


# ---------------------------------------------------------------- executions of tasks


def _task_list(options: Namespace, desk: Desk) -> int:
    store = desk.host().store
    row = executions.find(store, options.workflow_execution_id)
    _warn_of_crash(options.workflow_execution_id, row, desk)
    found = executions.tasks_of(store, options.workflow_execution_id, row)
    tables.show([tables.row(each, _TASK_COLUMNS) for each in found], _TASK_COLUMNS, options.output, desk)
    return 0


def _task_show(options: Namespace, desk: Desk) -> int:
    meta = executions.task(desk.host().store, options.task_execution_id)
    if meta is None:
        return _none("No such task execution.", desk)
    tables.show([tables.row(meta, _TASK_COLUMNS)], _TASK_COLUMNS, options.output, desk)
    return 0


def _task_start(options: Namespace, desk: Desk) -> int:
    begun = steering.start_task(desk.host(), options.workflow_execution_id, options.task_name, desk.start_engine)
    desk.terminal.say(f"Task execution: {begun} submitted.")
    return 0


def _task_stop(options: Namespace, desk: Desk) -> int:
    number, task = options.workflow_execution_id, options.task_name
    goes_on = steering.stop_task(desk.host(), number, task, desk.start_engine)
    desk.terminal.say(f"Stopping execution of task: {task} of workflow execution: {number}.")
    if not goes_on:
        desk.warn(f"No execution of task {task} goes on.")
    return 0


# ---------------------------------------------------------------- what has nothing to do


def _nothing(options: Namespace, desk: Desk) -> int:
    desk.terminal.say(f"Nothing is needed: executions have processes of their own, and are recorded in {desk.home}.")
    return 0


def _page(options: Namespace, desk: Desk) -> int:
    desk.terminal.say(
        "Nothing is needed: `motet server` serves the page of all runs; motet ls and motet show list them."
    )
    return 0


def _config(options: Namespace, desk: Desk) -> int:
    for name, value in _settings(desk).items():
        desk.terminal.say(f"{name}: {value}")
    return 0


def _config_value(options: Namespace, desk: Desk) -> int:
    found = _settings(desk).get(options.option)
    if found is None:
        raise UsageError(f"There is no setting {options.option!r:.80}.", f"There are: {', '.join(_settings(desk))}.")
    desk.terminal.say(found)
    return 0


def _settings(desk: Desk) -> dict[str, str]:
    return {"aiflow_home": places.get_aiflow_home(), "motet_home": desk.home}


_EXECUTION = taking("workflow_execution_id", type=int, help="the number of the workflow execution")

COMMANDS: Mapping[str, Entry] = {
    "version": Entry("print the version that is understood", tables.version),
    "config list": Entry("list the settings", _config, [taking("--color", default="auto", help="taken")]),
    "config get-value": Entry("print a setting", _config_value, [taking("option")]),
    "namespace add": Entry(
        "add a namespace", _namespace_add, [taking("namespace_name"), taking("--properties", metavar="JSON")]
    ),
    "namespace list": Entry("list namespaces", _namespace_list, [OUTPUT]),
    "namespace delete": Entry("delete a namespace", _namespace_delete, [taking("namespace_name"), YES]),
    "workflow upload": Entry("upload the workflows of a script", _workflow_upload, [
        taking("file_path", help="the script"),
        taking("-f", "--files", action="append", nargs="+", help="files and folders that stand beside it: a,b"),
    ]),
    "workflow list": Entry("list workflows", _workflow_list, [NAMESPACE, OUTPUT]),
    "workflow show": Entry("show a workflow", _workflow_show, [WORKFLOW, NAMESPACE, OUTPUT]),
    "workflow enable": Entry("let a workflow be started", partial(_workflow_enable, True), [WORKFLOW, NAMESPACE]),
    "workflow disable": Entry("let nothing start it", partial(_workflow_enable, False), [WORKFLOW, NAMESPACE]),
    "workflow delete": Entry("delete a workflow", _workflow_delete, [WORKFLOW, NAMESPACE, YES]),
    "workflow-execution start": Entry("start an execution", _execution_start, [WORKFLOW, NAMESPACE]),
    "workflow-execution list": Entry("list executions", _execution_list, [WORKFLOW, NAMESPACE, OUTPUT]),
    "workflow-execution show": Entry("show an execution", _execution_show, [_EXECUTION, OUTPUT]),
    "workflow-execution stop": Entry("stop an execution", _execution_stop, [_EXECUTION]),
    "workflow-execution stop-all": Entry("stop all executions", _execution_stop_all, [WORKFLOW, NAMESPACE, YES]),
    "workflow-execution delete": Entry("delete an execution", _execution_delete, [_EXECUTION, YES]),
    "task-execution list": Entry("list executions of tasks", _task_list, [_EXECUTION, OUTPUT]),
    "task-execution start": Entry("start a task", _task_start, [_EXECUTION, taking("task_name")]),
    "task-execution stop": Entry("stop a task", _task_stop, [_EXECUTION, taking("task_name")]),
    "task-execution show": Entry("show one", _task_show, [taking("task_execution_id", type=int), OUTPUT]),
    **planning.COMMANDS,
    **tables.unneeded(_nothing, "config init", "db init", "db reset", "db upgrade", "db downgrade"),
    **tables.unneeded(_nothing, "server start", "server stop"),
    **tables.unneeded(_page, "webserver start", "webserver stop"),
}  # fmt: skip
