"""Containers of apptainer, which needs no engine: they are processes of ours, within the limits that we set.

As its documentation has it (1.0 or later): `apptainer exec --compat` sees nothing of the host but what is mounted, may
write anywhere (to memory), and passes on what is called APPTAINERENV_NAME as NAME.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from motet.errors import CommandFailed, MotetError, UsageError
from motet.executors.commands.binds import Bind, Binds, as_csv
from motet.executors.commands.engines import GET_IMAGE
from motet.executors.commands.marks import MARK
from motet.executors.commands.mounts import Placed
from motet.executors.commands.places import Folders, Launch, argv_in_image, by_signal
from motet.executors.commands.spec import Command, Container
from motet.executors.commands.tools import Runner

_FAILED = 255
_PREFIX = "APPTAINERENV_"


class InApptainer(Launch):
    """How a command is started by apptainer. Its namespaces end with its first process, and all that is in them."""

    alone = kept = True

    def __init__(
        self, command: Command, engine: str, folders: Folders, mounts: Sequence[Placed], runner: Runner
    ) -> None:  # fmt: skip
        place = command.place
        assert isinstance(place, Container)
        if place.user:
            raise UsageError("apptainer runs everything as the calling user.", "Leave `user` out, or use docker.")
        file, digest = find_file(engine, place, runner)
        super().__init__((), folders.cwd(command.cwd), mounts)
        argv, code = argv_in_image(command, folders.own)
        self.facts = {"kind": "container", "engine": "apptainer", "name": place.image, "image": digest}
        self.start_in = "/"
        self._own = folders.beside
        self._binds = Binds(folders, self._own, [*mounts, *code], command.changed)
        self.layers = self._binds.layers
        network = ["--net", "--network", place.network] if place.network not in ("", "host") else []
        self.argv = [
            engine, "exec", "--compat", "--pwd", self.cwd, *network, *(["--nv"] if place.gpus else []),
            *place.options, *(part for each in self._binds.all for part in ("--mount", _mount(each))), file, *argv,
        ]  # fmt: skip

    def environ(self, change: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """Values stand in the environment of apptainer, where nobody sees them."""
        passed = {f"{_PREFIX}{name}": value for name, value in change.items() if name != "PWD" and value is not None}
        return {**passed, MARK: change.get(MARK)}

    def status(self, status: int) -> int:
        return by_signal(status)

    def problem(self, status: int) -> MotetError | None:
        if status != _FAILED:
            return None
        return CommandFailed(
            "it ended with status 255, with which apptainer says that it could not start it: see the end of the log",
            "Repair what it names (a mount, a network, the image), and resume the run.",
        )

    def end(self) -> None:
        self.settled = self._binds.settle()

    def close(self) -> None:
        shutil.rmtree(self._own, ignore_errors=True)


def _mount(bind: Bind) -> str:
    return as_csv(
        "type=bind", f"source={bind.source}", f"destination={bind.target}", *(["ro"] if bind.read_only else [])
    )


def find_file(engine: str, place: Container, runner: Runner) -> tuple[str, str]:
    """The file (or folder) of the image, and its digest: a file's own, since what is pulled becomes a file.

    Files that were pulled lie in the folder that all runs share, named by digest; a link says which one a name stood
    for. Raises CommandFailed.
    """
    if os.path.exists(place.image):
        path = os.path.abspath(place.image)
        return path, path if os.path.isdir(path) else _digest(path)
    uri = place.image if "://" in place.image else f"docker://{place.image}"
    link = os.path.join(runner.shared, "images", quote(uri, safe=""))
    if place.pull == "always" or not os.path.exists(link):
        if place.pull == "never":
            raise CommandFailed(f"the image {place.image} is not here, and may not be pulled (pull='never')", GET_IMAGE)
        _pull(engine, place.image, uri, link, runner)
    file = os.path.realpath(link)
    return file, "sha256:" + os.path.basename(file).partition(".")[0]


def _pull(engine: str, name: str, uri: str, link: str, runner: Runner) -> None:
    os.makedirs(os.path.dirname(link), exist_ok=True)
    fresh = f"{link}.{os.urandom(6).hex()}"
    status, said = runner.run([engine, "pull", "--force", fresh, uri])
    if status:
        last = (said.strip().splitlines() or ["no reason given"])[-1]
        raise CommandFailed(f"the image {name} is not here and cannot be pulled: {last}", GET_IMAGE)
    file = _digest(fresh).partition(":")[2] + ".sif"
    os.replace(fresh, os.path.join(os.path.dirname(link), file))
    os.symlink(file, fresh)
    os.replace(fresh, link)


def _digest(path: str) -> str:
    from hashlib import file_digest

    with open(path, "rb") as file:
        return f"sha256:{file_digest(file, 'sha256').hexdigest()}"
