"""`spell run`, `ps`, `info`, `logs`, `stop`, `kill`, `stats`, `label`, `archive`, `diff`, `machine-types`."""

from __future__ import annotations

import io
import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from motet.dialects.spell import words
from motet.dialects.spell.commands import following, formats, grammar
from motet.dialects.spell.commands.grammar import Entry
from motet.dialects.spell.house import House
from motet.dialects.spell.shown import RunView
from motet.errors import NotFound, UsageError
from motet.executors.taken import Usage
from motet.ports.voice import Desk
from motet.values.visible import coloured

_SAMPLE_S = 0.5

# ---------------------------------------------------------------- run


def _run_arguments(parser: ArgumentParser) -> None:
    grammar.run_options(parser)
    grammar.file_options(parser)
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help=":NAME: in the command")
    parser.add_argument("-b", "--background", action="store_true", help="print no log")
    parser.set_defaults(has_params=True)
    grammar.command_arguments(parser)


def _run(options: Namespace, desk: Desk, house: House) -> int:
    view = house.new(grammar.request_of(options, house))
    for each in view.warnings:
        desk.warn(each)
    if view.already_existed:
        desk.terminal.say(f"♻️ Idempotent: Found existing run {view.number}")
        desk.terminal.say(view.why)
    else:
        desk.terminal.say(f"💫 Casting spell #{view.number}…")
    if options.background:
        desk.terminal.say(f"View logs with `spell logs {view.number}`")
        desk.terminal.json(document(view)) if desk.terminal.as_json else None
        return 0
    if desk.terminal.as_json:
        status = house.wait(view.number, words.FINAL)
        desk.terminal.json({**document(house.get(view.number)), "already_existed": view.already_existed})
        return _code_of(status)
    desk.terminal.say("✨ Stop viewing logs with ^C")
    return shown(desk, house, view.number)


def shown(desk: Desk, house: House, number: int) -> int:
    """Follow the run's log to its end; gives 0, or 1 where it ended as failed, killed or the like."""
    screen = following.Screen(following.write, live=following.is_live(), shown=_line(desk))
    if following.follow(house.logs(number, follow=True), screen):
        desk.terminal.say()
        desk.terminal.say(f"✨ Run {number} goes on: spell logs -f {number} follows it, spell stop {number} ends it.")
        return 0
    return _code_of(house.get(number).status)


def _code_of(status: str) -> int:
    return 0 if status in (words.COMPLETE, words.STOPPED) else 1


def _line(desk: Desk) -> Any:
    """How a line of a run's is printed: as it is, but on a terminal without what steers it."""
    return coloured if sys.stdout.isatty() else str


# ---------------------------------------------------------------- ps, info


def _ps_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("-n", "--number", type=int, default=50, metavar="N", help="how many, the newest (50)")
    add("-l", "--label", action="append", default=[], help="those with one of these labels")
    add("-p", "--project", help="those of a project")
    add("-r", "--repository", help="those of the code of a repository")
    add("-v", "--verbose", action="store_true", help="more columns")
    add("--trunc", action="store_true", help="shorten commands (as it does by itself)")
    add("--no-trunc", action="store_true", help="whole commands")
    add("--raw", action="store_true", help="as CSV")


def _ps(options: Namespace, desk: Desk, house: House) -> int:
    found = house.runs(options.number, labels=options.label, project=options.project, repository=options.repository)
    views = found[::-1]
    if desk.terminal.as_json:
        desk.terminal.json([document(each) for each in views])
        return 0
    names, rows = _columns(views, options)
    if options.raw:
        _print_csv(desk, rows)
        return 0
    for line in formats.columns(names, rows):
        desk.terminal.say(line)
    return 0


def _print_csv(desk: Desk, rows: Sequence[Sequence[Any]]) -> None:
    import csv

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    desk.terminal.write(out.getvalue())


