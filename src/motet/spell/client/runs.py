"""Runs: `client.runs`."""

from __future__ import annotations

import operator
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from motet.dialects.spell import words
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.shown import RunView
from motet.spell.api import models
from motet.spell.api.exceptions import ClientException, WaitError, told
from motet.spell.client.model import Client, SpellModel

__all__ = ["Run", "Runs", "RunsService"]

REMOVED = ("framework", "framework_version", "python2")
"""Keywords that older scripts give: they are taken, with a warning."""

UNUSED = (
    "node_group", "workspace_id", "commit_hash", "uncommitted_hash", "root_directory", "pip_env_packages", "provider",
    "auto_resume",
)  # fmt: skip
"""Keywords that say something of the original's machines, or of code that was pushed to them."""

_RENAMED = {"timeout": "timeout_minutes"}
_FILES = {"requirements_file": "requirements", "conda_file": "conda"}


class Runs:
    """New runs, and those that there are. The constants are statuses, and conditions of metrics."""

    BUILDING = words.BUILDING
    RUNNING = words.RUNNING
    SAVING = words.SAVING
    PUSHING = words.PUSHING
    COMPLETE = words.COMPLETE
    FAILED = words.FAILED
    STOPPED = words.STOPPED
    KILLED = words.KILLED
    INTERRUPTED = words.INTERRUPTED
    BUILD_FAILED = words.BUILD_FAILED
    MOUNT_FAILED = words.MOUNT_FAILED
    FINAL = words.FINAL

    EQUALS, GREATER_THAN, GREATER_THAN_EQUALS, LESS_THAN, LESS_THAN_EQUALS = "eq", "gt", "gte", "lt", "lte"

    def __init__(self, client: Client) -> None:
        self._client = client

    def new(self, **kwargs: Any) -> Run:
        """Begin a run; see docs/reference/spell.md for what may be given. In the script of a workflow it belongs to it.

        Raises TypeError for a keyword that there is not, BadRequest for what cannot be run.
        """
        with told():
            view = self._client.house.new(requested(self._client, kwargs))
        for each in view.warnings:
            sys.stderr.write(f"spell: run {view.number}: {each}\n")
        return Run(self._client, told_of(view))

    run = new

    def get(self, run_id: int) -> Run:
        """The run of that number. Raises BadRequest where there is none."""
        with told():
            return Run(self._client, told_of(self._client.house.get(run_id)))

    def list(
        self, number: int = 50, project: str | None = None, show_uncategorized: bool = False,
        labels: Sequence[str] = (),
    ) -> list[Run]:  # fmt: skip
        """The last runs, oldest first; of a project, of none, or with one of the labels, if that is asked."""
        if project is not None and show_uncategorized:
            raise ClientException("Runs of a project, and those of none, cannot be asked for at once.")
        with told():
            wanted = "" if show_uncategorized else project
            found = self._client.house.runs(number, project=wanted, labels=list(labels))
        return [Run(self._client, told_of(each)) for each in reversed(found)]


RunsService = Runs


