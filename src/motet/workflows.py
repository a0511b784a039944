"""Workflow files: which voice one is written in, runs made of it, and calls of it from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from motet import app, voices
from motet.errors import NotFound, RunFailed, TargetError, UsageError
from motet.kernel.transitions import ENDED, SUCCEEDED

if TYPE_CHECKING:
    from motet.dialects.orquestra.voice import Asked
    from motet.engine.host import Host
    from motet.ports import NewRun, RunRow


def new_run(
    host: Host, path: str, asked: Asked, *, name: str = "", warn: Callable[[str], None] | None = None
) -> NewRun:
    """A run of the workflow in the file, checked and not yet begun; `warn` is told what is odd. Raises UsageError."""
    new: NewRun = voices.of_file(path).speaker().new_run(host, path, app.home(), asked, name=name, warn=warn)
    return new


def carry_on(host: Host, run: str) -> RunRow:
    """Drive the run to its end in this process; gives it as it stands then."""
    row = host.store.run(run)
    if row.status != SUCCEEDED:
        app.voice_of(row)(host, row, reopen=row.status in ENDED)
    return host.store.run(run)


def results(run: str) -> dict[str, dict[str, Any]]:
    """What the steps of a run of a workflow file have put out so far: {step: {output: content}}.

    `run` is its id or name. Raises NotFound; UsageError for a run of something else.
    """
    host = app.hosts.current()
    return _values(host, _found(host, run))


def frames(run: str) -> dict[str, Any]:
    """The same as pandas data frames, one for each type of output; see `motet.dialects.orquestra.tables`."""
    from motet.dialects.orquestra import tables, voice
    from motet.dialects.orquestra.program import VOICE

    host = app.hosts.current()
    row = _found(host, run)
    of_voice(row, VOICE)
    return tables.frames(tables.tables(row.id, voice.results_of(host, row)))


def _found(host: Host, run: str) -> RunRow:
    found = host.store.find_runs(run)
    if not found:
        raise NotFound(f"There is no run {run!r}.", "`motet ls` lists the runs.")
    return found[0]


def _values(host: Host, row: RunRow) -> dict[str, dict[str, Any]]:
    voice = voices.of_run(row)
    if not voice.signs:
        raise UsageError(f"Run {row.name} is no run of a workflow file.", "`motet show` shows what it has given.")
    found: dict[str, dict[str, Any]] = voice.speaker().values(host, row)
    return found


def load(path: str, *, matrix: Mapping[str, Sequence[Any]] | None = None) -> WorkflowFile:
    """The workflow in a file as something to be called.

        results = motet.load("workflow.yaml")({"train.model": "svm"})

    A call runs it to its end and gives {step: {output: content}}; what is given are inputs with another value than in
    the file. Called in a flow it is a step of that flow, and a run of its own below it, which a resumed flow takes up
    where it stood. `matrix` gives inputs several values, as `--matrix` does. Raises TargetError for no such file.
    """
    if not os.path.isfile(path):
        raise TargetError(f"{path} does not exist.", "Check the path, and the folder that you are in.")
    voices.of_file(path)
    return WorkflowFile(os.path.abspath(path), dict(matrix or {}))


class WorkflowFile:
    """A workflow in a file; see `load`. Can be sent to other processes."""

    def __init__(self, path: str, matrix: Mapping[str, Sequence[Any]]) -> None:
        self.path = path
        self.matrix = matrix

    @property
    def __name__(self) -> str:
        return os.path.basename(self.path).partition(".")[0]

    def __call__(self, sets: Mapping[str, Any] | None = None) -> dict[str, dict[str, Any]]:
        """Run it. Raises SpecError for faults in the file; RunFailed if a step has failed."""
        return self._as_task()(dict(sets or {}))  # type: ignore[no-any-return]

    def submit(self, sets: Mapping[str, Any] | None = None) -> Any:
        """Run it beside what else the flow does; gives a future at once."""
        return self._as_task().submit(dict(sets or {}))

    def _as_task(self) -> Any:
        from motet.dialects.python.tasks import task

        return task(name=self.__name__)(self._run)

    def _run(self, sets: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        from motet.executors import current

        host = app.hosts.current()
        here = current.get()
        run = _child(here.context) if here is not None else ""
        if not run or not _exists(host, run):
            new = new_run(host, self.path, voices.of_file(self.path).speaker().Asked(sets, self.matrix))
            if here is not None:
                new.id, new.parent = run, str(here.context["run"])
            host.create(new)
            run = new.id
        row = carry_on(host, run)
        if row.status != SUCCEEDED:
            told = row.error.get("message", "") if isinstance(row.error, dict) else row.status
            raise RunFailed(f"Run {row.name} of {self.path} {row.status}. {told}", f"Look at it: motet show {row.id}")
        return _values(host, row)


def _child(context: Mapping[str, Any]) -> str:
    """The id of the run that a step begins: the same for every attempt at it."""
    from hashlib import blake2b

    told = f"{context['run']}\0{context['key']}\0{context.get('element', -1)}"
    return f"within-{blake2b(told.encode(), digest_size=10).hexdigest()}"


def _exists(host: Host, run: str) -> bool:
    try:
        host.store.run(run)
    except NotFound:
        return False
    return True


def of_voice(row: RunRow, voice: str) -> None:
    """Raise UsageError for a run that is not one of a file in this voice."""
    if row.program.get("voice") != voice:
        raise UsageError(
            f"Run {row.name} is no run of an {voice.title()} workflow.", "`motet show` shows what it has given."
        )
