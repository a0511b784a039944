"""A worker in a pool: the job that it has, and the way from its start to its end.

All of it runs in the pool's thread, but for `post`.
"""

from __future__ import annotations

import selectors
import signal
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Protocol, TypeAlias

from motet.errors import ExecutorError, MotetError
from motet.executors import messages
from motet.executors.worker_process import Output, WorkerProcess
from motet.ports import Attempt, Failure, Outcome, Success
from motet.values.pickle import Part

_LEAVE_S = 1.0
"""How long a worker may take to end when it has nothing to do."""

_UNKILLABLE_S = 10.0
"""How long the system may take to end a killed process before it is given up (it hangs in a driver)."""

_GROUP_POLL_S = 0.02
_EXIT_POLL_S = 0.1
"""How often to look for what no descriptor tells: the end of a group; of a worker, without a pidfd."""


Kind: TypeAlias = Hashable
"""What two jobs must have in common to be done by one worker."""


class Job(Protocol):
    """What a pool has to do for an attempt.

    parts      the message that tells a worker of it
    settings   what the worker has to have in common with this process
    member     the worker that has it
    stopping   why it was asked to stop; None if it was not
    moved      whether it was given to another worker once, since its first had died before it could begin
    """

    attempt: Attempt
    kind: Kind
    parts: Sequence[Part]
    settings: tuple[Any, ...] | None
    member: Member | None
    stopping: str | None
    moved: bool
    outcome: Outcome | None

    def by_value(self) -> Sequence[Part]:
        """The message for a worker that does not know the function by name. Raises ExecutorError."""
        ...

    def lines(self, stream: str, text: str, at: float, ended: bool = True) -> None:
        """The worker wrote these lines; see `ports.LineLog`."""
        ...


class Employer(Protocol):
    """What a member needs of its pool."""

    def request(self, action: Callable[[], None]) -> None:
        """Do something in the pool's thread."""
        ...

    def answered(self, member: Member, job: Job) -> None:
        """The job has its outcome, and the member is ready for another one unless it is ending."""
        ...

    def buried(self, member: Member, job: Job | None) -> None:
        """Nothing is left of the worker. `job` is what it had in hand, with an outcome or not."""
        ...

    def stray(self, stream: str, text: str) -> None:
        """A worker without a job wrote these lines."""
        ...


