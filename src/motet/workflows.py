"""Workflow files from Python: calls of them, and what their runs have put out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from motet import app, voices
from motet.children import Child
from motet.errors import TargetError, UsageError
from motet.kernel.policy import Policy
from motet.ports.voice import Asked, Voice
from motet.views.lookup import find_run


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


def load(path: str, *, detached: bool = False, **options: Any) -> WorkflowFile:
    """The workflow in a file as something to be called.

        results = motet.load("workflow.yaml")({"train.model": "svm"})

    A call runs it to its end and gives {step: {output: content}}; what is given are inputs with another value than in
    the file. Called in a flow it is a step of that flow, and a run of its own below it, which a resumed flow takes up
    where it stood, and which is stopped with it; with `detached`, a process of its own drives it, which goes on when
    the flow's is lost. `options` are those of `motet run` for such a file, by name: `matrix={"train.model": [...]}`.
    Raises TargetError for no such file; UsageError for an option that its voice has not.
    """
    if not os.path.isfile(path):
        raise TargetError(f"{path} does not exist.", "Check the path, and the folder that you are in.")
    voice = voices.of_file(path)
    _check(voice, options)
    given = {name: value for name, value in options.items() if value is not None}
    return WorkflowFile(os.path.abspath(path), given, detached=detached)


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

    def __init__(self, path: str, options: Mapping[str, Any], *, detached: bool = False) -> None:
        self.path = path
        self.options = options
        self.detached = detached

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

        made = task(name=self.__name__)(self._run)
        made.policy = Policy(executor="runs")
        return made

    def _run(self, inputs: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        voices.of_file(self.path)  # which says what it is if it is no workflow
        return Child(self.path, Asked(inputs=inputs, options=self.options), detached=self.detached).run()
