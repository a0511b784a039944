"""Programs that try to get out of a sandbox or a container, as root and as another user: none does."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.executors import escapes
from tests.executors.conftest import IMAGE, WITHOUT_NAMESPACES, python_for_all

from motet.executors.commands import bubblewrap, sandbox
from motet.executors.commands.spec import Container, Host, Mount, Place, Sandbox
from motet.testing.command_bench import CommandBench

pytestmark = pytest.mark.xdist_group("docker")  # bwrap gives up where a socket goes that it is about to cover

MARK = "motet-escape-lure"
ANYWHERE = (escapes.FILES, escapes.PROCESSES, escapes.KERNEL, escapes.DEVICES, escapes.NETWORK, escapes.DROPPED)
ALL = (*ANYWHERE, escapes.SYSTEM, escapes.RIGHTS)
OTHER = 65534
OPENED = """
import json, sys, tempfile
from pathlib import Path
from motet.testing.command_bench import CommandBench
from motet.executors.commands.spec import Sandbox
with tempfile.TemporaryDirectory() as folder:
    bench = CommandBench(Path(folder), Sandbox(network=False))
    bench.setting.hidden = (json.loads(sys.argv[1])["HOME"],)
    try:
        print(bench.done([sys.executable, "-c", sys.stdin.read()], env=json.loads(sys.argv[1])).stdout)
    finally:
        bench.executor.close(kill=True)