class Member:
    """A worker of a pool.

    booted     it has shown signs of life           ending    it gets no more jobs
    told       its group was asked to end           killed    its group was killed
    ended      the process is gone (`status`), its group perhaps not
    closed     nothing is left
    """

    def __init__(
        self, process: WorkerProcess, selector: selectors.BaseSelector, employer: Employer, kind: Kind
    ) -> None:  # fmt: skip
        self.process = process
        self.kind = kind
        self.job: Job | None = None
        self.booted = self.ending = self.told = self.killed = self.ended = self.closed = False
        self.status = 0
        self._begun: Job | None = None
        self._spoke: Job | None = None
        self._deadline: float | None = None
        self._selector = selector
        self._employer = employer
        self._sending = threading.Lock()
        self._watch(process.control, self._on_control)
        for output in process.outputs:
            self._watch(output.fd, partial(self._on_output, output))
        if process.pidfd is not None:
            self._watch(process.pidfd, self._on_exit)
        self.post(process.boot)

    def _watch(self, fd: Any, action: Callable[[int], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, action)

    def _unwatch(self, fd: Any) -> None:
        with suppress(KeyError):
            self._selector.unregister(fd)

    # -- messages

    def begin(self, job: Job) -> None:
        """Tell the worker of the job that was assigned to it. From any thread."""
        parts = job.parts
        if job.settings is not None and self.process.settings != job.settings:
            self.process.settings = job.settings
            parts = [*messages.message("settings", *job.settings), *parts]
        self.post(parts, job)

    def post(self, parts: Sequence[Part], job: Job | None = None) -> None:
        """Send a message (that of the job), or begin to. From any thread."""
        if job is not None and self.booted:
            job.attempt.began_at = monotonic()
        self._send(parts, job)

    def _send(self, parts: Sequence[Part], job: Job | None) -> None:
        with self._sending:
            if self.closed:
                return
            self._begun = job
            with suppress(OSError):  # it has ended: that will be seen, and that it did not get the message
                if not self.process.send(parts):
                    self._employer.request(partial(self._listen, selectors.EVENT_READ | selectors.EVENT_WRITE))

    def _listen(self, events: int) -> None:
        if not self.closed:
            with suppress(KeyError):  # its end is closed already
                self._selector.modify(self.process.control, events, self._on_control)

    def _on_control(self, events: int) -> None:
        if self.closed:
            return
        if events & selectors.EVENT_WRITE:
            self._send_more()
        if events & selectors.EVENT_READ:
            try:
                self._take_messages()
            except EOFError:
                self._unwatch(self.process.control)
                self.leave()
            except Exception:  # noqa: BLE001 - boundary: a task wrote into the channel; its worker is lost
                self._unwatch(self.process.control)
                self.kill()

    def _send_more(self) -> None:
        with self._sending:
            try:
                done = self.process.send_more()
            except OSError:
                done = True
            if done:
                self._listen(selectors.EVENT_READ)

    def _take_messages(self) -> None:
        for kind, *rest in self.process.received():
            if kind == "ready":
                self.booted = True
                if self.job is not None:
                    self.job.attempt.began_at = monotonic()
            elif self.job is None:
                raise ValueError(kind)
            elif kind == "checkpoint":
                self._on_checkpoint(self.job, *rest)
            elif kind == "unknown":
                self._begin_by_value(self.job, rest[0])
            else:
                self._on_answer(self.job, kind, *rest)

    def _begin_by_value(self, job: Job, error: Any) -> None:
        try:
            job.parts = job.by_value()
        except ExecutorError:
            self._on_answer(job, "failure", error, False)
        else:
            self.begin(job)

    def _on_checkpoint(self, job: Job, made: Any) -> None:
        self._spoke, keep = job, job.attempt.keep
        try:
            number, refused = keep(made) if keep is not None else 0, None
        except Exception as error:  # noqa: BLE001 - boundary: whatever hinders it is for the attempt's code to know
            told = error if isinstance(error, MotetError) else MotetError(f"The checkpoint was not kept: {error!r}.")
            number, refused = 0, (told.what, told.cure)
        self._send(messages.message("kept", number, refused), self._begun)

    def _on_answer(self, job: Job, kind: str, content: Any, leaving: bool, usage: Any = None) -> None:
        job.outcome = Success(record=content) if kind == "success" else Failure(content)
        job.outcome.facts = usage
        for output in self.process.outputs:
            output.drain(partial(self._log, job))
        if leaving or not self.booted:
            self.leave()
        if not self.told and not self.ended:  # else it counts when the whole group has ended
            self._employer.answered(self, job)

    def _on_output(self, output: Output, events: int) -> None:
        if not self.closed and not output.read(partial(self._log, self.job)):
            self._unwatch(output.fd)

    def _log(self, job: Job | None, stream: str, text: str, at: float, ended: bool = True) -> None:
        if job is not None:
            job.lines(stream, text, at, ended)
        elif ended:
            self._employer.stray(stream, text)

    def cannot_have_begun(self, job: Job) -> bool:
        """Whether the worker, which is gone, had not even read what its job is."""
        if job is not self._begun:
            return True
        if job is self._spoke:
            return False
        return self.booted and (self.process.unread or bool(self.process.unsent))

    # -- the end

    def dismiss(self) -> None:
        """Have the worker end, which has nothing to do."""
        if self.process.parting:
            self.leave()
            self.post(self.process.parting)
        else:
            self.kill()

    def leave(self) -> None:
        """Give the worker a moment to end by itself."""
        self.ending = True
        if self._deadline is None:
            self._deadline = monotonic() + _LEAVE_S

    def stop(self, grace_s: float) -> None:
        """Ask the worker, and all that it has started, to end within the grace."""
        self.ending = self.told = True
        self._deadline = monotonic() + grace_s
        if grace_s > 0:
            self.process.ask()

    def kill(self) -> None:
        """End the worker and all that it has started."""
        self.ending = self.killed = True
        self._deadline = monotonic() + _UNKILLABLE_S
        self.process.signal_group(signal.SIGKILL)

    def patience_s(self, now: float) -> float | None:
        """In how many seconds to look at it again; None if it will speak up."""
        waits = [] if self._deadline is None else [self._deadline - now]
        if self.ended:
            waits.append(_GROUP_POLL_S)
        if self.process.pidfd is None:
            waits.append(_EXIT_POLL_S)
        waits += [output.due_at - now for output in self.process.outputs if output.due_at is not None]
        return max(0.0, min(waits)) if waits else None

    def look(self, now: float) -> None:
        """See whether it has ended, and whether patience has."""
        if self.closed:
            return
        for output in self.process.outputs:
            if output.due_at is not None:
                output.tell_open(partial(self._log, self.job), now)
        if not self.ended and self.process.pidfd is None and self.process.has_ended():
            self._on_exit(0)
        elif self.ended and not self._group_has_time():
            self._bury()
        elif self._deadline is not None and now >= self._deadline:
            if self.killed:
                self._bury()
            else:
                self.kill()

    def _group_has_time(self) -> bool:
        return self.told and not self.killed and self.process.signal_group(0)

    def _on_exit(self, events: int) -> None:
        """The process has ended. What it had started goes too: at once, or in its grace if it was told."""
        if self.closed or self.ended:
            return
        self.ended = self.ending = True
        if self.process.pidfd is not None:
            self._unwatch(self.process.pidfd)
        if not self.told:
            # Before it is reaped: until then nobody else can get the group's id.
            self.process.signal_group(signal.SIGKILL)
        self.status = self.process.reap()
        self.look(monotonic())

    def _bury(self) -> None:
        """Take what the worker has said last, and let go of it."""
        self.ended = self.ending = True
        with suppress(Exception):  # boundary: what a dying process wrote may be cut off anywhere
            self._take_messages()
        job, self.job = self.job, None
        for output in self.process.outputs:
            output.drain(partial(self._log, job))
        for fd in (self.process.control, *(output.fd for output in self.process.outputs), self.process.pidfd):
            if fd is not None:
                self._unwatch(fd)
        with self._sending:
            self.closed = True
            self.process.close()
        self._employer.buried(self, job)
