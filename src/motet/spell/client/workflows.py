"""Workflows: `client.workflows`, and `client.active_workflow`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motet.dialects.spell.shown import WorkflowView
from motet.spell.api import models
from motet.spell.api.exceptions import told
from motet.spell.client.model import Client, SpellModel
from motet.spell.client.runs import requested

__all__ = ["Workflow", "Workflows"]


class Workflows:
    """New workflows, and those that there are."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def new(self, command: str, *, repos: Mapping[str, str] | None = None, **kwargs: Any) -> Workflow:
        """Begin a workflow: `command` runs as its master, in a copy of the current folder, and begins its runs.

        repos   {label: path of a folder}: code that runs take by `commit_label`, as it is committed now
        kwargs  what `client.runs.new` takes
        """
        with told():
            request = requested(self._client, {**kwargs, "command": command})
            if request.code is None and not request.github_url:
                request.code = self._client.house.snapshot(".", uncommitted=True)
            code = {label: {**self._client.house.snapshot(path), "path": path} for label, path in (repos or {}).items()}
            return Workflow(self._client, self._client.house.workflow(request, code))

    def get(self, workflow_id: int) -> Workflow:
        """The workflow of that number. Raises BadRequest where there is none."""
        with told():
            return Workflow(self._client, self._client.house.find_workflow(int(workflow_id)))

    def list(self) -> list[Workflow]:
        """All workflows, oldest first."""
        with told():
            return [Workflow(self._client, each) for each in reversed(self._client.house.workflows())]


class Workflow(SpellModel):
    """A workflow as it stood when it was asked for last."""

    model = "workflow"

    def __init__(self, client: Client, view: WorkflowView) -> None:
        super().__init__(client, _told_of(view))

    @property
    def managing_run(self) -> Any:
        """Its master."""
        return self._client.runs.get(self._told.managing_run_id)  # type: ignore[attr-defined]

    @property
    def runs(self) -> list[Any]:
        """Its runs so far, in order."""
        return [self._client.runs.get(each) for each in self._told.run_ids]  # type: ignore[attr-defined]

    def refresh(self) -> None:
        """Ask how it stands."""
        with told():
            self._told = _told_of(self._client.house.find_workflow(self.id))

    def stop(self) -> None:
        """Stop its master and its runs."""
        with told():
            self._client.house.stop([self._told.managing_run_id])  # type: ignore[attr-defined]

    def kill(self) -> None:
        """Kill its master and its runs."""
        with told():
            self._client.house.kill([self._told.managing_run_id])  # type: ignore[attr-defined]


def _told_of(view: WorkflowView) -> models.Workflow:
    return models.Workflow(
        id=view.number, workspace_specs=dict(view.repos), managing_run_id=view.managing_run, run_ids=list(view.runs)
    )
