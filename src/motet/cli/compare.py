"""`motet compare`: runs beside each other."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from motet import app
from motet.cli import requests
from motet.cli.terminal import Terminal
from motet.errors import UsageError
from motet.views import human, lookup
from motet.views.comparing import SECTIONS, change, differing, everything, side_of

_TITLES = {
    "run": "",
    "params": "PARAMETERS",
    "metrics": "METRICS",
    "code": "CODE",
    "environment": "PACKAGES",
    "results": "RESULTS",
}


def compare_arguments(parser: ArgumentParser) -> None:
    """The runs."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help=requests.RUN)
    parser.add_argument("--all", action="store_true", help="also what is the same in all of them")


def compare(options: Namespace, terminal: Terminal) -> int:
    """Show what differs between runs: parameters, metrics, code, packages, results."""
    if len(options.runs) < 2:
        raise UsageError("motet compare: one run alone was given.", "Name two or more: `motet ls` lists them.")
    store = app.store()
    runs = [lookup.find_run(store, each) for each in options.runs]
    sides = [side_of(store, run) for run in runs]
    found = everything(sides) if options.all else differing(sides)
    if options.json:
        terminal.json({"runs": [run.id for run in runs], **found})
        return 0
    wide = 40 if len(runs) < 4 else 24
    rows: list[tuple[str, ...]] = []
    for section in SECTIONS:
        if found[section] and _TITLES[section]:
            rows.append((_TITLES[section], *("" for _ in runs), ""))
        for name, row in found[section].items():
            by = change(row) if section == "metrics" else None
            told = "" if by is None else f"{by:+.4g}"
            shown = _shown(section, name, list(found[section]))
            rows.append((f"  {shown}", *(human.short_text(each, wide) for each in row), told))
    terminal.table(("", *(run.name for run in runs), ""), rows)
    if not any(found[section] for section in SECTIONS[1:]):
        terminal.say("They differ in nothing else.")
    return 0


def _shown(section: str, name: str, names: list[str]) -> str:
    """What a row is called: code by its task alone, where that tells it from the others."""
    short = name.rpartition(":")[2]
    alone = section == "code" and sum(each.rpartition(":")[2] == short for each in names) == 1
    return (short if alone else name) or "of the run"
