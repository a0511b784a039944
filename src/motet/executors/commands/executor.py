"""The executor "commands": each attempt at work has a thread of its own, which waits for its process."""

from __future__ import annotations

import atexit
import os
import threading
from queue import SimpleQueue

from motet.errors import EnvironmentFailed
from motet.executors import capture
from motet.executors.alarm import Alarm
from motet.executors.calls import Identity, begin_thread, carry_out, closed, deliver, failure, identity
from motet.executors.commands.running import Running
from motet.executors.commands.setting import Setting
from motet.executors.commands.spec import Command
from motet.executors.commands.telling import explained
from motet.executors.commands.tools import Tools, lent
from motet.executors.current import Current
from motet.ports import Attempt, Failure, Outcome, Stopped, Success


class Job:
    """An attempt in hand.

    begun     a thread has taken it up: its command is being made
    at_work   its command is there: it can be ended
    stopping  why it was asked to end; None if it was not
    grace_s   how long it has for that
    """

    __slots__ = ("alarm", "at_work", "attempt", "begun", "grace_s", "here", "stopping", "tee", "thread")

    def __init__(self, attempt: Attempt, tee: bool) -> None:
        self.attempt = attempt
        self.tee = tee
        self.here = Current(attempt.context, attempt.log, tee)
        self.begun = self.at_work = False
        self.thread: threading.Thread | None = None
        self.alarm: Alarm | None = None
        self.stopping: str | None = None
        self.grace_s = attempt.grace_s

    def stop(self, reason: str, grace_s: float) -> None:
        """Ask it to end: the first reason counts, the shorter grace too."""
        self.stopping = self.here.stopping = self.stopping or reason
        self.grace_s = min(self.grace_s, grace_s)
        if self.alarm is not None:
            self.alarm.ring()


class CommandExecutor:
    """Runs commands, up to `capacity` at once; see `spec.Command` for what they may ask.

    An attempt's function is called here, in a thread of this process, and gives the `Command` to run; a
    value of another type is the value of the attempt, and nothing is run. Its prints are logged, and it may take
    its time (to fetch inputs, to build an environment): the time limit of the step counts from the
    start of the command. The value of a command is its `Finished`, or what its `then` makes of that.

    A command that ends with a status that it does not accept is a failure with `CommandFailed`; its record has
    the `Finished` as JSON under "finished". A stopped command, and all that it has started, gets SIGTERM, its grace,
    SIGKILL. When this process ends, however that happens, no process of a command is left.
    """

    name = "commands"

    def __init__(
        self, setting: Setting, capacity: int | None = None, *, backlog: int | None = None, tee: bool = True
    ) -> None:  # fmt: skip
        self.capacity = capacity or len(os.sched_getaffinity(0))
        self.backlog = self.capacity if backlog is None else backlog
        self._setting = setting
        self._tee = tee
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._jobs: dict[Identity, Job] = {}
        self._threads: list[threading.Thread] = []
        self._idle = self._waiting = 0
        self._closed = self._capturing = False
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    def start(self, attempt: Attempt) -> None:
        """Queue the attempt for the next free thread."""
        attempt.began_at = None
        outcome: Outcome | None = None
        with self._lock:
            if self._closed or self._pid != os.getpid():  # threads do not survive a fork
                outcome = closed(self.name)
            else:
                if not self._capturing:
                    self._capturing = True
                    capture.hold()
                if self._waiting >= self._idle and len(self._threads) < self.capacity:
                    outcome = self._add_thread()
                if outcome is None:
                    job = self._jobs[identity(attempt)] = Job(attempt, self._tee)
                    self._waiting += 1
                    self._queue.put(job)
        if outcome is not None:
            deliver(attempt, outcome)

    def _add_thread(self) -> Outcome | None:
        """Start another thread. If the system gives none, and there is none yet, say how the attempt ends."""
        thread = begin_thread(self._work, "motet-commands")
        if isinstance(thread, Failure):
            return None if self._threads else thread
        self._threads.append(thread)
        self._idle += 1
        return None

    # -- in the threads

    def _work(self) -> None:
        alarm = Alarm()
        try:
            while (job := self._queue.get()) is not None:
                with self._lock:
                    self._waiting -= 1
                    mine = self._jobs.get(identity(job.attempt)) is job
                    if mine:
                        self._idle -= 1
                        job.begun = True
                        job.alarm = alarm
                        job.thread = threading.current_thread()
                if mine:
                    self._finish(job, self._carry_out(job, alarm))
                if job.stopping is not None:
                    alarm.clear()
                del job
        finally:
            alarm.close()

    def _carry_out(self, job: Job, alarm: Alarm) -> Outcome:
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
            return Running(self._setting, job, found.value, alarm).outcome()
        except Exception as error:  # noqa: BLE001 - boundary: what goes wrong with an attempt is its outcome
            return failure(error)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        with self._lock:
            job.alarm = None
            mine = self._jobs.pop(identity(job.attempt), None) is job
        if mine:
            deliver(job.attempt, outcome)
        with self._lock:
            self._idle += 1

    # -- stopping

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """End the attempt, and all that its command has started: SIGTERM, its grace, SIGKILL.

        False while the command is still being made: what this process runs itself cannot be killed, only its tools.
        """
        with self._lock:
            job = self._jobs.get((run, key, element, number))
            if job is None:
                return True
            if job.begun:
                job.stop(reason, job.attempt.grace_s)
                return job.at_work
            del self._jobs[identity(job.attempt)]
        deliver(job.attempt, Stopped(reason))
        return True

    def close(self, *, kill: bool = False) -> None:
        """Wait for all attempts in hand (with `kill`: end them), then for all processes.

        Called by an attempt's own thread it does not wait for that one, nor with `kill` for those whose command is
        being made: these are given up.
        """
        atexit.unregister(self._at_exit)
        if os.getpid() != self._pid:
            return
        with self._lock:
            first, self._closed = not self._closed, True
            if kill:
                for job in self._jobs.values():
                    job.stop("closed", 0.0)
            given_up = [job for job in self._jobs.values() if kill and not job.at_work]
            for job in given_up:
                del self._jobs[identity(job.attempt)]
            stuck = {job.thread for job in given_up} | {threading.current_thread()}
            if first:
                for _ in self._threads:
                    self._queue.put(None)
        for job in given_up:
            deliver(job.attempt, Stopped("closed"))
        for thread in self._threads:
            if thread not in stuck:
                thread.join()
        self._setting.close()
        if self._capturing:
            self._capturing = False
            capture.release()

    def _at_exit(self) -> None:
        # Later, the host closes its executors by waiting for them: nobody may wait for what nobody wants.
        self.close(kill=True)


def _with_step(attempt: Attempt, found: Outcome) -> Outcome:
    """The failure of an environment, with step and log named; any other as it is."""
    error = found.exception if isinstance(found, Failure) else None
    if not isinstance(error, EnvironmentFailed):
        return found
    return failure(explained(error, attempt, ""))
