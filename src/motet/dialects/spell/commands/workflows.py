"""`spell workflow`: in its old form with the command behind it, and as `create`, `stop`, `kill`, `rm`, `list`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from motet.dialects.spell.commands import formats, grammar
from motet.dialects.spell.commands.grammar import Entry
from motet.dialects.spell.commands.runs import shown
from motet.dialects.spell.house import House
from motet.dialects.spell.shown import WorkflowView
from motet.errors import UsageError
from motet.ports.voice import Desk


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-r", "--repo", action="append", default=[], metavar="LABEL=PATH[:COMMIT]",
        help="code that runs take by that label")  # fmt: skip
    parser.add_argument("--github-repo", action="append", default=[], metavar="LABEL=URL[:REF]",
        help="the same of a repository elsewhere")  # fmt: skip
    grammar.run_options(parser)
    grammar.file_options(parser)
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help=":NAME: in the command")
    parser.add_argument("-b", "--background", action="store_true", help="print no log")
    parser.add_argument("--local", action="store_true", help="taken: all runs are on this machine")
    parser.set_defaults(has_params=True)
    grammar.command_arguments(parser)


def _create(options: Namespace, desk: Desk, house: House) -> int:
    grammar.command_of(options)
    repos: dict[str, Any] = {}
    for label, place in (grammar.pair(each, "--repo") for each in options.repo):
        path, _, commit = place.partition(":")
        if not os.path.isdir(path):
            raise UsageError(f"--repo: {path} is no folder.", "Name the folder with the code: --repo LABEL=PATH.")
        desk.terminal.say(f"✨ Syncing repo {path}.")
        kept: Any = house.snapshot(path, ref=commit)
        repos[label] = {**kept, "path": path}
    for label, place in (grammar.pair(each, "--github-repo") for each in options.github_repo):
        url, ref = _url_and_ref(place)
        fetched: Any = house.github(url, ref)
        repos[label] = {**fetched, "path": label}
    view = house.workflow(grammar.request_of(options, house), repos)
    for each in house.get(view.managing_run).warnings:
        desk.warn(each)
    desk.terminal.say(f"💫 Casting workflow #{view.number}…")
    if desk.terminal.as_json:
        desk.terminal.json(_document(view))
        return 0
    if options.background:
        desk.terminal.say(f"View logs with `spell logs {view.managing_run}`")
        return 0
    desk.terminal.say(f"✨ Following workflow at run {view.managing_run}.")
    desk.terminal.say("✨ Stop viewing logs with ^C")
    return shown(desk, house, view.managing_run)


def _url_and_ref(given: str) -> tuple[str, str]:
    """URL[:REF]: a colon behind the last slash begins the reference."""
    before, slash, last = given.rpartition("/")
    name, _, ref = last.partition(":")
    return f"{before}{slash}{name}", ref


def _one_argument(parser: ArgumentParser) -> None:
    parser.add_argument("workflow_id", type=int, metavar="WORKFLOW_ID")


def _stop(options: Namespace, desk: Desk, house: House) -> int:
    view = house.find_workflow(options.workflow_id)
    told = house.stop([view.managing_run])
    if told["asked"]:
        run = view.managing_run
        said = f"Stopping workflow {view.number}. Use 'spell logs -f {run}' to view logs while the job finishes.."
        return _said(said, view, desk)
    return _said(f"Workflow {view.number} has finished already.", view, desk)


def _kill(options: Namespace, desk: Desk, house: House) -> int:
    view = house.find_workflow(options.workflow_id)
    house.kill([*view.runs, view.managing_run])
    return _said(str(view.number), view, desk)


def _rm(options: Namespace, desk: Desk, house: House) -> int:
    view = house.find_workflow(options.workflow_id)
    told = house.archive([view.managing_run, *view.runs])
    if told["going on"]:
        raise UsageError(f"Workflow {view.number} goes on.", f"Stop it first: spell workflow stop {view.number}")
    return _said(str(view.number), view, desk)


def _list(options: Namespace, desk: Desk, house: House) -> int:
    views = list(reversed(house.workflows()))
    if desk.terminal.as_json:
        desk.terminal.json([_document(each) for each in views])
        return 0
    rows = []
    for each in views:
        run = house.get(each.managing_run)
        rows.append([each.number, each.managing_run, len(each.runs), formats.status(run), run.command, run.creator])
    for line in formats.columns(["ID", "RUN", "# RUNS", "STATUS", "COMMAND", "CREATOR"], rows):
        desk.terminal.say(line)
    return 0


def _said(text: str, view: WorkflowView, desk: Desk) -> int:
    desk.terminal.say(text)
    if desk.terminal.as_json:
        desk.terminal.json(_document(view))
    return 0


def _document(view: WorkflowView) -> dict[str, Any]:
    return {
        "id": view.number, "managing_run": view.managing_run, "runs": list(view.runs),
        "workspace_specs": dict(view.repos), "created_at": view.created_at,
    }  # fmt: skip


COMMANDS: Mapping[str, Entry] = {
    "workflow create": Entry("create a workflow, and follow it", _create, _create_arguments),
    "workflow stop": Entry("stop a workflow and its runs", _stop, _one_argument),
    "workflow kill": Entry("kill a workflow and its runs", _kill, _one_argument),
    "workflow rm": Entry("leave a workflow out of lists", _rm, _one_argument),
    "workflow list": Entry("list workflows", _list, lambda parser: None),
}
