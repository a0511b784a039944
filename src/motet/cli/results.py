"""`motet results`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from motet import app, workflows
from motet.cli import lookup
from motet.cli.terminal import Terminal
from motet.errors import UsageError

_FORMS = ("exact", "v2", "legacy", "csv", "parquet")


def arguments(parser: ArgumentParser) -> None:
    """The run, the format, where to."""
    parser.add_argument("run", metavar="RUN", help="id, unique beginning of it, or name (the newest of that name)")
    parser.add_argument(
        "--format", choices=_FORMS, default="exact", dest="form",
        help="exact: as the steps wrote it; v2, legacy: as the Quantum Engine did; csv, parquet: tables",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="PATH", default="", help="a file, or for tables a folder")


def command(options: Namespace, terminal: Terminal) -> int:
    """Print or write what the steps of a workflow file's run have put out so far."""
    host = app.hosts.current()
    row = lookup.find_run(host.store, options.run)
    from motet.dialects.orquestra import results, tables, voice
    from motet.dialects.orquestra.program import VOICE

    workflows.of_voice(row, VOICE)
    found = voice.results_of(host, row)
    if options.form in results.FORMATS:
        text = results.text(options.form, row.id, found)
        if not options.output:
            terminal.write(text.rstrip("\n") + "\n")
            return 0
        with open(options.output, "w", encoding="utf-8") as file:
            file.write(text)
        written = [options.output]
    else:
        if not options.output:
            raise UsageError(f"--format {options.form} needs a folder.", "Name it: -o FOLDER.")
        written = tables.write(options.output, options.form, tables.tables(row.id, found))
    for path in written:
        terminal.say(os.path.abspath(path))
    if options.json:
        terminal.json({"written": written})
    return 0
