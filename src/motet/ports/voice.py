"""Voices: the languages that workflows are written in. A voice is one object, found under the entry point group

    [project.entry-points."motet.voices"]
    mine = "my_package.plugin:VOICE"

whose name is what runs of the voice keep as `program["voice"]`. `python` and the other voices that come with Motet are
made in the same way. The object's module should import little at its top: it is loaded to ask whether a file is in its
language. What runs a workflow is imported where it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence

from motet.errors import MotetError, TargetError, UsageError
from motet.ports.rows import NewRun, RunRow
from motet.records import Record, field
from motet.typed import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from threading import Event

    from motet.kernel.events import Json
    from motet.kernel.program import Program
    from motet.kernel.state import RunState, Step
    from motet.ports.content import ArtifactStore, Clock, LogStore
    from motet.ports.definition import Described
    from motet.ports.store import Store

GROUP = "motet.voices"
"""The entry points by which voices are found."""

PACKED = "results"
"""The folder below the home for what can be had again: results packed, code pushed. `motet prune` removes old ones."""

_HEAD_CHARS = 4 * 1024 * 1024


class Target:
    """What a user names to be run: a file (or a folder with a `__main__.py`), perhaps with a name in it, as
    `flows.py:train`; or a module, perhaps with a name in it, as `package.flows:train`. What does not apply is "".
    """

    def __init__(self, file: str, module: str = "", name: str = "") -> None:
        self.file = file
        self.module = module
        self.name = name
        self._head: str | None = None

    def __str__(self) -> str:
        place = self.file or self.module
        return f"{place}:{self.name}" if self.name else place

    @property
    def head(self) -> str:
        """The file's text, or the beginning of a long one; "" for a module and for a folder. Raises TargetError."""
        if self._head is None:
            try:
                self._head = "" if not self.file or os.path.isdir(self.file) else _read(self.file)
            except OSError as error:
                raise TargetError(f"{self.file} cannot be read: {error.strerror}.", "Check the path.") from None
        return self._head


def _read(path: str) -> str:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return file.read(_HEAD_CHARS)


class Written:
    """A value as somebody typed it: JSON if it can be read so, else text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> Any:
        """The value."""
        import json

        try:
            return json.loads(self.text, parse_constant=int)  # NaN and Infinity are no JSON, nor whole numbers
        except ValueError:
            return self.text
        except RecursionError:
            raise UsageError(f"{self.text[:40]!r}... is nested too deep.", "Give where it is to be found.") from None


class Replayed(Record):
    """What became of the recorded steps that a resumed run's program has asked for again.

    changed  steps whose outcomes are kept although they are no longer what the code says, with what differs, in words
    unknown  those of which that is not known: a version of Motet recorded them that did not keep it
    told     is called with each of `changed` when it is found
    """

    changed: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    told: Callable[[Step, list[str]], None] = lambda step, differs: None


class Underway(Protocol):
    """A run that is being driven by this process."""

    @property
    def host(self) -> Host:
        """Where it lives."""

    @property
    def run(self) -> RunRow:
        """Its row as it was when it was taken up."""

    @property
    def state(self) -> RunState:
        """Its state: to be read only, and only where a moment's change does no harm."""

    @property
    def replayed(self) -> Replayed:
        """What became of the recorded steps that it has asked for again."""

    @property
    def finished(self) -> Event:
        """Set when the run has ended, or can no longer be driven."""

    def cancel(self, reason: str) -> None:
        """Stop the run. Never waits."""

    def leave(self) -> None:
        """Let go of the run as it is, to be taken up again by anyone."""


def _ignore(*_: object) -> None:
    pass