class Run(SpellModel):
    """A run as it stood when it was asked for last; `refresh` asks again."""

    model = "run"

    def refresh(self) -> None:
        """Ask how it stands."""
        with told():
            self._told = told_of(self._client.house.get(self.id))

    def wait_status(self, *statuses: str) -> None:
        """Wait until it has one of the statuses, or has passed it. Raises WaitError once it has ended otherwise."""
        with told():
            status = self._client.house.wait(self.id, [str(each) for each in statuses])
        if status not in statuses:
            raise WaitError(f"Run {self.id} reached final status '{status}'")

    def wait_metric(self, metric_name: str, condition: str, value: float) -> None:
        """Wait until a value of the metric is as asked: `run.wait_metric("loss", client.runs.LESS_THAN, 0.1)`. Raises
        WaitError once it has ended without one.
        """
        if condition not in _CONDITIONS:
            raise ClientException(f"There is no condition {condition!r:.80}: {', '.join(_CONDITIONS)}.")
        for _, _, each in self.metrics(metric_name, follow=True):
            if isinstance(each, int | float) and _CONDITIONS[condition](each, value):
                return
        self.refresh()
        raise WaitError(f"metric condition never reached before run ended ({self.status})")

    def logs(self, follow: bool = False, offset: int | None = 0) -> Iterator[models.LogEntry]:
        """The lines of its log, and further ones as they come if it is followed. An offset leaves out as many; a
        negative one gives that many last ones. Each has `status`, `status_event`, `log`, `level`, `timestamp`.
        """
        if offset is None:
            raise ClientException("Missing log stream offset")
        return self._logs(follow, offset)

    def _logs(self, follow: bool, offset: int) -> Iterator[models.LogEntry]:
        with told():
            for each in self._client.house.logs(self.id, offset=offset, follow=follow):
                yield models.LogEntry(
                    status=each.status, log=each.log, status_event=each.status_event or None, level=each.level or None,
                    important=None, timestamp=moment(each.at).isoformat(timespec="microseconds"),
                )  # fmt: skip

    def metrics(
        self, name: str, follow: bool = False, start: int | None = None
    ) -> Iterator[tuple[datetime, int, float | str]]:  # fmt: skip
        """The points of a metric: when, its index, its value; those after the index `start`."""
        with told():
            for at, index, value in self._client.house.metrics(self.id, name, start=start, follow=follow):
                yield moment(at), index, value

    def stop(self) -> None:
        """End it; what it has made so far is kept. One that does not run yet is killed."""
        with told():
            self._client.house.stop([self.id])

    def kill(self) -> None:
        """End it at once."""
        with told():
            self._client.house.kill([self.id])

    def cp(self, source_path: str = "", destination_directory: str | None = None) -> None:
        """Copy a file, or what is in a folder, that it has put out, into a folder: the current one by itself."""
        path = f"runs/{self.id}/{source_path}".rstrip("/")
        self._client.resources.cp(path, destination_directory or ".", quiet=True)

    def add_label(self, label: str) -> None:
        """Give it a label."""
        with told():
            self._client.house.label(self.id, [label], [])
        self.refresh()

    def remove_label(self, label: str) -> None:
        """Take a label from it."""
        with told():
            self._client.house.label(self.id, [], [label])
        self.refresh()

    @property
    def ok(self) -> bool:
        """Whether it was complete, and its command exited well, when it was asked for last."""
        return bool(self.status == words.COMPLETE and not self.user_exit_code)

    def check(self) -> None:
        """Wait until it has ended. Raises WaitError unless it is complete and its command exited well."""
        self.wait_status(*Runs.FINAL)
        self.refresh()
        if not self.ok:
            raise WaitError(f"Run {self.id} ended as {self.status} ({self.user_exit_code}). {self.why}".rstrip())


_CONDITIONS = {
    Runs.EQUALS: operator.eq, Runs.GREATER_THAN: operator.gt, Runs.GREATER_THAN_EQUALS: operator.ge,
    Runs.LESS_THAN: operator.lt, Runs.LESS_THAN_EQUALS: operator.le,
}  # fmt: skip


def requested(client: Client, kwargs: Mapping[str, Any]) -> RunRequest:
    """What is asked of a run by these keywords. Raises TypeError for one that there is not."""
    asked: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name in REMOVED or name in UNUSED:
            if value:
                warnings.warn(f"{name}={value!r:.80} changes nothing here.", stacklevel=3)
        elif name in _FILES and value is not None:
            asked[_FILES[name]] = _text_of(value)
        elif (field := _RENAMED.get(name, name)) not in RunRequest.__match_args__:
            raise TypeError(f"new() got an unexpected keyword argument {name!r}")
        elif value is not None:
            asked[field] = value
    if client.active_workflow is not None:
        asked.setdefault("workflow_id", client.active_workflow.id)
    return RunRequest.from_json(asked)


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise ClientException(f"{path} cannot be read: {error.strerror}.", exception=error) from error


def told_of(view: RunView) -> models.Run:
    """A run as scripts see it."""
    asked = view.asked
    return models.Run(
        id=view.number, status=view.status, command=view.command, creator=models.User(user_name=view.creator),
        gpu=asked("machine_type", "CPU"), user_exit_code=view.user_exit_code, already_existed=view.already_existed,
        git_commit_hash=view.code.get("commit") or "", github_url=asked("github_url") or None,
        description=asked("description") or "", docker_image=asked("docker_image") or "",
        created_at=moment(view.created_at), started_at=moment(view.started_at), ended_at=moment(view.ended_at),
        project=asked("project") or None, attached_resources=dict(asked("attached_resources") or {}),
        environment_vars=dict(asked("envvars") or {}), pip_packages=list(asked("pip_packages") or ()),
        apt_packages=list(asked("apt_packages") or ()), requirements_file=asked("requirements") or None,
        conda_env_file=asked("conda") or None, labels=list(view.labels), params=dict(asked("params") or {}),
        hyper_params=dict(asked("hyper_params") or {}) or None, distributed=asked("distributed") or None,
        tensorboard_directory=asked("tensorboard_directory") or None, workflow_id=asked("workflow_id") or None,
        workspace=None, pip_env_packages=[], resumed_as_run=None, resumed_from_run=None, why=view.why,
    )  # fmt: skip


def moment(at: float | None) -> Any:
    """A time as scripts get it; None for one that has not come."""
    return None if at is None else datetime.fromtimestamp(at, UTC)
