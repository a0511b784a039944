"""Environments: where the process of a step runs, and the command that it comes to there."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from motet.dialects.yadage.packtivity.given import filled
from motet.dialects.yadage.packtivity.settings import HOST, Settings
from motet.dialects.yadage.packtivity.spec import image_of
from motet.errors import UsageError
from motet.executors.commands.containers import image_of as digest
from motet.executors.commands.spec import Command, Container, Limits, Mount
from motet.executors.commands.tools import Runner
from motet.kernel.policy import Policy
from motet.values import queries
from motet.values.placeholders import interpolated
from motet.values.quantities import quantity

if TYPE_CHECKING:
    from motet.kernel.events import Json

CONTAINER = "docker-encapsulated"
_AUTH = "/recast_auth"
_CVMFS = "/cvmfs"
_HOST_PATHS = "MOTET_HOST_PATHS"
_MOST_MOUNTS = 50
_PLAIN = frozenset("$`\"'\\|&;<>()*?[]#~=%!{}\n")
"""Characters for which an interpreter is a matter for the shell."""

_SOURCED = 'command -v bash >/dev/null 2>&1 && exec bash -c "$0"; exec sh -c "$0"'
"""Scripts that set an environment up are mostly written for bash, so that reads them where the image has it."""


def command_of(process: Mapping[str, Any], parameters: Json) -> tuple[str | Sequence[str], str]:
    """What is run, and the text for its standard input. Raises UsageError for parameters that are not given."""
    if "cmd" in process:
        return interpolated(process["cmd"], parameters, "the command"), ""
    script = interpolated(process["script"], parameters, "the script")
    interpreter = process["interpreter"]
    return interpreter if _PLAIN.intersection(interpreter) else shlex.split(interpreter), script


def runs(spec: Mapping[str, Any], settings: Settings) -> bool:
    """Whether anything is to be run: else the step only publishes."""
    process, environment = spec["process"], spec["environment"]
    if process is None or "instructions" in process or environment["environment_type"] == "noop-env":
        return False
    return not (settings.dryrun and environment["environment_type"] == CONTAINER)


def is_contained(spec: Mapping[str, Any], settings: Settings) -> bool:
    """Whether its process runs in a container."""
    environment = spec["environment"]
    return environment is not None and environment["environment_type"] == CONTAINER and settings.containers != HOST


def identity(environment: Mapping[str, Any], settings: Settings, runner: Runner) -> Json:
    """What tells the environment from another one: the image that its name stands for now, which is fetched if need
    be; for this host nothing. Raises UsageError, CommandFailed.
    """
    if environment["environment_type"] != CONTAINER:
        return "host"
    if settings.containers == HOST:
        return ["host", image_of(environment)]
    return [digest(place_of(environment, settings), runner), *settings.options]


def place_of(environment: Mapping[str, Any], settings: Settings) -> Container:
    """The container that the environment asks for."""
    asked = _asked(environment)
    options, user = _user_among(settings.options)
    user = user or str(asked.get("kubernetes_uid", ""))
    return Container(
        image_of(environment), settings.containers, settings.pull, user=user, options=options, as_made=True
    )  # fmt: skip


def command(
    spec: Mapping[str, Any], parameters: Json, folder: str, readonly: Sequence[str], workdir: str, settings: Settings
) -> Command:
    """The command of the step's process, in its place. Raises UsageError.

    All folders are seen where they are on this host, and may be written to.
    """
    run, stdin = command_of(spec["process"], parameters)
    environment = spec["environment"]
    made = Command(run, stdin, folder)
    if environment["environment_type"] != CONTAINER:
        return made
    env = {str(name): _text(value) for name, value in environment["env"].items()}
    begins = filled(environment["workdir"], folder, readonly)
    if settings.containers == HOST:
        _check_host(environment)
        told = {"instead_of": image_of(environment)}
        return replace(made, run=_within(run, environment["envscript"], begins), env=env, facts=told)
    if os.geteuid():
        env = {"HOME": folder, **env}  # a user that the image does not know has none
    if settings.moved and not os.environ.get(_HOST_PATHS):
        os.environ[_HOST_PATHS] = f"{'='.join(settings.moved)}:/=/"
    mounts = [Mount(each, each, "rw") for each in _seen(folder, readonly, workdir)]
    mounts += _par_mounts(environment, parameters, folder)
    more, also = _resources(environment, settings)
    return replace(
        made, run=_within(run, environment["envscript"], begins), env={**also, **env}, mounts=(*mounts, *more),
        place=place_of(environment, settings), limits=_limits(environment),
    )  # fmt: skip


def _seen(folder: str, readonly: Sequence[str], workdir: str) -> list[str]:
    """The folders that the container sees beside its own; in place of very many the one that they lie in."""
    found = [each for each in readonly if os.path.isdir(each) and not _holds(folder, each)]
    if len(found) <= _MOST_MOUNTS or not workdir:
        return found
    return [workdir, *(each for each in found if not _holds(workdir, each))]


def _within(run: str | Sequence[str], envscript: str, begins: str | None) -> str | Sequence[str]:
    """The same in the folder where it is to begin, after the script that sets the environment up."""
    if not envscript and begins is None:
        return run
    lines = [] if begins is None else [f"mkdir -p {shlex.quote(begins)} && cd {shlex.quote(begins)} || exit"]
    if envscript:
        lines.append(f". {shlex.quote(envscript if '/' in envscript else f'./{envscript}')} || exit")
    text = "\n".join([*lines, run if isinstance(run, str) else shlex.join(run)])
    return ["/bin/sh", "-c", _SOURCED, text] if envscript else text


def _check_host(environment: Mapping[str, Any]) -> None:
    if environment["par_mounts"]:
        what = f"the step's container of {image_of(environment)} gets parameters at paths of its own (par_mounts)."
        raise UsageError(what, "That needs a container: leave out --containers host.")


def _par_mounts(environment: Mapping[str, Any], parameters: Json, folder: str) -> list[Mount]:
    """Files made of the parameters by jq, each line a value as JSON, and where the container sees them."""
    mounts = []
    for number, each in enumerate(environment["par_mounts"]):
        path = os.path.join(folder, f"_yadage_parmount_{number}.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(value)}\n" for value in queries.run(each["jqscript"], parameters))
        mounts.append(Mount(each["mountpath"], path, "rw"))
    return mounts


def _resources(environment: Mapping[str, Any], settings: Settings) -> tuple[list[Mount], dict[str, str]]:
    """What is mounted for the resources that are asked for by name, and the variables that tell of it."""
    asked = _asked(environment)
    mounts, env = [], {}
    if "CVMFS" in asked:
        mounts.append(Mount(_CVMFS, _there(settings.cvmfs, "CVMFS", "PACKTIVITY_CVMFS_LOCATION"), "ro"))
    if asked.get("kerberos") or "KRB5Auth" in asked or "GRIDProxy" in asked:
        mounts.append(Mount(_AUTH, _there(settings.auth, "credentials", "PACKTIVITY_AUTH_LOCATION"), "rw"))
        env["KRB_SETUP_SCRIPT"] = f"{_AUTH}/getkrb.sh"
    return mounts, env


def _there(folder: str, called: str, variable: str) -> str:
    if not os.path.isdir(folder):
        raise UsageError(
            f"the step asks for {called}, and {folder} is no folder of this host.", f"Say where: {variable}=FOLDER."
        )
    return folder


def _asked(environment: Mapping[str, Any]) -> dict[str, Json]:
    """Its resources by name; those that are a word have the value True."""
    found: dict[str, Json] = {}
    for each in environment.get("resources", ()):
        found.update(each if isinstance(each, dict) else {each: True})
    return found


def _amount(asked: Mapping[str, Json], *names: str) -> float | None:
    """The first of these that is asked for, as a number. Raises UsageError for what is none."""
    for name in names:
        if name in asked:
            return quantity(asked[name])
    return None


def _limits(environment: Mapping[str, Any]) -> Limits:
    asked = _asked(environment)
    memory = _amount(asked, "kubernetes_memory_limit", "c4p_memory_limit")
    return Limits(memory_bytes=memory, cpus=_amount(asked, "kubernetes_cpu_limit"))


def policy(spec: Json, settings: Settings, has: Mapping[str, float]) -> Policy:
    """How the engine runs the step: its limits of time and tries, and what it takes of this machine, which has that.

    More than there is counts as all that there is. Raises UsageError for quantities that are none.
    """
    asked = _asked(spec["environment"] or {})
    wanted = {
        "cpu": _amount(asked, "kubernetes_cpu_request", "c4p_cpu_cores", "kubernetes_cpu_limit"),
        "memory": _amount(asked, "kubernetes_memory_request", "kubernetes_memory_limit", "c4p_memory_limit"),
    }
    demands = {f"resource:{name}": min(each, has[name]) for name, each in wanted.items() if each and has.get(name)}
    own_s = _amount(asked, "kubernetes_job_timeout")
    limits_s = [each for each in (settings.timeout_s, own_s) if each]
    return Policy(
        retries=settings.retries, timeout_s=min(limits_s, default=None), demands=demands, executor="commands"
    )  # fmt: skip


def _user_among(options: Sequence[str]) -> tuple[list[str], str]:
    """The options of an engine without the one that says who the user is; and who that is."""
    rest: list[str] = []
    user = ""
    following = iter(options)
    for each in following:
        if each in ("-u", "--user"):
            user = next(following, "")
        elif each.startswith("--user="):
            user = each.partition("=")[2]
        else:
            rest.append(each)
    return rest, user


def _holds(outer: str, inner: str) -> bool:
    return os.path.commonpath([outer, inner]) == outer


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
