"""Containers as a place, through the command line of docker, podman or apptainer."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from motet.errors import CommandFailed, MotetError, UsageError
from motet.executors.commands import outputs
from motet.executors.commands.marks import MARK
from motet.executors.commands.mounts import Placed, copied, copy_into
from motet.executors.commands.places import Launch, argv_of, by_signal, once
from motet.executors.commands.spec import Command, Container, Function, Limits
from motet.executors.commands.wanted import Runner
from motet.executors.worker_process import oom_kills

if TYPE_CHECKING:
    from motet.kernel.events import Json

ENGINES = ("docker", "podman", "apptainer")
_IMAGE = re.compile(r"[A-Za-z0-9/][\w./:@+-]*")
_WORD = re.compile(r"[A-Za-z0-9][\w.:,@=/-]*")
_OF_THE_CLIENT = re.compile(r"PATH|HOME|PWD|LD_.*|DOCKER_.*|CONTAINER.*|XDG_.*|TMPDIR")
"""Variables that the engine's own program listens to: for the container they are given by value."""

_AT_ONCE = {"podman": ("--time", "0")}
"""Docker kills what it removes by force; podman gives it ten seconds of grace, unless told."""

_ENGINE_FAILED = 125
_PYTHON = "python3"
_IN_CONTAINER = "/.dockerenv"