def _columns(views: Sequence[RunView], options: Namespace) -> tuple[list[str], list[list[Any]]]:
    more = ["COMMIT"] if options.verbose else []
    last = ["MACHINE", "DESCRIPTION", "LABELS"] if options.verbose else []
    whole, now = options.no_trunc or options.raw, time.time()
    rows = []
    for view in views:
        row = [view.number, view.code.get("repository", ""), view.command if whole else formats.shortened(view.command)]
        row += [str(view.code.get("commit") or "")[:8]] if options.verbose else []
        row += [formats.status(view, verbose=options.verbose, now=now), view.creator]
        row += _verbose(view) if options.verbose else []
        rows.append(row)
    return ["ID", "REPOSITORY", "COMMAND", *more, "STATUS", "CREATOR", *last], rows


def _verbose(view: RunView) -> list[Any]:
    return [view.asked("machine_type", "CPU"), view.asked("description", ""), ",".join(view.labels)]


def _one_argument(parser: ArgumentParser) -> None:
    parser.add_argument("run_id", type=int, metavar="RUN_ID")


def _describe(options: Namespace, desk: Desk, house: House) -> int:
    view = house.get(options.run_id)
    if desk.terminal.as_json:
        desk.terminal.json(document(view))
        return 0
    for line in formats.facts(_facts(view)):
        desk.terminal.say(line)
    return 0


def _facts(view: RunView) -> dict[str, Any]:
    code = "" if view.user_exit_code is None else f" ({view.user_exit_code})"
    began, ended = view.started_at, view.ended_at
    mounts = [f"{resource} at {place or resource.rpartition('/')[2]}" for resource, place in _mounts(view)]
    return {
        "Repository": view.code.get("repository"), "Git Commit": view.code.get("commit"),
        "Uncommitted": "yes" if view.code.get("uncommitted") else "", "Status": f"{view.status}{code}",
        "Why": view.why, "Command": view.command, "Creator": view.creator,
        "Machine Type": view.asked("machine_type", "CPU"), "Machine": view.machine,
        "Start Time": formats.moment(began), "End Time": formats.moment(ended),
        "Duration": formats.ago(ended - began) if began and ended else "", "Mounts": ", ".join(mounts),
        "Description": view.asked("description"), "Labels": ", ".join(view.labels),
        "Parameters": _pairs({**view.asked("params", {}), **view.asked("hyper_params", {})}),
        "Environment": _pairs(view.asked("envvars", {})), "Pip": ", ".join(view.asked("pip_packages", ())),
        "Apt": ", ".join(view.asked("apt_packages", ())), "Docker Image": view.asked("docker_image"),
        "Project": view.asked("project"), "Workflow": view.asked("workflow_id"), "Motet Run": view.run,
    }  # fmt: skip


def _mounts(view: RunView) -> Sequence[tuple[str, str]]:
    asked: Mapping[str, str] = view.asked("attached_resources", {})
    return list(asked.items())


def _pairs(told: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={each}" for name, each in told.items())


def document(view: RunView) -> dict[str, Any]:
    """A run as JSON: all that is known of it."""
    found: dict[str, Any] = {name: getattr(view, name) for name in view.__match_args__}
    found["id"] = found.pop("number")
    return json.loads(json.dumps(found, default=list))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- logs


def _logs_arguments(parser: ArgumentParser) -> None:
    _one_argument(parser)
    add = parser.add_argument
    add("-f", "--follow", action="store_true", help="show what is written as it comes, until the run ends")
    add("-n", "--tail", type=int, metavar="N", help="the last N lines")
    add("-d", "--delay", action="store_true", help="at the pace at which they were written")
    add("-v", "--verbose", action="store_true", help="taken")
    add("--plain", action="store_true", help="as `-f` shows them: without times and statuses")


def _logs(options: Namespace, desk: Desk, house: House) -> int:
    house.get(options.run_id)
    if options.tail is not None and options.tail < 0:
        raise UsageError(f"-n {options.tail} is no number of lines.", "Give 0 or more.")
    offset = 0 if options.tail is None else -options.tail
    entries = house.logs(options.run_id, offset=offset, follow=options.follow) if options.tail != 0 else iter(())
    if desk.terminal.as_json:
        for each in entries:
            desk.terminal.json({name: getattr(each, name) for name in each.__match_args__})
        return 0
    if options.follow or options.plain:
        screen = following.Screen(
            following.write, live=options.follow and following.is_live(), shown=_line(desk)
        )  # fmt: skip
        following.follow(_paced(entries) if options.delay else entries, screen)
        return 0
    line = _line(desk)
    for each in _paced(entries) if options.delay else entries:
        following.write(line(formats.console_line(each)) + "\n")
    return 0


def _paced(entries: Any) -> Any:
    """The lines, with as long between them as there was when they were written."""
    before = None
    for each in entries:
        if before is not None and each.at > before:
            time.sleep(each.at - before)
        before = each.at
        yield each


# ---------------------------------------------------------------- stop, kill, archive, label


def _many_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run_ids", type=int, nargs="+", metavar="RUN_ID")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")


