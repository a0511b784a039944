"""Attempts in processes of their own: for what may crash, hog the interpreter, or have to be killed."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from motet import mains
from motet.errors import ExecutorError, WorkerDied
from motet.executors import messages, references
from motet.executors.calls import Identity, closed, deliver, failure, gpus_of, identity, show
from motet.executors.member import Job, Kind, Member
from motet.executors.orphans import OrphanKiller
from motet.executors.pool import WorkerPool
from motet.executors.worker_process import WorkerProcess, spawn
from motet.failpoints import hit
from motet.ports import ArtifactStore, Attempt, Outcome, Place
from motet.values import pickle
from motet.values.records import LIMIT_BYTES
from motet.values.unpicklable import reason


class ProcessExecutor:
    """Carries out up to `capacity` attempts at once, each in a warm process that can be killed.

    `artifacts` opens, in the worker, the store for results larger than `limit_bytes`: a large result goes
    there without passing through this process. It is pickled. Without it, results come back in their records.

    A worker's standard output and error are captured as file descriptors: prints, C code and child processes.
    `tee` also shows them in this process.
    What an attempt's `options["env"]` names is set in the environment while it runs (None: removed). Attempts share a
    process only with those of the same `options["kind"]`. One without a slot has a process beside the others.

    Functions and arguments are pickled; what is defined in the main script goes by value, into the worker's `__main__`.
    There the script's definitions are loaded first (see `mains.define`), for what it sets up and who looks there.
    """

    name = "processes"
    place: Place = "apart"

    def __init__(
        self,
        capacity: int | None = None,
        *,
        artifacts: Callable[[], ArtifactStore] | None = None,
        limit_bytes: int = LIMIT_BYTES,
        backlog: int | None = None,
        tee: bool = True,
    ) -> None:
        self.capacity = capacity or len(os.sched_getaffinity(0))
        self.backlog = self.capacity if backlog is None else backlog
        boot = messages.frame(pickle.dumps(("boot", artifacts, limit_bytes, sys.argv), portable=True))
        self._tee = tee
        self._pool = WorkerPool(self.capacity, _Workers(boot, self._done), tee=tee)
        self._jobs: dict[Identity, _Job] = {}
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    def start(self, attempt: Attempt) -> None:
        """Send the attempt to an idle worker, or queue it for the next one."""
        if os.getpid() != self._pid:  # the workers are those of the process that this one was forked from
            deliver(attempt, closed(self.name))
            return
        attempt.began_at = None
        try:
            job = _Job(attempt, self._tee)
        except ExecutorError as error:
            deliver(attempt, failure(error))
            return
        key = identity(attempt)
        self._jobs[key] = job
        if not self._pool.submit(job):
            del self._jobs[key]
            deliver(attempt, closed(self.name))

    def _done(self, job: Job, outcome: Outcome) -> None:
        self._jobs.pop(identity(job.attempt), None)
        hit("worker.reported")
        deliver(job.attempt, outcome)

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        """End the attempt and all that it has started: SIGTERM, its grace, SIGKILL."""
        job = self._jobs.get((run, key, element, number))
        if job is not None:
            self._pool.stop(job, reason)
        return True

    def arrival(self) -> threading.Event:
        """See `ports.Attended`."""
        return self._pool.helm.arrival() if os.getpid() == self._pid else threading.Event()

    def close(self, *, kill: bool = False) -> None:
        """Wait for all attempts in hand (with `kill`: kill them), then end all workers.

        Called from a report, it does not wait.
        """
        atexit.unregister(self._at_exit)
        if os.getpid() == self._pid:
            self._pool.close(kill=kill)

    def _at_exit(self) -> None:
        # What is left after that dies with this process.
        if os.getpid() == self._pid:
            self._pool.close(kill=True, patience_s=5.0)


class _Workers:
    """What the pool's workers are: see `pool.Trade`."""

    def __init__(self, boot: Sequence[pickle.Part], done: Callable[[Job, Outcome], None]) -> None:
        self.done = done
        self._boot = boot
        self._orphans = OrphanKiller()
        self._living: set[int] = set()

    def hire(self, kind: Kind) -> WorkerProcess:
        process = WorkerProcess(spawn, boot=self._boot, parting=messages.message("close"), asked_by=messages.STOP)
        self._living.add(process.pid)
        self._orphans.update(self._living)
        return process

    def buried(self, process: WorkerProcess) -> None:
        self._living.discard(process.pid)
        self._orphans.update(self._living)

    def died(self, member: Member, *, out_of_memory: bool) -> Outcome:
        return failure(_death_notice(member, out_of_memory=out_of_memory))

    def not_hired(self, error: OSError) -> Outcome:
        what = f"No worker process could be started: {error}."
        return failure(ExecutorError(what, "Lower the load of this host, or raise its limits."))

    def close(self) -> None:
        self._orphans.close()


