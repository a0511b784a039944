"""What a command line asks of the runs that it begins: target, parameters, name, and options of one voice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from motet import app, owners
from motet.cli.terminal import Terminal, tell
from motet.errors import TargetError, UsageError
from motet.ports import NewRun
from motet.ports.voice import Asked, Target, Underway, Voice, Written
from motet.typed import TYPE_CHECKING, Any
from motet.values.naming import checked

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

OWN = "own_options"
"""Where a command's Namespace holds what was given of options of voices: `Own`."""

RUN = "id, unique beginning of it, or name (the newest of that name)"


class Own:
    """What was given of options that voices have for a command, and whose each option is."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self._flags: dict[str, str] = {}
        self._voices: dict[str, list[Voice]] = {}

    def add(self, parser: ArgumentParser, command: str, voices: Iterable[Voice]) -> None:
        """Add the options that these voices have for the command, those of each in a group. Where two have one of the
        same name, the later voice says what it takes.
        """
        from argparse import SUPPRESS

        for voice in voices:
            group = parser.add_argument_group(f"for {voice.title}")

            def add(*flags: str, voice: Voice = voice, group: Any = group, **settings: Any) -> None:
                action = group.add_argument(*flags, **{**settings, "default": SUPPRESS})
                self._flags[action.dest] = flags[0]
                self._voices.setdefault(action.dest, []).append(voice)

            voice.options(command, add)

    def take(self, options: Namespace) -> None:
        """Take what was given out of what was parsed."""
        self.given = {name: value for name, value in vars(options).items() if name in self._flags}

    def words(self) -> list[str]:
        """What was given, as words of a command line."""
        found: list[str] = []
        for name, value in self.given.items():
            values = value if isinstance(value, list) else [value]
            found += [
                word
                for each in values
                for word in ([self._flags[name]] if each is True else [f"{self._flags[name]}={each}"])
            ]
        return found

    def of(self, voice: Voice, what: str) -> Mapping[str, Any]:
        """What was given, for `what` in that voice. Raises UsageError for an option of another."""
        for name in self.given:
            if voice not in self._voices[name]:
                flag, other = self._flags[name], self._voices[name][0]
                raise UsageError(
                    f"{flag} is an option for {other.title}, and {what} is {voice.title}.",
                    voice.instead.get(flag, f"Leave it out: {voice.title} has nothing of that kind."),
                )
        return self.given


NOTHING = Own()


def target(parser: ArgumentParser) -> None:
    """What is to be run."""
    parser.add_argument(
        "target", metavar="TARGET",
        help="file.py, file.py:flow, package.module, module:flow, module:program or workflow.yaml; what stands last, "
        "after --, are arguments of a script",
    )  # fmt: skip


def parameters(parser: ArgumentParser) -> None:
    """The run's parameters and name."""
    given_parameters(parser)
    parser.add_argument("--name", default="", metavar="NAME", help="what the run is called (default: two words)")


def given_parameters(parser: ArgumentParser) -> None:
    """Parameters alone."""
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", dest="param",
        help="a parameter; the value is JSON if it can be read so, else text",
    )  # fmt: skip
    parser.add_argument("--params", metavar="FILE", help="a JSON file with an object of parameters; -p goes first")


def beginning(parser: ArgumentParser) -> None:
    """How the run stands to others that there are."""
    parser.add_argument(
        "--priority",
        type=int,
        default=0,
        metavar="N",
        help="of steps that wait for the machine, the higher come first",
    )
    parser.add_argument(
        "--only-one", action="store_true", help="refuse to begin while another run of the workflow is under way"
    )


def shown(parser: ArgumentParser) -> None:
    """How much is shown of what goes on."""
    parser.add_argument("--plain", action="store_true", help="no live view, even on a terminal")
    parser.add_argument("-v", "--verbose", action="store_true", help="say of each step that it has ended, on stderr")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors of what goes on")


def show(options: Namespace, terminal: Terminal) -> None:
    """Show so much. What the program prints itself is its own affair."""
    terminal.plain = options.plain or options.quiet
    terminal.quiet = options.quiet
    app.verbosity = 1 if options.verbose else -1 if options.quiet else 0