def _stop(options: Namespace, desk: Desk, house: House) -> int:
    told = house.stop(options.run_ids)
    if len(options.run_ids) == 1 and told["asked"]:
        (number,) = told["asked"]
        said = f"Stopping run {number}. Use 'spell logs -f {number}' to view logs while the job finishes."
        return _told(said, told, options, desk)
    return _of_each("stop", told, options, desk)


def _kill(options: Namespace, desk: Desk, house: House) -> int:
    told = house.kill(options.run_ids)
    if len(options.run_ids) == 1 and told["asked"]:
        return _told(str(told["asked"][0]), told, options, desk)
    return _of_each("kill", told, options, desk)


def _archive(options: Namespace, desk: Desk, house: House) -> int:
    told = house.archive(options.run_ids)
    if len(options.run_ids) == 1 and told["archived"]:
        return _told(str(told["archived"][0]), told, options, desk)
    return _of_each("archive", told, options, desk)


def _told(said: str, told: dict[str, list[int]], options: Namespace, desk: Desk) -> int:
    if desk.terminal.as_json:
        desk.terminal.json(told)
    elif not options.quiet:
        desk.terminal.say(said)
    return 0


_GROUPS = {"asked": "Requested", "archived": "Archived", "over": "Already finished", "going on": "Still going on"}


def _of_each(name: str, told: dict[str, list[int]], options: Namespace, desk: Desk) -> int:
    """Say what became of each. Raises NotFound where there is none of those that were named."""
    if told["unknown"] and len(options.run_ids) == 1:
        raise NotFound(f"Run {told['unknown'][0]} does not exist", "`spell ps` lists the runs.")
    lines = [f"Executing batch {name}..."]
    for group, numbers in told.items():
        if numbers:
            lines.append(f"| {_GROUPS.get(group, 'Run ID does not exist')}: {' '.join(map(str, numbers))}")
    _told("", told, Namespace(quiet=True), desk)
    for line in () if options.quiet else lines:
        desk.terminal.say(line)
    return 1 if told["unknown"] else 0


def _label_arguments(parser: ArgumentParser) -> None:
    _one_argument(parser)
    parser.add_argument("label_name", metavar="LABEL")
    parser.add_argument("--remove", action="store_true", help="take it from the run")


def _label(options: Namespace, desk: Desk, house: House) -> int:
    name, number = options.label_name, options.run_id
    add, remove = ([], [name]) if options.remove else ([name], [])
    view = house.label(number, add, remove)
    told = f"removed label {name} from" if options.remove else f"added label {name} to"
    desk.terminal.say(f"Successfully {told} run {number}.")
    if desk.terminal.as_json:
        desk.terminal.json(document(view))
    return 0


# ---------------------------------------------------------------- stats, machine types, diff


def _stats_arguments(parser: ArgumentParser) -> None:
    _one_argument(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="again and again, until it runs no more")


