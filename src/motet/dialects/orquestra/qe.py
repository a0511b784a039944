"""`motet qe`: the commands of the Quantum Engine, for scripts and hands that know them. `motet shims` makes it `qe`."""

from __future__ import annotations

import os
import sys
import time
from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from motet import private
from motet.dialects.orquestra import commands, results, telling, voice
from motet.dialects.orquestra.ids import RUN_WORDS, step_id
from motet.dialects.orquestra.program import VOICE
from motet.errors import MotetError, NotFound, UsageError
from motet.kernel.transitions import ENDED
from motet.ports import LogFilter, RunRow, StepRow
from motet.ports.voice import PACKED, Asked, Desk, Host
from motet.values import visible
from motet.views import human, lookup
from motet.views.logs import last

_HELP = """\
usage: qe COMMAND

  qe submit workflow FILE                      check a workflow and run it in the background
  qe get workflow ID                           how it stands, with its steps
  qe get workflowresult ID [--legacy]          pack what it has given, and say where that is
  qe get logs ID [-s STEP]                     what its steps have written; STEP is a name or a step id
  qe get imports -f FILE                       fetch what a workflow imports
  qe install imports -f FILE                   and make the environments of its steps
  qe list workflow [-l N] [-o json] [-p PREFIX] [-d 15m|h|d|w] [-s STATUS]
  qe stop workflow ID
  qe version, qe help

Workflows run on this machine: `qe login` and `qe update cli` have nothing to do.
"""

_MOST_LISTED = 200
_LAST_LINES = 10_000
_STOP_S = 30.0


def arguments(parser: ArgumentParser) -> None:
    """The words of a `qe` command, which has options of its own."""
    parser.add_argument("words", nargs=REMAINDER, metavar="...", help="a command of qe: motet qe help")


def perform(options: Namespace, desk: Desk) -> int:
    """Carry out the `qe` command; gives its exit code."""
    words = list(options.words)
    if not words or words[0] in ("help", "-h", "--help"):
        sys.stdout.write(_HELP)
        return 0
    verb, noun = words[0], words[1] if len(words) > 1 else ""
    if verb in _SAID:
        sys.stdout.write(_SAID[verb].format(version=desk.version))
        return 0
    try:
        return _known(verb, noun)(words[2:], desk)
    except MotetError as error:
        if verb != "submit":
            raise
        desk.terminal.say_lines(f"Error: {error.what}\n{error.cure}")  # scripts look for this word on standard output
        return 1


def _known(verb: str, noun: str) -> Callable[[Sequence[str], Desk], int]:
    found = _COMMANDS.get((verb, noun.removesuffix("s")))
    if found is not None:
        return found
    cure = "`qe help` lists its commands."
    if noun.startswith("artifact"):
        cure = "`motet results ID` gives the artifacts of all steps."
    elif verb == "submit" and noun:
        cure = f"Write: qe submit workflow {noun}"
    raise UsageError(f"qe has no command {f'{verb} {noun}'.strip()!r}.", cure)


_SAID = {
    "login": "No login is needed: workflows run on this machine.\n",
    "version": "qe of Motet {version}\n",
    "update": "There is nothing to update: qe comes with Motet.\n",
}


def _parser(usage: str) -> ArgumentParser:
    class Parser(ArgumentParser):
        def error(self, message: str) -> None:  # type: ignore[override]
            raise UsageError(f"{self.prog}: {message}.", f"usage: {usage}")

    return Parser(prog=" ".join(usage.split()[:3]), usage=usage, allow_abbrev=False)


def _submit(words: Sequence[str], desk: Desk) -> int:
    parser = _parser("qe submit workflow FILE")
    parser.add_argument("file")
    commands.run_options(parser.add_argument)
    options = parser.parse_args(words)
    host = desk.host()
    if not os.path.isfile(options.file):
        raise UsageError(f"There is no file {options.file}.", "Check the path, and the folder that you are in.")
    asked = commands.asked_of(Asked(options=vars(options)))
    new = voice.new_run(host, options.file, host.home, asked, warn=desk.warn)
    host.create(new)
    desk.start_engine(new.id)
    sys.stdout.write(f"Successfully submitted workflow to quantum engine!\nWorkflow ID: {new.id}\n")
    return 0


# ---------------------------------------------------------------- looking


def _one(usage: str, words: Sequence[str], desk: Desk, *flags: str) -> tuple[Host, RunRow, Namespace]:
    """The run that the words name, with the flags that they hold."""
    parser = _parser(usage)
    parser.add_argument("id")
    for flag in flags:
        if flag == "-s":
            parser.add_argument(flag, "--step", default="")
        elif flag == "-o":
            parser.add_argument(flag, "--output", choices=("visual",))  # what it shows in any case
        else:
            parser.add_argument(flag, action="store_true")
    options = parser.parse_args(words)
    host = desk.host()
    row = lookup.find_run(host.store, options.id)
    commands.of_voice(row)
    return host, row, options


def _get_workflow(words: Sequence[str], desk: Desk) -> int:
    host, row, _ = _one("qe get workflow ID [-o visual]", words, desk, "-o")
    workflow = voice.workflow_of(host, row)
    there = {each.key: each for each in host.store.steps(row.id)}
    steps = [there.get(name) or StepRow(name, "", "", "pending") for name in workflow.steps]
    told = telling.Told(row, lookup.status_of(row), workflow, steps)
    desk.terminal.say_lines(telling.workflow_text(told, time.time()).rstrip("\n"))
    return 0


