"""A worker process as its executor sees it: its channel, its output, its life and death. No policy."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from motet import forks
from motet.executors import messages
from motet.executors.current import LINE_CHARS, NEAR_CHARS, OPEN_S, piece_end, so_far
from motet.values import pickle

if TYPE_CHECKING:
    import socket
    from subprocess import Popen

    from motet.ports import LineLog

_BOOT = (
    "import sys; n = int(sys.argv[1]); p = int(sys.argv[2]); sys.path[:] = sys.argv[3:];"
    " from motet.executors.worker import main; main(n, p)"
)
_CHUNK_BYTES = 256 * 1024
_LAST_CHARS = 4096
_PIPE_BYTES = 1024 * 1024
"""No pipe holds more than this: what was written before an outcome is within so many bytes of its pipe."""


class Undecoded(str):
    """Lines some bytes of which are no UTF-8: U+FFFD stands for these. In `escaped` surrogates do, as Python has it."""

    escaped: str

    def changed(self, change: Callable[[str], str]) -> Undecoded:
        """The same, with both changed so."""
        made = Undecoded(change(self))
        made.escaped = change(self.escaped)
        return made


def _decoded(lines: bytes) -> str:
    try:
        return lines.decode()
    except UnicodeDecodeError:
        text = Undecoded(lines.decode("utf-8", "replace"))
        text.escaped = lines.decode("utf-8", "surrogateescape")
        return text


class Output:
    """One of the two pipes, cut into lines: those that arrive together are logged together.

    due_at  when `tell_open` is to be called, by `time.monotonic`; None if there is no line that has no end
    """

    def __init__(self, stream: str, fd: int) -> None:
        self.stream = stream
        self.fd = fd
        self._last = ""
        self._rest = b""
        self.due_at: float | None = None

    def read(self, log: LineLog, most_bytes: int = _CHUNK_BYTES) -> bool:
        """Log the lines that are there now, up to so many bytes. False when the pipe has come to its end."""
        while most_bytes > 0:
            try:
                chunk = os.read(self.fd, _CHUNK_BYTES)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            most_bytes -= len(chunk)
            self._take(chunk, log)
        return True

    def _take(self, chunk: bytes, log: LineLog) -> None:
        whole, end, rest = (self._rest + chunk).rpartition(b"\n")
        if end:
            self._put(whole, log)
            self.due_at = None
        while len(rest) >= LINE_CHARS + NEAR_CHARS:
            head = rest[: LINE_CHARS + NEAR_CHARS].decode("utf-8", "surrogateescape")
            piece = head[: piece_end(head, len(head) - NEAR_CHARS)].encode("utf-8", "surrogateescape")
            self._put(piece, log)
            rest = rest[len(piece) :]
        self._rest = rest
        if rest and self.due_at is None:
            self.due_at = monotonic() + OPEN_S

    def _put(self, lines: bytes, log: LineLog) -> None:
        text = _decoded(lines)
        self._last = f"{self._last}\n{text[-_LAST_CHARS:]}"[-_LAST_CHARS:]
        log(self.stream, text, time())

    @property
    def last(self) -> str:
        """The last lines, for a worker that does not come up."""
        return self._last.lstrip("\n")

    def tell_open(self, log: LineLog, now: float) -> None:
        """Log what there is of a line that has no end for some time."""
        if self.due_at is not None and now >= self.due_at:
            self.due_at = None  # until more comes
            log(self.stream, so_far(self._rest.decode("utf-8", "replace")), time(), False)

    def drain(self, log: LineLog) -> None:
        """Log all that was written up to now, the last line too if its end is missing."""
        self.read(log, _PIPE_BYTES)
        self.due_at = None
        if self._rest:
            self._put(self._rest, log)
            self._rest = b""


class WorkerProcess:
    """A process that runs `motet.executors.worker`, the leader of a session and group of its own.

    Its messages and output are read by one thread, without ever waiting; `send` may be called by any, but
    only by one at a time. `pidfd` can be waited for with a selector; None where the system has no such thing.
    `boot` is the first message to it, `parting` the last (without one, it is killed when it is not needed any more).
    `decode` makes the content of a message from its bytes. `asked_by` is the signal that asks it to end, which it
    passes on to what it has started; 0 for SIGTERM to all of them.
    """

    def __init__(
        self, spawn: Callable[[socket.socket, int, int], Popen[bytes]], *, boot: Sequence[pickle.Part] = (),
        parting: Sequence[pickle.Part] = (), decode: Callable[[bytes], Any] = pickle.loads, asked_by: int = 0,
    ) -> None:  # fmt: skip
        """Start the process: `spawn` gets its ends of the channel, of its output and its errors. Raises OSError."""
        import socket

        with ExitStack() as on_error, ExitStack() as always:
            self.control, theirs = socket.socketpair()
            on_error.callback(self.control.close)
            always.callback(theirs.close)
            ends = []
            for stream in ("stdout", "stderr"):
                fd, end = os.pipe()
                on_error.callback(os.close, fd)
                always.callback(os.close, end)
                os.set_blocking(fd, False)
                ends.append((Output(stream, fd), end))
            self.outputs = tuple(output for output, _ in ends)
            self._popen = spawn(theirs, *(end for _, end in ends))
            on_error.pop_all()
        self.control.setblocking(False)
        self.boot = boot
        self.parting = parting
        self._decode = decode
        self._asked_by = asked_by
        self.pid = self._popen.pid
        self.pidfd = _pidfd(self.pid)
        forks.own(self.control.fileno(), *(output.fd for output in self.outputs))
        if self.pidfd is not None:
            forks.own(self.pidfd)
        self.unsent: Sequence[pickle.Part] = ()
        self.settings: object = None
        self.unread = False
        self._incoming = bytearray()

    # -- the channel

    def send(self, parts: Sequence[pickle.Part]) -> bool:
        """Send what can be sent now. False if some is left in `unsent`: `send_more` when it can be written.

        Raises OSError when the worker is gone.
        """
        self.unsent = [*self.unsent, *parts]
        return self.send_more()

    def send_more(self) -> bool:
        """Send what can be sent now of what is left; False if some still is."""
        while self.unsent:
            try:
                sent = self.control.sendmsg(self.unsent[:64])
            except BlockingIOError:
                return False
            self.unsent = messages.rest(self.unsent, sent)
        return True

    def received(self) -> Iterator[tuple[Any, ...]]:
        """The messages that have arrived in full. Raises EOFError, after them, when the channel is closed.

        Raises something else if what has arrived is no message.
        """
        open_ = self._fill()
        while len(self._incoming) >= messages.PREFIX:
            end = messages.PREFIX + messages.length(self._incoming[: messages.PREFIX])
            if len(self._incoming) < end:
                break
            content = bytes(memoryview(self._incoming)[messages.PREFIX : end])
            del self._incoming[:end]
            yield self._decode(content)
        if not open_:
            raise EOFError

    def _fill(self) -> bool:
        while True:
            try:
                chunk = self.control.recv(_CHUNK_BYTES)
            except BlockingIOError:
                return True
            except OSError:  # reset: it ended before it had read all that was sent to it
                self.unread = True
                return False
            if not chunk:
                return False
            self._incoming += chunk
            if len(chunk) < _CHUNK_BYTES:
                return True

    # -- life and death

    def ask(self) -> None:
        """Ask the worker, and all that it has started, to end."""
        if self._asked_by:
            with suppress(ProcessLookupError):
                os.kill(self.pid, self._asked_by)
        else:
            self.signal_group(signal.SIGTERM)
        self.signal_group(signal.SIGCONT)  # a process that is halted would not notice

    def signal_group(self, number: int) -> bool:
        """Send a signal to the worker and all that it has started; False if nothing of that is left."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # what is left belongs to another user by now (sudo)
            return False
        return True

    def has_ended(self) -> bool:
        """Whether the process has ended. It is not reaped: its id, and its group's, are still taken."""
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # reaped by somebody else
            return True

    def reap(self) -> int:
        """The exit status of the process, which has ended; negative for a signal."""
        return self._popen.wait()

    def close(self) -> None:
        """Let go of the channel and the pipes."""
        self.control.close()
        for output in self.outputs:
            os.close(output.fd)
        if self.pidfd is not None:
            os.close(self.pidfd)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # another system, an old kernel, a sandbox
        return None


def spawn(control: socket.socket, out: int, err: int) -> Popen[bytes]:
    """Start a worker of this Python. The thread that calls this must outlive it."""
    from subprocess import DEVNULL, Popen, _args_from_interpreter_flags  # type: ignore[attr-defined]

    if not sys.executable:
        raise OSError("this Python does not know its own executable (sys.executable is empty)")
    fd = control.fileno()
    own = [str(fd), str(os.getpid()), *map(str, _boot_path())]
    flags = [flag for flag in _args_from_interpreter_flags() if flag != "-P"]
    return Popen(
        [sys.executable, *flags, "-P", "-c", _BOOT, *own],
        stdin=DEVNULL, stdout=out, stderr=err, pass_fds=(fd,), start_new_session=True,
    )  # fmt: skip


def _boot_path() -> Sequence[str]:
    """`sys.path` for a process that has yet to load Motet."""
    shadows = sys.modules.get("motet.shadows")
    return sys.path if shadows is None else shadows.boot_path()


def oom_kills() -> int:
    """How many processes of this host the kernel has killed for lack of memory; 0 where it does not say."""
    try:
        with open("/proc/vmstat", "rb") as file:
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    except OSError:
        return 0
    return 0
