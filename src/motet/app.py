"""The composition root: settings become objects. The only file that knows all adapters.

MOTET_HOME        where runs, artifacts and logs are kept (default ~/.motet)
MOTET_DURABILITY  "normal": survives any kill; "full": also a loss of power, at a sync for each commit
MOTET_THREADS     how many threads, MOTET_PROCESSES how many processes run submitted tasks of this process
MOTET_COMMANDS    how many commands it runs at once
MOTET_CHECKPOINTS how much is kept of the checkpoints of one step: "2Gi" by default; "none" for all of them
MOTET_GPUS        how many GPUs there are, or which; MOTET_RESOURCES: what else attempts may take, as "licence=2"
MOTET_MACHINE     the folder in which processes see who has what of the machine, for several homes that share it
MOTET_SERVER      the address of a server, whose runs commands show and steer in place of those of the home
MOTET_LOG_LIMIT   how much is kept of what one run writes: "1Gi" by default; "none" for all of it
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from motet import owners, private, voices
from motet.artifacts.opener import Opener
from motet.engine.host import Host
from motet.errors import UsageError
from motet.executors.machine import Machine, capacities
from motet.ports import ExecutorSpec
from motet.ports.voice import PACKED
from motet.private import home as home
from motet.typed import TYPE_CHECKING, Literal
from motet.values.secrets import Secrets

if TYPE_CHECKING:
    from types import TracebackType

    from motet.checkpoints import Checkpoints
    from motet.client.remote import Remote
    from motet.engine.driver import Driver
    from motet.kernel.events import Event, Json
    from motet.ports import ArtifactStore, Executor, LogStore, RunRow, Store
    from motet.ports.voice import Onward
    from motet.stores.sqlite import SqliteStore


class SystemClock:
    """The wall clock."""

    now = staticmethod(time.time)


def open_store(folder: str) -> SqliteStore:
    """The store below `folder`, made if need be."""
    from motet.stores.sqlite import SqliteStore

    return SqliteStore(folder, durability=_durability())


def make_room(folder: str) -> None:
    """Where the disk of the home is full, use the room that is kept for that."""
    from motet.stores.homes import make_room

    make_room(folder)


def file_system(folder: str) -> str:
    """The type of the file system that the folder is on; empty where the system does not say."""
    from motet.stores.homes import file_system, mountinfo

    return file_system(os.path.realpath(folder), mountinfo())


def open_artifacts(folder: str) -> ArtifactStore:
    """The artifact store below `folder`."""
    return _artifacts_opener(folder)()


def _artifacts_opener(folder: str) -> Opener:
    return Opener(os.path.join(folder, "artifacts"), _durability())


def unswept(folder: str) -> AbstractContextManager[None]:
    """While in it, no artifact of the home is removed; a `prune` waits."""
    from motet.artifacts.files import unswept

    path = os.path.join(folder, "artifacts")
    return unswept(path) if os.access(path, os.W_OK) else nullcontext()


def open_logs(folder: str) -> LogStore:
    """The log store below `folder`."""
    return _logs_opener(folder)()


def _logs_opener(folder: str) -> Callable[[], LogStore]:
    """What opens the log store below `folder`: most short runs write nothing."""
    limit_bytes = _size("MOTET_LOG_LIMIT", 2**30)

    def opened() -> LogStore:
        from motet.stores.logs import FileLogs

        return FileLogs(os.path.join(folder, "logs"), hide=Secrets(folder).hide, limit_bytes=limit_bytes)

    return opened


def work_folder(folder: str) -> str:
    """Where commands have their folders: one for each run in it."""
    return os.path.join(folder, "work")


def packed_folder(folder: str) -> str:
    """Where voices keep for a while what can be had again at any time: results packed to be fetched, code pushed."""
    return os.path.join(folder, PACKED)


def shared_folder(folder: str) -> str:
    """Where Python environments are kept, and what they are made of."""
    return os.path.join(folder, "shared")


def open_host(folder: str) -> Host:
    """A host for runs that are kept in `folder`."""

    def processes() -> Executor:
        from motet.executors.processes import ProcessExecutor

        return ProcessExecutor(places["processes"], artifacts=_artifacts_opener(folder))

    def threads() -> Executor:
        from motet.executors.threads import ThreadExecutor

        return ThreadExecutor(_number("MOTET_THREADS", _THREADS))

    def inline() -> Executor:
        from motet.executors.inline import InlineExecutor

        return InlineExecutor()

    def runs() -> Executor:
        from motet.executors.runs import RunExecutor

        return RunExecutor(_CHILDREN)

    def commands() -> Executor:
        from motet.executors.commands.executor import CommandExecutor
        from motet.executors.commands.setting import Setting
        from motet.requests import token

        setting = Setting(
            work_folder(folder), _artifacts_opener(folder), Secrets(folder), shared_folder(folder), (folder,),
            lambda run: token(folder, run),
        )  # fmt: skip
        return CommandExecutor(setting, places["commands"])

    def checkpoints() -> Checkpoints:
        from motet.checkpoints import Checkpoints

        return Checkpoints(host.store, host.artifacts, kept_bytes, host.unsynced)

    kept_bytes = _size("MOTET_CHECKPOINTS", 2 * 2**30)
    cores = os.cpu_count() or 1
    places = {"processes": _number("MOTET_PROCESSES", cores), "commands": _number("MOTET_COMMANDS", cores)}
    host = Host(
        open_store(folder), open_artifacts(folder), _logs_opener(folder), SystemClock(),
        {
            "inline": ExecutorSpec(inline, 1, 0),
            "threads": ExecutorSpec(threads, _number("MOTET_THREADS", _THREADS), 64),
            "processes": ExecutorSpec(processes, places["processes"], 2),
            "commands": ExecutorSpec(commands, places["commands"], 2),
            "runs": ExecutorSpec(runs, _CHILDREN, 0),
        },
        home=folder,
    )  # fmt: skip
    host.machine, host.resources = Machine(private.machine(folder), places, spare=2), capacities()
    host.told, host.made_with = _told, _made_with
    host.checkpoints, host.how_died = checkpoints, how_died
    return host


def engine_log(run: str) -> str:
    """The file of what a process says that was started to drive the run."""
    return owners.engine_log(home(), run)


def how_died(row: RunRow) -> str:
    """How the owner of the run died, which is known to be dead."""
    from motet import deaths

    return deaths.how(row.owner, engine_log(row.id)) if row.owner is not None else ""


def _made_with(program: Json) -> Json:
    """Which Python a run is made with, and which code."""
    found: dict[str, Json] = {"interpreter": sys.version.partition(" ")[0]}
    file = program.get("file") or ""
    place = os.path.dirname(file) if file else program.get("path") or os.getcwd()
    if repository := _repository_of(place):
        from motet import provenance

        found["code"] = provenance.code_of(repository, file)
    return found


def _repository_of(folder: str) -> str:
    """The git repository that the folder is in, "" if it is in none."""
    folder = os.path.realpath(folder)
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder


_THREADS = 32
"""How many submitted tasks run in threads at once, whatever the processors: most of them wait for something."""

_CHILDREN = 1000
"""So many child runs of a run are under way at once."""

verbosity = 0
"""How much of what runs do is said on stderr: 0 that attempts fail, 1 each step that ends, -1 nothing."""

by_command = False
"""Whether a command drives the runs of this process, and shows how they end."""

_TROUBLE = ("step.retrying", "step.failed")


def _told(driver: Driver, events: Sequence[Event]) -> None:
    """Say what may have to be seen to, and write it to the run's log, unless its voice does."""
    if driver.tells_itself:
        return
    for event in events:
        if event.kind in _TROUBLE or verbosity > 0:
            from motet import telling

            telling.tell(driver, events, verbosity, alone=not by_command)
            return


