"""Registered workflows: what they take, runs of them. Nothing of their code is loaded here."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import MaxLen, MinLen
from typing_extensions import TypedDict

from motet.errors import Conflict
from motet.ports.definition import Definition
from motet.registry import definitions, starting
from motet.scheduling.documents import definition_json
from motet.scheduling.loop import check_unused
from motet.server.api.documents import Json, Run
from motet.server.submitting import registered
from motet.server.table import ADMIN, OPERATE, PREFIX, READ, Call, Text, asked, delete, get, post
from motet.views import documents

_CODE_CHARS = 64 * 2**20
Many = Annotated[list[Text], MaxLen(100)]


class Workflow(TypedDict):
    """A version of a registered workflow. `schema` is that of its parameters, `params` need not be given."""

    name: str
    version: int
    digest: str
    voice: str
    workflow: str
    target: str
    schema: Json
    params: dict[str, Json]
    tags: list[str]
    created_at: float
    snapshot: Json
    source: Json
    environment: Json


@asked
class Registration:
    """Code, a file or an archive in base64, and which target in it is to be kept: see `motet register`."""

    target: Annotated[Text, MinLen(1)]
    code: Annotated[str, MaxLen(_CODE_CHARS)]
    name: Text = ""
    params: dict[str, Any] | None = None


@asked
class RunWanted:
    """The parameters of a run, its name; an `id`, with which it is made once."""

    params: dict[str, Any] | None = None
    name: Text = ""
    id: Annotated[str, MaxLen(100)] = ""


def workflows(call: Call) -> list[Workflow]:
    """The registered workflows, each in the version that was registered last."""
    return [_shown(each) for each in definitions.every(call.site.store)]


def workflow(call: Call, workflow: Text) -> Workflow:
    """A registered workflow, by NAME or NAME@VERSION."""
    return _shown(definitions.find(call.site.store, workflow))


def workflow_versions(call: Call, workflow: Text) -> list[Workflow]:
    """All versions of a registered workflow, oldest first."""
    return [_shown(each) for each in definitions.versions(call.site.store, workflow)]


def register(call: Call, body: Registration) -> Workflow:
    """Keep a workflow of code that is sent: a process of its own loads it."""
    options = ["--name", body.name] if body.name else []
    begun = {"by": "server", "user": call.caller.user}
    made: Workflow = registered(call.site, body.target, body.code, body.params or {}, options, begun)
    return made


def workflow_removed(call: Call, workflow: Text) -> list[str]:
    """Remove NAME, or NAME@VERSION; gives the versions that were. Runs that there are keep their code."""
    check_unused(call.site.store, workflow)
    return definitions.remove(call.site.store, workflow)


def workflow_started(call: Call, workflow: Text, body: RunWanted) -> Run:
    """Begin a run of a registered workflow. Its parameters are checked against the schema."""
    site = call.site
    found = definitions.find(site.store, workflow)
    place = starting.Place(site.store, site.home, site.now())
    begun = {"by": "server", "user": call.caller.user}
    new = starting.new_run(found, body.params or {}, place, run=body.id, name=body.name, begun_by=begun)
    if not site.store.create_run(new):
        raise Conflict(f"There is a run {new.id} already.", "Leave the id out, or choose another.")
    site.start(new.id)
    made: Run = documents.run_json(site.store.run(new.id))
    return made


def _shown(found: Definition) -> Workflow:
    shown: Workflow = definition_json(found)
    return shown


ROUTES = (
    get(f"{PREFIX}/workflows", READ, workflows),
    post(f"{PREFIX}/workflows", OPERATE, register, status=201, most_bytes=_CODE_CHARS + 2**20, is_long=True),
    get(f"{PREFIX}/workflows/{{workflow}}", READ, workflow),
    delete(f"{PREFIX}/workflows/{{workflow}}", ADMIN, workflow_removed),
    get(f"{PREFIX}/workflows/{{workflow}}/versions", READ, workflow_versions),
    post(f"{PREFIX}/workflows/{{workflow}}/runs", OPERATE, workflow_started, status=201),
)
