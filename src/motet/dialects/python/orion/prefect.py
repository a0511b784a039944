"""`prefect`, as `motet shims` puts it on the path: what its users type most, said in Motet's words."""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence

from motet import private
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
    """The server, at the port that its users know. Nothing needs it."""
    return desk.carry_out("server", list(words))


_ADDRESS = "PREFECT_API_URL"


def _set(words: Sequence[str], desk: Desk) -> int:
    for each in words:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"prefect config set {each}: this is no NAME=VALUE.", "Write NAME=VALUE.")
        if name == _ADDRESS:
            url = value.rstrip("/").removesuffix("/api")
            private.set_server(desk.home, url)
            desk.terminal.say(f"MOTET_SERVER is {url} from now on, for commands of {desk.home}.")
            desk.terminal.say("To undo that: prefect config unset PREFECT_API_URL")
        else:
            desk.terminal.say(f"{name} is accepted, and changes nothing: see `motet --help` for what Motet reads.")
    return 0


def _unset(words: Sequence[str], desk: Desk) -> int:
    if _ADDRESS in words:
        private.set_server(desk.home, "")
        desk.terminal.say(f"MOTET_SERVER is not set any more: commands are about the runs in {desk.home}.")
    return 0


def _view(words: Sequence[str], desk: Desk) -> int:
    desk.terminal.say(f"MOTET_HOME='{desk.home}'")
    if url := private.server(desk.home):
        desk.terminal.say(f"MOTET_SERVER='{url}'")
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
    "config unset": _unset,
    "config view": _view,
    "version": _as("version", {}),
}
