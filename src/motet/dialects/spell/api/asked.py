"""What the client sends, by its own names: checked before anything is done. What is not named here is let be."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le
from typing_extensions import TypedDict

Number = Annotated[int, Ge(0), Le(2**53)]


class Mount(TypedDict, total=False):
    """Where a resource is mounted; "": below the run's folder, by its last name."""

    mount_point: str | None


class StopCondition(TypedDict):
    """What has to hold of a metric."""

    metric: str
    operator: str
    value: float
    min_indices: int | None


class Run(TypedDict, total=False):
    """A request of a run."""

    command: str | None
    gpu: str | None
    workspace_id: Number | None
    git_commit_hash: str | None
    uncommitted_hash: str | None
    github_url: str | None
    github_ref: str | None
    commit_label: str | None
    cwd: str | None
    environment_vars: dict[str, str] | None
    attached_resources: dict[str, Mount] | None
    pip_packages: list[str] | None
    pip_env_packages: list[str] | None
    apt_packages: list[str] | None
    requirements_file: str | None
    conda_file: Any
    docker_image: str | None
    description: str | None
    labels: list[str] | None
    params: dict[str, Any] | None
    stop_conditions: list[list[StopCondition]] | None
    timeout_minutes: float | None
    project_id: Number | None
    idempotent: bool | None
    workflow_id: Number | None
    distributed: Number | None
    tensorboard_directory: str | None


class Code(TypedDict):
    """A commit that was pushed to a workspace."""

    workspace_id: Number
    commit_hash: str


class Github(TypedDict, total=False):
    """A commit of a repository elsewhere."""

    url: str
    ref: str | None


class Workflow(TypedDict, total=False):
    """A workflow: its master, and code by labels."""

    run: Run | None
    workspace_specs: dict[str, Code] | None
    github_specs: dict[str, Github] | None


class Search(TypedDict, total=False):
    """A search for hyperparameters: one kind of parameters, and what each kind wants."""

    run: Run
    grid_params: dict[str, dict[str, Any]] | None
    random_params: dict[str, dict[str, Any]] | None
    bayesian_params: dict[str, dict[str, Any]] | None
    num_runs: Number | None
    parallel_runs: Number | None
    metric: str | None
    metric_aggregation: str | None


class Numbers(TypedDict):
    """Runs, by number."""

    run_ids: list[Number]


class Named(TypedDict):
    """Something of that name."""

    name: str


class Project(TypedDict, total=False):
    """A project, or what is to be different in it."""

    name: str | None
    description: str | None
    run_ids: list[Number] | None
    project_id: Number


class Follow(TypedDict, total=False):
    """Whether to go on until the run has ended, and from which entry of a log on."""

    follow: bool | None
    offset: int | None


class Statuses(TypedDict):
    """What is waited for."""

    statuses: list[str]


class Condition(TypedDict):
    """What is waited for of a metric."""

    metric_name: str
    condition: str
    value: float


class Series(TypedDict, total=False):
    """A metric, and the time after which its points are wanted."""

    name: str
    offset: str | None


class Metrics(TypedDict, total=False):
    """Metrics, and whether to go on until the run has ended."""

    metrics: list[Series]
    follow: bool | None


class Dataset(TypedDict, total=False):
    """An upload, and whether it comes packed."""

    name: str
    compressed: bool | None


class Workspace(TypedDict, total=False):
    """A repository, by its first commit."""

    root_commit: str
    name: str
    description: str | None


class Link(TypedDict):
    """A name for a path."""

    alias: str
    resource_path: str


class Model(TypedDict, total=False):
    """A version of a model."""

    name: str
    resource: str
    version: str | None
    files: list[dict[str, str | bool | None]] | None
    description: str | None


class User(TypedDict, total=False):
    """Who signs up, or logs in."""

    user_name: str | None
    email: str | None
    password: str | None
    access_token: str | None
    full_name: str | None


class Account(TypedDict):
    """Who signs up, or logs in."""

    user: User


class Key(TypedDict):
    """A public key."""

    title: str
    key: str
