"""`packtivity-run` and `packtivity-validate`: one step by itself, as a run of its own."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from motet.dialects.yadage.packtivity import given, settings
from motet.dialects.yadage.packtivity.program import new_run
from motet.dialects.yadage.packtivity.publishing import needs_files, publish
from motet.dialects.yadage.packtivity.spec import read
from motet.dialects.yadage.packtivity.step import Step
from motet.errors import SpecError, TargetError, UsageError
from motet.kernel.transitions import SUCCEEDED
from motet.values.documents import Library, Node, Problems

if TYPE_CHECKING:
    from motet.kernel.events import Json
    from motet.ports.voice import Desk, Host

LOG = "packtivity_syncbackend"
"""What the log of a step that runs by itself is called."""

_BACKENDS = ("defaultsync", "foregroundasync", "multiproc")


def run_arguments(parser: ArgumentParser) -> None:
    """What is asked of the step."""
    parser.add_argument("spec", help="a step: FILE.yml#/NAME, or a file that has nothing else")
    parser.add_argument("parfiles", nargs="*", help="YAML files of parameters; later ones go first")
    add = parser.add_argument
    given.options(add)
    add("-r", "--read", action="append", default=[], metavar="FOLDER", help="a folder that it reads: {readdir0}, ...")
    add("-w", "--write", action="append", default=[], metavar="FOLDER", help="where it works: {workdir} (.)")
    add("-s", "--state", default="", metavar="FILE", help="a YAML file of lists of folders: `readwrite`, `readonly`")
    add("-o", "--outfile", default="", metavar="FILE", help="write what it publishes there, as JSON")
    add("-b", "--backend", default="", help=f"taken as it is: {', '.join(_BACKENDS)}; the step runs on this machine")
    add("-c", "--schemasource", default="", help="taken and not needed")
    add("-v", "--verbosity", default="INFO", help="DEBUG says of the step that it has ended; ERROR says nothing else")
    add("--validate", action="store_true", default=True, help="taken and not needed: steps are always checked")
    add("--no-validate", action="store_false", dest="validate", help="refused: steps are always checked")
    add("--asyncwait", action="store_true", default=True, dest="wait", help="wait for its end (so it is without)")
    add("--async", action="store_false", dest="wait", help="start it, and write to the proxy file how to ask for it")
    add("-x", "--proxyfile", default="proxy.json", metavar="FILE", help="that file (proxy.json)")
    settings.options(parser.add_argument)


def run(options: Namespace, desk: Desk) -> int:
    """Run the step, and print what it publishes; gives the exit code."""
    _refused(options)
    key, spec = _spec(options.spec, options.toplevel, desk)
    folder, readonly = _folders(options)
    parameters = given.placed(given.values_of(options.parfiles, options.parameter), folder, readonly)
    step = Step(LOG, options.spec, spec, parameters, folder, readonly, folder, own=False)
    host = desk.host()
    new = new_run(host, key, step, settings.asked(vars(options), os.environ))
    host.create(new)
    if not needs_files(spec["publisher"]):
        desk.terminal.say(f"{_told(publish(spec['publisher'], parameters, folder, desk.warn))} (prepublished)")
    if not options.wait:
        return _left(new.id, options.proxyfile, desk)
    loud = "-v" if options.verbosity.upper() == "DEBUG" else "-q"
    status = desk.carry_out("resume", [loud, new.id])
    if status == 0:
        published = published_by(desk.host(), new.id, key)
        desk.terminal.say(f"{_told(published)} (post-run)")
        if options.outfile:
            with open(options.outfile, "w", encoding="utf-8") as file:
                json.dump(published, file)
    return status


def _told(published: Json) -> str:
    return f"<TypedLeafs: {published}>"


def _left(run: str, proxy: str, desk: Desk) -> int:
    desk.start_engine(run)
    with open(proxy, "w", encoding="utf-8") as file:
        json.dump({"proxyname": "MotetProxy", "proxydetails": {"run": run}}, file)
    desk.terminal.say(f"It runs as {run}. To ask for it: packtivity-checkproxy {proxy}")
    return 0


def _refused(options: Namespace) -> None:
    if not options.validate:
        raise UsageError("--no-validate: a step is always checked before it runs.", "Leave it out.")
    backend = options.backend.partition(":")[0]
    if backend and backend not in _BACKENDS:
        cure = f"Leave it out: steps run on this machine. Taken are {', '.join(_BACKENDS)}."
        raise UsageError(f"The backend {options.backend!r} cannot be had.", cure)


def published_by(host: Host, run: str, key: str) -> Json:
    """What the step has published. Raises UsageError if it has not succeeded."""
    for step in host.store.steps(run, status=SUCCEEDED, whole=True):
        if step.key == key:
            return step.result["published"]
    raise UsageError(f"Step {key} of run {run} has published nothing.", f"`motet show {run}` says why.")


def validate_arguments(parser: ArgumentParser) -> None:
    """What is looked at."""
    parser.add_argument("spec", help="a step: FILE.yml#/NAME, or a file that has nothing else")
    given.toplevel(parser.add_argument)
    parser.add_argument("-c", "--schemasource", default="", help="taken and not needed")
    parser.add_argument("-s", "--show", action="store_true", help="print the step with all that it leaves out, as JSON")


def validate(options: Namespace, desk: Desk) -> int:
    """Say what is wrong with the step; 1 if anything is."""
    try:
        _, spec = _spec(options.spec, options.toplevel, desk)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        desk.terminal.say("packtivity definition is not valid")
        return 1
    if options.show:
        desk.terminal.say_lines(json.dumps(spec, indent=2))
    desk.terminal.say("packtivity definition is valid")
    return 0


def checkproxy_arguments(parser: ArgumentParser) -> None:
    """The file."""
    parser.add_argument("proxyfile", help="the file that `packtivity-run --async` has written")


def checkproxy(options: Namespace, desk: Desk) -> int:
    """Say whether the step has ended, and what it publishes."""
    try:
        with open(options.proxyfile, encoding="utf-8") as file:
            run = json.load(file)["proxydetails"]["run"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{options.proxyfile} is no file that `packtivity-run --async` writes: {error}."
        raise TargetError(what, "Name the one that it has written (-x).") from None
    host = desk.host()
    row = host.store.run(run)
    is_over = row.ended_at is not None
    desk.terminal.say(f"ready: {is_over}")
    desk.terminal.say(f"successful: {row.status == SUCCEEDED}")
    if row.status == SUCCEEDED:
        desk.terminal.say(f"result: {_told(published_by(host, run, row.workflow))}")
    return 0 if row.status == SUCCEEDED or not is_over else 1


# ---------------------------------------------------------------- what is asked for


def _spec(address: str, toplevel: str, desk: Desk) -> tuple[str, Json]:
    """The name of the step, and the step. Raises SpecError, TargetError."""
    problems = Problems()
    node = Library(toplevel).open(address)
    name, fragment = urldefrag(address)
    _check_named(node, name, fragment)
    with problems.gathering():
        found = read(node, problems)
    for each in problems.warnings:
        desk.warn(each)
    problems.check()
    return fragment.rstrip("/").rpartition("/")[2] or os.path.basename(name).partition(".")[0], found


def _check_named(node: Node, file: str, fragment: str) -> None:
    """Raise SpecError for a file of several steps of which none is named."""
    value = node.value
    if fragment or not isinstance(value, dict) or "publisher" in value or "process" in value:
        return
    steps = [name for name, each in value.items() if isinstance(each, dict) and "publisher" in each]
    if steps:
        raise SpecError(
            f"{file} has {len(steps)} steps, and none is named: {', '.join(steps)}.", f"Write: {file}#/{steps[0]}"
        )


def _folders(options: Namespace) -> tuple[str, tuple[str, ...]]:
    """The folder where the step works, and the others that it sees: absolute."""
    state: dict[str, Any] = {}
    if options.state:
        state = given.values_of([options.state], ())
    write = [*state.get("readwrite", ()), *options.write] or ["."]
    read = [*write[1:], *state.get("readonly", ()), *options.read]
    for each in read:
        if not os.path.isdir(each):
            raise UsageError(f"{each} is no folder.", "Name the folders that the step reads: -r FOLDER.")
    return os.path.abspath(write[0]), tuple(dict.fromkeys(map(os.path.abspath, read)))
