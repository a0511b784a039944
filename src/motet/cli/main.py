"""`motet`: finds the command, runs it, and says what went wrong in two lines.

Exit codes: 0 well, 1 a run failed or a command could not do its work, 2 bad input, 3 a run is suspended until somebody
answers, 128 + n ended by signal n (130 for Ctrl-C).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from motet.cli.plain import Plain
from motet.cli.terminal import Terminal, complain, tell
from motet.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from motet.errors import MotetError

COMMANDS: Mapping[str, str] = {
    "run": "run a flow here and now",
    "submit": "start a run in the background",
    "register": "keep a workflow, so that it starts by name, by schedule, by event",
    "schedule": "start runs by cron, at intervals, at a time",
    "trigger": "start runs when events come",
    "alert": "tell somebody when runs fail, crash, wait or are late",
    "scheduler": "carry out schedules, triggers and alerts",
    "check": "say what is wrong with a target before it is run",
    "ls": "list runs",
    "top": "show the runs that go on",
    "show": "show a run and its steps, or one step",
    "open": "show a run, or all, in the browser",
    "why": "say why a step ran, was cached, waits, was skipped or failed",
    "compare": "show what differs between runs",
    "artifacts": "list what a run has published, or show one",
    "folder": "list or copy what a command has in its folder, while it runs too",
    "logs": "show what a run has written",
    "events": "show what happened, in order",
    "step": "stop a step of a run that goes on, run one again, or add one",
    "publish": "publish an event, or many",
    "react": "begin runs of flows when their rules fire",
    "listener": "list listeners and what they could not deal with, or have it dealt with once more",
    "answer": "answer what a run has asked, so that it goes on",
    "stop": "stop a run",
    "resume": "carry on with a run that crashed, failed or was stopped",
    "retry": "the same as resume",
    "fork": "make a new run that reuses what does not change",
    "debug": "run one step alone, with what it was given, in a debugger",
    "server": "serve runs over HTTP, to programs and browsers",
    "token": "say who may come in by the server: create, list, revoke tokens",
    "limit": "list, set or remove limits that runs share",
    "rename": "call a run otherwise",
    "tag": "give a run tags, or take them from it",
    "rm": "remove runs that have ended",
    "prune": "remove old runs, their logs and artifacts",
    "backup": "write the store with artifacts and logs to one file",
    "export": "write a run to a folder, with all that it has made, as an RO-Crate",
    "results": "print or write what the steps of a workflow file have put out",
    "doctor": "check the installation, the store and the runs",
    "completion": "print what a shell needs to complete what is typed",
    "shims": "put other systems' commands in a folder",
    "version": "print the version",
}
"""What `motet --help` lists, beside what voices add. NAME is a function of a module here, and so is NAME_arguments."""

HIDDEN = ("engine", "complete", "describe")
"""Commands that Motet itself calls, or a shell."""

_OWN_OPTIONS = ("run", "submit", "check", "register", "fork", "results")
"""Commands for which voices may have options of their own."""

STEERING = ("run", "submit", "stop", "answer", "resume", "retry", "fork")
"""Commands that are done otherwise for the runs of a server; see `motet.cli.remote`."""

AT_SERVER = (
    "ls", "top", "show", "open", "why", "compare", "artifacts", "logs", "events", "publish", "rename", "tag",
    "complete", *STEERING,
)  # fmt: skip
"""Commands for the runs of the server of MOTET_SERVER, where that is set."""

ANYWHERE = ("check", "engine", "describe", "server", "doctor", "completion", "shims", "version")
"""Commands that have nothing to do with that, or with which it is begun."""

TAKE_ARGUMENTS = ("run", "submit", "check", "register")
"""Commands that hand on to the program what stands after `--`."""

_MODULES = {
    "submit": "run", "check": "run", "engine": "run", "describe": "register", "trigger": "schedule",

    "top": "ls", "why": "show", "open": "browser", "publish": "events", "answer": "stop",
    "react": "events", "retry": "resume", "fork": "resume", "results": "artifacts", "folder": "artifacts",
    "version": "shims", "rename": "labels", "tag": "labels", "rm": "labels", "complete": "completion",
}  # fmt: skip
"""The module of each command that is not in the one of its own name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name; gives the exit code."""
    _open_streams()
    given = list(sys.argv[1:] if argv is None else argv)
    terminal = Terminal(as_json="--json" in given)
    try:
        code = _dispatch(given, terminal)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141  # as if SIGPIPE had ended it: whoever reads has seen enough
    except OSError as error:
        code = _refused(error)
    except Exception as error:  # noqa: BLE001 - boundary: the whole program; what is not on purpose is a fault of Motet's own
        code = _say(error, terminal)
    _let_go_of_stdout()
    return code


def shim() -> int:
    """Run the command that this program is called like: `spell ps` is `motet spell ps`."""
    name, _ = os.path.splitext(os.path.basename(sys.argv[0]))
    return main([name, *sys.argv[1:]])


def _open_streams() -> None:
    """Put /dev/null where this process was started with a closed stream: else a file of the store gets its number, and
    what is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            fd = os.open(os.devnull, os.O_RDWR)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _dispatch(given: list[str], terminal: Terminal) -> int:
    """Find the command and carry it out. `--json` and `--home` may stand before it."""
    first: list[str] = []
    while given and given[0].startswith("-") and given[0] != "-":
        option = given.pop(0)
        if option in ("-h", "--help"):
            sys.stdout.write(_help())
            return 0
        if option in ("-V", "--version"):
            given = ["version"]
            break
        first.append(option)
        if option == "--home" and given:
            first.append(given.pop(0))
    if not given:
        sys.stdout.write(_help())
        return 0 if not first else 2
    return carry_out(given[0], first + given[1:], terminal)


