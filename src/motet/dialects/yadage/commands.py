"""What the command line takes for Yadage workflows: options of a run, `yadage-run` and `yadage-validate`."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import Any

from motet.dialects.yadage import voice, workdirs
from motet.dialects.yadage.packtivity import given, settings
from motet.errors import SpecError, UsageError
from motet.ports import NewRun
from motet.ports.voice import Asked, Desk, Written

_INPUTS = "input.yml"
"""The file of inputs that is taken where none is named."""


def run_options(add: Callable[..., Any]) -> None:
    """What can be asked of a workflow file beside its parameters."""
    add("--workdir", metavar="DIR", help="the folder of the run (workdir)")
    add("--toplevel", metavar="DIR", help="where references of the workflow start from (its folder); may be an address")
    add("--inputs", action="append", metavar="FILE", help="a YAML file of parameters; -p goes first")
    add("--data", action="append", metavar="NAME=VALUE", help="initdir, inputarchive, nest, ...: see the documentation")
    add("--accept-metadir", action="store_true", help="run in a folder in which a run was before")
    add("--visualize", action="store_true", help="draw what has run: _yadage/yadage_workflow_instance.pdf and .png")
    settings.options(add)


def asked_of(file: str, asked: Asked) -> voice.Asked:
    """What is asked of the workflow in a file: by options as they are typed, or from Python. Raises UsageError."""
    options = asked.options
    inputs = options.get("inputs") or ()
    typed = {name: _read(each, name) for name, each in asked.params.items()}
    data = options.get("data") or ()
    return voice.Asked(
        file, options.get("toplevel") or "", options.get("workdir") or "",
        values={**given.values_of([inputs] if isinstance(inputs, str) else inputs, ()), **asked.inputs, **typed},
        data=data if isinstance(data, Mapping) else given.pairs_of(data, "--data"),
        settings=settings.asked(options, os.environ), accept=bool(options.get("accept_metadir")),
        visualize=bool(options.get("visualize")), name=asked.name,
    )  # fmt: skip


def _read(value: Any, name: str) -> Any:
    return given.value_of(value.text, f"-p {name}") if isinstance(value, Written) else value


# ---------------------------------------------------------------- yadage-run


def run_arguments(parser: ArgumentParser) -> None:
    """What the original takes."""
    add = parser.add_argument
    add("dataarg", nargs="?", default="", help="the folder of the run (workdir)")
    add("workflow", nargs="?", default="", help="relative to the toplevel (workflow.yml)")
    add("initfiles", nargs="*", help="YAML files of parameters; without any, input.yml if it is there")
    given.options(add)
    add("-d", "--dataopt", action="append", default=[], metavar="NAME=YAML", help="initdir, overwrite, ...")
    add("-w", "--wflowopt", action="append", default=[], metavar="NAME=YAML", help="discover, relative")
    add("-m", "--metadir", default="", metavar="DIR", help="where graph and pictures come to stand (DATAARG/_yadage)")
    add("-f", "--from-file", action="append", default=[], metavar="FILE", help="a YAML file with all that is asked")
    add("-v", "--verbosity", default="", help="DEBUG tells of each step; ERROR of errors alone")
    add("-b", "--backend", default="", help="multiproc:N runs N steps at once, foregroundasync one")
    add("--accept-metadir", action="store_true", help="run in a folder in which a run was before")
    add("--visualize", action="store_true", help="draw what has run: _yadage/yadage_workflow_instance.pdf and .png")
    settings.options(add)
    add("-c", action="append", default=[], dest="cache", metavar="CACHE", help="checksums: as --cache")
    for flags, told in _TAKEN.items():
        add(*flags.split(), action="append", default=[], help=f"taken: {told}")
    add("--validate", action="store_true", default=True, help="taken: workflows are always checked")
    add("--no-validate", dest="validate", action="store_false", help="taken: workflows are always checked")
    add("--plugins", default="", help="refused: there are none")


_TAKEN = {
    "-e --schemadir": "the schemas are Motet's own",
    "-g --strategy": "steps run as soon as they can",
    "-i --loginterval": "news are told when they come",
    "-k --backendopt": "steps run on this machine",
    "-l --modelopt": "the run is kept by Motet",
    "-o --ctrlopt": "the run is driven by Motet",
    "-r --controller": "the run is driven by Motet",
    "-s --modelsetup": "the run is kept by Motet; motet resume carries it on",
    "-u --updateinterval": "nothing is asked for by turns",
    "-y --strategyopt": "steps run as soon as they can",
}
"""Options that mean nothing here, and why; some of their values are refused."""

_REFUSED = {
    "backend": (("multiproc", "foregroundasync", "defaultsync"), "Leave it out: steps run on this machine."),
    "controller": (("frommodel",), "Leave it out: Motet drives the run."),
    "modelsetup": (("inmem", "filebacked"), "Leave it out: Motet keeps the run."),
    "strategy": ((), "Leave it out; to stop a run before its end: motet stop RUN."),
    "cache": (("checksums",), "There is checksums: results are kept by content."),
}
_FILE_KEYS = {
    "dataarg": "dataarg", "dataopts": "dataopt", "workflow": "workflow", "toplevel": "toplevel", "initdata": "",
    "wflowopts": "wflowopt", "backend": "backend", "cache": "cache", "metadir": "metadir", "visualize": "visualize",
    "accept_metadir": "accept_metadir", "controller": "controller", "modelsetup": "modelsetup", "strategy": "strategy",
    "verbosity": "verbosity", "backendopts": "", "modelopts": "", "ctrlopts": "", "strategyopts": "",
    "updateinterval": "", "loginterval": "", "validate": "", "plugins": "plugins",
}  # fmt: skip


def run(options: Namespace, desk: Desk) -> int:
    """Run the workflow to its end; gives the exit code."""
    new = _made(options, desk)
    loud = {"DEBUG": ["-v"], "ERROR": ["-q"], "WARNING": ["-q"]}.get(options.verbosity.upper(), [])
    return desk.carry_out("resume", [*loud, new.id])


def _made(options: Namespace, desk: Desk) -> NewRun:
    """A run of what is asked, made and not yet begun."""
    data, wflow = given.pairs_of(options.dataopt, "-d"), given.pairs_of(options.wflowopt, "-w")
    values = _from_files(options, data, wflow)
    _refuse(options)
    files = options.initfiles or ([_INPUTS] if os.path.isfile(_INPUTS) and not values else [])
    values |= given.values_of(files, options.parameter)
    _limit(options.backend)
    options.yadage_cache = options.yadage_cache or bool(options.cache)
    asked = voice.Asked(
        options.workflow or "workflow.yml", options.toplevel or ".", _folder(options.dataarg), values=values,
        data=data, wflow=wflow, settings=settings.asked(vars(options), os.environ), accept=options.accept_metadir,
        visualize=options.visualize, metadir=options.metadir,
    )  # fmt: skip
    host = desk.host()
    new = voice.new_run(host, asked, desk.warn)
    host.create(new)
    return new


def _folder(dataarg: str) -> str:
    kind, colon, rest = dataarg.partition(":")
    if colon and kind in ("py", "fromenv"):
        raise UsageError(f"The state {dataarg!r} is Python code of others.", "Name a folder: yadage-run workdir ...")
    return (rest if colon and kind == "local" else dataarg) or "workdir"


def _limit(backend: str) -> None:
    """Have so many steps run at once, unless the environment says another number."""
    kind, _, number = backend.partition(":")
    most = number if kind == "multiproc" and number.isdigit() else "1" if kind == "foregroundasync" else ""
    if most:
        os.environ.setdefault("MOTET_COMMANDS", most)


def _refuse(options: Namespace) -> None:
    if options.plugins:
        raise UsageError(f"--plugins {options.plugins}: there are no plugins.", "Leave it out.")
    for name, (known, cure) in _REFUSED.items():
        asked = getattr(options, name)
        for each in [asked] if isinstance(asked, str) else asked:
            if each and each.partition(":")[0] not in known:
                raise UsageError(f"--{name} {each} cannot be had.", cure)


def _from_files(options: Namespace, data: dict[str, Any], wflow: dict[str, Any]) -> dict[str, Any]:
    """Take what files say for what was not given; gives their parameters."""
    found: dict[str, Any] = {}
    for file in options.from_file:
        body = given.values_of([file], ())
        for name in body:
            if name not in _FILE_KEYS:
                raise UsageError(f"{file}: {name!r} means nothing.", f"There are {', '.join(_FILE_KEYS)}.")
        found |= body.get("initdata") or {}
        data |= {**(body.get("dataopts") or {}), **data}
        wflow |= {**(body.get("wflowopts") or {}), **wflow}
        options.visualize = options.visualize or body.get("visualize", True)
        for name, dest in _FILE_KEYS.items():
            if dest not in ("", "dataopt", "wflowopt", "visualize") and body.get(name) and not getattr(options, dest):
                setattr(options, dest, body[name])
    return found


# ---------------------------------------------------------------- yadage-manual


def manual_arguments(parser: ArgumentParser) -> None:
    """`init`, which takes what `yadage-run` does, and `step`."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_arguments(verbs.add_parser("init", help="make a run and its folder, and run nothing yet"))
    step = verbs.add_parser("step", help="carry the run of a folder on, to its end")
    step.add_argument("-m", "--metadir", default=_MANUAL, metavar="DIR", help=f"as it was given to init ({_MANUAL})")


