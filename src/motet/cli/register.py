"""`motet register`: workflows are kept, so that runs of them begin without their files. `describe` is its child."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib import metadata
from tempfile import TemporaryDirectory

from motet import app, voices
from motet.cli import requests
from motet.cli.requests import OWN, Own, Request
from motet.cli.terminal import Terminal
from motet.engine.host import Host
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports import Store
from motet.ports.definition import CODE, Definition, Described, placed, to_json
from motet.ports.voice import Target
from motet.registry import definitions, schemas, snapshots, starting
from motet.scheduling.documents import definition_json
from motet.scheduling.loop import check_unused
from motet.views import human


def register_arguments(parser: ArgumentParser) -> None:
    """What is registered, and as what; or what is to be done with what is."""
    parser.add_argument(
        "target", metavar="TARGET", nargs="?", default="",
        help="as for `motet run`; with --show and --remove, NAME or NAME@VERSION",
    )  # fmt: skip
    parser.add_argument("--name", default="", metavar="NAME", help="what it is registered as (default: the workflow's)")
    requests.given_parameters(parser)
    parser.add_argument("--root", default="", metavar="DIR", help="the folder that is kept as its code")
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="files or folders to be left out of it"
    )
    parser.add_argument("--list", action="store_true", help="list what is registered")
    parser.add_argument("--show", action="store_true", help="show one: its versions, its parameters")
    parser.add_argument("--remove", action="store_true", help="remove it; runs that there are keep their code")


def register(options: Namespace, terminal: Terminal) -> int:
    """Register the target; or list, show or remove what is."""
    if options.list or not options.target:
        _list(terminal, app.open_store(app.home()))
    elif options.show:
        _show(terminal, app.open_store(app.home()), options.target)
    elif options.remove:
        _remove(terminal, app.open_store(app.home()), options.target)
    else:
        definition = registered(options, terminal)
        terminal.say(f"Registered {terminal.paint(definition.version, 'bold')}: {_takes(definition)}.")
        terminal.say(f"To start it: motet submit {definition.name}")
        if terminal.as_json:
            terminal.json(definition_json(definition))
    return 0


def registered(options: Namespace, terminal: Terminal) -> Definition:
    """The target, registered. The user's code is loaded by a process of its own, from the archive that is kept of it.

    Raises TargetError, UsageError; SystemExit where that process has said what is wrong.
    """
    host, target = app.hosts.current(), requests.target_of(options.target)
    root, place = _rooted(target, options.root)
    with TemporaryDirectory(prefix="motet-register-") as folder:
        code, snapshot = os.path.realpath(os.path.join(folder, "code")), None
        if root:
            snapshot = snapshots.pack(host.artifacts, root, app.home(), options.exclude)
            snapshots.unpacked(host.artifacts, snapshot, code)
        own: Own = getattr(options, OWN, requests.NOTHING)
        asked = {
            "target": [place, target.module, target.name], "param": options.param,
            "params": requests.from_file(options.params), "own": _moved(own.given, root, code),
            "arguments": sys.argv[1:],
        }  # fmt: skip
        found = _described_apart(asked, folder, _within(code, root), terminal)
        body = placed(found, CODE, code)
    definition = Definition(**body)
    definition.name = options.name or _name_of(target, definition.workflow)
    definition.target, definition.snapshot = str(target), snapshot
    if host.made_with is not None:
        file = os.path.realpath(target.file) if target.file else ""
        definition.program["made_with"] = host.made_with({"file": file, "path": root})
    definition.source, definition.environment = _source(host, target), _environment(host)
    return definitions.keep(host.store, definition, time.time())


def _rooted(target: Target, root: str) -> tuple[str, str]:
    """The folder that is kept as the code, and where in it the file is; "" for a module of an installed package."""
    if not target.file:
        top = os.path.join(os.getcwd(), target.module.partition(".")[0])
        own = os.path.isdir(top) or os.path.isfile(f"{top}.py")
        return (os.path.realpath(root or os.getcwd()) if own or root else ""), ""
    found = os.path.realpath(root) if root else snapshots.root_of(target.file)
    file = os.path.realpath(target.file)
    if not file.startswith(os.path.join(found, "")):
        raise UsageError(f"{target.file} is not in {root}.", "Name a folder that it is in: --root DIR.")
    return found, os.path.relpath(file, found)


def _moved(value: Json, root: str, code: str) -> Json:
    """What options say, with paths in what is kept as they are there."""
    if isinstance(value, str) and root:
        return value.replace(os.path.join(root, ""), os.path.join(code, ""))
    if isinstance(value, dict):
        return {name: _moved(each, root, code) for name, each in value.items()}
    return [_moved(each, root, code) for each in value] if isinstance(value, list) else value


def _within(code: str, root: str) -> str:
    """Where the child works: where this process is, if that is in what is kept; else at the top of it."""
    here = os.path.realpath(os.getcwd())
    if not root:
        return here
    place = os.path.join(code, os.path.relpath(here, root)) if here.startswith(os.path.join(root, "")) else code
    return place if os.path.isdir(place) else code


def _described_apart(asked: Json, folder: str, cwd: str, terminal: Terminal) -> Json:
    """What a child process says of it, which works in the folder `cwd`. What its code prints goes to stderr."""
    question, answer = os.path.join(folder, "asked.json"), os.path.join(folder, "described.json")
    asked["target"][0] = asked["target"][0] and os.path.join(folder, "code", asked["target"][0])
    with open(question, "w", encoding="utf-8") as file:
        json.dump(asked, file)
    command = [sys.executable, "-P", "-m", "motet.cli", "describe", question, answer]
    env = {**os.environ, "MOTET_HOME": app.home()}
    child = subprocess.run([*command, *(["--json"] if terminal.as_json else [])], cwd=cwd, env=env, check=False)
    if child.returncode or not os.path.isfile(answer):
        raise SystemExit(child.returncode if 0 < child.returncode < 128 else 1)
    with open(answer, encoding="utf-8") as file:
        return json.load(file)


def _name_of(target: Target, workflow: str) -> str:
    return (
        workflow.rpartition(":")[2] if target.name or target.module else os.path.basename(target.file).partition(".")[0]
    )


def _source(host: Host, target: Target) -> Json:
    if not target.file or not target.head:
        return None
    stored = host.artifacts.put((target.head.encode(),))
    return {"artifact": stored.digest, "size_bytes": stored.size_bytes}


def _environment(host: Host) -> dict[str, Json]:
    """What the workflow is registered in: runs of it are driven by this interpreter."""
    found = sorted(f"{each.metadata['Name']}=={each.version}" for each in metadata.distributions())
    stored = host.artifacts.put(("\n".join(dict.fromkeys(found)).encode(),))
    return {
        "interpreter": sys.executable, "interpreter_version": sys.version.partition(" ")[0],
        "packages": {"artifact": stored.digest, "size_bytes": stored.size_bytes},
        "variables": {each: os.environ[each] for each in starting.VARIABLES_KEPT if each in os.environ},
    }  # fmt: skip


# ---------------------------------------------------------------- the child


def describe_arguments(parser: ArgumentParser) -> None:
    """Where the question stands, and where the answer is to."""
    parser.add_argument("question", metavar="FILE")
    parser.add_argument("answer", metavar="FILE")


def describe(options: Namespace, terminal: Terminal) -> int:
    """Load the target and say what runs of it are made of."""
    with open(options.question, encoding="utf-8") as file:
        asked = json.load(file)
    terminal.keep_stdout_clean()
    os.dup2(2, 1)
    target = Target(*asked["target"])
    sys.argv[1:] = asked["arguments"]
    voice = voices.of_target(target)
    parser, own = ArgumentParser(), Own()
    parser.conflict_handler = "resolve"
    own.add(parser, "run", voices.every())
    own.given = asked["own"]
    plain = Namespace(params=None, param=[], name="", **{OWN: own})
    request = Request(plain, asked["arguments"])
    wanted = request.asked(voice, str(target))
    wanted.params = {**asked["params"], **requests.given(asked["param"])}
    host = app.hosts.current()
    described = voice.described(host, target, wanted)
    if described is None:
        new = voice.new_run(host, target, wanted)
        described = Described(new.workflow, new.program, {"type": "object"}, new.params or {}, tags=list(new.tags))
    with open(options.answer, "w", encoding="utf-8") as file:
        json.dump({**to_json(described), "voice": voice.name}, file)
    return 0


# ---------------------------------------------------------------- what is registered


def _takes(definition: Definition) -> str:
    """Its parameters in a line."""
    properties: Mapping[str, Json] = definition.schema.get("properties", {})
    there = definition.given
    told = []
    for name, asked in properties.items():
        default = there.get(name, asked.get("default") if isinstance(asked, dict) else None)
        needed = name in definition.schema.get("required", ()) and name not in there
        told.append(f"{name} ({schemas.told(asked)}{', needed' if needed else f', {json.dumps(default)}'})")
    return ", ".join(told) or (
        "any parameters" if definition.schema.get("additionalProperties", True) else "no parameters"
    )


def _list(terminal: Terminal, store: Store) -> None:
    found = list(definitions.every(store))
    if terminal.as_json:
        terminal.json([definition_json(each) for each in found])
    elif not found:
        terminal.say("No workflow is registered. To register one: motet register TARGET")
    else:
        rows = [(each.name, str(each.number), each.voice, human.moment(each.created_at), each.target) for each in found]
        terminal.table(("NAME", "VERSION", "VOICE", "REGISTERED", "TARGET"), rows)


def _show(terminal: Terminal, store: Store, text: str) -> None:
    found = definitions.find(store, text)
    if terminal.as_json:
        terminal.json(definition_json(found))
        return
    there = ", ".join(str(each.number) for each in definitions.versions(store, found.name))
    lines = [
        ("target", found.target), ("voice", found.voice), ("workflow", found.workflow), ("takes", _takes(found)),
        ("digest", found.digest), ("registered", human.moment(found.created_at)), ("versions", there),
        ("run by", str(found.environment.get("interpreter", ""))),
    ]  # fmt: skip
    terminal.say(terminal.paint(found.version, "bold"))
    for name, value in lines:
        terminal.say(f"{name:10}  {value}")


def _remove(terminal: Terminal, store: Store, text: str) -> None:
    check_unused(store, text)
    gone = definitions.remove(store, text)
    for each in gone:
        terminal.say(f"{each} is removed.")
    if terminal.as_json:
        terminal.json(gone)