def target_of(text: str) -> Target:
    """The target that the text names. Raises TargetError if it can name none."""
    if text.endswith(".py") or os.path.isfile(text) or os.path.isfile(os.path.join(text, "__main__.py")):
        return Target(_existing(text))
    place, colon, name = text.rpartition(":")
    if place.endswith(".py") or (place and os.path.isfile(place)):
        return Target(_existing(place), name=name)
    if not colon and all(each.isidentifier() for each in text.split(".")):
        return Target("", text)
    if not colon or not place or os.sep in place:
        raise TargetError(
            f"There is no file {place or text}.", "Name a file.py, a file.py:flow, a module:flow or a workflow.yaml."
        )
    return Target("", place, name)


def _existing(path: str) -> str:
    if not os.path.isfile(path) and not os.path.isfile(os.path.join(path, "__main__.py")):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise TargetError(f"{path} {what}.", "Check the path, and the folder that you are in.")
    return path


class Request:
    """What the options ask of runs, whichever voice they are in. `begun` are the ids of those that were begun so."""

    def __init__(self, options: Namespace, arguments: Sequence[str] = (), *, detached: bool = False) -> None:
        """`detached`: they are driven by processes of their own. Raises UsageError for options that cannot be read."""
        self._params = {**from_file(options.params), **given(options.param)}
        self._name: str = checked(options.name, "--name")
        self._own: Own = getattr(options, OWN, NOTHING)
        self._arguments = arguments
        self._priority: int = getattr(options, "priority", 0)
        self._only_one: bool = getattr(options, "only_one", False)
        self._detached = detached
        self.begun: list[str] = []

    @property
    def plain(self) -> dict[str, Any]:
        """The parameters, read without knowing what the program asks for."""
        return {name: each.read() if isinstance(each, Written) else each for name, each in self._params.items()}

    @property
    def words(self) -> list[str]:
        """What was given of options of voices, as words of a command line."""
        return self._own.words()

    def making(self, new: NewRun) -> None:
        """Before the run is made: what holds for runs of all voices alike. Raises Conflict."""
        if self._priority:
            new.program = {**new.program, "priority": self._priority}
        if self._detached:
            new.program = {**new.program, "begun_by": owners.begun_by("submit")}
        if self._only_one:
            from motet.cli.once import alone

            alone(app.hosts.current(), new)

    def asked(self, voice: Voice, what: str, watch: Callable[[Underway], None] | None = None) -> Asked:
        """What is asked of a run of `what`, in that voice. Raises UsageError for what that voice does not take."""
        if self._arguments and not voice.takes_arguments:
            raise UsageError(f"{what} takes no arguments after --.", voice.instead.get("--", "Leave them out."))
        found = Asked(self._params, {}, self._own.of(voice, what), self._name, self.begun.append, warn=warn, tell=told)
        if watch is not None:
            found.watch = watch
        return found

    def of_registered(self, what: str) -> Mapping[str, Any]:
        """The parameters for a run of what is registered. Raises UsageError for anything else that is asked."""
        if self._arguments or self._own.given:
            raise UsageError(
                f"{what} was registered with its options, and a run of it takes parameters alone.",
                "Give -p NAME=VALUE, or register it anew: motet register TARGET ...",
            )
        return self._params


def warn(text: str) -> None:
    """Tell the user of something odd that does not hinder."""
    tell(f"motet: warning: {text}")


def told(text: str, verbosity: int) -> None:
    """Tell the user of it, where as much is asked for."""
    if app.verbosity >= verbosity:
        tell(f"motet: {text}")


def given(params: Sequence[str]) -> dict[str, Any]:
    """The values of `-p NAME=VALUE`, as they were written. Raises UsageError."""
    found = {}
    for each in params:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise UsageError(f"-p {each}: this is no NAME=VALUE.", "Write for example -p count=3.")
        found[name] = Written(text)
    return found


def from_file(path: str | None) -> dict[str, Any]:
    """The parameters in the file of `--params`; none without one. Raises UsageError."""
    if path is None:
        return {}
    import json

    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise UsageError(f"--params {path}: {error.strerror}.", "Check the path.") from None
    except ValueError as error:
        raise UsageError(
            f"--params {path} is not JSON: {error}.", 'It should hold an object, {"name": value}.'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"--params {path} holds {type(found).__name__}, not an object.", 'Write {"name": value, ...}.')
    return found
