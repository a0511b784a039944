"""What is asked of the command runner, and what it gives back. No voice's words, and nothing that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from motet.errors import UsageError
from motet.values.files import File

if TYPE_CHECKING:
    from motet.kernel.events import Json

AT_ONCE = "at_once"
"""Option of an attempt: its function gives a `Command` without taking time, and has no effect beside that."""

ANY: tuple[int, ...] = ()
"""For `Command.accept`: every exit status is a success."""


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function in another environment, called with keyword arguments.

    name      "module:function", or "/path/to/file.py:function"
    kwargs    its arguments: JSON
    files     arguments that are files, by name: paths relative to the working directory, which it gets as absolute ones
    python    the interpreter; "" for the one that runs this. It needs no Motet. Python 3.6 or later
    paths     folders that come first on its `sys.path`
    returns   False: what the function returns is ignored. True: it is JSON, and becomes `Finished.value`
    given     files that it finds at a second place too: {place: file}, both relative to the working directory. One that
              it has not written to is gone from there when it has succeeded, so it is taken for no output
    seen_at   an absolute path at which it sees its working directory, where the system allows namespaces and nothing
              that is needed lies at that path; elsewhere it sees it where it is. "" asks for nothing. Only on the host

    It is called in a warm process of that interpreter and those paths where there is one: what an earlier call
    has left in its modules is still there. Working directory and environment variables are set for each call.
    """

    name: str
    kwargs: Mapping[str, Json] = field(default_factory=dict)
    python: str = ""
    paths: tuple[str, ...] = ()
    returns: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    seen_at: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """Something of the host that the command sees at a place of its own.

    target  where the command sees it: absolute, or relative to its folder; may lie in another mount
    source  a file or folder of this host, or a `File` that a step has put out
    mode    "ro": it cannot be written to; "cow": writes are legal and stay with the step; "rw": they reach the source
    """

    target: str
    source: str | File
    mode: str = "cow"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the command and all that it starts may use; None for no limit.

    memory_bytes  resident memory; who goes over it is killed, and the step fails with "out of memory"
    cpus          processor time per second: 0.5, 2
    pids          how many processes and threads
    disk_bytes    size of the step's folder
    """

    memory_bytes: float | None = None
    cpus: float | None = None
    pids: int | None = None
    disk_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """The command runs here as any program does. Mounts must be relative: their content is copied or linked."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The command runs here, in namespaces of its own: true mount paths, no root needed, nothing survives it.

    It has no rights, not even root's, and sees the host's files as they are, read-only: but for /tmp, /run, /dev/shm
    and terminals, which are its own, the devices, and what Motet keeps.

    network  False: there is none. With one, what listens on this host at a port or an abstract name can be reached
    gpus     True: the devices of graphics processors are there
    workdir  where the step's folder is seen; "" for the same path as outside
    """

    network: bool = True
    gpus: bool = False
    workdir: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """The command runs in a container of docker, podman or apptainer.

    image    its name; which one that was then is recorded by digest
    engine   "docker", "podman", "apptainer"; "" for whichever is there, in this order
    pull     "missing": only if it is not there; "always"; "never"
    network  as the engine calls it: "none", "host", ...; "" for the engine's default
    user     "uid:gid"; "" for the user of this process
    gpus     as the engine's option: "all"; "" for none
    workdir  where the step's folder is seen; "" for the same path as here
    options  further options of the engine's `run` (of apptainer's `exec`): ("--shm-size", "1g")
    as_made  True: it begins in the image's own working directory and by the image's own entry point, as `docker run
             IMAGE COMMAND` does, whatever `Command.cwd` says (apptainer, which has neither: in the step's folder).
             Without, and for a `Function`, it is started by itself, in the step's folder
    """

    image: str
    engine: str = ""
    pull: str = "missing"
    network: str = ""
    user: str = ""
    gpus: str = ""
    workdir: str = ""
    options: Sequence[str] = ()
    as_made: bool = False


Place: TypeAlias = Host | Sandbox | Container


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be run, where, with what, and what counts of it.

    run       shell text (for /bin/sh), an argument list, or a `Function`
    stdin     text for its standard input, such as a script for the interpreter that `run` names; empty by default
    folder    its working folder, made if need be and never removed. "" for a fresh one, which is removed after a
              success: its outputs are artifacts then
    cwd       where in the folder it begins: a relative path
    env       environment variables beside those of this process (None: removed). In a container: all there are
    secrets   environment variables by the name of a secret: {"TOKEN": "github"}. Their values stand in no record, and
              are replaced by *** in logs
    outputs   files to keep, relative to the folder: paths and globs (`*`, `**`, `?`, `[...]`). A plain path that
              is not there afterwards fails the step, as does one that leads out of the folder. A folder stands for
              all files below it
    changed   keep every file that is new or changed in the folder, whatever it is called, and tell what was removed;
              in copies that are mounted elsewhere too: their outputs have the absolute path that the command saw
    mounts    see `Mount`
    place     `Host()`, `Sandbox()` or `Container(...)`
    limits    see `Limits`
    accept    exit statuses that are a success: (0,); `ANY` for all
    facts     what is worth recording of it beside its place: it comes to stand in `Finished.place`
    then      called with the `Finished` of a success, in this process, off the run's own thread: what it returns
              is the value of the step, what it raises fails it

    The engine's policy for the step says how long it may take, how often it is tried and how long its grace is.
    """

    run: str | Sequence[str] | Function
    stdin: str = ""
    folder: str = ""
    cwd: str = ""
    env: Mapping[str, str | None] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    changed: bool = False
    mounts: tuple[Mount, ...] = ()
    place: Place = field(default_factory=Host)
    limits: Limits = field(default_factory=Limits)
    accept: tuple[int, ...] = (0,)
    facts: Mapping[str, Json] = field(default_factory=dict)
    then: Callable[[Finished], Any] | None = None

    @property
    def title(self) -> str:
        """The command in one short line, for messages."""
        if isinstance(self.run, Function):
            return f"{self.run.name}()"
        text = self.run if isinstance(self.run, str) else " ".join(self.run)
        lines = text.strip().splitlines() or [""]
        line = lines[0] if len(lines) == 1 else f"{lines[0]} ..."
        return line if len(line) <= _TITLE_CHARS else f"{line[:_TITLE_CHARS]}..."


_TITLE_CHARS = 120


def checked_env(env: Mapping[Any, Any]) -> None:
    """Raises UsageError for what cannot be an environment variable."""
    for name, value in env.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise UsageError(f"{name!r} cannot be the name of an environment variable.", "Leave out = and NUL.")
        if value is not None and (not isinstance(value, str) or "\0" in value):
            cure = "Give text without NUL, or None to remove it."
            raise UsageError(f"The environment variable {name} cannot be {value!r:.80}.", cure)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended. It is also kept as JSON beside the folder, for a failed or stopped one too.

    exit_code  its exit status; 128 + n for one that signal n has ended
    outputs    the files that were to be kept and are there, sorted by path; those of absolute paths, which lie in
               mounts outside of the folder, come last
    value      what a `Function` returned
    stdout     the last of what it wrote there, at most 16 KB; all of it is in the run's log
    folder     where it ran; "" if that was removed
    place      what is worth knowing of where it ran: {"kind": "container", "image": "sha256:..."}; with an environment
               {"environment": {"digest", "commits": {component: commit}}}
    inputs     the files of other steps that were mounted, as {"target", "artifact", "run", "step"}
    removed    with `Command.changed`: the files that were in the folder, or in a mount below it, and are gone; sorted
    """

    exit_code: int
    outputs: tuple[File, ...] = ()
    value: Json = None
    stdout: str = ""
    folder: str = ""
    place: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[Mapping[str, Json], ...] = ()
    removed: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Finished, tuple([getattr(self, name) for name in Finished.__slots__])

    def output(self, path: str) -> File:
        """The output of that path. Raises KeyError, naming those that there are."""
        for each in self.outputs:
            if each.path == path:
                return each
        raise KeyError(f"no output {path!r}; there are: {', '.join(each.path for each in self.outputs) or 'none'}")
