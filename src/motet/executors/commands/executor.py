"""The executor "commands": a thread makes the command of an attempt, and waits for its process.

Functions in warm processes need no such thread: a pool has them, as the process executor's.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from motet.errors import EnvironmentFailed, MotetError, UsageError
from motet.executors import capture
from motet.executors.alarm import Alarm
from motet.executors.calls import Identity, carry_out, closed, deliver, failure, identity
from motet.executors.commands.begun import left_by
from motet.executors.commands.crew import Crew, Work
from motet.executors.commands.launching import is_at_hand
from motet.executors.commands.running import Running
from motet.executors.commands.setting import Setting
from motet.executors.commands.spec import AT_ONCE, Command
from motet.executors.commands.telling import explained
from motet.executors.commands.tools import Tools, lent
from motet.executors.commands.warm import Call, WarmWorkers
from motet.executors.current import Current
from motet.executors.member import Job as PoolJob
from motet.executors.pool import WorkerPool
from motet.ports import Attempt, Failure, Outcome, Place, Stopped, Success

if TYPE_CHECKING:
    from motet.kernel.events import Json

_WARM_MOST = 2
"""Processes that are kept warm, for each processor."""

_BESIDE_MOST = 1000
"""So many attempts that take none of the places are under way at once."""


class Job:
    """An attempt in hand.

    placed    it is one of those that may run at once
    begun     it was taken up: its command is being made
    at_work   its command is there: it can be ended
    running   its command, once that is there
    call      its call in the hands of the pool, if it is a function's
    stopping  why it was asked to end; None if it was not
    grace_s   how long it has for that
    taken_at  when it was taken in hand, by `time.monotonic`
    """

    __slots__ = (
        "alarm", "at_work", "attempt", "begun", "call", "grace_s", "here", "placed", "running", "stopping", "taken_at",
        "tee", "thread",
    )  # fmt: skip

    def __init__(self, attempt: Attempt, tee: bool) -> None:
        self.attempt = attempt
        self.tee = tee
        self.here = Current(attempt.context, attempt.log, tee)
        self.placed = self.begun = self.at_work = False
        self.thread: threading.Thread | None = None
        self.alarm: Alarm | None = None
        self.call: Call | None = None
        self.running: Running | None = None
        self.stopping: str | None = None
        self.grace_s = attempt.grace_s
        self.taken_at = 0.0

    def stop(self, reason: str, grace_s: float) -> None:
        """Ask it to end: the first reason counts, the shorter grace too."""
        self.stopping = self.here.stopping = self.stopping or reason
        self.grace_s = min(self.grace_s, grace_s)
        if self.alarm is not None:
            self.alarm.ring()


class CommandExecutor:
    """Runs commands, up to `capacity` at once and beside them those that take no place (`Attempt.slot`); see
    `spec.Command` for what they may ask.

    An attempt's function is called here, in a thread of this process, and gives the `Command` to run; a
    value of another type is the value of the attempt, and nothing is run. Its prints are logged, and it may take
    its time (to fetch inputs, to build an environment): the time limit of the step counts from the
    start of the command. The value of a command is its `Finished`, or what its `then` makes of that.

    A command that ends with a status that it does not accept is a failure with `CommandFailed`; its record has
    the `Finished` as JSON under "finished". A stopped command, and all that it has started, gets SIGTERM, its grace,
    SIGKILL. When this process ends, however that happens, no process of a command is left.
    """

    name = "commands"
    place: Place = "here"  # what makes the command; that itself is a process

    def __init__(
        self, setting: Setting, capacity: int | None = None, *, backlog: int | None = None, tee: bool = True
    ) -> None:  # fmt: skip
        self.capacity = capacity or len(os.sched_getaffinity(0))
        self.backlog = self.capacity if backlog is None else backlog
        self._setting = setting
        self._tee = tee
        self._warm = WorkerPool(
            max(self.capacity, _WARM_MOST * (os.cpu_count() or 1)), WarmWorkers(setting, self._answered), tee=tee
        )
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._jobs: dict[Identity, Job] = {}
        self._waiting: deque[Job] = deque()
        self._free = self.capacity
        self._crew = Crew(self.capacity, "motet-commands")
        self._beside = Crew(_BESIDE_MOST, "motet-commands-beside")
        self._closed = self._capturing = False
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    def start(self, attempt: Attempt) -> None:
        """Begin the attempt if there is a place for it, else have it wait for one."""
        attempt.began_at = None
        job = Job(attempt, self._tee)
        with self._lock:
            refused = self._closed or self._pid != os.getpid()  # threads do not survive a fork
            if not refused:
                if not self._capturing:
                    self._capturing = True
                    capture.hold()
                self._jobs[identity(attempt)] = job
                job.placed = self._free > 0 or not attempt.slot
                if job.placed:
                    self._free -= attempt.slot
                else:
                    self._waiting.append(job)
        if refused:
            deliver(attempt, closed(self.name))
        elif job.placed:
            self._begin(job)

    def _begin(self, job: Job) -> None:
        """Begin the attempt, which has a place: here and now, where its command is at hand; else in a thread."""
        job.taken_at = monotonic()
        if job.stopping is not None:
            self._finish(job, Stopped(job.stopping))
            return
        command = self._at_hand(job) if AT_ONCE in job.attempt.options else None
        if command is None:
            self._in_thread(partial(self._make, job), job)
            return
        with self._lock:
            if self._jobs.get(identity(job.attempt)) is not job:  # it was stopped
                return
            job.begun = job.at_work = True
        try:
            outcome = self._run(job, command, None)
        except Exception as error:  # noqa: BLE001 - boundary: what goes wrong with an attempt is its outcome
            outcome = failure(error)
        if outcome is not None:
            self._finish(job, outcome)

    def _at_hand(self, job: Job) -> Command | None:
        attempt = job.attempt
        try:
            found = attempt.function(*attempt.args, **attempt.kwargs)
        except Exception:  # noqa: BLE001 - boundary: it will raise again, where that is an outcome
            return None
        return found if isinstance(found, Command) and is_at_hand(found) else None

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """Report how the attempt has ended, unless somebody has; its place goes to the next one."""
        following = None
        with self._lock:
            if self._jobs.get(identity(job.attempt)) is not job:
                return
            del self._jobs[identity(job.attempt)]
            if not job.placed:
                self._waiting.remove(job)
            elif self._waiting and job.attempt.slot:
                following = self._waiting.popleft()
                following.placed = True
            else:
                self._free += job.attempt.slot
            self._ended.notify_all()
        if following is not None:
            self._begin(following)
        deliver(job.attempt, outcome)
        if job.running is not None:
            job.running.free()

    # -- functions in warm processes

    def arrival(self) -> threading.Event:
        """See `ports.Attended`."""
        return self._warm.helm.arrival() if os.getpid() == self._pid else threading.Event()

    def _call(self, job: Job, running: Running) -> Outcome | None:
        """Have a warm process called; gives the outcome if that cannot be."""
        try:
            call = running.call()
        except (MotetError, OSError) as error:
            return running.not_begun(error)
        with self._lock:
            job.call = call
        if not self._warm.submit(call):
            return closed(self.name)
        if job.stopping is not None:  # perhaps before there was a call to stop
            self._warm.stop(call, job.stopping)
        return None

    def _answered(self, call: PoolJob, outcome: Outcome) -> None:
        job = self._jobs.get(identity(call.attempt))
        if job is None or job.call is not call:
            return
        if isinstance(outcome, Stopped):
            job.stopping = job.stopping or outcome.reason
        if job.call.running.ends_at_once:
            self._conclude(job, outcome)
        else:
            self._in_thread(lambda alarm: self._conclude(job, outcome), job)

    def _conclude(self, job: Job, outcome: Outcome) -> None:
        assert job.call is not None
        try:
            outcome = job.call.running.answered(outcome)
        except Exception as error:  # noqa: BLE001 - boundary: what goes wrong with an attempt is its outcome
            outcome = failure(error)
        self._finish(job, outcome)

    # -- in the threads

    def _in_thread(self, work: Work, job: Job) -> None:
        """Have a thread do what is to be done for the attempt, which has a place."""
        refused = (self._crew if job.attempt.slot else self._beside).give(work)
        if refused is not None:
            self._finish(job, refused)

    def _make(self, job: Job, alarm: Alarm) -> None:
        with self._lock:
            if self._jobs.get(identity(job.attempt)) is not job:
                return
            job.begun = True
            job.alarm = alarm
            job.thread = threading.current_thread()
        outcome = self._carry_out(job, alarm)
        with self._lock:
            job.alarm = job.thread = None
        if outcome is not None:
            self._finish(job, outcome)
        if job.stopping is not None:
            alarm.clear()

    def _carry_out(self, job: Job, alarm: Alarm) -> Outcome | None:
        try:
            with lent(Tools(self._setting, job, alarm)):
                found = carry_out(job.attempt, job.here)
            if isinstance(found, Success) and not isinstance(found.value, Command):
                return found
            job.at_work = True
            if job.stopping is not None:
                return Stopped(job.stopping)
            if not isinstance(found, Success):
                return _with_step(job.attempt, found)
            return self._run(job, found.value, alarm)
        except Exception as error:  # noqa: BLE001 - boundary: what goes wrong with an attempt is its outcome
            return failure(error)

    def _run(self, job: Job, command: Command, alarm: Alarm | None) -> Outcome | None:
        """Run the command; None if a warm process has it now."""
        running = job.running = Running(self._setting, job, command, alarm)
        failed = running.ready()
        if failed is not None:
            return failed
        return self._call(job, running) if running.is_warm else running.outcome()

    # -- stopping

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """End the attempt, and all that its command has started: SIGTERM, its grace, SIGKILL.

        False while the command is still being made: what this process runs itself cannot be killed, only its tools.
        """
        with self._lock:
            job = self._jobs.get((run, key, element, number))
            if job is None:
                return True
            begun, call = job.begun, job.call
            if begun:
                job.stop(reason, job.attempt.grace_s)
        if not begun:
            self._finish(job, Stopped(reason))
        elif call is None:
            return job.at_work
        else:
            self._warm.stop(call, reason)
        return True

    def left_by(self, run: str, key: str) -> list[Json]:
        """See `ports.Salvager`."""
        return list(left_by(self._setting.folder, run, key, self._setting.artifacts))

    def close(self, *, kill: bool = False) -> None:
        """Wait for all attempts in hand (with `kill`: end them), then for all processes.

        Called by an attempt's own thread it does not wait for that one, nor with `kill` for those whose command is
        being made: these are given up. Called by the report of a function it does not wait.
        """
        atexit.unregister(self._at_exit)
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._closed = True
            if kill:
                for job in self._jobs.values():
                    job.stop("closed", 0.0)
            given_up = [job for job in self._jobs.values() if kill and not job.at_work]
            stuck = {job.thread for job in given_up} | {threading.current_thread()}
        for job in given_up:
            self._finish(job, Stopped("closed"))
        if kill:
            self._warm.close(kill=True)
        if self._warm.helm.is_mine():
            threading.Thread(target=self._end, args=(stuck,), name="motet-commands-end").start()
        else:
            self._end(stuck)

    def _end(self, stuck: set[threading.Thread | None]) -> None:
        """Wait for all attempts in hand but those of these threads, and free everything."""
        with self._ended:
            self._ended.wait_for(lambda: all(job.thread in stuck for job in self._jobs.values()))
        self._warm.close(kill=False)
        self._crew.close(stuck)
        self._beside.close(stuck)
        self._setting.close()
        if self._capturing:
            self._capturing = False
            capture.release()

    def _at_exit(self) -> None:
        # Later, the host closes its executors by waiting for them: nobody may wait for what nobody wants.
        self.close(kill=True)


def _with_step(attempt: Attempt, found: Outcome) -> Outcome:
    """The failure of what was asked for or of an environment, with step and log named; any other as it is."""
    error = found.exception if isinstance(found, Failure) else None
    if not isinstance(error, EnvironmentFailed | UsageError):
        return found
    return failure(explained(error, attempt, ""))