class _Job:
    """An attempt in the pool's hands: see `member.Job`."""

    __slots__ = ("attempt", "kind", "member", "moved", "outcome", "parts", "settings", "stopping", "tee")

    def __init__(self, attempt: Attempt, tee: bool) -> None:
        """Raises ExecutorError naming what cannot be pickled."""
        self.attempt = attempt
        self.tee = tee
        # CUDA reads once which GPUs a process has: another attempt with others needs another process.
        self.kind: Kind = (*gpus_of(attempt).items(), attempt.options.get("kind", ""))
        self.parts: Sequence[pickle.Part] = _call(attempt, by_value=False)
        self.settings: tuple[Any, ...] | None = _settings(_main_for(self.parts))
        self.member: Member | None = None
        self.moved = False
        self.stopping: str | None = None
        self.outcome: Outcome | None = None

    def by_value(self) -> Sequence[pickle.Part]:
        return _call(self.attempt, by_value=True)

    def lines(self, stream: str, text: str, at: float, ended: bool = True) -> None:
        log = self.attempt.log
        if log is not None:
            with suppress(Exception):  # boundary: a log that fails must not take the other attempts along
                log(stream, _RUN_LOG.sub(r"\1 ", text) if " | " in text else text, at, ended)
        if self.tee and ended:
            show(stream, text)


_RUN_LOG = re.compile(r"""^\d\d:\d\d:\d\d\.\d{3} \| (\w+) +\| (?:Task|Flow) run (?:'.*?'|".*?") - """, re.M)
"""What a line of a run's logger begins with where it is shown: the log knows when it was and whose it is."""


def _main_for(parts: Sequence[pickle.Part]) -> tuple[str, str, str] | None:
    """The main script, if a message has something of it."""
    if not any(b"__main__" in part for part in parts if isinstance(part, bytes)):
        return None
    return mains.of_this_process()


def _settings(main: tuple[str, str, str] | None) -> tuple[Any, ...]:
    """What a worker has to have in common with this process: folder, import path, environment variables, script."""
    try:
        cwd: str | None = os.getcwd()
    except OSError:  # the folder was removed
        cwd = None
    # The public ways to read all variables take as long as the rest of handing an attempt over.
    variables: Any = getattr(os.environ, "_data", os.environb)
    return cwd, list(map(str, sys.path)), dict(variables), main


def _environ(attempt: Attempt) -> Iterable[tuple[str, Any]]:
    return {**attempt.options.get("env", {}), **gpus_of(attempt)}.items()


def _call(attempt: Attempt, *, by_value: bool) -> list[pickle.Part]:
    """The message that tells a worker of the attempt. Raises ExecutorError naming what cannot be pickled."""
    function = attempt.function
    reference = None if by_value else references.name_of(function)
    environ = {name: None if value is None else str(value) for name, value in _environ(attempt)}
    content: tuple[Any, ...] = (
        "call", reference, function if reference is None else None,
        attempt.args, dict(attempt.kwargs), dict(attempt.context), environ,
    )  # fmt: skip
    module = getattr(function, "__module__", "") if by_value else ""
    try:
        return messages.frame(pickle.dumps(content, portable=True, by_value=module))
    except Exception as error:  # noqa: BLE001 - boundary: pickling runs the arguments' own code
        raise ExecutorError(
            _blame(attempt, error),
            "Pass what can be pickled (make locks, connections and open files inside the task), "
            "or run the task in threads.",
        ) from None


def _blame(attempt: Attempt, error: Exception) -> str:
    code = getattr(attempt.function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    positional = {names[at] if at < len(names) else str(at): value for at, value in enumerate(attempt.args)}
    for name, value in {**positional, **attempt.kwargs}.items():
        try:
            pickle.dumps(value, portable=True)
        except Exception as fault:  # noqa: BLE001 - boundary: as above
            told = reason(value, fault)
            return f"Argument {name!r} of {_title(attempt)} cannot be sent to a worker process: {told}."
    told = reason(attempt.function, error)
    return f"The function of {_title(attempt)} cannot be sent to a worker process: {told}."


def _title(attempt: Attempt) -> str:
    return attempt.task or attempt.key


def _death_notice(member: Member, *, out_of_memory: bool) -> WorkerDied:
    """Why a worker ended that nobody here had asked to."""
    what, status = f"The worker process (pid {member.process.pid})", member.status
    if not member.booted:
        said = member.process.outputs[1].last or "(it wrote nothing)"
        return WorkerDied(
            f"{what} could not start ({_ending(status)}). It wrote:\n{said}",
            "Check that the interpreter can import motet: motet doctor.",
        )
    if status == -signal.SIGKILL:
        told = "the kernel ran out of memory meanwhile" if out_of_memory else "possibly out of memory"
        return WorkerDied(
            f"{what} was killed by SIGKILL: {told}.",
            "Give the task less to hold at once, run fewer at a time, or raise the memory limit.",
        )
    if status == -signal.SIGTERM:
        return WorkerDied(f"{what} was ended by SIGTERM from outside.", "Run the step anew: motet resume.")
    if status < 0:
        return WorkerDied(
            f"{what} was killed by {_ending(status)}.",
            "That is a crash in compiled code: where it happened is at the end of the attempt's stderr.",
        )
    return WorkerDied(
        f"{what} ended with {_ending(status)} before it had answered.",
        "Something in the task ended the process (os._exit, a library's abort): raise an exception instead.",
    )


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
