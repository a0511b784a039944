"""Where the calling code runs, as far as its checkpoints are concerned: in a task here, in a worker process, or in a
program that a command has started.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Protocol

from motet.dialects.python.scope import current
from motet.errors import NotFound, StaleAttempt, UsageError
from motet.executors.current import Current
from motet.executors.current import get as get_running
from motet.kernel.events import Json
from motet.kernel.state import step_or_element
from motet.private import home, make_folder
from motet.training.programs import Program
from motet.values.pickle import Part
from motet.values.snapshots import Snapshot, packed

if TYPE_CHECKING:
    from motet.engine.driver import Driver
    from motet.ports import ArtifactStore

VARIABLE = "MOTET_CHECKPOINT"
"""The environment variable that names the folder of a command's checkpoints."""


class Place(Protocol):
    """An attempt, as its own code sees it. `memory` is what is remembered for it as long as it runs."""

    run: str
    step: str
    memory: dict[str, Any]

    @property
    def folder(self) -> str:
        """The folder that its code has asked for; "" if it has not."""
        ...

    def make_folder(self) -> str:
        """That folder, made if need be, with the files of the last checkpoint."""
        ...

    def keep(self, state: Sequence[Part] | None, folder: str, labels: Mapping[str, Json]) -> int:
        """Keep a state, and what is in the folder; gives the checkpoint's number."""
        ...

    def last_state(self) -> memoryview | None:
        """The pickled state of the last checkpoint."""
        ...


def here() -> Place | None:
    """The attempt that the calling code is part of; None outside of any. Raises UsageError in a flow."""
    running = get_running()
    if running is not None and "key" in running.context:
        scope = current.get()
        return _Task(running, scope.driver if scope is not None else None)
    folder = os.environ.get(VARIABLE, "")
    if folder and os.path.isdir(folder):
        return Program(folder)
    _warn_once()
    return None


class _Task:
    """The attempt of a task. `driver` is the run's where that is driven in this process."""

    def __init__(self, running: Current, driver: Driver | None) -> None:
        context = running.context
        self._running = running
        self._driver = driver
        self._which = context["key"], context.get("attempt", 1), context.get("element", -1)
        self.run: str = context["run"]
        self.step = step_or_element(self._which[0], self._which[2])
        self.memory = running.kept
        if driver is not None and driver.state.steps[self._which[0]].form == "flow":
            raise UsageError(
                f"{self.step} is a flow, and has no checkpoints.",
                "A flow is resumed by its steps. Call it in a task, around the work that takes long.",
            )
        if driver is None and running.keeper is None:
            raise UsageError(
                f"Checkpoints of {self.step} cannot be kept from here.",
                "Call it in the task's own process and thread: processes that the task has forked are not known here.",
            )

    @property
    def folder(self) -> str:
        made = self.memory.get("folder")
        return made.path if made is not None else ""

    def make_folder(self) -> str:
        if not self.folder:
            above = os.path.join(self._driver.host.home if self._driver is not None else home(), "work", self.run)
            make_folder(above)
            self.memory["folder"] = made = _Folder(above)
            found = self._last()
            if found is not None:
                found.restore(made.path)
        return self.folder

    def keep(self, state: Sequence[Part] | None, folder: str, labels: Mapping[str, Json]) -> int:
        parts = packed(f"{self.run}/{self.step}#{os.urandom(8).hex()}", state, folder)
        stored = self._artifacts.put_stream(parts)
        made = {"digest": stored.digest, "size_bytes": stored.size_bytes, "labels": dict(labels)}
        try:
            number = self._tell(made)
        except StaleAttempt:
            self._artifacts.remove(stored.digest)
            raise
        self.memory["checkpoints"] = [{"number": number, "content": {"artifact": stored.digest}}]
        return number

    def _tell(self, made: Mapping[str, Json]) -> int:
        if self._driver is not None:
            return self._driver.keep(self._which, made)
        assert self._running.keeper is not None
        return self._running.keeper.keep(made)

    @property
    def _artifacts(self) -> ArtifactStore:
        if self._driver is not None:
            return self._driver.host.artifacts
        assert self._running.keeper is not None
        return self._running.keeper.artifacts

    def last_state(self) -> memoryview | None:
        found = self._last()
        return found.state if found is not None else None

    def _last(self) -> Snapshot | None:
        """The last checkpoint that is whole."""
        own = self.memory.get("checkpoints", ())
        before = self._running.context.get("checkpoints", ()) if self._driver is None else self._recorded(self._driver)
        for entry in (*own, *before):
            try:
                return Snapshot(self._artifacts.get(entry["content"]["artifact"]))
            except (NotFound, ValueError) as error:
                import logging

                told = "%s does not begin from its checkpoint %d, but from the one before it: %s"
                logging.getLogger("motet").warning(told, self.step, entry["number"], error)
        return None

    def _recorded(self, driver: Driver) -> Sequence[Json]:
        key, _, element = self._which
        return driver.checkpoints(key, element)


class _Folder:
    """A folder that goes when the attempt does."""

    def __init__(self, above: str) -> None:
        self.path = tempfile.mkdtemp(prefix="checkpoint-", dir=above)
        self.remove = weakref.finalize(self, rmtree, self.path, ignore_errors=True)


_temporary: list[_Folder] = []


def temporary() -> str:
    """A folder that goes when the process ends."""
    if not _temporary:
        _temporary.append(_Folder(tempfile.gettempdir()))
    return _temporary[0].path


_warned: list[bool] = []


def _warn_once() -> None:
    if not _warned:
        import logging

        _warned.append(True)
        logging.getLogger("motet").warning("motet.checkpoint was called outside of any task: nothing is kept.")