class InContainer(Launch):
    """How a command is started in a container. Its name is known before it starts, so that it can always be ended."""

    alone = True

    def __init__(
        self, command: Command, engine: str, image: Mapping[str, Json], folders: tuple[str, str],
        mounts: Sequence[Placed],
    ) -> None:  # fmt: skip
        place = command.place
        assert isinstance(place, Container)
        self._folder, self._own = folders
        self._place, self._engine = place, engine
        self._seen = place.workdir or self._folder
        self._name = f"motet-{os.urandom(8).hex()}"
        self._limits = command.limits
        self._out_of_memory = False
        self._oom_kills = oom_kills() if command.limits.memory_bytes is not None else 0
        self._covering: list[tuple[str, str, dict[str, outputs.State]]] = []
        super().__init__((), os.path.normpath(os.path.join(self._seen, command.cwd or ".")), mounts)
        self.facts = {"kind": "container", "engine": os.path.basename(engine), "name": place.image, **image}
        self.start_in = "/"
        run = command.run
        if isinstance(run, Function):
            self._argv = once(run, self._folder, command.cwd, run.python or _PYTHON)
            mounts = [*mounts, *(Placed(path, path, "ro") for path in run.paths)]
        else:
            self._argv = argv_of(command, self._folder)
        os.makedirs(os.path.join(self._folder, command.cwd or "."), exist_ok=True)
        self._binds = [(self._folder, self._seen, False), *(self._bind(each, at) for at, each in enumerate(mounts))]
        self._remove = ["rm", "-f", *_AT_ONCE.get(os.path.basename(engine), ()), self._name]
        self.orders = (f"{shlex.join([engine, *self._remove])} >/dev/null 2>&1",)

    def _bind(self, mount: Placed, number: int) -> tuple[str, str, bool]:
        target = os.path.normpath(os.path.join(self._seen, mount.target))
        if mount.mode != "cow":
            return mount.source, target, mount.mode == "ro"
        own = os.path.join(self._folder, mount.target)
        if not os.path.isabs(mount.target) and not os.path.lexists(own):
            copy_into(self._folder, mount)
            return own, target, False
        copy = os.path.join(self._own, str(number))
        os.makedirs(self._own, exist_ok=True)
        copied(mount, copy)
        if not os.path.isabs(mount.target) and mount.is_folder:
            self._covering.append((copy, own, outputs.states(copy)))
        return copy, target, False

    def environ(self, change: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """The client passes on what is named; values stand in its environment, where nobody sees them."""
        named = {name: value for name, value in change.items() if name != "PWD" and value is not None}
        own = {name: value for name, value in named.items() if not _OF_THE_CLIENT.fullmatch(name)}
        given = {name: value for name, value in named.items() if name not in own}
        self.argv = [*self._start(), *self._options(own, given), *self._last()]
        return own

    def _start(self) -> list[str]:
        options = [
            self._engine, "run", "--name", self._name, "--interactive", "--pull", "never",
            "--workdir", self.cwd, "--entrypoint", self._argv[0],
        ]  # fmt: skip
        if self._limits.memory_bytes is None:
            options.append("--rm")
        return options

    def _options(self, own: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
        place, limits = self._place, self._limits
        user = place.user or ("" if os.geteuid() == 0 else f"{os.geteuid()}:{os.getegid()}")
        options = [part for source, target, read_only in self._binds for part in _mount(source, target, read_only)]
        options += [part for name in (*own, MARK) for part in ("--env", name)]
        options += [part for name, value in given.items() for part in ("--env", f"{name}={value}")]
        whole = None if limits.memory_bytes is None else str(int(limits.memory_bytes))
        wanted = {
            "--user": user, "--network": place.network, "--gpus": place.gpus, "--memory": whole,
            "--memory-swap": whole, "--cpus": limits.cpus, "--pids-limit": limits.pids,
        }  # fmt: skip
        return [*options, *(part for name, value in wanted.items() if value for part in (name, str(value)))]

    def _last(self) -> list[str]:
        return [str(self.facts["image"]), *self._argv[1:]]

    def limits(self, limits: Limits) -> Limits:
        return Limits(disk_bytes=limits.disk_bytes)

    def kill(self) -> None:
        self._client(*self._remove)

    def end(self) -> None:
        for copy, target, before in self._covering:  # what was written into them is seen where they were
            for path in (path for path, state in outputs.states(copy).items() if before.get(path) != state):
                place = os.path.join(target, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                os.replace(os.path.join(copy, path), place)
        if self._limits.memory_bytes is not None:
            told = self._client("inspect", "--format", "{{.State.OOMKilled}}", self._name)
            # Not every engine is told by every kernel: then its count of such deaths tells.
            self._out_of_memory = "true" in told or oom_kills() > self._oom_kills
            self._client(*self._remove)

    def status(self, status: int) -> int:
        return by_signal(status)

    def problem(self, status: int) -> MotetError | None:
        if self._out_of_memory and status:
            return CommandFailed(
                f"it ran out of memory (OOM): its limit is {int(self._limits.memory_bytes or 0)} bytes",
                "Give it more memory in its resources, or less to hold at once.",
            )
        if status == _ENGINE_FAILED:
            return CommandFailed(
                f"{self.facts['engine']} could not start a container of {self._place.image}: see the end of the log",
                "Repair what it names (a mount, a network, a user that is not there), and resume the run.",
            )
        return None

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)

    def _client(self, *arguments: str) -> str:
        from subprocess import DEVNULL, PIPE, run

        with suppress(OSError):
            return run(
                [self._engine, *arguments], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=False
            ).stdout.decode()
        return ""


class InApptainer(InContainer):
    """The same with apptainer, whose containers are processes of ours: they end with their group."""

    def _start(self) -> list[str]:
        network = ["--net", "--network", self._place.network] if self._place.network else []
        binds = [f"{source}:{target}{':ro' if ro else ''}" for source, target, ro in self._binds]
        gpus = ["--nv"] if self._place.gpus else []
        return [
            self._engine, "exec", "--containall", "--pwd", self.cwd, *network, *gpus,
            *(part for each in binds for part in ("--bind", each)),
        ]  # fmt: skip

    def _options(self, own: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
        return [part for name, value in {**own, **given}.items() for part in ("--env", f"{name}={value}")]

    def _last(self) -> list[str]:
        return [str(self.facts["image"]), *self._argv]

    def limits(self, limits: Limits) -> Limits:
        return limits

    def kill(self) -> None:
        return None

    def end(self) -> None:
        return None


def in_container(
    command: Command, folder: str, own: str, mounts: Sequence[Placed], runner: Runner
) -> InContainer:  # fmt: skip
    """Everything ready for the command's container: the engine found, the image there and known by its digest.

    Raises UsageError for what makes no sense, CommandFailed where engine or image cannot be had.
    """
    place = command.place
    assert isinstance(place, Container)
    _check(place)
    engine = _engine(place.engine)
    if os.path.basename(engine) == "apptainer":
        image = place.image if "://" in place.image or os.path.exists(place.image) else f"docker://{place.image}"
        launched: InContainer = InApptainer(command, engine, {"image": image}, (folder, own), mounts)
        launched.orders = ()
        return launched
    return InContainer(command, engine, _image(engine, place, runner), (folder, own), mounts)


def _check(place: Container) -> None:
    if not _IMAGE.fullmatch(place.image):
        raise UsageError(f"{place.image!r} is no image.", "Give its name, such as python:3.12-slim.")
    if place.pull not in ("missing", "always", "never"):
        raise UsageError(f"{place.pull!r} is no way to pull.", 'Choose "missing", "always" or "never".')
    for name in ("network", "user", "gpus"):
        value = getattr(place, name)
        if value and not _WORD.fullmatch(value):
            raise UsageError(f"{value!r} is no {name} of a container.", "Give it as the engine's option takes it.")
    if place.workdir and not os.path.isabs(place.workdir):
        raise UsageError(f"workdir {place.workdir!r} is not absolute.", "Give an absolute path.")


def _engine(wanted: str) -> str:
    if wanted and wanted not in ENGINES:
        raise UsageError(f"There is no container engine {wanted!r}.", f"Choose one of: {', '.join(ENGINES)}.")
    why = []
    for name in (wanted,) if wanted else ENGINES:
        path = shutil.which(name)
        problem = "is not installed" if path is None else _does_not_answer(path, os.environ.get("DOCKER_HOST", ""))
        if path is not None and not problem:
            return path
        why.append(f"{name} {problem}")
    raise CommandFailed(
        f"no container can be had: {'; '.join(why)}",
        'Install and start docker or podman; or run the command without one: place="sandbox".',
    )


@lru_cache(maxsize=16)
def _does_not_answer(engine: str, host: str) -> str:
    """Why the engine cannot be used, "" if it can. `host` is where docker looks for it."""
    from subprocess import DEVNULL, PIPE, run

    question = ["version"] if os.path.basename(engine) == "apptainer" else ["info"]
    try:
        done = run([engine, *question], stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, check=False)
    except OSError as error:
        return f"does not run ({error.strerror})"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"does not answer ({said[-1] if said else done.returncode})" if done.returncode else ""


def _image(engine: str, place: Container, runner: Runner) -> dict[str, Json]:
    """The image as it is now, by its id, pulled if need be."""
    found = None if place.pull == "always" else _inspected(engine, place.image, runner)
    if found is None and place.pull != "never":
        status, said = runner.run([engine, "pull", "--quiet", place.image])
        if status:
            last = (said.strip().splitlines() or ["no reason given"])[-1]
            raise CommandFailed(f"the image {place.image} is not here and cannot be pulled: {last}", _GET_IMAGE)
        found = _inspected(engine, place.image, runner)
    if found is None:
        raise CommandFailed(
            f"the image {place.image} is not here, and may not be pulled (pull={place.pull!r})", _GET_IMAGE
        )
    return found


_GET_IMAGE = "Check its name, log in to its registry, or build or load it on this host; then resume the run."


def _inspected(engine: str, image: str, runner: Runner) -> dict[str, Json] | None:
    from subprocess import DEVNULL, PIPE, run

    done = run([engine, "image", "inspect", image], stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=False)
    if done.returncode:
        return None
    body: Any = json.loads(done.stdout)[0]
    identity = str(body["Id"])
    digests = list(body.get("RepoDigests") or ())
    return {"image": identity if ":" in identity else f"sha256:{identity}", "digests": digests}


def _mount(source: str, target: str, read_only: bool) -> tuple[str, str]:
    for each in (source, target):
        if any(sign in each for sign in ',"\n'):
            raise UsageError(f"{each!r} cannot be mounted in a container.", "Use a path without commas and quotes.")
    return "--mount", f"type=bind,source={outside(source)},target={target}{',readonly' if read_only else ''}"


def outside(path: str) -> str:
    """The path as the container engine sees it: another one where this process itself is in a container.

    MOTET_HOST_PATHS="/inside=/outside:..." says so; else the engine is asked what is mounted here.
    """
    for inside, there in sorted(_translations(os.environ.get("MOTET_HOST_PATHS", "")), key=lambda pair: -len(pair[0])):
        if path == inside or path.startswith(inside.rstrip("/") + "/"):
            return there.rstrip("/") + path[len(inside.rstrip("/")) :]
    return path


@lru_cache(maxsize=4)
def _translations(told: str) -> tuple[tuple[str, str], ...]:
    pairs = [each.partition("=") for each in told.split(":") if "=" in each]
    if pairs or not os.path.exists(_IN_CONTAINER):
        return tuple((inside, there) for inside, _, there in pairs)
    from subprocess import DEVNULL, PIPE, run

    docker = shutil.which("docker")
    if docker is None:
        return ()
    argv = [docker, "inspect", "--format", "{{json .Mounts}}", os.uname().nodename]
    done = run(argv, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=False)
    mounts = [] if done.returncode else json.loads(done.stdout)
    return tuple((each["Destination"], each["Source"]) for each in mounts)
