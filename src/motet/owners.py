"""Who drives a run, whether that process still lives, and starting one that does; which servers of a home live."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache

from motet import private
from motet.ports import Owner
from motet.typed import Any

LEASE_S = 15.0
"""How long an owner that is silent still counts as alive, unless its process is seen to be dead."""

BEGUN = "MOTET_BEGUN"
"""The variable by which a command is told, as JSON, who begins runs by it: {"by": "server", "user": NAME, ...}."""


def written(owner: Owner) -> dict[str, Any]:
    """The owner as plain data."""
    return {each: getattr(owner, each) for each in type(owner).__record__}


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; 0 where the system does not say; None if it is dead."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if os.path.isdir("/proc/self") else _alive_without_proc(pid)
    except ProcessLookupError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])  # a zombie is dead, it only was not buried


def _alive_without_proc(pid: int) -> int | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0


def this_process() -> Owner:
    """The owner that this process is."""
    pid = os.getpid()
    return Owner(os.uname().nodename, _boot(), pid, _start_ticks(pid) or 0)


def is_dead(owner: Owner) -> bool:
    """Whether the owner is known to be dead: its process is gone, or its host has been booted since.

    False for an owner on another host: only its lease can tell.
    """
    if owner.host != os.uname().nodename:
        return False
    if owner.boot != _boot():
        return True
    return _start_ticks(owner.pid) != owner.started


# ---------------------------------------------------------------- processes that drive runs


def engine_log(home: str, run: str) -> str:
    """The file of what a process says that was started to drive the run."""
    return os.path.join(home, "engines", f"{run}.log")


def begun_by(way: str) -> dict[str, Any]:
    """Who begins a run, for its program to keep: in which way, as which user, and in which folder. Whoever has this
    process begin it may have said so (see BEGUN).
    """
    from json import loads

    told: dict[str, Any] = loads(os.environ.get(BEGUN) or "{}")
    return {"by": way, "user": private.user(), "folder": os.getcwd(), **told}


def start_engine(
    home: str, run: str, folder: str | None = None, command: Sequence[str] = (), interpreter: str = "",
    env: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Start a process of its own session that drives the run, in that folder, by that interpreter, in that environment,
    or those of this process; what it says goes to a file below the home. `command` is another one that does so, in
    place of `engine RUN`.
    """
    from subprocess import DEVNULL, Popen

    private.make_folder(os.path.join(home, "engines"))
    with open(engine_log(home, run), "ab", opener=private.opener) as log:
        Popen(
            [interpreter or sys.executable, "-P", "-m", "motet.cli", *(command or ("engine", run))],
            stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=folder,
            env={**(os.environ if env is None else env), "MOTET_HOME": home},
        )  # fmt: skip


# ---------------------------------------------------------------- servers

_SERVERS = "servers"
_NUMBERS = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
_EVERYWHERE = {"127.0.0.1": "0.0.0.0", "::1": "::"}
"""Where somebody listens at all addresses of a kind, nobody else can at one of them."""


def note_server(home: str, number: str, port: int, scheme: str = "http") -> int:
    """Note that this process listens there as a server of the home, until it ends or closes the file that is given: it
    holds a lock, which the system takes from whoever dies. Raises OSError.
    """
    private.make_folder(os.path.join(home, _SERVERS))
    noted = private.opener(_server_file(home, number, port), os.O_RDWR | os.O_CREAT)
    fcntl.flock(noted, fcntl.LOCK_SH)
    os.truncate(noted, 0)
    os.write(noted, scheme.encode())
    return noted


def servers(home: str) -> list[str]:
    """The addresses at which servers of the home listen on this machine, as URLs."""
    folder = os.path.join(home, _SERVERS)
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        number, _, port = name.rpartition(":")
        if _is_held(path):
            with open(path, encoding="ascii") as file:
                scheme = file.read() or "http"
            own = next((each for each, everywhere in _EVERYWHERE.items() if everywhere == number), number)
            found.append(f"{scheme}://[{own}]:{port}" if ":" in own else f"{scheme}://{own}:{port}")
    return found


def own_server(home: str, host: str, port: int) -> str:
    """The number that reaches the server of this home which listens there, on this machine; empty if none does."""
    for number in _NUMBERS.get(host, ()):
        if _is_held(_server_file(home, number, port)) or _is_held(_server_file(home, _EVERYWHERE[number], port)):
            return number
    return ""


def _server_file(home: str, number: str, port: int) -> str:
    return os.path.join(home, _SERVERS, f"{number}:{port}")


def _is_held(path: str) -> bool:
    try:
        noted = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(noted, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(noted)
    return False
