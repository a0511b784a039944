"""`prefect`, as `motet shims` puts it on the path: what its users type most, said in Motet's words."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence

from motet.errors import UsageError
from motet.ports.voice import Desk

_LS = {"--limit": "-n", "-n": "-n"}
_LOGS = {"--follow": "-f", "-f": "-f"}


def arguments(parser: ArgumentParser) -> None:
    """Whatever follows `prefect`."""
    parser.add_argument("words", metavar="COMMAND", nargs=REMAINDER, help="what follows `prefect`")


def perform(options: Namespace, desk: Desk) -> int:
    """Do what the words ask for, as far as it has a meaning here."""
    words: list[str] = options.words
    for name, meant in _COMMANDS.items():
        known = name.split()
        if words[: len(known)] == known:
            return meant(words[len(known) :], desk)
    told = " ".join(words) or "no command"
    raise UsageError(
        f"prefect {told}: Motet stands in for other commands of Prefect's only.",
        f"They are: {', '.join(_COMMANDS)}. `motet --help` lists Motet's own.",
    )


def _start(words: Sequence[str], desk: Desk) -> int:
    desk.terminal.say(f"Nothing has to be started: runs are recorded in {desk.home} by whoever runs them.")
    desk.terminal.say("To see them: motet ls, motet show RUN, motet logs -f RUN.")
    return 0


def _set(words: Sequence[str], desk: Desk) -> int:
    for each in words:
        name, equals, _ = each.partition("=")
        if not equals:
            raise UsageError(f"prefect config set {each}: this is no NAME=VALUE.", "Write NAME=VALUE.")
        desk.terminal.say(f"{name} is accepted, and changes nothing: Motet needs no server and reads MOTET_HOME.")
    return 0


def _view(words: Sequence[str], desk: Desk) -> int:
    desk.terminal.say(f"MOTET_HOME='{desk.home}'")
    return 0


def _as(name: str, options: Mapping[str, str]) -> Callable[[Sequence[str], Desk], int]:
    """A command of Motet's, with the names of its options."""

    def perform(words: Sequence[str], desk: Desk) -> int:
        return desk.carry_out(name, [options.get(word, word) for word in words])

    return perform


_COMMANDS: Mapping[str, Callable[[Sequence[str], Desk], int]] = {
    "orion start": _start,
    "server start": _start,
    "flow-run ls": _as("ls", _LS),
    "flow-run inspect": _as("show", {}),
    "flow-run logs": _as("logs", _LOGS),
    "flow-run cancel": _as("stop", {}),
    "flow-run retry": _as("resume", {}),
    "config set": _set,
    "config view": _view,
    "version": _as("version", {}),
}