def _get_result(words: Sequence[str], desk: Desk) -> int:
    host, row, options = _one("qe get workflowresult ID [--legacy]", words, desk, "--legacy")
    status = lookup.status_of(row)
    if row.status not in ENDED and status != lookup.CRASHED:
        sys.stdout.write(f"Name:        {row.id}\nStatus:      {RUN_WORDS[status]}: its result is not complete.\n")
        return 0
    from pathlib import Path

    path = _packed(host, row, "legacy" if options.legacy else "v2")
    desk.terminal.say_lines(telling.result_text(row.id, Path(path).as_uri()).rstrip("\n"))
    return 0


def _packed(host: Host, row: RunRow, form: str) -> str:
    """An archive with the results in one file, as the original delivered them."""
    import io
    import tarfile

    content = results.text(form, row.id, voice.results_of(host, row)).encode()
    folder = os.path.join(host.home, PACKED)
    private.make_folder(folder)
    path = os.path.join(folder, f"{row.id}{'_legacy' if form == 'legacy' else ''}.tgz")
    entry = tarfile.TarInfo(f"{row.id}_workflow_result.json")
    entry.size, entry.mtime = len(content), int(row.ended_at or time.time())
    with (
        private.replacing(path) as part,
        open(part, "wb", opener=private.opener) as file,
        tarfile.open(fileobj=file, mode="w:gz") as archive,
    ):
        archive.addfile(entry, io.BytesIO(content))
    return path


def _get_logs(words: Sequence[str], desk: Desk) -> int:
    host, row, options = _one("qe get logs ID [-s STEP]", words, desk, "-s")
    keys = [each.key for each in host.store.steps(row.id)]
    wanted = [each for each in keys if options.step in ("", each, step_id(row.id, each))]
    if options.step and not wanted:
        raise NotFound(f"Workflow {row.id} has no step {options.step!r}.", f"It has: {', '.join(keys)}.")
    found, _ = last(host.logs, row.id, _LAST_LINES, LogFilter(step=wanted[0] if options.step else ""))
    lines = [each.text for each in found if each.key]
    sys.stdout.writelines(f"{visible.on(sys.stdout, visible.printable(line))}\n" for line in lines)
    return 0


def _list(words: Sequence[str], desk: Desk) -> int:
    parser = _parser("qe list workflow [-l N] [-o json] [-p PREFIX] [-d 15m|h|d|w] [-s STATUS]")
    parser.add_argument("-l", "--limit", type=int, default=_MOST_LISTED)
    parser.add_argument("-o", "--output", choices=("json",), default="")
    parser.add_argument("-p", "--prefix", default="")
    parser.add_argument("-d", "--duration", default="")
    parser.add_argument("-s", "--status", default="")
    options = parser.parse_args(words)
    if not 1 <= options.limit <= _MOST_LISTED:
        raise UsageError(f"-l {options.limit}: at most {_MOST_LISTED} workflows are listed.", "Give 1 to 200.")
    now = time.time()
    since = now - human.seconds_of(options.duration) if options.duration else 0.0
    rows = [
        (row, lookup.status_of(row)) for row in desk.host().store.runs(limit=1_000_000)
        if row.program.get("voice") == VOICE and row.created_at >= since
        and row.id.lower().startswith(options.prefix.lower())
    ]  # fmt: skip
    rows = [each for each in rows if options.status in ("", RUN_WORDS[each[1]])][: options.limit]
    if options.output:
        import json

        sys.stdout.write(json.dumps(telling.list_json(rows), indent=2) + "\n")
    else:
        desk.terminal.say_lines(telling.list_text(rows, now).rstrip("\n"))
    return 0


def _stop(words: Sequence[str], desk: Desk) -> int:
    _, row, _ = _one("qe stop workflow ID", words, desk)
    if row.status in ENDED:
        raise UsageError(f"Workflow {row.id} has ended already.", "There is nothing to stop.")
    ended = desk.stop(row, _STOP_S).status in ENDED
    sys.stdout.write(f"Workflow {row.id} {'was stopped' if ended else 'is being stopped'}.\n")
    return 0 if ended else 1


# ---------------------------------------------------------------- imports


def _imports(usage: str, words: Sequence[str], desk: Desk, *, install: bool) -> int:
    parser = _parser(usage)
    parser.add_argument("-f", "--file", required=True)
    options = parser.parse_args(words)
    asked = voice.Asked()
    if install:
        ready = voice.prepare(options.file, desk.home, desk.host().resources, asked)
        for name, around in ready.around.items():
            desk.terminal.say_lines(f"{name}: {around.python}")
        return 0
    for each in voice.fetched(options.file, desk.home).values():
        desk.terminal.say_lines(
            f"{each.given.name}: {each.version[:12]} in {each.path or 'the environment of its steps'}"
        )
    return 0


def _get_imports(words: Sequence[str], desk: Desk) -> int:
    return _imports("qe get imports -f FILE", words, desk, install=False)


def _install_imports(words: Sequence[str], desk: Desk) -> int:
    return _imports("qe install imports -f FILE", words, desk, install=True)


_COMMANDS: dict[tuple[str, str], Callable[[Sequence[str], Desk], int]] = {
    ("submit", "workflow"): _submit, ("get", "workflow"): _get_workflow, ("get", "workflowresult"): _get_result,
    ("get", "log"): _get_logs, ("get", "import"): _get_imports, ("install", "import"): _install_imports,
    ("list", "workflow"): _list, ("stop", "workflow"): _stop,
}  # fmt: skip