def manual(options: Namespace, desk: Desk) -> int:
    """Make a run whose `_yadage` stands in the metadir; or carry that on."""
    if options.verb == "step":
        return desk.carry_out("resume", [workdirs.run_of(options.metadir)])
    options.metadir = options.metadir or _MANUAL
    new = _made(options, desk)
    workdirs.begun(desk.host().store.run(new.id))
    desk.terminal.say(f"Run {new.name} is made. To run it: yadage-manual step -m {options.metadir}")
    return 0


_MANUAL = "yadagemeta"


# ---------------------------------------------------------------- yadage-validate


def validate_arguments(parser: ArgumentParser) -> None:
    """What is looked at."""
    add = parser.add_argument
    add("workflow", help="relative to the toplevel")
    given.toplevel(add)
    add("-s", "--stdout", action="store_true", help="print the workflow with all that it refers to, as JSON")
    add("-d", "--schemadir", default="", help="taken: the schemas are Motet's own")
    add("--dialect", default="raw_with_defaults", help="taken: there is one")
    add("--plugins", default="", help="taken: there are none")
    add("--load_as_ref", action="store_true", help="taken: references are always followed")


def validate(options: Namespace, desk: Desk) -> int:
    """Say what is wrong with the workflow: 0 if nothing is, 1 for faults, 2 for what cannot be read."""
    try:
        library, _ = voice.checked(voice.Asked(options.workflow, options.toplevel or "."), desk.warn)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        desk.terminal.say("workflow definition is not valid")
        return 1
    if options.stdout:
        desk.terminal.say_lines(json.dumps(library.open(options.workflow).plain(), indent=2))
    desk.terminal.say("workflow definition is valid")
    return 0