class Asked(Record):
    """What is asked of a run beside its target.

    params   parameters by name, as `-p NAME=VALUE` gives them: `Written`, or plain where they come from a file
    inputs   the same from Python, `motet.load(file)(inputs)`: values as they are
    options  what was given of the voice's own options, by `dest`; from Python by name
    name     what the run is to be called; "" leaves it to the voice
    begun    to be told the id of each run before it is made
    watch    to be told of each run once it is taken up
    warn     to be told of what is odd and does not hinder
    tell     to be told of what may be of interest, and from which verbosity on: 0 always, 1 where more is asked for
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    begun: Callable[[str], None] = _ignore
    watch: Callable[[Underway], None] = _ignore
    warn: Callable[[str], None] = _ignore
    tell: Callable[[str, int], None] = _ignore


class Onward(Record):
    """How a run is carried on.

    reopen         take up one that has failed or was cancelled, too; what succeeded is kept
    rerun          run these steps anew, given by key, with all that is around or below them or used their results
    rerun_changed  run recorded steps anew that no longer are what was recorded
    watch          to be told of the run once it is taken up
    """

    reopen: bool = False
    rerun: Collection[str] = ()
    rerun_changed: bool = False
    watch: Callable[[Underway], None] = _ignore


class Host(Protocol):
    """Where runs live: what a voice may use of it.

    home       the folder in which all is kept
    resources  what steps may demand of this machine: {"cpu": 8, "memory": 16e9, "gpu": 1}
    """

    home: str
    store: Store
    artifacts: ArtifactStore
    clock: Clock
    resources: Mapping[str, float]

    @property
    def logs(self) -> LogStore:
        """What attempts have written."""

    def create(self, run: NewRun) -> None:
        """Add a run. Raises UsageError if one of that id exists."""
        ...

    def program_of(self, row: RunRow | NewRun) -> Json:
        """The run's program, with the places where its files are now if they were moved since."""
        ...

    def drive(self, row: RunRow, program: Program, onward: Onward) -> Underway:
        """Drive the run by this program to its end, on this thread, from where its history ends.

        Raises Conflict while another process drives it; UsageError if it has ended; errors of the store.
        """
        ...


class Printer(Protocol):
    """What a command prints with; see `motet.cli.terminal`."""

    as_json: bool

    def say(self, text: str = "") -> None:
        """Print a line, unless JSON is asked for."""

    def say_lines(self, text: str) -> None:
        """Print text that has lines of its own."""

    def write(self, text: str) -> None:
        """Print text as it is."""

    def json(self, document: Json) -> None:
        """Print a document on a line of its own."""


class Desk(Protocol):
    """What the command line lends the commands of a voice."""

    @property
    def terminal(self) -> Printer:
        """Where commands print."""
        ...

    home: str
    version: str

    def host(self) -> Host:
        """Where runs live."""
        ...

    def warn(self, text: str) -> None:
        """Tell the user of something odd that does not hinder."""
        ...

    def start_engine(self, run: str) -> None:
        """Start a process that drives the run to its end."""
        ...

    def stop(self, row: RunRow, wait_s: float) -> RunRow:
        """Ask for the run to be stopped; gives it as it stands when it has ended, or when the time is up."""
        ...

    def carry_out(self, command: str, words: Sequence[str]) -> int:
        """Carry out another command of `motet`; gives its exit code."""
        ...


class Command(Record, frozen=True):
    """A command that a voice adds to `motet`.

    name       as it is typed
    told       what it does, for `motet --help`; "" keeps it out of there
    arguments  adds what it takes to its parser
    perform    does it; gives the exit code
    shim       the executable that `motet shims` makes of it; "" for none
    """

    name: str
    told: str
    arguments: Callable[[ArgumentParser], None]
    perform: Callable[[Namespace, Desk], int]
    shim: str = ""


class Delivered(Record):
    """What `motet results` prints, or which files it has written."""

    text: str = ""
    files: Sequence[str] = ()


