"""Functions in warm processes of other Pythons, which call one after the other: the near side of `far`."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from motet.errors import UsageError
from motet.executors import messages
from motet.executors.commands.child import kill_all
from motet.executors.commands.marks import MARK, branding
from motet.executors.member import Job, Kind, Member
from motet.executors.worker_process import WorkerProcess
from motet.ports import Attempt, Failure, Outcome

if TYPE_CHECKING:
    from subprocess import Popen

    from motet.executors.commands.setting import Setting
    from motet.executors.commands.spec import Function
    from motet.kernel.events import Json
    from motet.values.pickle import Part

_encode = json.JSONEncoder(check_circular=False).encode


def program() -> str:
    """The file that the other Python runs."""
    return os.path.join(os.path.dirname(__file__), "far.py")


def interpreter(function: Function) -> str:
    """The Python that is to call the function."""
    return function.python or sys.executable


def process_key(function: Function) -> tuple[str, ...]:
    """What two functions must have in common to be called in one process."""
    return (interpreter(function), function.seen_at, *function.paths)


def call_of(function: Function, cwd: str, env: Mapping[str, str | None]) -> dict[str, Json]:
    """The call as the far side takes it."""
    return {
        "name": function.name, "kwargs": dict(function.kwargs), "paths": list(function.paths), "cwd": cwd,
        "env": dict(env), "returns": function.returns, "files": dict(function.files), "given": dict(function.given),
        "seen_at": function.seen_at,
    }  # fmt: skip


def told(function: Function, call: Json) -> str:
    """The call as JSON. Raises UsageError for arguments that are none."""
    try:
        return str(_encode(call))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"The arguments of {function.name}() are no JSON: {error}.",
            "Give it plain values; write the rest to files, and give it those.",
        ) from None


class Calling(Protocol):
    """The attempt that a call is made for."""

    @property
    def ends_at_once(self) -> bool:
        """Whether nothing is to be waited for when the answer has come."""
        ...

    def line(self, stream: str, text: str, at: float, ended: bool = True) -> None:
        """The function has written these lines; see `ports.LineLog`."""
        ...

    def answered(self, outcome: Outcome) -> Outcome:
        """How the attempt has ended, from how the call has."""
        ...


class Call:
    """A call in the hands of the pool: see `member.Job`. What comes of it is for `running` to say."""

    __slots__ = ("attempt", "kind", "member", "moved", "outcome", "parts", "running", "settings", "stopping")

    def __init__(self, attempt: Attempt, function: Function, running: Calling, call: Mapping[str, Json]) -> None:
        self.attempt = attempt
        self.running = running
        self.kind: Kind = process_key(function)
        self.parts: Sequence[Part] = messages.frame([told(function, ("call", call)).encode()])
        self.settings: tuple[Any, ...] | None = None
        self.member: Member | None = None
        self.moved = False
        self.stopping: str | None = None
        self.outcome: Outcome | None = None

    def by_value(self) -> Sequence[Part]:
        """See `member.Job`: a function is told by its name only."""
        return self.parts

    def lines(self, stream: str, text: str, at: float, ended: bool = True) -> None:
        """See `member.Job`."""
        self.running.line(stream, text, at, ended)


class WarmProcess(WorkerProcess):
    """A process that calls functions. What it starts has its mark, and is killed with it."""

    def __init__(self, kind: tuple[str, ...], mark: str) -> None:
        """Raises OSError."""
        super().__init__(partial(_spawn, kind[0], mark), decode=json.loads)
        self.mark = mark

    def signal_group(self, number: int) -> bool:
        found = super().signal_group(number)
        if number == signal.SIGKILL:
            kill_all(self.mark)
        return found


class WarmWorkers:
    """What the workers of the pool are: see `pool.Trade`."""

    def __init__(self, setting: Setting, done: Callable[[Job, Outcome], None]) -> None:
        self.done = done
        self._setting = setting

    def hire(self, kind: Kind) -> WorkerProcess:
        """See `pool.Trade`."""
        assert isinstance(kind, tuple)
        mark = self._setting.next_mark()
        try:
            process = WarmProcess(kind, mark)
        except BaseException:
            self._setting.unmark(mark)
            raise
        self._setting.tell(process.pid)
        return process

    def buried(self, process: WorkerProcess) -> None:
        """See `pool.Trade`."""
        assert isinstance(process, WarmProcess)
        self._setting.ended(process.pid)
        self._setting.unmark(process.mark)

    def died(self, member: Member, *, out_of_memory: bool) -> Outcome:
        """See `pool.Trade`: `Calling.answered` says how the attempt has ended."""
        return Failure({"status": member.status})

    def not_hired(self, error: OSError) -> Outcome:
        """See `pool.Trade`: as for `died`."""
        return Failure(None, error)

    def close(self) -> None:
        """Nothing of theirs is left."""


def _spawn(python: str, mark: str, control: socket.socket, out: int, err: int) -> Popen[bytes]:
    from subprocess import DEVNULL, Popen

    fd = control.fileno()
    with branding(mark):
        return Popen(
            [python, program(), str(fd)], env={**os.environ, MARK: mark}, cwd="/", stdin=DEVNULL, stdout=out,
            stderr=err, pass_fds=(fd,), start_new_session=True,
        )  # fmt: skip
