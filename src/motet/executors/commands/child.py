"""A command's process as the runner sees it: its group, its output, its end. No policy."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from motet.executors.alarm import Alarm
from motet.executors.commands.marks import MARK, branding, marked
from motet.executors.worker_process import Output

if TYPE_CHECKING:
    from resource import struct_rusage
    from subprocess import Popen

    from motet.ports import LineLog

_POLL_S = 0.02
"""How often to look for what no descriptor tells: the end of a group; of a process, without a pidfd."""

_UNKILLABLE_S = 10.0
_DYING_S = 0.002
"""How long to let what was killed end before the next look."""

_CLEAN_LOOKS = 2
"""What forks and ends while it is looked for is missed by one look."""


class Child:
    """A process that leads a session and group of its own, with its output in two pipes.

    `mark` is what it and all that it starts are known by (see `marks`), if `env` has it as MARK. Used by one thread,
    but for `signal`.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str] | Mapping[bytes, bytes], cwd: str | None, stdin: int,
        mark: str, pass_fds: Sequence[int] = (),
    ) -> None:  # fmt: skip
        """Start the process. Raises OSError."""
        from subprocess import Popen

        self.mark = mark
        self.ended = False
        ends = []
        try:
            for _ in range(2):
                ends.append(os.pipe())
            with branding(mark) if mark in _marks_in(env) else nullcontext():
                self._popen: Popen[bytes] = Popen(
                    argv, env=env, cwd=cwd, stdin=stdin, stdout=ends[0][1], stderr=ends[1][1], pass_fds=pass_fds,
                    start_new_session=True,
                )  # fmt: skip
        except BaseException:
            for here, _ in ends:
                os.close(here)
            raise
        finally:
            for _, there in ends:
                os.close(there)
        self.pid = self._popen.pid
        self.pidfd = _pidfd(self.pid)
        self.outputs = tuple(Output(name, here) for name, (here, _) in zip(("stdout", "stderr"), ends, strict=True))
        for output in self.outputs:
            os.set_blocking(output.fd, False)

    def signal(self, number: int) -> bool:
        """Send a signal to the whole group; False if nothing of it is left."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def ask(self, *, inside: bool) -> None:
        """Ask the group to end; with `inside` all that has the mark but the first process, which keeps the others."""
        if inside:
            for pid in marked(self.mark):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM if pid != self.pid else 0)
        else:
            self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a process that is halted would not notice

    def kill_all(self) -> None:
        """Kill the group, and whatever else has the mark, until nothing has."""
        self.signal(signal.SIGKILL)
        kill_all(self.mark)

    def has_ended(self) -> bool:
        """Whether the process has ended, without reaping it: its id, and its group's, are still taken."""
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def reap(self) -> tuple[int, struct_rusage]:
        """The exit status, negative for a signal; and what it and what it has waited for took."""
        _, status, usage = os.wait4(self.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        return self._popen.returncode, usage

    def close(self) -> None:
        """Let go of the pipes."""
        for output in self.outputs:
            os.close(output.fd)
        if self.pidfd is not None:
            os.close(self.pidfd)


def _marks_in(env: Mapping[Any, Any]) -> list[str]:
    return [os.fsdecode(env[name]) for name in (MARK, MARK.encode()) if name in env]


def kill_all(mark: str) -> None:
    """Kill what has the mark until nothing has, for as long as the system may take.

    What has become another user's, as by `sudo`, cannot be killed: nobody waits for that.
    """
    until = monotonic() + _UNKILLABLE_S
    clean = 0
    while clean < _CLEAN_LOOKS and monotonic() < until:
        clean += 1
        for pid in marked(mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                clean = 0
        if not clean:
            sleep(_DYING_S)


class Listener:
    """Waits for a child: passes on what it writes, until it has ended, `extra` can be read or time is up."""

    def __init__(self, child: Child, alarm: Alarm, log: LineLog, extra: int | None = None) -> None:
        self._child = child
        self._log = log
        self._alarm = alarm
        self._poll = select.poll()
        self._open = {output.fd: output for output in child.outputs}
        for fd in (*self._open, alarm.fd, *(each for each in (child.pidfd, extra) if each is not None)):
            self._poll.register(fd, select.POLLIN)
        self._extra = extra

    def listen(self, patience_s: float | None) -> bool:
        """Wait once; True if `extra` can be read. Afterwards `child.ended` tells whether the process has ended."""
        if self._child.pidfd is None:
            patience_s = min(_POLL_S, _POLL_S if patience_s is None else patience_s)
        for each in self._open.values():
            if each.due_at is not None:
                wait_s = each.due_at - monotonic()
                patience_s = wait_s if patience_s is None else min(patience_s, wait_s)
        news = False
        for fd, _ in self._poll.poll(None if patience_s is None else max(0.0, patience_s) * 1000):
            output = self._open.get(fd)
            if output is not None:
                if not output.read(self._log):
                    self._poll.unregister(fd)
                    del self._open[fd]
            elif fd == self._alarm.fd:
                self._alarm.clear()
            elif fd == self._extra:
                news = True
            else:
                self._child.ended = True
        for each in self._open.values():
            if each.due_at is not None:
                each.tell_open(self._log, monotonic())
        if self._child.pidfd is None and self._child.has_ended():
            self._child.ended = True
        return news

    def drain(self) -> None:
        """Pass on all that was written up to now, the last lines too if their ends are missing."""
        for output in self._child.outputs:
            output.drain(self._log)


def script_on(text: str) -> int:
    """A file descriptor to read the text from, as standard input."""
    if not text:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.seek(0)
        return os.dup(file.fileno())


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # another system, an old kernel, a sandbox
        return None


def exit_status(status: int) -> int:
    """As a shell says it: 128 + n for signal n."""
    return status if status >= 0 else 128 - status
