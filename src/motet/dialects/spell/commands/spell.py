"""`spell`: finds the command, carries it out, and says what went wrong as its users know it."""

from __future__ import annotations

import io
import sys
from argparse import REMAINDER, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence

from motet.dialects.spell import door
from motet.dialects.spell import house as houses
from motet.dialects.spell.commands import files, grammar, hyper, runs, workflows
from motet.dialects.spell.commands.grammar import Entry, Parser
from motet.errors import MotetError, NotFound, UsageError
from motet.ports.voice import Desk

COMMANDS: Mapping[str, Entry] = {**runs.COMMANDS, **workflows.COMMANDS, **hyper.COMMANDS, **files.COMMANDS}

UNNEEDED = ("login", "logout", "keys", "passwd", "feedback", "status")
"""Commands of the original that have nothing to do here."""

_WORKFLOW = ("create", "stop", "kill", "rm", "list", "-h", "--help", "help")


def arguments(parser: ArgumentParser) -> None:
    """The words of a `spell` command, which has options of its own."""
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--verbose", "--debug", action="store_true")
    parser.add_argument("words", nargs=REMAINDER, metavar="...")
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = "\n".join(_listed(COMMANDS))


def perform(options: Namespace, desk: Desk) -> int:
    """Carry out the `spell` command; gives its exit code: 0 well, 1 it could not be done, 2 it was called wrongly."""
    given = ["version"] if options.version else list(options.words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # signs before lines that its encoding may not have
    desk.terminal.as_json = options.json  # that a program which is to run has such an option says nothing
    try:
        return _carried_out(given, desk)
    except NotFound as error:
        return _complained(error, desk, 1)
    except MotetError as error:
        return _complained(error, desk, 2 if isinstance(error, UsageError) else 1)


def _complained(error: MotetError, desk: Desk, code: int) -> int:
    if desk.terminal.as_json:
        desk.terminal.json({"error": error.what, "cure": error.cure})
    else:
        sys.stderr.write(f"ERROR: {error}\n")
    return code


def _carried_out(given: list[str], desk: Desk) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        return _help("", desk)
    if given[0] == "version":
        desk.terminal.say(f"spell of Motet {desk.version}")
        return 0
    if given[0] in UNNEEDED:
        desk.terminal.say(f"Nothing is needed: runs are on this machine, and kept in {desk.home}.")
        return 0
    if door.away() is None:
        desk.host()  # which says where that is not to be had
    house = houses.current()
    if given[0] == "whoami":
        desk.terminal.say(house.owner)
        return 0
    if given[0] == "workflow" and (len(given) == 1 or given[1] not in _WORKFLOW):
        given.insert(1, "create")  # as it was called before there was anything else
    name = next((each for each in _longest_first() if given[: len(each.split())] == each.split()), None)
    if name is None:
        return _help(" ".join(each for each in given[:2] if not each.startswith("-")), desk)
    found = _parsed(name, given[len(name.split()) :])
    desk.terminal.as_json |= found.json
    return COMMANDS[name].perform(found, desk, house)


def _longest_first() -> Sequence[str]:
    return sorted(COMMANDS, key=len, reverse=True)


def _parsed(name: str, words: Sequence[str]) -> Namespace:
    """What the words of a command say. Raises UsageError."""
    parser = _parser(name)
    found = parser.parse_args(words)
    if getattr(found, "from_file", None):
        found = parser.parse_args([*grammar.from_file(found.from_file), *words])
    if getattr(found, "save_command", None):
        grammar.save(found.save_command, found)
    return found


def _parser(name: str) -> ArgumentParser:
    entry = COMMANDS[name]
    parser = Parser(prog=f"spell {name}", description=entry.told, allow_abbrev=False, add_help=name != "ls")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--docs", action="store_true", help="taken: see docs/reference/spell.md")
    entry.takes(parser)
    return parser


def _help(asked: str, desk: Desk) -> int:
    """List the commands, or those below the words. Raises UsageError where there are none."""
    within = {each: entry for each, entry in COMMANDS.items() if not asked or f"{each} ".startswith(f"{asked} ")}
    if not within:
        first = {each: entry for each, entry in COMMANDS.items() if each.split()[0] == asked.split()[0]}
        raise UsageError(f"spell has no command {asked!r:.80}.", f"They are: {', '.join(first or COMMANDS)}.")
    for line in _listed(within):
        desk.terminal.say(line)
    return 0


def _listed(commands: Mapping[str, Entry]) -> list[str]:
    width = max(map(len, commands))
    return [f"  spell {each:{width}}  {entry.told}" for each, entry in commands.items()]