def _durability() -> Literal["normal", "full"]:
    given = os.environ.get("MOTET_DURABILITY", "normal")
    if given not in ("normal", "full"):
        raise UsageError(f"MOTET_DURABILITY is {given!r}.", 'Set it to "normal" or "full".')
    return "full" if given == "full" else "normal"


def _size(name: str, default: int) -> int | None:
    """The size that the variable holds; None for "none"."""
    text = os.environ.get(name)
    if not text:
        return default
    if text == "none":
        return None
    from motet.values.quantities import quantity

    try:
        return int(quantity(text))
    except (UsageError, ValueError, OverflowError):  # "nan" and "inf" are numbers too
        cure = 'Set it to a size such as "500Mi" or "10Gi", or to "none".'
        raise UsageError(f"{name} is {text!r}.", cure) from None


def _number(name: str, default: int) -> int:
    text = os.environ.get(name)
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"{name} is {text!r}.", "Set it to a whole number, 1 or more.")
    return int(text)


class Hosts:
    """The hosts of this process, one for each home, closed with it."""

    def __init__(self, opener: Callable[[str], Host]) -> None:
        self._opener = opener
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def current(self) -> Host:
        """The host for the home that the settings name now."""
        folder = home()
        with self._lock:
            if self._pid != os.getpid():  # after a fork, nothing of the parent's may be used
                self._hosts, self._pid = {}, os.getpid()
            found = self._hosts.get(folder)
            if found is None:
                found = self._hosts[folder] = self._opener(folder)
        return found

    def opened(self) -> Host | None:
        """The same host, if it is there already."""
        return self._hosts.get(home()) if self._pid == os.getpid() else None

    def close(self, *, kill: bool = False) -> None:
        """Close them all; the next one asked for is opened anew."""
        with self._lock:
            hosts, self._hosts = list(self._hosts.values()), {}
        for each in hosts:
            each.close(kill=kill)