def _stats(options: Namespace, desk: Desk, house: House) -> int:
    view = house.get(options.run_id)
    if view.status != words.RUNNING:
        raise UsageError(f"Run {view.number} is {view.status}, not running.", f"See: spell info {view.number}")
    desk.terminal.say(f"CPU statistics for run {view.number}:")
    names, is_first = ["CPU %", "MEM %", "MEM Usage / MEM Total", "Block I/O"], True
    usage = Usage(view.run)
    while is_first or (options.follow and house.get(view.number).status == words.RUNNING):
        while (took := usage.look()) is None:
            time.sleep(_SAMPLE_S)
        if desk.terminal.as_json:
            desk.terminal.json(took.to_json())
        cells = [
            f"{100 * took.cpus:.2f}%", f"{100 * took.memory_bytes / took.total_bytes:.2f}%",
            f"{formats.size(took.memory_bytes)} / {formats.size(took.total_bytes)}",
            f"{formats.size(took.read_bytes)} / {formats.size(took.written_bytes)}",
        ]  # fmt: skip
        for line in formats.columns(names, [cells])[0 if is_first else 1 :]:
            desk.terminal.say(line)
        is_first = False
    return 0


def _nothing_taken(parser: ArgumentParser) -> None:
    """It takes none of its own."""


def _machine_types(options: Namespace, desk: Desk, house: House) -> int:
    table = house.machine_types()
    if desk.terminal.as_json:
        desk.terminal.json(table)
        return 0
    rows = [[name, _pairs(wanted) or "a place of this machine"] for name, wanted in table.items()]
    for line in formats.columns(["NAME", "TAKES"], rows):
        desk.terminal.say(line)
    return 0


def _diff_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("one", type=int, metavar="RUN_ID")
    parser.add_argument("other", type=int, metavar="RUN_ID")


def _diff(options: Namespace, desk: Desk, house: House) -> int:
    """What differs in what was asked, and in what came of it; 1 if anything does, as `diff` has it."""
    one, other = (_compared(house, each) for each in (options.one, options.other))
    differs = {
        name: (one.get(name), other.get(name)) for name in {**one, **other} if one.get(name) != other.get(name)
    }  # fmt: skip
    if desk.terminal.as_json:
        desk.terminal.json({name: list(each) for name, each in differs.items()})
    for name, (here, there) in differs.items():
        desk.terminal.say(f"{name}")
        desk.terminal.say(f"- {'' if here is None else here}")
        desk.terminal.say(f"+ {'' if there is None else there}")
    return 1 if differs else 0


def _compared(house: House, number: int) -> dict[str, Any]:
    view = house.get(number)
    left_out = ("Repository", "Start Time", "End Time", "Duration", "Motet Run", "Creator")
    found = {name: each for name, each in _facts(view).items() if each and name not in left_out}
    found["Code"] = str(view.code.get("artifact", ""))[:16]
    for each in _outputs(house, f"runs/{number}"):
        found[f"output {each.path}"] = each.size_bytes
    for name in house.metric_names(number):
        points = list(house.metrics(number, name))
        found[f"metric {name}"] = points[-1][2] if points else None
    return found


def _outputs(house: House, path: str) -> Sequence[Any]:
    try:
        return [each for each in house.ls(path) if each.size_bytes is not None]
    except NotFound:
        return []


COMMANDS: Mapping[str, Entry] = {
    "run": Entry("execute a new run", _run, _run_arguments),
    "ps": Entry("list runs", _ps, _ps_arguments),
    "info": Entry("describe a run", _describe, _one_argument),
    "logs": Entry("show what a run has written", _logs, _logs_arguments),
    "stop": Entry("end runs, and keep what they have made", _stop, _many_arguments),
    "kill": Entry("end runs at once", _kill, _many_arguments),
    "stats": Entry("show what a run takes of the machine", _stats, _stats_arguments),
    "label": Entry("give a run a label, or take one from it", _label, _label_arguments),
    "archive": Entry("leave runs out of lists", _archive, _many_arguments),
    "machine-types": Entry("list the machine types", _machine_types, _nothing_taken),
    "diff": Entry("show what differs between two runs", _diff, _diff_arguments),
}
