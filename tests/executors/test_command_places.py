"""One suite for commands in every place: the host, the sandbox, and containers where an engine is installed.

The engines are started here, in a folder of the session's own, and stopped at its end. The image is made of a static
busybox, so that no registry is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from tests.executors.conftest import IMAGE, WITHOUT_NAMESPACES, python_for_all

from motet.errors import CommandFailed
from motet.executors.commands import bubblewrap, engines, sandbox
from motet.executors.commands.spec import Container, Host, Limits, Mount, Sandbox
from motet.executors.commands.tools import Runner
from motet.ports import Success
from motet.testing.command_suite import CommandSuite
from motet.testing.executor_tasks import wait_until


class TestHost(CommandSuite):
    place = Host()
    absolute = covers = False


class Sandboxes(CommandSuite):
    """What a sandbox has to do beside the suite, however it is made."""

    place = Sandbox()
    on_disk = ("/tmp/big", "/data/a/big")

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

    def test_its_folder_may_be_seen_elsewhere(self) -> None:
        for workdir in ("/spell", "/usr/local/motet/spell", "/srv"):
            with self.opened() as bench:
                bench.place = Sandbox(workdir=workdir)
                source = bench.given(a="a")
                mounts = (Mount(f"{workdir}/data", str(source)), Mount("other", str(source), "ro"))
                run = f"pwd; cat ../data/a {workdir}/other/a; echo x > {workdir}/in/out; echo y > ../data/y"
                finished = bench.done(run, cwd="in", mounts=mounts, changed=True)
                assert finished.stdout == f"{workdir}/in\naa"
                assert bench.paths(finished) == ["data/y", "in/out"]
        with self.opened() as bench:
            for workdir in ("spell", "/"):
                bench.place = Sandbox(workdir=workdir)
                assert "is no path for a folder" in bench.failed("true")["message"]

    def test_what_it_writes_anywhere_counts(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a")
            mounts, limits = (Mount("/data/a", str(source)),), Limits(disk_bytes=1e6)
            for path in self.on_disk:
                error = bench.failed(f"head -c 5000000 /dev/zero > {path}; sleep 1000", limits=limits, mounts=mounts)
                assert "limit of disk" in error["message"], path

    def test_it_has_memory_to_share_and_terminals_of_its_own(self) -> None:
        with self.opened() as bench:
            bench.done("echo x > /dev/shm/x && test -c /dev/ptmx && echo x > /dev/stderr && true < /dev/urandom")
            assert not os.path.exists("/dev/shm/x")

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
            run = "import socket as s; a = s.create_server(('127.0.0.1', 0)); s.create_connection(a.getsockname())"
            bench.done([sys.executable, "-c", run])  # what is in it may talk to itself
            devices = bench.done("cat /proc/net/dev").stdout.splitlines()[2:]
            assert [line.split(":")[0].strip() for line in devices] == ["lo"]

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


class TestSandbox(Sandboxes):
    on_disk = (*Sandboxes.on_disk, "/data/big", "/run/big")

    def test_it_needs_no_root(self) -> None:
        assert _as_another_user([]) == "sandbox None"


OTHER_USER = """
from motet.ports import Success
from motet.testing.command_suite import CommandSuite
from motet.executors.commands.spec import Sandbox, Mount
class Mine(CommandSuite):
    place = Sandbox()
suite = Mine()
suite.test_absolute_mounts_and_writes_beside_them()
suite.test_a_mount_in_the_folder_takes_writes_that_are_outputs()
suite.test_what_changed_is_told_of_mounts_too()
suite.test_stop_ends_the_whole_tree()
with suite.opened() as bench:
    place = bench.done("true").place
print(place["kind"], place.get("by"))
"""
OWNERS = """
import os
from motet.ports import Success
from motet.testing.command_suite import CommandSuite
from motet.executors.commands.spec import Container, Mount
class Mine(CommandSuite):
    place = Container("{image}", engine="docker", network="none")
with Mine().opened() as bench:
    mine, source = bench.given(), bench.given(a="x")
    done = bench.done("id -u; cp in/a out; cat out", folder=str(mine), mounts=(Mount("in", str(source)),))
    print(os.stat(mine / "out").st_uid, *done.stdout.split())
