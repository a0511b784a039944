"""`Host`: what the runs of one process share. Put together by `motet.app`, closed with the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from motet.engine.calls import Call
from motet.engine.driver import Driver
from motet.engine.recording import load_state
from motet.engine.session import Session
from motet.engine.tender import Tender
from motet.errors import Conflict, UsageError
from motet.failpoints import hit
from motet.kernel.program import Program
from motet.kernel.state import Step
from motet.kernel.transitions import CANCELLED, ENDED, FAILED
from motet.owners import LEASE_S, is_dead, this_process
from motet.ports import ArtifactStore, Clock, Executor, LogStore, NewRun, Owner, RunRow, Store
from motet.records import Record
from motet.values.naming import checked

CallMaker: TypeAlias = Callable[[ArtifactStore, Session, Step], Call]


class ExecutorSpec(Record, frozen=True):
    """How to make an executor, and how much it takes, which is asked before it is made."""

    make: Callable[[], Executor]
    capacity: int
    backlog: int


class Host:
    """Store, artifacts, logs, clock, executors (made when first asked for) and the tender of this process.

    resources  what steps may demand of this machine: {"cpu": 8, "memory": 16e9, "gpu": 1}
    calls      makes the `Call` of a recorded step, where its program does not bring it
    """

    def __init__(
        self, store: Store, artifacts: ArtifactStore, logs: LogStore, clock: Clock,
        executors: Mapping[str, ExecutorSpec], calls: CallMaker | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.artifacts = artifacts
        self.logs = logs
        self.clock = clock
        self.tender = Tender(store)
        self.specs = executors
        self.resources: Mapping[str, float] = {}
        self._calls = calls
        self._executors: dict[str, Executor] = {}
        self._lock = threading.Lock()

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

    def call_of(self, session: Session, step: Step) -> Call:
        """What the recorded step needs to run. Raises UsageError where nothing here knows."""
        if self._calls is None:
            raise UsageError(f"Nothing here can carry out {step.key}.", "Hand the host what makes calls of steps.")
        return self._calls(self.artifacts, session, step)

    def create(self, run: NewRun) -> None:
        """Add a run; raises UsageError if one of that id exists, or for a name or tag that cannot be one."""
        checked(run.name, "The run's name")
        for tag in run.tags:
            checked(tag, "The tag")
        hit("create_run.before")
        made = self.store.create_run(run)
        hit("create_run.after")
        if not made:
            raise UsageError(f"There is a run {run.id} already.", "Leave the id out, or choose another.")

    def take_up(
        self, run: str, *, program: Program | None = None, reopen: bool = False, rerun: Collection[str] = (),
        lease_s: float = LEASE_S,
    ) -> Driver:  # fmt: skip
        """Become the run's owner and drive it from where its history ends.

        A run that has failed or been cancelled is taken up only with `reopen`. The steps `rerun`, given by key, run
        anew, with all that is around or below them or used their results. Raises Conflict, naming the
        owner, while another process drives it; UsageError if it has ended.
        """
        row = self.store.run(run)
        if row.status in ENDED and not (reopen and row.status in (FAILED, CANCELLED)):
            raise UsageError(f"Run {row.name} has ended: {row.status}.", "There is nothing left to resume.")
        force = row.owner is not None and is_dead(row.owner)
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
        session = Session(
            self.store, self.clock, state, epoch=row.epoch, program=program, params=row.params,
        )  # fmt: skip
        driver = Driver(self, session, row, lease_s)
        driver.begin(reopen=row.status in ENDED, rerun=rerun)
        return driver

    def close(self, *, kill: bool = False) -> None:
        """Let executors end what they have in hand (or kill it), and stop the tender."""
        with self._lock:
            executors, self._executors = list(self._executors.values()), {}
        for each in executors:
            each.close(kill=kill)
        self.tender.close()
        self.store.close()


def _driven(row: RunRow) -> str:
    owner: Owner | None = row.owner
    who = f"process {owner.pid} on {owner.host}" if owner is not None else "another process"
    return f"Run {row.name} is being driven by {who}."
