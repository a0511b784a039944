"""How the published client reads things: dates as text, users and runs as objects with certain fields, and names that
it takes for something else wherever they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from motet.dialects.spell.api.houses import shelf_of
from motet.dialects.spell.house import House
from motet.dialects.spell.shown import RunView, WorkflowView
from motet.kernel.events import Json
from motet.ports.routes import Call

TAKEN_FOR_LISTS = frozenset((
    "access_tokens", "gpu_stats", "hyper_searches", "keys", "ls", "members", "memberships", "model_server_pods",
    "model_servers", "model_versions", "models", "org_buckets", "organization", "runs", "spell_projects", "workspaces",
))  # fmt: skip
"""Keys that the client's decoder makes objects of wherever they stand, and dies of where there is something else."""

_LABEL_COLOUR = 0xF90000


def date(at: float | None) -> str | None:
    """A time as the client reads it."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def named_freely(found: Any) -> Any:
    """JSON whose keys users have chosen: what the client would die of has a "_" at the end."""
    if isinstance(found, Mapping):
        return {f"{name}_" if name in TAKEN_FOR_LISTS else name: named_freely(each) for name, each in found.items()}
    return [named_freely(each) for each in found] if isinstance(found, list | tuple) else found


def user(call: Call, name: str) -> Json:
    """A user, who has an account, or just tokens."""
    account = shelf_of(call, "", "account").get(name)
    if account is None:
        begun = min((at for _, at in call.site.issued(name).values()), default=0.0)
        account = {"email": f"{name}@localhost", "full_name": name, "created_at": begun, "updated_at": begun}
    return {
        "user_name": name, "email": account["email"], "full_name": account["full_name"], "is_admin": False,
        "created_at": date(account["created_at"]), "updated_at": date(account["updated_at"]), "last_logged_in": None,
    }  # fmt: skip


def dated(body: Mapping[str, Json], **more: Json) -> dict[str, Json]:
    """A record of a shelf, with its times as dates."""
    times = {name: date(each) for name, each in body.items() if name.endswith("_at")}
    return {**body, **times, **more}


class Telling:
    """Tells of the runs of one owner: what all of them have in common is looked up once."""

    def __init__(self, call: Call, house: House) -> None:
        self._house = house
        self.owner = user(call, house.owner)
        self._workspaces = {each["id"]: each for each in shelf_of(call, house.owner, "workspace").every().values()}
        self._projects = shelf_of(call, house.owner, "project").every().values()

    def project_of(self, number: int) -> dict[str, Any] | None:
        """The project that the run is in."""
        return next((each for each in self._projects if number in each["runs"]), None)

    def project(self, body: Mapping[str, Any]) -> Json:
        """A project."""
        told = {name: each for name, each in body.items() if name != "runs"}
        return dated(told, creator=self.owner, total_run_count=len(body["runs"]))

    def workspace(self, body: Mapping[str, Any], url: str = "") -> Json:
        """A workspace; `url` is where code is pushed to."""
        return dated(body, creator=self.owner, git_remote_url=url)

    def run(self, view: RunView) -> Json:
        """A run."""
        workspace, project = self._workspaces.get(view.code.get("workspace")), self.project_of(view.number)
        return {
            "id": view.number, "status": view.status, "user_exit_code": view.user_exit_code, "command": view.command,
            "creator": self.owner, "gpu": view.asked("machine_type", "CPU"),
            "git_commit_hash": view.code.get("commit") or "", "github_url": view.asked("github_url"),
            "description": view.asked("description", ""), "docker_image": view.asked("docker_image"), "framework": "",
            "created_at": date(view.created_at), "started_at": date(view.started_at), "ended_at": date(view.ended_at),
            "attached_resources": view.asked("attached_resources", {}),
            "environment_vars": named_freely(view.asked("envvars", {})),
            "hyper_params": named_freely(view.asked("hyper_params")), "params": named_freely(view.asked("params", {})),
            "pip_packages": view.asked("pip_packages", []), "apt_packages": view.asked("apt_packages", []),
            "requirements_file": view.asked("requirements"), "conda_env_file": view.asked("conda"),
            "distributed": view.asked("distributed"), "tensorboard_directory": view.asked("tensorboard_directory"),
            "labels": [{"name": each, "background_color_hex": _LABEL_COLOUR} for each in view.labels],
            "workspace": self.workspace(workspace) if workspace else None,
            "spell_project": self.project(project) if project else None,
        }  # fmt: skip

    def runs(self, numbers: Sequence[int]) -> Json:
        """Runs, by their numbers."""
        return [self.run(self._house.get(each)) for each in numbers]

    def workflow(self, view: WorkflowView) -> Json:
        """A workflow, with its master and the runs of that."""
        specs = {
            label: {"workspace_id": each.get("workspace"), "commit_hash": each.get("commit")}
            for label, each in view.repos.items()
        }
        master = self.run(self._house.get(view.managing_run))
        return {
            "id": view.number,
            "workspace_specs": named_freely(specs),
            "managing_run": master,
            "runs": self.runs(view.runs),
        }