"""


def _as_another_user(
    first: list[str], path: str = "/usr/local/bin:/usr/bin:/bin", program: str = OTHER_USER, **more: str
) -> str:  # fmt: skip
    """What the program prints, run by an ordinary user, through the command `first`."""
    if os.geteuid() != 0:
        pytest.skip("this user is not root: all the other tests show it")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    python = python_for_all()
    if python is None:
        pytest.skip("no interpreter that another user may run")
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", python, "-c", program]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "HOME": "/tmp", "PATH": path, **more}
    done = subprocess.run([*first, *argv], env=env, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestBubblewrap(Sandboxes):
    """Where this process may make no namespaces itself."""

    @pytest.fixture(autouse=True)
    def _refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if refusal := bubblewrap.refusal():
            pytest.skip(f"bwrap {refusal}")
        monkeypatch.setattr(sandbox, "own_refusal", lambda: "refused by this test")

    def test_it_says_by_what_it_is_made(self) -> None:
        with self.opened() as bench:
            assert bench.done("true").place == {"kind": "sandbox", "by": "bwrap"}

    def test_a_setuid_one_is_used_where_the_user_may_make_no_namespaces(self) -> None:
        place = tempfile.mkdtemp()  # one that any user may enter
        try:
            os.chmod(place, 0o755)
            shutil.copy(shutil.which("bwrap") or "", f"{place}/bwrap")
            os.chmod(f"{place}/bwrap", 0o4755)
            assert (
                _as_another_user([sys.executable, "-c", WITHOUT_NAMESPACES], f"{place}:/usr/bin:/bin")
                == "sandbox bwrap"
            )
        finally:
            shutil.rmtree(place)

    def test_without_it_there_is_a_clear_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bubblewrap, "refusal", lambda: "is not installed")
        with self.opened() as bench:
            error = bench.failed("true")
            for part in (
                "step[0]",
                "no sandbox can be had",
                "refused by this test",
                "bwrap is not installed",
                "container",
            ):
                assert part in error["message"]


# ---------------------------------------------------------------- containers


class Containers(CommandSuite):
    """What both engines have to do beside the suite."""

    python = False  # none in the image

    def test_the_image_is_recorded_by_its_digest(self) -> None:
        with self.opened() as bench:
            place = bench.done("true").place
            assert str(place["image"]).startswith("sha256:")
            assert place["name"] == IMAGE
            assert f"{IMAGE} as {place['image']}" in bench.outcomes.texts("stderr")[0]

    def test_an_image_that_is_not_there(self) -> None:
        name = "localhost:1/no-such-image:1"  # nobody listens there
        told = {
            "never": "is not here, and may not be pulled", "missing": "is not here and cannot be pulled:",
            "always": 'cannot be pulled, as pull="always" asks:',
        }  # fmt: skip
        with self.opened() as bench:
            for pull, why in list(told.items())[
                : 3 if self.place.engine == "docker" else 1
            ]:  # podman tries for seconds
                bench.place = replace(self.place, image=name, pull=pull)  # type: ignore[type-var]
                message = bench.failed("true")["message"]
                for part in (f"the image {name} {why}", "Step step[", "command: true", "motet logs", "Check its name"):
                    assert part in message, message

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

    def test_options_are_passed_on(self) -> None:
        with self.opened() as bench:
            bench.place = replace(self.place, options=("--env", "GIVEN=so", "--hostname=mine"))  # type: ignore[type-var]
            assert bench.done("echo $GIVEN; hostname").stdout == "so\nmine"
            for options in (("--name=x",), ("-d",), ("x",), ("--rm",), "--env"):
                bench.place = replace(self.place, options=options)  # type: ignore[type-var]
                assert bench.failed("true")["type"] == "UsageError"

    def test_its_folder_may_be_seen_elsewhere(self) -> None:
        class Elsewhere(CommandSuite):
            place = Container(IMAGE, engine=self.place.engine, network="none", workdir="/spell")  # type: ignore[attr-defined]

        with Elsewhere().opened() as bench:
            finished = bench.done("pwd; echo x > /spell/out", outputs=("out",))
            assert finished.stdout == "/spell"
            assert bench.content(finished, "out") == "x\n"


@pytest.mark.xdist_group("docker")  # one engine for all of them
@pytest.mark.usefixtures("docker")
class TestDocker(Containers):
    place = Container(IMAGE, engine="docker", network="none")

    def test_an_engine_that_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with self.opened() as bench:
            bench.done("true")
            monkeypatch.setenv("DOCKER_HOST", "unix:///run/no-such.sock")
            message = bench.failed("true")["message"]
            for part in ("step[1]", "docker does not answer (", "no-such.sock", 'place="sandbox"'):
                assert part in message, message
            path, _ = engines.find_engine("podman" if shutil.which("podman") else "docker")
            with pytest.raises(CommandFailed, match="docker does not answer"):  # it has ended since it was found
                engines.find_image(shutil.which("docker") or path, self.place, cast("Runner", None))

    def test_what_it_takes_in_there_is_told(self) -> None:
        busy = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; cut -d ' ' -f 14 /proc/$$/stat; sleep 3"
        with self.opened() as bench:
            outcome = bench.run(busy)
            assert isinstance(outcome, Success), outcome
            own_s = int(outcome.value.stdout) / os.sysconf("SC_CLK_TCK")
            assert outcome.facts["cpu_s"] >= own_s > 0.1, (outcome.facts, own_s)

    def test_what_it_writes_is_the_users(self, docker: str) -> None:
        folder = Path(tempfile.mkdtemp())  # one that any user may enter
        try:
            folder.chmod(0o755)
            socket = folder / "docker.sock"
            socket.hardlink_to(docker.removeprefix("unix://"))
            socket.chmod(0o666)
            program = OWNERS.format(image=IMAGE)
            env = {"DOCKER_HOST": f"unix://{socket}", "HOME": str(folder)}
            assert _as_another_user([], program=program, **env) == "65534 65534 x"
        finally:
            shutil.rmtree(folder)


@pytest.mark.xdist_group("podman")
@pytest.mark.usefixtures("podman")
class TestPodman(Containers):
    place = Container(IMAGE, engine="podman", network="none")
