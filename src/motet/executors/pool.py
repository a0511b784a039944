"""Worker processes kept at work by one thread: jobs in, outcomes out, and nothing that can hang.

All that concerns a worker is decided in the pool's own thread. Others only queue jobs and requests under the
lock; to save a hand-off, a job may go straight to an idle worker.
"""

from __future__ import annotations

import selectors
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic

from motet.errors import ExecutorError
from motet.executors import messages
from motet.executors.alarm import Alarm
from motet.executors.calls import failure
from motet.executors.member import Job, Member, death_notice
from motet.executors.orphans import OrphanKiller
from motet.executors.worker_process import WorkerProcess, oom_kills
from motet.ports import Outcome, Stopped, Success
from motet.values.pickle import Part


class WorkerPool:
    """Runs jobs in at most `capacity` processes, which are started on demand and kept.

    `boot` is each worker's first message. `done` is called in some thread, once for each job. With `tee`, what
    workers write is also shown here.
    """

    def __init__(self, capacity: int, boot: list[Part], done: Callable[[Job, Outcome], None], *, tee: bool) -> None:
        self._capacity = capacity
        self._boot = boot
        self._done = done
        self._tee = tee
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._idle: list[Member] = []
        self._members: list[Member] = []
        self._requests: deque[Callable[[], None]] = deque()
        self._closing = False
        self._alarm: Alarm | None = None
        self._thread: threading.Thread | None = None
        self._orphans = OrphanKiller()
        self._oom_kills = 0

    # -- called from any thread

    def submit(self, job: Job) -> bool:
        """Run the job. False if the pool is closed."""
        with self._lock:
            if self._closing:
                return False
            if self._thread is None:
                self._open()
            member = self._assign(job)
            if member is None:
                self._waiting.append(job)
        if member is not None:
            member.begin(job)
        elif len(self._members) < self._capacity:
            self._wake()
        return True

    def stop(self, job: Job, reason: str) -> None:
        """End the job: by its worker's death if it has one. It is done with `Stopped`."""
        with self._lock:
            waiting = job in self._waiting
            if waiting:
                self._waiting.remove(job)
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
        if thread is not threading.current_thread():
            thread.join(patience_s)

    def request(self, action: Callable[[], None]) -> None:
        """Do something in the pool's thread."""
        self._requests.append(action)
        self._wake()

    def _wake(self) -> None:
        if self._alarm is not None:
            self._alarm.ring()

    def _open(self) -> None:
        self._alarm = alarm = Alarm()
        self._selector = selectors.DefaultSelector()
        self._selector.register(alarm.fd, selectors.EVENT_READ, lambda events: alarm.clear())
        # Workers are killed when the thread that started them ends: this one starts them all.
        self._thread = threading.Thread(target=self._run, name="motet-processes", daemon=True)
        self._thread.start()

    def _assign(self, job: Job) -> Member | None:
        """Give the job to an idle worker. Called with the lock held; `begin` is to follow."""
        if not self._idle:
            return None
        member = self._idle.pop()
        member.job, job.member = job, member
        return member

    # -- the pool's thread

    def _run(self) -> None:
        try:
            while self._turn():
                for key, events in self._selector.select(self._patience_s()):
                    key.data(events)
        except BaseException as error:  # noqa: BLE001 - boundary: jobs must not wait for a thread that is gone
            self._collapse(error)
        finally:
            self._orphans.close()
            self._selector.close()
            if self._alarm is not None:
                self._alarm.close()

    def _turn(self) -> bool:
        """All that is due now. False when there will be nothing more to do."""
        while self._requests:
            self._requests.popleft()()
        self._hand_out()
        now = monotonic()
        for member in list(self._members):
            member.look(now)
        with self._lock:
            return not self._closing or bool(self._members or self._waiting)

    def _patience_s(self) -> float | None:
        now = monotonic()
        waits = [wait for member in self._members if (wait := member.patience_s(now)) is not None]
        # What was queued by this very turn is due at once.
        return 0.0 if self._requests else min(waits, default=None)

    def _hand_out(self) -> None:
        while True:
            with self._lock:
                job = self._waiting[0] if self._waiting else None
                member = None if job is None else self._assign(job)
                if member is not None:
                    self._waiting.popleft()
            if job is not None and member is not None:
                member.begin(job)
            elif job is None or not self._add_member():
                break
        if self._closing and not self._waiting:
            self._dismiss()

    def _dismiss(self) -> None:
        """Tell idle workers to end by themselves, so that what the user registered with atexit runs."""
        with self._lock:
            idle, self._idle = self._idle, []
        for member in idle:
            member.leave()
            member.post(messages.message("close"))

    def _add_member(self) -> bool:
        """Start one more worker, if there may be one and it can be started."""
        if len(self._members) >= self._capacity:
            return False
        self._oom_kills = self._oom_kills or oom_kills()
        try:
            member = Member(WorkerProcess(), self._selector, self)
        except OSError as error:
            self._cannot_start(error)
            return False
        self._members.append(member)
        self._orphans.update(each.process.pid for each in self._members)
        member.post(self._boot)
        with self._lock:
            self._idle.append(member)
        return True

    def _cannot_start(self, error: OSError) -> None:
        """No process can be had. Jobs wait for the workers that there are; without any, they fail."""
        if self._members:
            return
        with self._lock:
            jobs, self._waiting = self._waiting, deque()
        what = f"No worker process could be started: {error}."
        for job in jobs:
            self._done(job, failure(ExecutorError(what, "Lower the load of this host, or raise its limits.")))

    # -- what members tell

    def answered(self, member: Member, job: Job) -> None:
        """Give the member its next job, then say how this one has ended."""
        next_job = None
        with self._lock:
            member.job = None
            if not member.ending:
                self._idle.append(member)
                next_job = self._waiting.popleft() if self._waiting else None
                if next_job is not None:
                    self._assign(next_job)
        if next_job is not None:
            member.begin(next_job)
        if job.outcome is not None:
            self._done(job, job.outcome)

    def buried(self, member: Member, job: Job | None) -> None:
        """Forget the member. Its job is settled; if it cannot have begun, another worker gets it, once."""
        with self._lock:
            if member in self._idle:
                self._idle.remove(member)
            job = job or member.job  # one that came at the last moment
        self._members.remove(member)
        self._orphans.update(each.process.pid for each in self._members)
        if job is None:
            return
        if job.stopping is not None and not isinstance(job.outcome, Success):
            self._done(job, Stopped(job.stopping))
        elif job.outcome is not None:
            self._done(job, job.outcome)
        elif member.cannot_have_begun(job) and not job.moved:
            with self._lock:
                job.moved, job.member = True, None
                self._waiting.appendleft(job)
        else:
            before, self._oom_kills = self._oom_kills, oom_kills()
            why = death_notice(member, out_of_memory=self._oom_kills > before)
            self._done(job, failure(why))

    def show(self, stream: str, text: str) -> None:
        """Show a line where it would have gone from this process."""
        where = sys.stdout if stream == "stdout" else sys.stderr
        if self._tee and where is not None:
            with suppress(OSError, ValueError):  # nobody looks any more
                where.write(text + "\n")

    # -- stopping

    def _stop(self, job: Job, reason: str) -> None:
        member = job.member
        if member is not None and member.job is job and job.stopping is None:
            job.stopping = reason
            member.stop(job.attempt.grace_s)

    def _kill_all(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
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
            jobs = [member.job for member in self._members if member.job is not None] + list(self._waiting)
        for member in self._members:
            member.process.signal_group(signal.SIGKILL)
        what = f"The process executor failed ({type(error).__name__}: {error})."
        for job in jobs:
            self._done(job, failure(ExecutorError(what, "This is a fault in Motet: please report it.")))
