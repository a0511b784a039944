"""Workflow files from Python: calls of them, and what their runs have put out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motet import app, voices
from motet.errors import NotFound, RunFailed, TargetError, UsageError
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports.voice import Asked, Onward, Target, Voice
from motet.views.lookup import find_run

if TYPE_CHECKING:
    from motet.engine.host import Host


def results(run: str) -> Mapping[str, Mapping[str, Any]]:
    """What the steps of a run of a workflow file have put out so far: {step: {output: content}}.

    `run` is its id or name. Raises NotFound; UsageError for a run of something else.
    """
    host = app.hosts.current()
    row = find_run(host.store, run)
    return voices.of_run(row).values(host, row)


def frames(run: str) -> Mapping[str, Any]:
    """The same as pandas data frames, by the names that its voice gives them."""
    host = app.hosts.current()
    row = find_run(host.store, run)
    return voices.of_run(row).frames(host, row)


def load(path: str, **options: Any) -> WorkflowFile:
    """The workflow in a file as something to be called.

        results = motet.load("workflow.yaml")({"train.model": "svm"})

    A call runs it to its end and gives {step: {output: content}}; what is given are inputs with another value than in
    the file. Called in a flow it is a step of that flow, and a run of its own below it, which a resumed flow takes up
    where it stood. `options` are those that `motet run` has for such a file, by name: `matrix={"train.model": [...]}`.
    Raises TargetError for no such file; UsageError for an option that its voice has not.
    """
    if not os.path.isfile(path):
        raise TargetError(f"{path} does not exist.", "Check the path, and the folder that you are in.")
    voice = voices.of_file(path)
    _check(voice, options)
    return WorkflowFile(os.path.abspath(path), {name: value for name, value in options.items() if value is not None})


def _check(voice: Voice, options: Mapping[str, Any]) -> None:
    from argparse import ArgumentParser

    parser = ArgumentParser()
    known: list[str] = []
    voice.options("run", lambda *flags, **settings: known.append(parser.add_argument(*flags, **settings).dest))
    for name in options:
        if name not in known:
            told = ", ".join(known) or "none"
            raise UsageError(f"There is no option {name!r} for {voice.title}.", f"Its options: {told}.")


class WorkflowFile:
    """A workflow in a file; see `load`. Can be sent to other processes."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        self.path = path
        self.options = options

    @property
    def __name__(self) -> str:
        return os.path.basename(self.path).partition(".")[0]

    def __call__(self, inputs: Mapping[str, Any] | None = None) -> Mapping[str, Mapping[str, Any]]:
        """Run it. Raises SpecError for faults in the file; RunFailed if a step has failed."""
        return self._as_task()(dict(inputs or {}))  # type: ignore[no-any-return]

    def submit(self, inputs: Mapping[str, Any] | None = None) -> Any:
        """Run it beside what else the flow does; gives a future at once."""
        return self._as_task().submit(dict(inputs or {}))

    def _as_task(self) -> Any:
        from motet import task  # the decorator of flows, which calls of workflow files are made with

        return task(name=self.__name__)(self._run)

    def _run(self, inputs: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        from motet.executors import current

        host = app.hosts.current()
        here = current.get()
        run = _child(here.context) if here is not None else ""
        voice = voices.of_file(self.path)
        if not run or not _exists(host, run):
            new = voice.new_run(host, Target(self.path), Asked(inputs=inputs, options=self.options))
            if here is not None:
                new.id, new.parent = run, str(here.context["run"])
            host.create(new)
            run = new.id
        row = host.store.run(run)
        if row.status != SUCCEEDED:
            voice.carry_on(host, row, Onward(reopen=row.status in ENDED))
            row = host.store.run(run)
        if row.status != SUCCEEDED:
            told = row.error.get("message", "") if isinstance(row.error, dict) else row.status
            raise RunFailed(f"Run {row.name} of {self.path} {row.status}. {told}", f"Look at it: motet show {row.id}")
        return voice.values(host, row)


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
