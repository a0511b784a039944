"""What is asked of a run: the fields of Spell's own request, checked, and as one digest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from motet.environments.requirements import fault
from motet.errors import UsageError
from motet.kernel.events import Json
from motet.records import Record, field

_PARAM = re.compile(r":([A-Za-z_][A-Za-z0-9_]*):")
_OPERATORS = ("<", ">", "<=", ">=")
_MOST_ALTERNATIVES = 5
_RUN_TYPES = ("user", "workflow", "search")
_TOLD_ONLY = ("description", "labels", "project", "idempotent", "hyper_params", "creator", "code_label")
"""What does not change what a run does."""


class RunRequest(Record):
    """What is asked of a run. All of it is plain JSON.

    command             shell text; `:NAME:` in it stands for a parameter, in whatever case
    machine_type        a name of the table of machine types, in whatever case
    attached_resources  {resource: where it is mounted}; "" stands for its last name, below the run's folder
    code                what is in the run's folder: what `House.snapshot` or `House.github` has given; None: nothing
    commit_label        in a workflow: the label of the code instead
    github_url, github_ref  code that is fetched when the run is made, instead of `code`
    cwd                 where in the folder the command begins
    envvars             environment variables
    pip_packages, requirements  what pip installs: requirements, and the text of a file of them
    apt_packages, conda, docker_image  taken, see the documentation: `docker_image` runs the command in that container
    timeout_minutes     after so long it is stopped
    stop_conditions     any of these lists, of which each has to hold: {"metric", "operator", "value", "min_indices"}
    retries             how often it is tried again if it exits badly; its folder stays as it was left
    grace_s             how long it has after it was asked to end
    strict              whether a bad exit status fails the run
    idempotent          whether a run of the same that is complete, or under way, is taken instead
    run_type            "user"; "workflow" for a master; "search" for one that has no number and is in no list
    """

    command: str
    machine_type: str = "CPU"
    attached_resources: Mapping[str, str] = field(default_factory=dict)
    code: Json = None
    commit_label: str = ""
    github_url: str = ""
    github_ref: str = ""
    cwd: str = ""
    envvars: Mapping[str, str] = field(default_factory=dict)
    pip_packages: Sequence[str] = ()
    requirements: str = ""
    apt_packages: Sequence[str] = ()
    conda: str = ""
    docker_image: str = ""
    description: str = ""
    labels: Sequence[str] = ()
    project: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    hyper_params: Mapping[str, Json] = field(default_factory=dict)
    timeout_minutes: float | None = None
    stop_conditions: Sequence[Sequence[Mapping[str, Json]]] = ()
    retries: int = 0
    grace_s: float = 5.0
    strict: bool = False
    idempotent: bool = False
    run_type: str = "user"
    workflow_id: int = 0
    distributed: int = 0
    tensorboard_directory: str = ""

    def to_json(self) -> dict[str, Json]:
        """All fields that differ from what they are by themselves, as JSON."""
        plain = type(self)("")
        told = {name: getattr(self, name) for name in self.__match_args__}
        return {
            name: each
            for name, each in told.items()
            if each != (by_itself := getattr(plain, name)) and (each or by_itself)
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> RunRequest:
        """The request that was written so. Raises UsageError for what cannot be meant."""
        if unknown := sorted(set(told) - set(cls.__match_args__)):
            raise UsageError(f"A run has no {', '.join(unknown)}.", "See the fields of a request.")
        request = cls(**{"command": "", **{name: value for name, value in told.items() if value is not None}})
        request.check()
        return request

    def check(self) -> None:
        """Raise UsageError for what cannot be meant."""
        for name, (is_one, kind) in _KINDS.items():
            if not is_one(told := getattr(self, name)):
                raise UsageError(f"{name} cannot be {told!r:.80}.", f"Give {kind}.")
        if not self.command.strip() or not _is_text(self.substituted):
            raise UsageError("A run needs a command.", "Give what a shell is to do, as text.")
        if self.timeout_minutes is not None and self.timeout_minutes <= 0:
            raise UsageError(f"A timeout of {self.timeout_minutes} minutes is none.", "Give a number above 0.")
        if odd := [name for name in self.envvars if not name or "=" in name]:
            raise UsageError(f"{odd[0]!r:.80} cannot be the name of an environment variable.", "Choose another.")
        if self.conda and self.requirements:
            raise UsageError(
                "pip requirements files and conda environment files are mutually exclusive.",
                "Name the packages of pip in the file of conda.",
            )
        for package in self.packages:
            if why := fault(package):
                raise UsageError(f"{package!r} {why}.", "Write it as pip has it: numpy>=1.26")
        if len(self.stop_conditions) > _MOST_ALTERNATIVES:
            raise UsageError(f"There are {len(self.stop_conditions)} stop conditions.", "Give at most 5.")

    @property
    def packages(self) -> list[str]:
        """What pip is to install."""
        lines = [line.partition(" #")[0].strip() for line in self.requirements.splitlines()]
        return [*self.pip_packages, *(line for line in lines if line and not line.startswith("#"))]

    @property
    def substituted(self) -> str:
        """The command with its parameters in place. What is no parameter stays as it is."""
        given = {name.lower(): str(value) for name, value in {**self.params, **self.hyper_params}.items()}
        return _PARAM.sub(lambda found: given.get(found[1].lower(), found[0]), self.command)

    @property
    def title(self) -> str:
        """The command in a short line."""
        line = " ".join(self.command.split())
        return line if len(line) <= 80 else f"{line[:77]}..."


def _is_text(told: Any) -> bool:
    """Whether it is text that can be written down, and given to a process."""
    return isinstance(told, str) and "\0" not in told and not any("\ud800" <= each <= "\udfff" for each in told)


def _are_texts(told: Any) -> bool:
    return isinstance(told, list | tuple) and all(map(_is_text, told))


def _are_texts_by_name(told: Any) -> bool:
    return isinstance(told, Mapping) and _are_texts([*told, *told.values()])


def _are_values_by_name(told: Any) -> bool:
    try:
        return isinstance(told, Mapping) and _are_texts([*told]) and bool(json.dumps(dict(told), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return False


def _is_number(told: Any) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told)


def _is_count(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and told >= 0


def _are_conditions(told: Any) -> bool:
    return isinstance(told, list | tuple) and all(
        isinstance(some, list | tuple) and all(map(_is_condition, some)) for some in told
    )  # fmt: skip


def _is_condition(told: Any) -> bool:
    return (
        isinstance(told, Mapping) and _is_text(told.get("metric")) and told.get("operator") in _OPERATORS
        and _is_number(told.get("value")) and _is_count(told.get("min_indices") or 0)
    )  # fmt: skip


_TEXTS = (
    "command", "machine_type", "commit_label", "github_url", "github_ref", "cwd", "requirements", "conda",
    "docker_image", "description", "project", "tensorboard_directory",
)  # fmt: skip
_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(_TEXTS, (_is_text, "text")),
    **dict.fromkeys(("pip_packages", "apt_packages", "labels"), (_are_texts, "a list of texts")),
    **dict.fromkeys(("attached_resources", "envvars"), (_are_texts_by_name, "texts by name")),
    **dict.fromkeys(("params", "hyper_params"), (_are_values_by_name, "values by name")),
    **dict.fromkeys(("retries", "distributed", "workflow_id"), (_is_count, "a whole number, 0 or more")),
    **dict.fromkeys(("strict", "idempotent"), (lambda told: isinstance(told, bool), "true or false")),
    "grace_s": (lambda told: _is_number(told) and told >= 0, "a number of seconds, 0 or more"),
    "timeout_minutes": (lambda told: told is None or _is_number(told), "a number of minutes"),
    "stop_conditions": (_are_conditions, 'them as "loss < 0.1:5" has them'),
    "code": (lambda told: told is None or (isinstance(told, Mapping) and _is_text(told.get("artifact"))), "a snapshot"),
    "run_type": (lambda told: told in _RUN_TYPES, "user, workflow or search"),
}


def digest_of(request: RunRequest, mounted: Json) -> str:
    """What tells a run from others: all of the request that changes what it does, with the content of its mounts."""
    told = {name: each for name, each in request.to_json().items() if name not in _TOLD_ONLY}
    text = json.dumps([told, mounted], sort_keys=True, default=list)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
