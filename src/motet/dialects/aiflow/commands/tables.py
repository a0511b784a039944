"""What the commands print: tables, JSON or YAML of rows, and the options that say which."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from motet.errors import UsageError
from motet.kernel.events import Json
from motet.ports.voice import Desk
from motet.records import Record
from motet.values import yaml
from motet.values.visible import printable

Perform = Callable[[Namespace, Desk], int]


class Entry(Record, frozen=True):
    """A command: what it does, what it takes (positional arguments and options by name), who does it."""

    told: str
    perform: Perform
    takes: Sequence[tuple[tuple[str, ...], Mapping[str, Any]]] = ()


def taking(*names: str, **options: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """An argument as `add_argument` of a parser takes it."""
    return names, options


NAMESPACE = taking("-n", "--namespace", default="default", help="the namespace (default)")
OUTPUT = taking("-o", "--output", choices=("table", "json", "yaml"), default="table", help="table, json or yaml")
YES = taking("-y", "--yes", action="store_true", help="taken: nothing is asked")
ANYTHING = taking("words", nargs="*", help="taken, whatever it is")
WORKFLOW = taking("workflow_name", help="the name of the workflow")


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", f"`{self.prog} --help` tells how it is called.")


def perform(name: str, commands: Mapping[str, Entry], words: Sequence[str], desk: Desk) -> int:
    """Carry out the one of the commands that the words name; gives the exit code."""
    found = next((each for each in sorted(commands, key=len, reverse=True) if _begins(words, each.split())), None)
    if found is None:
        return _help(name, commands, words, desk)
    entry = commands[found]
    parser = _Parser(prog=f"{name} {found}", description=entry.told, allow_abbrev=False)
    for names, options in entry.takes:
        parser.add_argument(*names, **options)
    given = list(words[len(found.split()) :])
    known = parser.parse_known_args(given)[0] if ANYTHING in entry.takes else parser.parse_args(given)
    return entry.perform(known, desk)


def version(options: Namespace, desk: Desk) -> int:
    """Print the version whose scripts and commands are understood."""
    desk.terminal.say("0.4.dev0")
    return 0


def unneeded(perform: Perform, *names: str) -> dict[str, Entry]:
    """Commands that are taken, with whatever follows them, and have nothing to do."""
    return {name: Entry("nothing is needed", perform, [ANYTHING]) for name in names}


def _begins(words: Sequence[str], name: Sequence[str]) -> bool:
    return list(words[: len(name)]) == list(name)


def _help(name: str, commands: Mapping[str, Entry], words: Sequence[str], desk: Desk) -> int:
    """List the commands, or those below the words. Raises UsageError where there are none."""
    asked = [each for each in words if each not in ("-h", "--help", "help")]
    within = {each: entry for each, entry in commands.items() if _begins(each.split(), asked)}
    if not within or (asked and len(asked) == len(words)):
        raise UsageError(
            f"{name} has no command {' '.join(asked)!r:.80}." if not within else f"{name} {' '.join(asked)}: and then?",
            f"They are: {', '.join(within or commands)}.",
        )
    width = max(map(len, within))
    for each, entry in within.items():
        desk.terminal.say(f"  {name} {each:{width}}  {entry.told}")
    return 0


# ---------------------------------------------------------------- rows


def row(meta: Record, columns: Sequence[str]) -> dict[str, Json]:
    """What is known of something, by column; times as `moment` has them."""
    found = {name: getattr(meta, name) for name in columns}
    return {name: moment(each) if name.endswith(("_date", "_time")) else each for name, each in found.items()}


def show(rows: Sequence[Mapping[str, Json]], columns: Sequence[str], output: str, desk: Desk) -> None:
    """Print the columns of the rows. All values are text, as scripts know them."""
    texts = [{name: text_of(row[name]) for name in columns} for row in rows]
    if output == "json" or desk.terminal.as_json:
        desk.terminal.write(json.dumps(texts, ensure_ascii=False) + "\n")
    elif output == "yaml":
        desk.terminal.write(yaml.write(texts))
    else:
        for line in lines(texts, columns):
            desk.terminal.say(line)


def lines(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> list[str]:
    """A table: names, a line below them, and the rows; columns are as wide as what stands in them."""
    shown = [[printable(row[name]).replace("\n", "\\n") for name in columns] for row in rows]
    widths = [max(len(each) for each in column) for column in zip(columns, *shown, strict=True)]
    head = " | ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True))
    rule = "+".join("=" * (width + 2 - (at == 0)) for at, width in enumerate(widths))
    told = [" | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in shown]
    return [head.rstrip(), rule[: len(head)], *(each.rstrip() for each in told)]


def text_of(value: Json) -> str:
    """A value as a column has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value) if not isinstance(value, dict | list) else json.dumps(value)


def moment(at: float | None) -> str:
    """A time as a column has it, in the zone of this place; "" for one that has not come."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
