"""Worker processes kept at work by one thread at a time: jobs in, outcomes out, and nothing that can hang.

All that concerns a worker is decided by who has the helm: the pool's own thread, or one that waits for an outcome
anyway (see `helm`). Others only queue jobs and requests under the lock; to save a hand-off, a job may go straight to
an idle worker.
"""

from __future__ import annotations

import selectors
import signal
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Protocol

from motet.errors import ExecutorError
from motet.executors.alarm import Alarm
from motet.executors.calls import failure, show
from motet.executors.helm import Course, Helm
from motet.executors.member import Job, Kind, Member
from motet.executors.worker_process import WorkerProcess, oom_kills
from motet.interrupts import poll
from motet.ports import Outcome, Stopped


class Trade(Protocol):
    """What the workers of a pool are. It is asked by one thread at a time, but for `done`."""

    def hire(self, kind: Kind) -> WorkerProcess:
        """Start a worker of the kind. Raises OSError."""
        ...

    def buried(self, process: WorkerProcess) -> None:
        """Nothing is left of the worker."""
        ...

    def died(self, member: Member, *, out_of_memory: bool) -> Outcome:
        """How the job ends whose worker has ended without an answer."""
        ...

    def not_hired(self, error: OSError) -> Outcome:
        """How a job ends for which no worker could be started."""
        ...

    def done(self, job: Job, outcome: Outcome) -> None:
        """The job has ended. Called once for each, in some thread."""
        ...

    def close(self) -> None:
        """There will be no more workers."""
        ...


class _Staff:
    """Jobs that wait for workers, and workers that wait for jobs. Used with the pool's lock held."""

    def __init__(self) -> None:
        self.waiting: deque[Job] = deque()
        self.idle: list[Member] = []

    def assign(self, job: Job) -> Member | None:
        """Give the job to an idle worker of its kind, the last one used; `begin` is to follow."""
        for member in reversed(self.idle):
            if member.kind == job.kind:
                self.idle.remove(member)
                member.job, job.member = job, member
                return member
        return None

    def next_for(self, member: Member) -> Job | None:
        """Give the next job to the worker, which is idle if there is none for it; `begin` is to follow."""
        for job in self.waiting:
            if job.kind == member.kind:
                self.waiting.remove(job)
                member.job, job.member = job, member
                return job
        self.idle.append(member)
        return None

    def turned_away(self, kind: Kind) -> list[Job]:
        """The jobs of that kind, which wait no more."""
        found = [job for job in self.waiting if job.kind == kind]
        for job in found:
            self.waiting.remove(job)
        return found