def server() -> str:
    """The address of the server whose runs commands show and steer; "" for none: those of the home."""
    return os.environ.get("MOTET_SERVER", "")


def place() -> str:
    """Where the runs are that commands show, in words."""
    return server() or home()


def remote() -> Remote:
    """That server. Raises UsageError where its address is none."""
    from motet.client.remote import Remote

    return Remote(server())


def store() -> Store:
    """The store that commands show: the server's, or the home's."""
    if server():
        return remote().store
    host = hosts.opened()
    return host.store if host is not None else open_store(home())


def artifacts() -> ArtifactStore:
    """The artifacts that commands show."""
    if server():
        return remote().artifacts
    host = hosts.opened()
    return host.artifacts if host is not None else open_artifacts(home())


def logs() -> LogStore:
    """The logs that commands show."""
    return remote().logs if server() else open_logs(home())


def start_engine(run: str) -> None:
    """Start a process of its own session that drives the run; what it says goes to a file below the home."""
    from motet.registry import starting

    starting.start_engine(home(), hosts.current().store.run(run))


def _show_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that ends the program, where nobody else does."""
    from motet import telling

    telling.show(kind, error, trace)


def _watch_end() -> None:
    """From now on errors that end a script, or a cell of a notebook, are shown from the user's own frames on."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _show_end
    if "IPython" in sys.modules:
        from motet import telling

        telling.take_up_errors()


hosts = Hosts(open_host)
voices.lend(voices.Hosting(hosts.current, start_engine))
atexit.register(hosts.close)
_watch_end()


def carry_on(host: Host, row: RunRow, onward: Onward) -> object:
    """Drive a run on, whichever voice it is in. Raises UsageError for one that is not spoken here."""
    in_place(host, row)
    return voices.of_run(row).carry_on(host, row, onward)


def in_place(host: Host, row: RunRow) -> None:
    """Have the code of a run where it looks for it, if it was registered (see `motet.registry.snapshots`)."""
    if "registered" in row.program:
        from motet.registry import snapshots

        snapshots.restore(host.artifacts, row)