"""


class Lures:
    """What there is on this host for a program that gets out; `env` names it. Nothing but the place keeps it away."""

    def __init__(self, at: ExitStack) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="motet-lures-", dir="/var/tmp"))
        at.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder.with_name(f"{self.folder.name}-home")
        self.home.mkdir()
        at.callback(shutil.rmtree, self.home, ignore_errors=True)
        for path in (self.folder / "file", self.home / "secret"):
            path.write_text("as it was")
        (self.folder / "empty").mkdir()
        os.mkfifo(self.folder / "fifo")
        at.callback(os.close, os.open(self.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK))
        self._name = self.folder.name
        self._listen(at)
        self.process = subprocess.Popen(
            [sys.executable, "-c", f"import time; {MARK.replace('-', '_')} = time.sleep(1000)", MARK],
            env={**os.environ, "MOTET_ESCAPE_MARK": "x"}, start_new_session=True,
        )  # fmt: skip
        at.callback(self.process.wait)
        at.callback(self.process.kill)
        self.memory = Path("/dev/shm") / self._name
        self.memory.write_text("x")
        at.callback(self.memory.unlink)
        libc = ctypes.CDLL(None)
        self._key = int.from_bytes(os.urandom(3)) + 1
        segment = libc.shmget(self._key, 4096, 0o1666)
        at.callback(libc.shmctl, segment, 0, None)
        for path in (self.folder, self.folder / "empty", self.home):
            path.chmod(0o777)
        for path in (*self.folder.iterdir(), *self.home.iterdir(), self.memory):
            path.chmod(0o777)

    def _listen(self, at: ExitStack) -> None:
        unix, run = socket.AF_UNIX, f"/run/{self._name}.sock"
        self._run = run if os.access("/run", os.W_OK) else "/run/there-is-none"
        paths = [str(self.folder / "socket"), f"\0{self._name}", *([run] if self._run == run else [])]
        listening = [self._socket(at, unix, socket.SOCK_STREAM, path) for path in paths]
        self._socket(at, unix, socket.SOCK_DGRAM, str(self.folder / "datagrams"))
        listening.append(self._socket(at, socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0)))
        self._port = listening[-1].getsockname()[1]
        self._socket(at, socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", self._port))
        for each in listening:
            each.listen(100)
        if self._run == run:
            at.callback(os.unlink, run)

    @staticmethod
    def _socket(at: ExitStack, family: int, kind: int, address: str | tuple[str, int]) -> socket.socket:
        made = at.enter_context(socket.socket(family, kind))
        made.bind(address)
        return made

    @property
    def env(self) -> dict[str, str]:
        return {
            "FILES": str(self.folder), "HOME": str(self.home), "PID": str(self.process.pid), "MARK": MARK,
            "PORT": str(self._port), "NAME": self._name, "RUN": self._run, "SHM": str(self.memory),
            "KEY": str(self._key), "ADDRESS": socket.gethostbyname(socket.gethostname()),
        }  # fmt: skip

    def check(self) -> None:
        """Nothing of it was touched."""
        assert sorted(each.name for each in self.folder.iterdir()) == ["datagrams", "empty", "fifo", "file", "socket"]
        assert (self.folder / "file").read_text() == "as it was"
        assert stat.S_IMODE((self.folder / "file").stat().st_mode) == 0o777
        assert self.process.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, self.process.pid) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.fixture
def lures() -> Iterator[Lures]:
    with ExitStack() as at:
        yield Lures(at)


def got_through(
    place: Place, lures: Lures, *texts: str, python: str = sys.executable, mounts: tuple[Mount, ...] = ()
) -> list[str]:  # fmt: skip
    """Those of the programs that got through, in that place."""
    # Beside the lures: what is shown of the host holds the folders of the sandbox itself, too.
    with tempfile.TemporaryDirectory(prefix="motet-escapes-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o777)
        bench = CommandBench(Path(folder).resolve(), place)
        bench.setting.hidden = (str(lures.home),)
        mounts += (Mount("/usr", "/usr", "ro"),) if isinstance(place, Container) else ()
        try:
            env = {**lures.env, "PATH": "/usr/bin:/bin"}
            (folder_of_its := Path(folder) / "its").mkdir()
            folder_of_its.chmod(0o777)
            run = [python, "-c", escapes.script(*texts)]
            done = bench.done(run, env=env, mounts=mounts, folder=str(folder_of_its))
        finally:
            bench.executor.close(kill=True)
    *found, last = done.stdout.splitlines()
    assert last == "all were tried", done
    return found


def test_there_are_two_hundred_programs_and_the_lures_are_true(lures: Lures) -> None:
    """On the host what reaches for the lures gets through: so a place that keeps it from that is what does so."""
    assert sum(len(escapes.programs(text)) for text in ALL) >= 200
    found = got_through(Host(), lures, escapes.HARMLESS)
    assert found == escapes.programs(escapes.HARMLESS)


def test_none_gets_out_of_a_sandbox(lures: Lures) -> None:
    assert got_through(Sandbox(network=False, workdir="/spell"), lures, *ALL) == []
    lures.check()


def test_with_a_network_none_gets_at_anything_else(lures: Lures) -> None:
    found = got_through(Sandbox(), lures, *ALL)
    by_path = re.compile(r'FILES|RUN|"/')
    told = [each for each in escapes.programs(escapes.NETWORK) if "/proc/net/" in each or not by_path.search(each)]
    assert set(found) <= {*told}
    lures.check()


def test_a_socket_is_reached_where_it_is_mounted(lures: Lures) -> None:
    mount = Mount("/lures", str(lures.folder), "rw")
    program = 'connects("/lures/socket")'
    assert got_through(Sandbox(network=False), lures, program, mounts=(mount,)) == [program]


def _in_a_process(argv: list[str], lures: Lures, **env: str) -> list[str]:
    """Those that got through where another process opens the sandbox."""
    env = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PATH": "/usr/bin:/bin", **env}
    done = subprocess.run(
        [*argv, "-c", OPENED, json.dumps(lures.env)], input=escapes.script(*ALL), env=env, cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    *found, last = done.stdout.splitlines() or [""]
    assert last == "all were tried", done.stderr[-3000:]
    return found


def test_none_gets_out_as_another_user(lures: Lures) -> None:
    python = python_for_all()
    if os.geteuid() != 0 or python is None:
        pytest.skip("only root can be another user, who needs a Python")
    argv = ["setpriv", "--reuid", f"{OTHER}", "--regid", f"{OTHER}", "--clear-groups", python]
    assert _in_a_process(argv, lures, PYTHONDONTWRITEBYTECODE="1") == []
    lures.check()


def test_none_gets_out_where_root_may_make_no_namespace_of_users(lures: Lures) -> None:
    """Then all that keeps it is that the rights of root are given up."""
    if os.geteuid() != 0:
        pytest.skip("others can have no sandbox then")
    assert _in_a_process([sys.executable, "-c", WITHOUT_NAMESPACES, sys.executable], lures) == []
    lures.check()


def test_none_gets_out_of_bubblewraps(lures: Lures, monkeypatch: pytest.MonkeyPatch) -> None:
    if refusal := bubblewrap.refusal():
        pytest.skip(f"bwrap {refusal}")
    monkeypatch.setattr(sandbox, "own_refusal", lambda: "refused by this test")
    found = got_through(Sandbox(network=False), lures, *ALL)
    # It can lay no layers over the host's pipes, and leaves a set of rights that nobody can take from any more.
    assert [each for each in found if "fifo" not in each and "Bnd" not in each] == []
    lures.check()


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("user", ["", f"{OTHER}:{OTHER}"], ids=["root", "other"])
def test_none_gets_out_of_a_container_of_docker(user: str, lures: Lures) -> None:
    place = Container(IMAGE, engine="docker", network="none", user=user)
    assert got_through(place, lures, *ANYWHERE, python="/usr/bin/python3") == []
    lures.check()


@pytest.mark.usefixtures("podman")
@pytest.mark.parametrize("user", ["", f"{OTHER}:{OTHER}"], ids=["root", "other"])
def test_none_gets_out_of_a_container_of_podman(user: str, lures: Lures) -> None:
    place = Container(IMAGE, engine="podman", network="none", user=user)
    assert got_through(place, lures, *ANYWHERE, python="/usr/bin/python3") == []
    lures.check()