class WorkerPool:
    """Runs jobs in at most `capacity` processes, which are started on demand and kept; those without a slot in others.

    With `tee`, what workers write that have no job is shown here.
    """

    def __init__(self, capacity: int, trade: Trade, *, tee: bool) -> None:
        self._capacity = capacity
        self._trade = trade
        self._done = trade.done
        self._tee = tee
        self._lock = threading.Lock()
        self._staff = _Staff()
        self._members: list[Member] = []
        self._requests: deque[Callable[[], None]] = deque()
        self._closing = False
        self._alarm: Alarm | None = None
        self._thread: threading.Thread | None = None
        self.helm = Helm(self._turn, self._course, self._listen, self._wake)
        self._oom_kills = 0

    # -- called from any thread

    def submit(self, job: Job) -> bool:
        """Run the job. False if the pool is closed."""
        with self._lock:
            if self._closing:
                return False
            if self._thread is None:
                self._open()
            member = self._staff.assign(job)
            if member is None:
                self._staff.waiting.append(job)
        if member is not None:
            member.begin(job)
            self.helm.look_out()
        elif self._has_room(job):
            self._wake()
        return True

    def stop(self, job: Job, reason: str) -> None:
        """End the job: by its worker's death if it has one. It is done with `Stopped`."""
        with self._lock:
            waiting = job in self._staff.waiting
            if waiting:
                self._staff.waiting.remove(job)
        if waiting:
            self._done(job, Stopped(reason))
        else:
            self.request(partial(self._stop, job, reason))

    def close(self, *, kill: bool, patience_s: float | None = None) -> None:
        """Take no more jobs; wait for (or kill) those in hand, and for the end of all processes.

        Called by `done` it does not wait; else it waits no longer than `patience_s`.
        """
        with self._lock:
            self._closing = True
            thread = self._thread
        if thread is None:
            return
        if kill:
            self.request(self._kill_all)
        self._wake()
        if not self.helm.is_mine():
            thread.join(patience_s)

    def request(self, action: Callable[[], None]) -> None:
        """Do something with the helm in hand."""
        self._requests.append(action)
        self._wake()

    def _wake(self) -> None:
        self.helm.recall()
        if self._alarm is not None:
            self._alarm.ring()

    def _open(self) -> None:
        self._alarm = alarm = Alarm()
        self._selector = selectors.DefaultSelector()
        self._selector.register(alarm.fd, selectors.EVENT_READ, lambda events: alarm.clear())
        # Workers are killed when the thread that started them ends: this one starts them all.
        self._thread = threading.Thread(target=self._run, name="motet-processes", daemon=True)
        self._thread.start()

    # -- at the helm

    def _run(self) -> None:
        try:
            self.helm.steer()
        except BaseException as error:  # noqa: BLE001 - boundary: jobs must not wait for a thread that is gone
            self._collapse(error)
        finally:
            self._trade.close()
            self._selector.close()
            if self._alarm is not None:
                self._alarm.close()

    def _turn(self) -> None:
        """All that is due now."""
        while self._requests:
            self._requests.popleft()()
        self._hand_out()
        now = monotonic()
        for member in list(self._members):
            member.look(now)

    def _course(self) -> Course:
        with self._lock:
            if self._closing:
                return Course.OWN if self._members or self._staff.waiting else Course.OVER
            if any(self._has_room(job) for job in self._staff.waiting):
                return Course.OWN
            return Course.BUSY if any(member.job for member in self._members) else Course.IDLE

    def _listen(self, patience_s: float | None) -> None:
        """Wait for what workers say, and take it in."""
        now = monotonic()
        waits = [wait for member in self._members if (wait := member.patience_s(now)) is not None]
        if patience_s is not None:
            waits.append(patience_s)
        # What was queued by this very turn is due at once.
        for key, events in poll(self._selector, 0.0 if self._requests else min(waits, default=None)):
            key.data(events)

    def _hand_out(self) -> None:
        while True:
            with self._lock:
                job = next((each for each in self._staff.waiting if self._has_room(each)), None)
                member = None if job is None else self._staff.assign(job)
                if job is not None and member is not None:
                    self._staff.waiting.remove(job)
            if job is not None and member is not None:
                member.begin(job)
            elif job is None or not self._add_member(job):
                break
        if len(self._members) > self._capacity:
            self._trim()
        if self._closing and not self._staff.waiting:
            self._dismiss()

    def _dismiss(self) -> None:
        """Tell idle workers to end by themselves, so that what the user registered with atexit runs."""
        with self._lock:
            idle, self._staff.idle = self._staff.idle, []
        for member in idle:
            member.dismiss()

    def _has_room(self, job: Job) -> bool:
        """Whether there may be one more worker for the job: in place of an idle one, if need be."""
        return not job.attempt.slot or self._taken() < self._capacity or bool(self._staff.idle)

    def _taken(self) -> int:
        """How many workers there are that do not carry out jobs without a slot."""
        return sum(1 for each in tuple(self._members) if (job := each.job) is None or job.attempt.slot)

    def _trim(self) -> None:
        """Let go of idle workers that are too many, now that jobs without a slot have ended: the oldest first."""
        with self._lock:
            over = self._taken() - self._capacity if self._staff.idle else 0
            oldest, self._staff.idle = self._staff.idle[: max(0, over)], self._staff.idle[max(0, over) :]
        for member in oldest:
            member.dismiss()

    def _add_member(self, job: Job) -> bool:
        """Start one more worker, of the job's kind, if there may be one and it can be started."""
        if not self._has_room(job) or threading.current_thread() is not self._thread:
            return False
        if job.attempt.slot and self._taken() >= self._capacity:
            with self._lock:
                oldest = self._staff.idle.pop(0)
            oldest.kill()
        self._oom_kills = self._oom_kills or oom_kills()
        try:
            member = Member(self._trade.hire(job.kind), self._selector, self, job.kind)
        except OSError as error:
            return self._cannot_start(job.kind, error)
        self._members.append(member)
        with self._lock:
            self._staff.idle.append(member)
        return True

    def _cannot_start(self, kind: Kind, error: OSError) -> bool:
        """No process can be had. Jobs wait for the workers that there are; without any, they fail: True then."""
        if any(member.kind == kind for member in self._members):
            return False
        with self._lock:
            jobs = self._staff.turned_away(kind)
        for job in jobs:
            self._done(job, self._trade.not_hired(error))
        return True

    # -- what members tell

    def answered(self, member: Member, job: Job) -> None:
        """Give the member its next job, then say how this one has ended."""
        next_job = None
        with self._lock:
            member.job = None
            if not member.ending:
                next_job = self._staff.next_for(member)
        if next_job is not None:
            member.begin(next_job)
        if job.outcome is not None:
            self._done(job, job.outcome)

    def buried(self, member: Member, job: Job | None) -> None:
        """Forget the member. Its job is settled; if it cannot have begun, another worker gets it, once."""
        with self._lock:
            if member in self._staff.idle:
                self._staff.idle.remove(member)
            job = job or member.job  # one that came at the last moment
        self._members.remove(member)
        self._trade.buried(member.process)
        if job is None:
            return
        if job.stopping is not None:  # whatever it has answered meanwhile
            self._done(job, Stopped(job.stopping))
        elif job.outcome is not None:
            self._done(job, job.outcome)
        elif member.cannot_have_begun(job) and not job.moved:
            with self._lock:
                job.moved, job.member = True, None
                self._staff.waiting.appendleft(job)
        else:
            before, self._oom_kills = self._oom_kills, oom_kills()
            self._done(job, self._trade.died(member, out_of_memory=self._oom_kills > before))

    def stray(self, stream: str, text: str) -> None:
        """A worker without a job wrote these lines: something that an earlier job has left running."""
        if self._tee:
            show(stream, text)

    # -- stopping

    def _stop(self, job: Job, reason: str) -> None:
        member = job.member
        if member is not None and member.job is job and job.stopping is None:
            job.stopping = reason
            member.stop(job.attempt.grace_s)

    def _kill_all(self) -> None:
        with self._lock:
            waiting, self._staff.waiting = self._staff.waiting, deque()
            busy = [member.job for member in self._members if member.job is not None]
        for job in busy:
            job.stopping = job.stopping or "closed"
        for member in self._members:
            member.kill()
        for job in waiting:
            self._done(job, Stopped("closed"))

    def _collapse(self, error: BaseException) -> None:
        """The pool's thread has failed, which it should not: no process and no job may be left behind."""
        with self._lock:
            self._closing = True
            jobs = [member.job for member in self._members if member.job is not None] + list(self._staff.waiting)
        for member in self._members:
            member.process.signal_group(signal.SIGKILL)
        what = f"The process executor failed ({type(error).__name__}: {error})."
        for job in jobs:
            self._done(job, failure(ExecutorError(what, "This is a fault in Motet: please report it.")))
