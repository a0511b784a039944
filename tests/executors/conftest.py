"""Container engines for the tests: started in folders of the session's own, stopped at its end.

The image is made of a static busybox, so that no registry is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from motet.testing.executor_tasks import PATIENCE_S

IMAGE = "localhost/motet-test:1"
WITHOUT_NAMESPACES = """
import ctypes, os, sys
(ready, go), (told, tell) = os.pipe(), os.pipe()
if not (child := os.fork()):
    assert not ctypes.CDLL(None).unshare(0x10000000)
    os.write(go, b"x")
    os.read(told, 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    os.execvp(sys.argv[1], sys.argv[1:])
os.read(ready, 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{name}", "w") as file:
        file.write("0 0 65536")
os.write(tell, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs a program where all is as it is here, but that nobody may make a namespace of users."""
PODMAN = """
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


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
    for name in ("lib", "lib64"):  # where programs of the host find their libraries, if its /usr is mounted
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    return root


def _import(engine: str, folder: Path) -> None:
    tar = subprocess.run(["tar", "-C", _root(folder), "-c", "."], capture_output=True, check=True).stdout
    subprocess.run([engine, "import", "-", IMAGE], input=tar, capture_output=True, check=True)


@pytest.fixture(scope="module")
def docker(docker_address: str) -> Iterator[str]:
    """The Docker Engine of the session is where docker looks for it; gives its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", docker_address)
        yield docker_address


@pytest.fixture(scope="session")
def docker_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
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
            patch.undo()
            yield address
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
def podman() -> Iterator[None]:
    """Podman with a store of the session's own.

    Its path is short: below a long one podman cannot reach the sockets of its containers, and waits 20 s for each.
    """
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed (Debian: podman runc)")
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as short:
        yield from _podman_in(Path(short))


def _podman_in(folder: Path) -> Iterator[None]:
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


def python_for_all() -> str | None:
    """An interpreter that any user may run, with this source at hand: they may not pass /root."""
    probe = "import motet.executors.commands.executor"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    for name in ("/usr/bin/python3", "python3", "python3.11"):
        path = shutil.which(name)
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(path), "-c", probe]
        if path and not subprocess.run(argv, env=env, capture_output=True, check=False, cwd="/").returncode:
            return path
    return None
