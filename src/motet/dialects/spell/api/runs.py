"""Runs, searches and workflows: made, shown, ended, labelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of, shelf_of
from motet.dialects.spell.api.wire import Telling
from motet.dialects.spell.api.workspaces import code_of
from motet.dialects.spell.house import House
from motet.dialects.spell.requests import RunRequest
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, READ, Call, Limit, Route, delete, get, post, put
from motet.shelves import Shelf

_ALIKE = (
    "command", "cwd", "pip_packages", "apt_packages", "docker_image", "description", "labels", "timeout_minutes",
    "commit_label", "github_url", "idempotent", "workflow_id", "distributed", "tensorboard_directory", "params",
)  # fmt: skip
"""What a request is called by the client as well as here."""

_OTHERWISE = {"gpu": "machine_type", "environment_vars": "envvars", "requirements_file": "requirements"}
_ALL = 1_000_000


def asked_for(call: Call, house: House, told: asked.Run) -> RunRequest:
    """A request as the house takes it. What only a cluster could do is left out. Raises UsageError, NotFound."""
    given = {name: told.get(name) for name in _ALIKE} | {to: told.get(name) for name, to in _OTHERWISE.items()}
    given["github_ref"] = told.get("github_ref") if told.get("github_ref") != "HEAD" else None
    given["pip_packages"] = [*(told.get("pip_packages") or ()), *(told.get("pip_env_packages") or ())]
    given["conda"] = str(told["conda_file"]) if told.get("conda_file") else None
    mounts = told.get("attached_resources") or {}
    given["attached_resources"] = {name: each.get("mount_point") or "" for name, each in mounts.items()}
    given["stop_conditions"] = told.get("stop_conditions")
    if told.get("workspace_id"):
        given["code"] = code_of(call, house, told)
    if project := told.get("project_id"):
        given["project"] = str(_projects(call, house).numbered(project)[1]["name"])
    return RunRequest.from_json(given)


def run_made(call: Call, owner: str, body: asked.Run) -> Json:
    """Make a run, and have it driven: by a process of its own."""
    house = house_of(call, owner)
    made = house.new(asked_for(call, house, body))
    if project := body.get("project_id"):
        put_in(call, house, project, [made.number])
    return {"run": Telling(call, house).run(made), "already_existed": made.already_existed}


@dataclass(frozen=True)
class Wanted:
    """Which runs are to be listed. How they are sorted is not to be chosen."""

    workspace_id: list[int] | None = None
    labels: list[str] | None = None
    project_id: int | None = None
    show_uncategorized: str = ""
    page_size: Limit = 50
    include_jupyter: str = ""
    sort_column: str = ""
    sort_ascending: str = ""


def runs(call: Call, owner: str, query: Wanted) -> Json:
    """Runs, newest first: of these workspaces, with one of the labels, of that project, or of none."""
    house = house_of(call, owner)
    tell, found = Telling(call, house), list[Json]()
    for each in house.runs(_ALL, labels=query.labels or ()):
        project = tell.project_of(each.number)
        is_of = query.project_id is None or (project is not None and project["id"] == query.project_id)
        is_wanted = project is None if query.show_uncategorized == "True" else is_of
        if is_wanted and (not query.workspace_id or each.code.get("workspace") in query.workspace_id):
            found.append(tell.run(each))
        if len(found) == query.page_size:
            break
    return {"runs": found}


def run(call: Call, owner: str, number: int) -> Json:
    """A run."""
    house = house_of(call, owner)
    return {"run": Telling(call, house).run(house.get(number))}


def run_killed(call: Call, owner: str, number: int) -> Json:
    """Ask the run to end as killed."""
    return _one(house_of(call, owner).kill([number]), number)


def run_stopped(call: Call, owner: str, number: int) -> Json:
    """Ask the run to end, and keep what it has put out."""
    return _one(house_of(call, owner).stop([number]), number)


def run_archived(call: Call, owner: str, number: int) -> Json:
    """Leave the run, which has to be over, out of lists."""
    house = house_of(call, owner)
    if house.get(number).archived:
        raise NotFound(f"Run {number} does not exist", "It was archived before.")
    return _one(house.archive([number]), number)


def _one(told: Mapping[str, Sequence[int]], number: int) -> Json:
    if number in told["unknown"]:
        raise NotFound(f"Run {number} does not exist", "Check the number.")
    if number in told.get("going on", ()):
        raise UsageError(f"Run {number} is not over.", "Stop it first.")
    return {}


def runs_killed(call: Call, owner: str, body: asked.Numbers) -> Json:
    """Ask runs to end as killed; gives which were asked, were over, or are unknown."""
    return _told(house_of(call, owner).kill(body["run_ids"]))


def runs_stopped(call: Call, owner: str, body: asked.Numbers) -> Json:
    """Ask runs to end; alike."""
    return _told(house_of(call, owner).stop(body["run_ids"]))


def runs_archived(call: Call, owner: str, body: asked.Numbers) -> Json:
    """Leave runs out of lists; alike."""
    told = house_of(call, owner).archive(body["run_ids"])
    going_on = told.get("going on", [])
    said = [f"Run {each} is not over." for each in going_on]
    return {**_told(told), "still_active_run_ids": going_on, "failed_run_ids": going_on, "warning_messages": said}


def _told(told: Mapping[str, list[int]]) -> dict[str, Json]:
    done, over = told.get("asked") or told.get("archived") or [], told.get("over", [])
    return {
        "successful_run_ids": done, "final_state_run_ids": over, "post_running_run_ids": over, "failed_run_ids": [],
        "non_existent_run_ids": told["unknown"], "warning_messages": [],
    }  # fmt: skip


def label_added(call: Call, owner: str, number: int, body: asked.Named) -> Json:
    """Give the run a label."""
    house_of(call, owner).label(number, add=[body.get("name", "")])
    return {}


def label_removed(call: Call, owner: str, number: int, body: asked.Named) -> Json:
    """Take a label from the run."""
    house_of(call, owner).label(number, remove=[body.get("name", "")])
    return {}


# ---------------------------------------------------------------- workflows


def workflow_made(call: Call, owner: str, body: asked.Workflow) -> Json:
    """Make a workflow: its master runs the command, and may make runs with the code of the labels."""
    house = house_of(call, owner)
    repos: dict[str, Json] = {}
    for label, spec in (body.get("workspace_specs") or {}).items():
        repos[label] = {**code_of(call, house, spec), "path": label}
    for label, told in (body.get("github_specs") or {}).items():
        ref = told.get("ref")
        repos[label] = {**house.github(told.get("url", ""), ref if ref and ref != "HEAD" else ""), "path": label}
    run = body.get("run")
    if not run:
        raise UsageError("A workflow without a master is driven elsewhere.", "Give the command of the master.")
    made = house.workflow(asked_for(call, house, run), repos)
    return {"workflow": Telling(call, house).workflow(made)}


def workflow(call: Call, owner: str, workflow: int) -> Json:
    """A workflow, with its runs so far."""
    house = house_of(call, owner)
    return {"workflow": Telling(call, house).workflow(house.find_workflow(workflow))}


def workflow_stopped(call: Call, owner: str, workflow: int) -> Json:
    """Ask its master to end, and with it its runs."""
    house = house_of(call, owner)
    return _one(house.stop([house.find_workflow(workflow).managing_run]), 0)


def workflow_killed(call: Call, owner: str, workflow: int) -> Json:
    """Ask its master to end as killed, and with it its runs."""
    house = house_of(call, owner)
    return _one(house.kill([house.find_workflow(workflow).managing_run]), 0)


def workflow_archived(call: Call, owner: str, workflow: int) -> Json:
    """Leave its master and its runs out of lists."""
    house = house_of(call, owner)
    found = house.find_workflow(workflow)
    house.archive([found.managing_run, *found.runs])
    return {}


# ---------------------------------------------------------------- projects


def _projects(call: Call, house: House) -> Shelf:
    return shelf_of(call, house.owner, "project")


def projects(call: Call, owner: str, archived: str = "") -> Json:
    """The projects: those in use, or those that were archived."""
    house = house_of(call, owner)
    tell, wanted = Telling(call, house), archived.lower() == "true"
    found = _projects(call, house).every().values()
    return {"spell_projects": [tell.project(each) for each in found if (each["archived_at"] is not None) is wanted]}


def project_made(call: Call, owner: str, body: asked.Project) -> Json:
    """Make a project, with runs if some are named."""
    house = house_of(call, owner)
    name = str(body.get("name") or "").strip()
    if not name:
        raise UsageError("A project needs a name.", "Give one.")
    told: dict[str, Json] = {
        "name": name,
        "description": body.get("description") or "",
        "archived_at": None,
        "runs": [],
    }
    made = _projects(call, house).add(name, told)
    if numbers := body.get("run_ids"):
        put_in(call, house, int(made["id"]), numbers)
    return {"spell_project": Telling(call, house).project(made)}


def project(call: Call, owner: str, project: int) -> Json:
    """A project."""
    house = house_of(call, owner)
    return {"spell_project": Telling(call, house).project(_projects(call, house).numbered(project)[1])}


def project_edited(call: Call, owner: str, project: int, body: asked.Project) -> Json:
    """Give a project another name or description."""
    told = {name: str(body[name]) for name in ("name", "description") if body.get(name) is not None}
    _projects(call, house_of(call, owner)).change(project, lambda _: told)
    return {}


def project_archived(call: Call, owner: str, project: int) -> Json:
    """Leave a project out of lists."""
    _projects(call, house_of(call, owner)).change(project, lambda _: {"archived_at": call.site.now()})
    return {}


def project_unarchived(call: Call, owner: str, body: asked.Project) -> Json:
    """Take a project into lists again."""
    _projects(call, house_of(call, owner)).change(body.get("project_id", 0), lambda _: {"archived_at": None})
    return {}


def runs_put_in(call: Call, owner: str, project: int, body: asked.Numbers) -> Json:
    """Put runs into a project. Each may be in one alone."""
    put_in(call, house_of(call, owner), project, body["run_ids"])
    return {}


def put_in(call: Call, house: House, project: int, numbers: Sequence[int]) -> None:
    """Put runs into a project. Raises NotFound, UsageError for one that is in another."""
    tell = Telling(call, house)
    for each in numbers:
        house.row(each)
        if (found := tell.project_of(each)) is not None and found["id"] != project:
            raise UsageError(f"Run {each} is in the project {found['name']!r}.", "Take it out of there first.")
    _projects(call, house).change(project, lambda body: {"runs": sorted({*body["runs"], *numbers})})


def runs_taken_out(call: Call, owner: str, project: int, body: asked.Numbers) -> Json:
    """Take runs out of a project."""
    numbers = body["run_ids"]

    def without(found: dict[str, Any]) -> dict[str, Any]:
        if strange := set(numbers) - set(found["runs"]):
            raise UsageError(
                f"Not in this project: {', '.join(map(str, sorted(strange)))}.", "See `spell project get`."
            )
        return {"runs": [each for each in found["runs"] if each not in numbers]}

    _projects(call, house_of(call, owner)).change(project, without)
    return {}


_OF_OWNER, _RUN = "/v1/runs/{owner}", "/v1/runs/{owner}/{number}"
_WORKFLOWS, _WORKFLOW = "/v1/workflows/{owner}", "/v1/workflows/{owner}/{workflow}"
_PROJECTS, _PROJECT = "/v1/projects/{owner}", "/v1/projects/{owner}/{project}"

ROUTES = (
    post(_OF_OWNER, OPERATE, run_made, is_long=True),
    get(_OF_OWNER, READ, runs, by_runs=True),
    post(f"{_OF_OWNER}/kill_batch", OPERATE, runs_killed),
    post(f"{_OF_OWNER}/stop_batch", OPERATE, runs_stopped),
    post(f"{_OF_OWNER}/archive_batch", OPERATE, runs_archived),
    get(_RUN, READ, run, by_runs=True),
    delete(_RUN, OPERATE, run_archived),
    post(f"{_RUN}/kill", OPERATE, run_killed),
    post(f"{_RUN}/stop", OPERATE, run_stopped),
    put(f"{_RUN}/add_label", OPERATE, label_added),
    put(f"{_RUN}/remove_label", OPERATE, label_removed),
    post(_WORKFLOWS, OPERATE, workflow_made, is_long=True),
    get(_WORKFLOW, READ, workflow, by_runs=True),
    delete(_WORKFLOW, OPERATE, workflow_archived),
    post(f"{_WORKFLOW}/stop", OPERATE, workflow_stopped),
    post(f"{_WORKFLOW}/kill", OPERATE, workflow_killed),
    get(_PROJECTS, READ, projects, by_runs=True),
    post(_PROJECTS, OPERATE, project_made),
    post(f"{_PROJECTS}/unarchive", OPERATE, project_unarchived),
    get(_PROJECT, READ, project, by_runs=True),
    delete(_PROJECT, OPERATE, project_archived),
    Route("PATCH", _PROJECT, OPERATE, project_edited),
    post(f"{_PROJECT}/runs", OPERATE, runs_put_in),
    delete(f"{_PROJECT}/runs", OPERATE, runs_taken_out),
)