def carry_out(name: str, given: list[str], terminal: Terminal) -> int:
    """Carry out the command of that name with these arguments; gives the exit code."""
    if name not in COMMANDS and name not in HIDDEN:
        return _carry_out_of_voice(name, given, terminal)
    if name in TAKE_ARGUMENTS:
        given, sys.argv[1:] = _divided(given)
    module = _loaded(module_of(name))
    options = _parsed(name, given, getattr(module, f"{name}_arguments"))
    _go_home(options)
    _go_to_runs(name)
    if name not in _ALONE and not options.no_scheduler and not os.environ.get("MOTET_SERVER"):
        _see_to_schedules()
    if name in STEERING and os.environ.get("MOTET_SERVER"):
        module = _loaded("remote")
    code: int = getattr(module, name)(options, terminal)
    return code


def module_of(command: str) -> str:
    """The module of `motet.cli` that the command is in."""
    return _MODULES.get(command, command)


def _divided(given: list[str]) -> tuple[list[str], list[str]]:
    """What is the command's own, and what stands after `--`: arguments of the program that it runs."""
    if "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]


def _carry_out_of_voice(name: str, given: list[str], terminal: Terminal) -> int:
    """The same for a command that a voice adds."""
    from motet import voices

    found = next((each for voice in voices.every() for each in voice.commands if each.name == name), None)
    if found is None:
        raise _unknown(name)
    from motet.cli.desk import CommandDesk

    parser = _parser(name, found.told)
    found.arguments(parser)
    options = parser.parse_args(given)
    _go_home(options)
    return found.perform(options, CommandDesk(terminal, carry_out))


_ALONE = ("engine", "complete", "describe", "scheduler", "server", "version", "completion")
"""Commands that start no scheduler."""


def _see_to_schedules() -> None:
    """Where something is to be scheduled, a file says so: the look at it is all that others pay."""
    from motet import private

    if os.path.exists(os.path.join(private.home(), "scheduler", "wanted")):
        from motet.cli.scheduler import see_to_it

        see_to_it()


def _go_home(options: Namespace) -> None:
    """Go to the home that is named, which goes before any server."""
    if options.home:
        os.environ["MOTET_HOME"] = os.path.abspath(os.path.expanduser(options.home))
        os.environ["MOTET_SERVER"] = ""


def _go_to_runs(name: str) -> None:
    """Where a server is named, have the command work on its runs; or, with what it starts, at the home all the same.
    Raises UsageError for a command that does the one where the other may be meant.
    """
    from motet import private

    url = private.server(private.home())
    if url or name in ANYWHERE:  # a server's own processes never ask it, whatever is set for the home later
        os.environ["MOTET_SERVER"] = url if name in AT_SERVER else ""
    if url and name not in (*AT_SERVER, *ANYWHERE):
        from motet.errors import UsageError

        raise UsageError(
            f"motet {name} works at a home, and MOTET_SERVER names a server: {url}.",
            f"Name the home, on its machine: motet {name} --home {private.home()} ...; or set MOTET_SERVER to nothing.",
        )