class Voice:
    """A language that workflows are written in. One overrides what differs from what stands here.

    name        as its runs have it in `program["voice"]`
    title       what is written in it, in a sentence: "a Python flow"
    sign        how one is told, for those who named a file that nobody knows
    run_words   what its users call the statuses of runs, by Motet's; those left out are called alike
    step_words  the same of steps
    instead     by option, what to do in this voice in place of an option that it has not
    uncached    why no result of a step is kept where none is, with {task} and {step}
    forks       whether its runs can be forked
    puts_out    whether its steps put out contents that `motet results` and `motet.load` give
    commands    what it adds to `motet`
    takes_arguments  whether what stands after `--` is for the target's own code, as `sys.argv`
    """

    name: str = ""
    title: str = ""
    sign: str = ""
    run_words: Mapping[str, str] = {}
    step_words: Mapping[str, str] = {}
    instead: Mapping[str, str] = {}
    uncached: str = ""
    forks: bool = False
    puts_out: bool = False
    takes_arguments: bool = False
    commands: Sequence[Command] = ()

    def tells(self, target: Target) -> bool:
        """Whether the target is surely written in it. Files are told by what stands in them, in every command alike.

        Raises TargetError for one that is and cannot be loaded.
        """
        raise NotImplementedError

    def takes(self, target: Target) -> bool:
        """Whether it may be: asked only where no voice is sure."""
        return False

    def options(self, command: str, add: Callable[..., Any]) -> None:
        """Add its own options of `run` (and `submit`), `fork` or `results`, by `add`, which takes what `add_argument`
        of an `argparse` parser does. Defaults count for nothing: an option that is not given is absent.
        """

    def new_run(self, host: Host, target: Target, asked: Asked) -> NewRun:
        """A run of the target, checked and not yet made. Raises UsageError, TargetError for what is wrong with it."""
        raise NotImplementedError

    def run(self, host: Host, target: Target, asked: Asked) -> bool:
        """Make a run (or several) and drive it to its end, on this thread.

        Gives whether the target's own code began the runs, and so knows how they ended: where their calls give states,
        their outcome is then no matter of the exit code.
        """
        new = self.new_run(host, target, asked)
        asked.begun(new.id)
        host.create(new)
        self.carry_on(host, host.store.run(new.id), Onward(watch=asked.watch))
        return False

    def carry_on(self, host: Host, row: RunRow, onward: Onward) -> object:
        """Drive the run to its end, on this thread, from where its history ends.

        What outcomes stay on reopening, beside successes, its program says: see `motet.kernel.program.Lasting`.
        """
        raise NotImplementedError

    def forked(self, host: Host, row: RunRow, asked: Asked, anew: Collection[str]) -> NewRun:
        """A run like that one with other inputs, not yet made, which takes over what does not change.

        The steps `anew`, by key, run in any case. Raises UsageError.
        """
        raise UsageError(f"Run {row.name} is {self.title}, which cannot be forked.", "Run it anew.")

    def moved(self, row: RunRow, at: str) -> Json:
        """The parts of the run's program that say where its files are, if these are `at` that place now.

        Raises TargetError for a place where they are not.
        """
        raise UsageError(f"Run {row.name} is {self.title}, which is read from no file again.", "Leave out --at.")

    def check(self, host: Host, target: Target, asked: Asked) -> Sequence[MotetError]:
        """What is wrong with the target, as far as that can be seen without running or building anything.

        One whose `new_run` fetches or builds says here what it can see without that.
        """
        try:
            self.new_run(host, target, asked)
        except MotetError as error:
            return [error]
        return ()

    def described(self, host: Host, target: Target, asked: Asked) -> Described | None:
        """What runs of a registered target are made of, checked but for parameters to come; None: as `new_run` says."""
        return None

    def values(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        """What its steps have put out so far: {step: {output: content}}. Raises UsageError where they put out none."""
        raise UsageError(f"Run {row.name} is no run of a workflow file.", "`motet show` shows what it has given.")

    def results(self, host: Host, row: RunRow, options: Mapping[str, Any], output: str) -> Delivered:
        """What `motet results` gives of the run, written to `output` if that is not ""; as JSON unless its own options
        say otherwise. Raises UsageError.
        """
        import json

        text = json.dumps(self.values(host, row), indent=2) + "\n"
        if not output:
            return Delivered(text)
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
        return Delivered(files=[os.path.abspath(output)])

    def frames(self, host: Host, row: RunRow) -> Mapping[str, Any]:
        """The same as pandas data frames by name. Raises UsageError where it is no table."""
        raise UsageError(f"What run {row.name} has put out are no tables.", "`motet results` prints it.")
