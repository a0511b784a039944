"""`Host`: what the runs of one process share. Put together by `motet.app`, closed with the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial

from motet.engine.driver import Driver
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.errors import Conflict, UsageError
from motet.failpoints import hit
from motet.interrupts import held_back, take
from motet.kernel.events import Event, Json
from motet.kernel.program import Program
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLED, ENDED, FAILED
from motet.owners import LEASE_S, is_dead, this_process
from motet.ports import (
    UNBOUNDED,
    ArtifactStore,
    Attempt,
    Clock,
    Document,
    Executor,
    ExecutorSpec,
    Failure,
    Lock,
    LogStore,
    NewRun,
    Outcome,
    RunRow,
    Stopped,
    Store,
)  # fmt: skip
from motet.ports.execution import Call
from motet.ports.voice import Onward
from motet.tender import Tender
from motet.typed import TYPE_CHECKING
from motet.values.naming import checked

if TYPE_CHECKING:
    from motet.checkpoints import Checkpoints
    from motet.ports.admission import Machine

_PLACE = "place"
"""The documents that keep where the files of a run were moved to."""

_SYNC_S = 1.0


class Host:
    """Store, artifacts, logs, clock, executors (made when first asked for) and the tender of this process.

    home       the folder in which all is kept; "" where it is kept nowhere
    driver_type  what drives the runs that are taken up here
    checkpoints  gives the list of those that steps have made; `unsynced` are their artifacts, yet to be synced
    resources  what steps may demand of this machine: {"cpu": 8, "memory": 16e9, "gpu": 1}
    made_with  what is recorded, in the program of a new run, of what it is made with
    making     is called with each run before it is made, which it may add to, or refuse
    how_died   says how the owner of a run died, which is known to be dead
    told       is called with what each run has committed; quick, and raises nothing
    """

    driver_type: type[Driver] = Driver

    def __init__(
        self, store: Store, artifacts: ArtifactStore, logs: Callable[[], LogStore], clock: Clock,
        executors: Mapping[str, ExecutorSpec], home: str = "",
    ) -> None:  # fmt: skip
        self.store = store
        self.artifacts = artifacts
        self._open_logs = logs
        self.clock = clock
        self.tender = Tender(store)
        self.specs = executors
        self.home = home
        self.machine: Machine = UNBOUNDED
        self.making: Callable[[NewRun], None] = lambda _: None
        self.how_died: Callable[[RunRow], str] = lambda _: "its process was gone"
        self.resources: Mapping[str, float] = {}
        self.made_with: Callable[[Json], Json] | None = None
        self.told: Callable[[Driver, Sequence[Event]], None] | None = None
        self.checkpoints: Callable[[], Checkpoints]
        self.unsynced: set[str] = set()
        self._executors: dict[str, Executor] = {}
        self._lock = threading.Lock()

    @cached_property
    def logs(self) -> LogStore:
        """What attempts write, opened when the first line is written or read."""
        return self._open_logs()

    def executor(self, name: str) -> Executor:
        """The executor of that name. Raises UsageError for one that does not exist."""
        with self._lock:
            found = self._executors.get(name)
            if found is None:
                if name not in self.specs:
                    what = f"There is no executor named {name!r}." if name else "The step's policy names no executor."
                    raise UsageError(what, f"Known here: {', '.join(sorted(self.specs))}.")
                found = self._executors[name] = self.specs[name].make()
            return found

    def lock(self) -> Lock:
        """A lock for one run."""
        return threading.Lock()

    def aside(self, work: Callable[[], None]) -> None:
        """Have work done in a thread of its own."""
        threading.Thread(target=work, name="motet-late", daemon=True).start()

    def call_of(self, session: Session, step: Step) -> Call:
        """What the recorded step needs to run: as its program says, else as its call is written down."""
        own: Callable[[Session, Step], Call] | None = getattr(session.program, "call", None)
        if own is not None and "$asked" not in (step.call or ()):  # no program knows what others ask for
            return own(session, step)
        from motet.written import DeclaredCall  # calls of flows are not written down

        return DeclaredCall(self.artifacts, session.state, step)

    def _keep_synced(self) -> None:
        self.store.keep_synced(self._sync_beside)

    def _sync_beside(self, digests: set[str]) -> None:
        fresh = {self.unsynced.pop() for _ in range(len(self.unsynced))}
        self.artifacts.sync(digests | fresh)
        self.logs.sync()

    def create(self, run: NewRun) -> None:
        """Add a run; raises UsageError if one of that id exists, or for a name or tag that cannot be one."""
        checked(run.name, "The run's name")
        for tag in run.tags:
            checked(tag, "The tag")
        if self.made_with is not None:
            run.program = {**run.program, "made_with": self.made_with(run.program)}
        self.making(run)
        hit("create_run.before")
        made = self.store.create_run(run)
        hit("create_run.after")
        if not made:
            raise UsageError(f"There is a run {run.id} already.", "Leave the id out, or choose another.")

    def take_up(
        self, run: str, *, program: Program | None = None, reopen: bool = False, rerun_changed: bool = False,
        rerun: Collection[str] = (), lease_s: float = LEASE_S,
    ) -> Driver:  # fmt: skip
        """Become the run's owner and drive it from where its history ends.

        A run that has failed or been cancelled is taken up only with `reopen`; for `rerun_changed` see `RunLoop`. The
        steps `rerun`, given by key, run anew, with all that is around or below them or used their results. Raises
        Conflict, naming the owner, while another process drives it; UsageError if it has ended.
        """
        driver = self._owned(run, program, reopen=reopen, lease_s=lease_s)
        driver.rerun_changed = rerun_changed
        driver.begin(reopen=driver.run.status in ENDED, rerun=rerun)
        return driver

    def _owned(self, run: str, program: Program | None, *, reopen: bool, lease_s: float = LEASE_S) -> Driver:
        row = self.store.run(run)
        if row.status in ENDED and not (reopen and row.status in (FAILED, CANCELLED)):
            raise UsageError(f"Run {row.name} has ended: {row.status}.", "There is nothing left to resume.")
        force = row.owner is not None and is_dead(row.owner)
        died = self.how_died(row) if force else ""
        hit("claim.before")
        try:
            row = self.store.claim(run, this_process(), lease_s, force=force)
        except Conflict:
            raise Conflict(_driven(row), f"Stop it with `motet stop {row.name}`, or wait for it to end.") from None
        hit("claim.after")
        try:
            state = load_state(self.store, run, row.offset)
        except BaseException:
            self.store.release(run, row.epoch)
            raise
        hit("resume.loaded")
        self.tender.after(_SYNC_S, self._keep_synced)  # most runs are over by then, and pay nothing
        session = Session(self.store, self.clock, state, epoch=row.epoch, program=program, params=row.params)
        session.died = died
        driver = self.driver_type(self, session, row, lease_s)
        if self.told is not None:
            session.recorder.told = partial(self.told, driver)
        return driver

    def drive(self, row: RunRow, program: Program, onward: Onward) -> Driver:
        """Drive the run by this program to its end, on this thread; see `motet.ports.voice.Host`."""
        driver = self._owned(row.id, program, reopen=onward.reopen)
        driver.rerun_changed = onward.rerun_changed
        with held_back(driver):
            try:
                driver.begin(reopen=driver.run.status in ENDED, rerun=onward.rerun)
                onward.watch(driver)
                self._run_inline(driver)
            except (KeyboardInterrupt, SystemExit) as stop:
                driver.cancel(f"interrupted by {type(stop).__name__}")
                if driver.finished.is_set():  # the interruption may have come just as its last word was taken
                    driver.here.put(None)
                while (attempt := take(driver.here)) is not None:
                    attempt.report(attempt, Stopped("the run was stopped"))
                raise
        driver.check()
        return driver

    def _run_inline(self, driver: Driver) -> None:
        """Carry out, on this thread, the attempts that are to run inline, until the run has ended."""
        stops: list[BaseException] = []
        while (attempt := take(driver.here)) is not None:
            _notice_interruption(attempt, stops)
            self.executor("inline").start(attempt)
            if stops:
                raise stops[0]

    def program_of(self, row: RunRow | NewRun) -> Json:
        """The run's program, with the places where its files are now if they were moved since (see `move`)."""
        return {**row.program, **self.moved(row)}

    def moved(self, row: RunRow | NewRun) -> Json:
        """What `move` was told last of the run."""
        found = self.store.document(row.program["voice"], _PLACE, row.id)
        return found.body if found is not None else {}

    def move(self, run: RunRow | NewRun, place: Json) -> None:
        """Remember where files of the run's program are now. What the run, and its steps, count by stays as it was."""
        voice = run.program["voice"]
        known = self.store.document(voice, _PLACE, run.id)
        self.store.put_document(Document(voice, _PLACE, run.id, place, known.version if known is not None else 0))

    def check(self, run: str) -> None:
        """Read all that the run has recorded. Raises StoreCorrupt, naming run and place, if it is damaged."""
        self.store.run(run)
        for _ in self.store.history(run):
            pass

    def close(self, *, kill: bool = False) -> None:
        """Let executors end what they have in hand (or kill it), and stop the tender."""
        with self._lock:
            executors, self._executors = list(self._executors.values()), {}
        for each in executors:
            each.close(kill=kill)
        self.machine.close()
        self.tender.close()
        self.store.close()


def _notice_interruption(attempt: Attempt, stops: list[BaseException]) -> None:
    """Have an interruption of this thread (Ctrl-C) put in `stops`: it ends the attempt, which has not failed."""
    report = attempt.report

    def reported(attempt: Attempt, outcome: Outcome) -> None:
        error = outcome.exception if isinstance(outcome, Failure) else None
        if error is not None and not isinstance(error, Exception):
            stops.append(error)
            outcome = Stopped(f"interrupted by {type(error).__name__}")
        report(attempt, outcome)

    attempt.report = reported


def _driven(row: RunRow) -> str:
    who = f"process {row.owner.pid} on {row.owner.host}" if row.owner is not None else "another process"
    return f"Run {row.name} is being driven by {who}."