def _parsed(name: str, given: list[str], arguments: Callable[[ArgumentParser], None]) -> Namespace:
    """The arguments, read. Voices are asked for their own options only if there are any, or help is wanted."""
    plain: Any = Plain()
    _add_shared(plain)
    arguments(plain)
    found: Namespace | None = plain.read(given)
    if found is not None:
        return found
    parser = _parser(name, COMMANDS.get(name, ""))
    arguments(parser)
    if name == "complete":
        return parser.parse_args(given)
    if name not in _OWN_OPTIONS:
        return parser.parse_intermixed_args(given)  # options may stand between what is named by its place
    if not {"-h", "--help"} & set(given):
        options, rest = parser.parse_known_args(given)
        if not rest:
            return options
    from motet import voices
    from motet.cli.requests import OWN, Own

    own = Own()
    parser.conflict_handler = "resolve"
    own.add(parser, "run" if name in TAKE_ARGUMENTS else name, voices.every())
    options = parser.parse_args(given)
    own.take(options)
    setattr(options, OWN, own)
    return options


def _loaded(name: str) -> Any:
    """The module of that name. The collector of cycles need not look at what it loads, then or later: it stays."""
    import gc

    gc.disable()
    try:
        __import__(f"motet.cli.{name}")
        return sys.modules[f"motet.cli.{name}"]
    finally:
        gc.freeze()
        gc.enable()


def _parser(name: str, told: str) -> ArgumentParser:
    """The parser of one command. What argparse loads only to translate and to measure terminals would cost a start
    more than all the rest of it.
    """
    import argparse
    from functools import partial

    from motet.errors import UsageError
    from motet.typed import NoReturn

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            cure = f"`{self.prog} --help` tells how it is called."
            if name in TAKE_ARGUMENTS and message.startswith("unrecognized arguments: "):
                cure += f" What the script itself takes stands last, after --: -- {message.partition(': ')[2]}"
            raise UsageError(f"{self.prog}: {message}.", cure)

    argparse._ = str  # type: ignore[attr-defined]
    parser = Parser(
        prog=f"motet {name}", description=told[:1].upper() + told[1:] + ".", allow_abbrev=False,
        formatter_class=partial(argparse.HelpFormatter, width=_width()),
    )  # fmt: skip
    _add_shared(parser)
    return parser


def _add_shared(parser: ArgumentParser) -> None:
    parser.add_argument("--home", metavar="DIR", help="where runs are kept (default: $MOTET_HOME or ~/.motet)")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--no-scheduler", action="store_true", help="start no scheduler, where one is wanted")


def _width() -> int:
    """How wide help may be."""
    try:
        return max(40, min(100, os.get_terminal_size().columns - 2))
    except (OSError, ValueError):
        return 100


def _unknown(name: str) -> MotetError:
    from motet.errors import UsageError, near

    meant = near(name, listed())
    cure = f"Did you mean `motet {meant}`?" if meant else "`motet --help` lists the commands."
    return UsageError(f"There is no command {name!r}.", cure)


def listed() -> dict[str, str]:
    """All commands with what they do, those of voices included."""
    from motet import voices

    return {**COMMANDS, **{each.name: each.told for voice in voices.every() for each in voice.commands if each.told}}


def _help() -> str:
    commands = listed()
    width = max(map(len, commands))
    lines = "\n".join(f"  {name:{width}}  {told}" for name, told in commands.items())
    return f"""usage: motet COMMAND [OPTIONS]

{lines}

`motet COMMAND --help` tells more. Runs are kept in $MOTET_HOME (default ~/.motet).
"""


# ---------------------------------------------------------------- errors


def _say(error: Exception, terminal: Terminal) -> int:
    """Say what went wrong; gives the exit code."""
    from motet.errors import MotetError

    if isinstance(error, MotetError):
        terminal.complain(error.what, error.cure)
        return exit_code(error)
    from traceback import format_exception

    tell("".join(format_exception(error)).rstrip("\n"))
    terminal.complain(
        f"{type(error).__name__}: {error}", "This is a fault in Motet: please report it with the traceback above."
    )
    return 1


def exit_code(error: MotetError) -> int:
    """2 for what the user can put right by asking differently, 1 for what went wrong in doing it."""
    from motet import errors

    asked_wrongly = (
        errors.UsageError, errors.ReplayMismatch, errors.StoreUnavailable, errors.StoreCorrupt, errors.Conflict,
        errors.NotFound,
    )  # fmt: skip
    return 2 if isinstance(error, asked_wrongly) else 3 if isinstance(error, errors.Suspended) else 1


def _refused(error: OSError) -> int:
    """The system refused something: most often the place that the output goes to."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        complain(f"{error.strerror}: {error.filename}.", "Raise the limit of open files: `ulimit -n 1024`.")
        return 1
    tell(f"motet: {error.strerror or error}{': ' + str(error.filename) if error.filename else ''}")
    return 1


def _let_go_of_stdout() -> None:
    """Leave nothing to be written at exit that cannot be written: Python would complain about it."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
