"""One suite for commands in every place: the host, the sandbox, and containers where an engine is installed.

The engines are started here, in a folder of the session's own, and stopped at its end. The image is made of a static
busybox, so that no registry is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from motet.executors.commands.spec import Container, Host, Mount, Sandbox
from motet.testing.command_suite import CommandSuite
from motet.testing.executor_tasks import PATIENCE_S, wait_until

IMAGE = "localhost/motet-test:1"
PODMAN = """
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


class TestHost(CommandSuite):
    place = Host()
    absolute = covers = False


class TestSandbox(CommandSuite):
    place = Sandbox()

    def test_what_is_not_mounted_cannot_be_written(self) -> None:
        with self.opened() as bench:
            bench.failed("touch /usr/motet-was-here")
            assert not os.path.exists("/usr/motet-was-here")
            assert bench.done("touch /tmp/here && ls /tmp/here").stdout == "/tmp/here"

    def test_a_place_for_a_mount_within_the_hosts_folders(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a")
            run = "cat /usr/local/motet/deep/a && ls -d /usr/local/bin"
            assert bench.done(run, mounts=(Mount("/usr/local/motet/deep", str(source)),)).stdout == "a/usr/local/bin"
            assert not os.path.exists("/usr/local/motet")

    def test_a_mount_on_a_link_is_refused_with_a_word(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a")
            (bench.folder / "mine").mkdir()
            (bench.folder / "mine" / "link").symlink_to("/etc")
            error = bench.failed("true", folder=str(bench.folder / "mine"), mounts=(Mount("link", str(source)),))
            assert "a link" in error["message"]

    def test_without_network_there_is_none(self) -> None:
        class Closed(CommandSuite):
            place = Sandbox(network=False)

        with Closed().opened() as bench:
            assert [line.split(":")[0].strip() for line in bench.done("cat /proc/net/dev").stdout.splitlines()[2:]] == [
                "lo"
            ]

    def test_an_interpreter_below_tmp_is_seen(self, tmp_path: Path) -> None:
        """The sandbox has a /tmp of its own; environments are often made there all the same."""
        folder = Path("/tmp") / f"motet-test-{tmp_path.name}-{os.getpid()}"
        try:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            with self.opened() as bench:
                done = bench.done([f"{folder}/bin/python", "-c", "import sys; print(sys.prefix)"])
                assert done.stdout == str(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def test_it_needs_no_root(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        if os.geteuid() != 0:
            pytest.skip("this user is not root: all the other tests show it")
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        program = (
            "from motet.testing.command_suite import CommandSuite\n"
            "from motet.executors.commands.spec import Sandbox, Mount\n"
            "class Mine(CommandSuite):\n    place = Sandbox()\n"
            "suite = Mine()\n"
            "suite.test_absolute_mounts_and_writes_beside_them()\n"
            "suite.test_a_mount_in_the_folder_takes_writes_that_are_outputs()\n"
            "suite.test_stop_ends_the_whole_tree()\n"
            "print('all well')\n"
        )
        python = _python_for_all()
        if python is None:
            pytest.skip("no interpreter that another user may run")
        source = Path(__file__).parents[2] / "src"
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", python, "-c", program]
        env = {**os.environ, "PYTHONPATH": str(source), "HOME": "/tmp", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd="/")
        assert done.stdout.strip() == "all well", done.stderr


def _python_for_all() -> str | None:
    """An interpreter that any user may run, with this source at hand: they may not pass /root."""
    probe = "import motet.executors.commands.executor"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    for name in ("/usr/bin/python3", "python3", "python3.11"):
        path = shutil.which(name)
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(path), "-c", probe]
        if path and not subprocess.run(argv, env=env, capture_output=True, check=False, cwd="/").returncode:
            return path
    return None


# ---------------------------------------------------------------- containers


def _root(folder: Path) -> Path:
    """The files of an image: a static busybox with its names."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed (Debian: busybox-static), of which the image is made")
    root = folder / "root"
    for name in ("bin", "etc", "tmp", "usr"):
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    return root


def _import(engine: str, folder: Path) -> None:
    tar = subprocess.run(["tar", "-C", _root(folder), "-c", "."], capture_output=True, check=True).stdout
    subprocess.run([engine, "import", "-", IMAGE], input=tar, capture_output=True, check=True)


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Docker Engine of the session's own."""
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("Docker Engine is not installed (Debian: docker.io)")
    if os.geteuid() != 0:
        pytest.skip("a Docker Engine can be started by root only")
    folder = tmp_path_factory.mktemp("docker")
    address = f"unix://{folder}/docker.sock"
    argv = [
        "dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/exec", "-H", address, "-p", f"{folder}/pid",
        "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        engine = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        try:
            patch.setenv("DOCKER_HOST", address)
            _wait_until_it_answers(["docker", "info"], engine, folder / "log")
            _import("docker", folder)
            yield
        finally:
            engine.terminate()
            engine.wait()
            subprocess.run(["umount", f"{folder}/exec/netns/default"], capture_output=True, check=False)


def _wait_until_it_answers(argv: list[str], engine: subprocess.Popen[Any], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while subprocess.run(argv, capture_output=True, check=False).returncode:
        if engine.poll() is not None:
            last = log.read_text().strip().splitlines()[-1:]
            pytest.skip(f"no Docker Engine can run here: {last}")
        assert time.monotonic() < until, f"dockerd never answered:\n{log.read_text()}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Podman with a store of the session's own."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed (Debian: podman runc)")
    folder = tmp_path_factory.mktemp("podman")
    (folder / "containers.conf").write_text(PODMAN)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver="vfs"\ngraphroot="{folder}/graph"\nrunroot="{folder}/run"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(folder / "containers.conf"))
        patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        try:
            _import("podman", folder)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"podman does not work here: {error.stderr.decode().strip().splitlines()[-1:]}")
        yield


class Containers(CommandSuite):
    """What both engines have to do beside the suite."""

    python = False  # none in the image

    def test_the_image_is_recorded_by_its_digest(self) -> None:
        with self.opened() as bench:
            place = bench.done("true").place
            assert str(place["image"]).startswith("sha256:")
            assert place["name"] == IMAGE

    def test_an_image_that_is_not_there(self) -> None:
        class Missing(CommandSuite):
            place = Container("localhost/no-such-image:1", engine=self.place.engine, pull="never")  # type: ignore[attr-defined]

        with Missing().opened() as bench:
            error = bench.failed("true")
            for part in ("localhost/no-such-image:1", "is not here", "step[0]", "motet logs", "Check its name"):
                assert part in error["message"]

    def test_hostile_names_are_refused(self) -> None:
        for fields in ({"image": "--privileged"}, {"image": "a b"}, {"network": "--privileged"}, {"user": "-v"}):

            class Hostile(CommandSuite):
                place = Container(**{"image": IMAGE, "engine": self.place.engine, **fields})  # type: ignore[attr-defined, arg-type]

            with Hostile().opened() as bench:
                assert bench.failed("true")["type"] == "UsageError"

    def test_kill_of_the_engine_ends_the_container(self, tmp_path: Path) -> None:
        engine = self.place.engine  # type: ignore[attr-defined]
        program = (
            "import time\n"
            "from motet.executors.commands.executor import CommandExecutor\n"
            "from motet.executors.commands.setting import Setting\n"
            "from motet.executors.commands.spec import Command, Container\n"
            "from motet.testing.executor_tasks import Outcomes\n"
            f"executor, outcomes = CommandExecutor(Setting({str(tmp_path)!r}, None), 1), Outcomes()\n"
            f"place = Container({IMAGE!r}, engine={engine!r}, network='none')\n"
            "make = lambda: Command('echo x > begun; sleep 1000', place=place)\n"
            "executor.start(outcomes.attempt(make, element=0))\n"
            "time.sleep(1000)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program])
        try:
            wait_until(lambda: (tmp_path / "run" / "step%5B0%5D-1" / "begun").exists(), "the container runs")
            assert self._containers(engine)
        finally:
            process.kill()
            process.wait()
        wait_until(lambda: not self._containers(engine), "no container is left")

    @staticmethod
    def _containers(engine: str) -> str:
        return subprocess.run([engine, "ps", "-aq"], capture_output=True, text=True, check=True).stdout

    def test_its_folder_may_be_seen_elsewhere(self) -> None:
        class Elsewhere(CommandSuite):
            place = Container(IMAGE, engine=self.place.engine, network="none", workdir="/spell")  # type: ignore[attr-defined]

        with Elsewhere().opened() as bench:
            finished = bench.done("pwd; echo x > /spell/out", outputs=("out",))
            assert finished.stdout == "/spell"
            assert bench.content(finished, "out") == "x\n"


@pytest.mark.usefixtures("docker")
class TestDocker(Containers):
    place = Container(IMAGE, engine="docker", network="none")


@pytest.mark.usefixtures("podman")
class TestPodman(Containers):
    place = Container(IMAGE, engine="podman", network="none")
