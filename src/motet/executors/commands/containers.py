"""Containers as a place, through the command line of docker or podman; or of `apptainer`."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from motet.errors import CommandFailed, MotetError
from motet.executors.commands.apptainer import InApptainer, find_file
from motet.executors.commands.binds import Bind, Binds, as_csv
from motet.executors.commands.engines import check, find_engine, find_image
from motet.executors.commands.limits import out_of_memory
from motet.executors.commands.marks import MARK
from motet.executors.commands.mounts import Placed
from motet.executors.commands.nested import outside
from motet.executors.commands.places import Folders, Launch, argv_in_image, by_signal
from motet.executors.commands.spec import Command, Container, Function, Limits
from motet.executors.commands.tools import Runner
from motet.executors.worker_process import oom_kills

if TYPE_CHECKING:
    from motet.kernel.events import Json

_OF_THE_CLIENT = re.compile(rf"PATH|HOME|PWD|LD_.*|DOCKER_.*|CONTAINER.*|XDG_.*|TMPDIR|{MARK}")
"""Variables that the engine's own program listens to: for the container they are given by value. So is the mark, since
the program has processes of its own, which look after the container, and are not to be killed over that.
"""

_CLIENT_KILL = (
    "for at in $(grep -ls -e {option} /proc/[0-9]*/cmdline); do at=${{at#/proc/}}; kill -KILL ${{at%/*}}; done"
)

_AT_ONCE = {"podman": ("--time", "0")}
"""Docker kills what it removes by force; podman gives it ten seconds of grace, unless told."""

_ENGINE_FAILED = 125
_DROPPED = ("MKNOD", "NET_RAW", "AUDIT_WRITE", "SETFCAP")
"""Rights of root that engines leave to it in a container, and that no build or training needs."""


class InContainer(Launch):
    """How a command is started in a container. Its name is known before it starts, so that it can always be ended."""

    alone = True

    def __init__(
        self, command: Command, engine: str, image: Mapping[str, Json], folders: Folders, mounts: Sequence[Placed]
    ) -> None:  # fmt: skip
        place = command.place
        assert isinstance(place, Container)
        self._own = folders.beside
        self._place, self._engine = place, engine
        self._as_made = place.as_made and not isinstance(command.run, Function)  # what calls one lies in its folder
        self._name = f"motet-{os.urandom(8).hex()}"
        self._limits = command.limits
        self._out_of_memory = False
        self._oom_kills = oom_kills() if command.limits.memory_bytes is not None else 0
        super().__init__((), folders.cwd(command.cwd), mounts)
        self.facts = {"kind": "container", "engine": os.path.basename(engine), "name": place.image, **image}
        self.start_in = "/"
        self._argv, code = argv_in_image(command, folders.own)
        self._binds = Binds(folders, self._own, [*mounts, *code], command.changed)
        self.layers = self._binds.layers
        self._remove = ["rm", "-f", *_AT_ONCE.get(os.path.basename(engine), ()), self._name]
        kill = _CLIENT_KILL.format(option=f"--name={self._name}")  # before it makes what is then removed
        self.orders = (f"{{ {kill}; {shlex.join([engine, *self._remove])}; }} >/dev/null 2>&1",)

    def environ(self, change: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """The client passes on what is named; values stand in its environment, where nobody sees them."""
        named = {name: value for name, value in change.items() if name != "PWD" and value is not None}
        own = {name: value for name, value in named.items() if not _OF_THE_CLIENT.fullmatch(name)}
        given = {name: value for name, value in named.items() if name not in own}
        self.argv = [*self._start(), *self._options(own, given), *self._last()]
        return own

    def _start(self) -> list[str]:
        options = [
            self._engine, "run", f"--name={self._name}", "--interactive", "--pull", "never",
            *([] if self._as_made else ["--workdir", self.cwd, "--entrypoint", self._argv[0]]),
            "--security-opt", "no-new-privileges",
            *(part for name in _DROPPED for part in ("--cap-drop", name)), *self._place.options,
        ]  # fmt: skip
        if self._limits.memory_bytes is None:
            options.append("--rm")
        return options

    def _options(self, own: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
        place, limits = self._place, self._limits
        user = place.user or f"{os.geteuid()}:{os.getegid()}"
        options = [part for bind in self._binds.all for part in _mount(bind, self._engine)]
        options += [part for name in own for part in ("--env", name)]
        options += [part for name, value in given.items() for part in ("--env", f"{name}={value}")]
        whole = None if limits.memory_bytes is None else str(int(limits.memory_bytes))
        wanted = {
            "--user": user, "--network": place.network, "--gpus": place.gpus, "--memory": whole,
            "--memory-swap": whole, "--cpus": limits.cpus, "--pids-limit": limits.pids,
        }  # fmt: skip
        return [*options, *(part for name, value in wanted.items() if value for part in (name, str(value)))]

    def _last(self) -> list[str]:
        return [str(self.facts["image"]), *self._argv[0 if self._as_made else 1 :]]

    def limits(self, limits: Limits) -> Limits:
        return Limits(disk_bytes=limits.disk_bytes)

    def kill(self) -> None:
        self._client(*self._remove)

    def processes(self) -> Sequence[int]:
        pid = self._client("inspect", "--format", "{{.State.Pid}}", self._name).strip()
        return [int(pid)] if pid.isdigit() and int(pid) > 1 else []

    def end(self) -> None:
        self.settled = self._binds.settle()
        if self._limits.memory_bytes is not None:
            told = self._client("inspect", "--format", "{{.State.OOMKilled}}", self._name)
            self._out_of_memory = "true" in told
            self._client(*self._remove)

    def status(self, status: int) -> int:
        return by_signal(status)

    def problem(self, status: int) -> MotetError | None:
        # Not every engine is told by every kernel: then its count of such deaths tells.
        killed = self._limits.memory_bytes is not None and by_signal(status) == -signal.SIGKILL
        if (self._out_of_memory and status) or (killed and oom_kills() > self._oom_kills):
            return out_of_memory(self._limits.memory_bytes or 0, "the kernel killed it")
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


def image_of(place: Container, runner: Runner) -> Json:
    """Which image the name stands for now, by id or digest; it is fetched as `place.pull` says. Raises as below."""
    check(place)
    engine, _ = find_engine(place.engine)
    if os.path.basename(engine) == "apptainer":
        return find_file(engine, place, runner)[1]
    return find_image(engine, place, runner)["image"]


def in_container(command: Command, folders: Folders, mounts: Sequence[Placed], runner: Runner) -> Launch:
    """Everything ready for the command's container: the engine found, the image there and known by its digest.

    Raises UsageError for what makes no sense, CommandFailed where engine or image cannot be had.
    """
    place = command.place
    assert isinstance(place, Container)
    check(place)
    engine, passed_over = find_engine(place.engine)
    try:
        launched: Launch
        if os.path.basename(engine) == "apptainer":
            launched = InApptainer(command, engine, folders, mounts, runner)
        else:
            launched = InContainer(command, engine, find_image(engine, place, runner), folders, mounts)
    except CommandFailed as error:
        raise CommandFailed(f"{error.what}{passed_over}", error.cure) from None
    runner.say(f"(motet: {launched.facts['engine']} runs {place.image} as {launched.facts['image']})")
    return launched


def _mount(bind: Bind, engine: str) -> tuple[str, str]:
    source = f"source={outside(bind.source, engine)}"
    return "--mount", as_csv("type=bind", source, f"target={bind.target}", *(["readonly"] if bind.read_only else []))
