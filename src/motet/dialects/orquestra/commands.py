"""What the command line takes for workflows: options of a run, forms of its results, and `motet lock`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import Any

from motet.dialects.orquestra import results, tables, voice
from motet.dialects.orquestra.program import VOICE
from motet.dialects.orquestra.variants import parse, parse_set, value_of, values_of
from motet.errors import ParameterError, UsageError
from motet.ports import RunRow
from motet.ports.voice import Asked, Delivered, Desk, Host

_TABLES = ("csv", "parquet")


def run_options(add: Callable[..., Any]) -> None:
    """What can be asked of a workflow file."""
    add("--set", action="append", metavar="STEP.INPUT=VALUE", dest="sets", help="give an input of a step another value")
    add(
        "--matrix", action="append", metavar="STEP.INPUT=A,B,C",
        help="give it several values; the step, and what comes after it, runs with each",
    )  # fmt: skip
    add("--no-cache", action="store_true", help="run steps whose results are kept, too")


def results_options(add: Callable[..., Any]) -> None:
    """In which form results are given."""
    add(
        "--format", choices=(*results.FORMATS, *_TABLES), dest="form",
        help="exact (as it is without): as the steps wrote it; v2, legacy: as the Quantum Engine did; csv, parquet: "
        "tables, in a folder -o",
    )  # fmt: skip


def asked_of(asked: Asked) -> voice.Asked:
    """What is asked of a workflow: by options as they are typed, or by Python values. Raises UsageError."""
    if asked.params:
        raise ParameterError("A workflow file takes no -p.", "Set an input of a step: --set STEP.INPUT=VALUE.")
    sets, matrix = asked.options.get("sets") or (), asked.options.get("matrix") or ()
    if isinstance(matrix, Mapping):
        axes = {axis: list(values) for axis, values in matrix.items()}
    else:
        axes = {axis: values_of(text) for axis, text in (parse(each, "--matrix") for each in matrix)}
    given = {axis: value_of(text) for axis, text in (parse_set(each) for each in sets)}
    return voice.Asked({**asked.inputs, **given}, axes, not asked.options.get("no_cache"))


def of_voice(row: RunRow) -> None:
    """Raise UsageError for a run that is not one of a workflow."""
    if row.program.get("voice") != VOICE:
        raise UsageError(f"Run {row.name} is no run of an Orquestra workflow.", "`motet show` shows what it has given.")


def deliver(host: Host, row: RunRow, form: str, output: str) -> Delivered:
    """What the steps have put out so far, in that form; written to `output` if that is not ""."""
    found = voice.results_of(host, row)
    if form in _TABLES:
        if not output:
            raise UsageError(f"--format {form} needs a folder.", "Name it: -o FOLDER.")
        written = tables.write(output, form, tables.tables(row.id, found))
        return Delivered(files=[os.path.abspath(each) for each in written])
    text = results.text(form, row.id, found)
    if not output:
        return Delivered(text.rstrip("\n") + "\n")
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    return Delivered(files=[os.path.abspath(output)])


def lock_arguments(parser: ArgumentParser) -> None:
    """The workflow file."""
    parser.add_argument("file", metavar="FILE", help="a workflow file; FILE.lock is written beside it")


def lock(options: Namespace, desk: Desk) -> int:
    """Write down which commits the file's imports stand for now, and which packages its steps have."""
    if not os.path.isfile(options.file):
        raise UsageError(f"There is no file {options.file}.", "Check the path, and the folder that you are in.")
    path, components, warnings = voice.lock(options.file, desk.home, desk.host().resources)
    for warning in warnings:
        desk.warn(warning)
    desk.terminal.say(f"{path} pins {len(components)} imports:")
    for each in components:
        desk.terminal.say(f"  {each.given.name}  {each.version[:12]}  {each.given.repository}")
    if options.json:
        desk.terminal.json({"written": path, "imports": {each.given.name: each.pin() for each in components}})
    return 0
