"""The client: `from_environment()`."""

from __future__ import annotations

import os
from typing import Any

from motet.dialects.spell import house
from motet.spell.api.exceptions import ClientException, told
from motet.spell.api.models import RangeSpec, User, ValueSpec
from motet.spell.client.hyper import Hyper
from motet.spell.client.resources import Resources
from motet.spell.client.runs import Runs
from motet.spell.client.workflows import Workflow, Workflows

__all__ = ["RangeSpec", "SpellClient", "ValueSpec", "from_environment"]


class SpellClient:
    """Asks for runs, searches, files and workflows: of the engine of the run that this is part of, else of the home.

    token, base_url, version_str   taken: nobody has to log in to a home. `motet server` serves the API to clients
                                   that speak HTTP
    workflow_id   the workflow that new runs belong to; in the script of a workflow it is that one
    """

    def __init__(
        self, token: str = "", spell_admin_token: str | None = None, base_url: str = "", version_str: str = "v1",
        owner: str | None = None, workflow_id: int | None = None,
    ) -> None:  # fmt: skip
        self.token = token
        with told():
            self.house = house.current()
            self.owner: str = owner or os.environ.get("SPELL_OWNER") or self.house.owner
            self.active_workflow = (
                None if workflow_id is None else Workflow(self, self.house.find_workflow(workflow_id))
            )

    def __repr__(self) -> str:
        return f"SpellClient(owner={self.owner!r})"

    @property
    def user(self) -> User:
        """Who asks."""
        return User(user_name=self.owner)

    @property
    def runs(self) -> Runs:
        """Runs: new ones, and those that there are."""
        return Runs(self)

    @property
    def hyper(self) -> Hyper:
        """Searches for parameters."""
        return Hyper(self)

    @property
    def resources(self) -> Resources:
        """Files that runs have put out, uploads, and links."""
        return Resources(self)

    @property
    def workflows(self) -> Workflows:
        """Workflows: new ones, and those that there are."""
        return Workflows(self)

    def __getattr__(self, name: str) -> Any:
        if name in ("models", "servers"):
            raise ClientException(f"client.{name} is not served here: keep files with client.resources.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def from_environment() -> SpellClient:
    """The client of this process: in a run that of its workflow, elsewhere that of the home. Raises ClientException
    for a SPELL_WORKFLOW_ID that is no number.
    """
    given = os.environ.get("SPELL_WORKFLOW_ID", "")
    try:
        workflow = int(given) if given else None
    except ValueError:
        raise ClientException(f"SPELL_WORKFLOW_ID is {given!r:.80}, which is no number of a workflow.") from None
    return SpellClient(
        os.environ.get("SPELL_TOKEN", ""), owner=os.environ.get("SPELL_OWNER") or None, workflow_id=workflow
    )
