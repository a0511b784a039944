"""A run played again in memory, up to one of its steps: nothing of it is recorded, and no other step runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from motet import app, voices
from motet.artifacts.memory import MemoryArtifacts
from motet.engine.driver import Driver
from motet.engine.host import Host
from motet.engine.session import Session
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.kernel.program import AddStep
from motet.kernel.transitions import RUNNING
from motet.owners import this_process
from motet.ports import ArtifactStore, Attempt, Batch, ExecutorSpec, NewRun, Place, RunRow
from motet.ports.execution import Call, Prepared, Settled
from motet.ports.spec import told_differences
from motet.ports.voice import Onward
from motet.records import Record
from motet.stores.memory import MemoryStore

_MANY = 1 << 30

_ENDS = ("run.cancelling", "run.finishing", "run.finished", "run.reopened")
"""What is left out of the history: the run goes on, and recorded failures stand as its code met them."""


class Scene(Record):
    """What an attempt at the step is asked to do. `differs` says what is not as it was recorded, in words."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    context: Mapping[str, Json]
    executor: str = ""
    differs: Sequence[str] = ()


class _Reached(BaseException):
    """The step is about to run. No user code that handles exceptions is to hold this up."""


def scene_of(host: Host, row: RunRow, key: str, element: int = -1) -> Scene:
    """What the step, or the element of a map, is asked to do by the code as it is now. The bodies of the flows around
    it run for that, with the recorded outcomes of all other steps.

    Raises UsageError where the code does not get there; ReplayMismatch where it calls other steps than it did.
    """
    recorded = {each["key"]: each.get("call") for each in host.store.history(row.id) if each["event"] == "step.added"}
    with TemporaryDirectory(prefix="motet-debug-") as folder:
        aside = _Aside(host, key, element, folder)
        app.in_place(host, row)
        try:
            voices.of_run(row).carry_on(aside, aside.take_in(host, row), Onward(rerun=[key]))
        except BaseException:  # boundary: what broke off the run, as whoever drove it has seen it
            if aside.scene is None:
                raise
        finally:
            aside.close(kill=True)
    if aside.scene is not None:
        now = aside.driver.state.steps[key].call
        aside.scene.differs = told_differences(recorded.get(key), now)
        return aside.scene
    raise UsageError(
        f"The code of run {row.name} ends without calling {key}.",
        "It has changed since, or takes another way: compare it with what ran then.",
    )


class _Aside(Host):
    """A host in memory that reads the artifacts of another one."""

    driver: Driver

    def __init__(self, host: Host, key: str, element: int, folder: str) -> None:
        specs = {name: ExecutorSpec(partial(_Stage, self, name), _MANY, 0) for name in host.specs}
        super().__init__(
            MemoryStore(), Beside(host.artifacts), partial(app.open_logs, folder), host.clock, specs, host.home
        )  # fmt: skip
        self.key, self.element = key, element
        self.driver_type = _Rehearsal
        self.scene: Scene | None = None

    def reached(self, asked: Prepared | Attempt, executor: str = "") -> _Reached:
        """The step is about to be run so."""
        self.scene = Scene(asked.function, asked.args, asked.kwargs, asked.context, executor)
        return _Reached()

    def take_in(self, host: Host, row: RunRow) -> RunRow:
        """Copy the run, as if it had not ended."""
        program = host.program_of(row)
        self.store.create_run(
            NewRun(row.id, row.name, row.workflow, program, row.params, tags=row.tags, created_at=row.created_at)
        )
        events = [each for each in host.store.history(row.id) if each["event"] not in _ENDS]
        epoch = max([1, *(each.get("epoch", 0) for each in events)])
        for _ in range(epoch):
            self.store.claim(row.id, this_process(), 0.0, force=True)
        self.store.append(row.id, epoch, 0, Batch(events, (), {"status": RUNNING}))
        self.store.release(row.id, epoch)
        return self.store.run(row.id)


class _Rehearsal(Driver):
    """Stops where a caller would carry out the step itself."""

    host: _Aside

    def __init__(self, host: _Aside, session: Session, run: RunRow, lease_s: float) -> None:
        self._asked: dict[str, Call] = {}
        super().__init__(host, session, run, lease_s)
        host.driver = self

    def add(self, action: AddStep, call: Call) -> int:
        """See `Driver`."""
        self._asked[action.key] = call
        return self._checked(action.key, super().add(action, call)) or 0

    def turn(self, key: str, callback: Callable[[], None] | None = None) -> int | None:
        """See `Driver`."""
        return self._checked(key, super().turn(key, callback))

    def _checked(self, key: str, grant: int | None) -> int | None:
        if not grant or self.state.steps[key].form == "flow":
            return grant
        if key != self.host.key:
            raise UsageError(
                f"Step {key} has no outcome, and comes before {self.host.key}.",
                "A step can be debugged once the run has got there.",
            )
        prepared = self._asked[key].prepare(-1, grant, here=False)
        if isinstance(prepared, Settled):
            raise UsageError(f"{key} would not run: its result is kept.", "Nothing is left to be debugged.")
        raise self.host.reached(prepared)


class _Stage:
    """In the place of every executor: the step ends the rehearsal, others never report."""

    place: Place = "apart"
    capacity, backlog = _MANY, 0

    def __init__(self, aside: _Aside, name: str) -> None:
        self.name = name
        self._aside = aside

    def start(self, attempt: Attempt) -> None:
        if (attempt.key, attempt.element) == (self._aside.key, self._aside.element):
            raise self._aside.reached(attempt, self.name)

    def stop(self, run: str, key: str, element: int, number: int, reason: str) -> bool:
        return True

    def close(self, *, kill: bool = False) -> None:
        pass


class Beside:
    """Artifacts that are read from another store too, and written to memory."""

    def __init__(self, other: ArtifactStore) -> None:
        self._other = other
        self._own = MemoryArtifacts()
        self.put, self.put_stream = self._own.put, self._own.put_stream
        self.sync, self.remove, self.sweep = self._own.sync, self._own.remove, self._own.sweep

    def get(self, digest: str) -> memoryview:
        try:
            return self._own.get(digest)
        except NotFound:
            return self._other.get(digest)

    def path(self, digest: str) -> str:
        try:
            return self._own.path(digest)
        except NotFound:
            return self._other.path(digest)
