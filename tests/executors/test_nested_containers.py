"""Motet in a container that has the host's docker socket: its folders have other paths on the host.

The container is a busybox with the host's programs, the interpreter and this checkout mounted read-only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.executors.conftest import IMAGE

FLOW = f"""
from motet import Container, Mount, command, flow

count = command(
    "wc -l < /data/input.txt > count; cat count",
    place=Container("{IMAGE}", network="none"),
    mounts=[Mount("/data/input.txt", "/job/input.txt")],
    outputs=["count"],
)

@flow
def study() -> str:
    return count().stdout

print("it counted", study())
"""
SOCKET = "/run/outer-docker.sock"


def run_nested(
    address: str, *mounts: str, home: str, program: str = "/job/study.py"
) -> subprocess.CompletedProcess[str]:
    """`motet run` in a container with these mounts ("source:target")."""
    checkout = Path(__file__).parents[2]
    # The real paths: a container's own /bin, say, must not be a link to what is not there yet.
    shared = {"/usr", "/lib", "/bin", "/lib64", sys.base_prefix, sys.prefix, str(checkout / "src")}
    covered = {each for each in shared if any(each.startswith(f"{other}/") for other in shared if other != each)}
    options = [f"{path}:{path}:ro" for path in sorted(shared - covered) if os.path.exists(path)]
    socket = f"{address.removeprefix('unix://')}:{SOCKET}"
    binds = [part for each in (*options, socket, *mounts) for part in ("--volume", each)]
    env = {"MOTET_HOME": home, "DOCKER_HOST": f"unix://{SOCKET}", "PYTHONPATH": str(checkout / "src"), "HOME": "/tmp"}
    env["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    named = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    argv = ["docker", "run", "--rm", "--network", "none", *binds, *named, IMAGE]
    return subprocess.run(
        [*argv, f"{sys.prefix}/bin/motet", "run", "/job/study.py"], capture_output=True, text=True, check=False
    )


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder of the host with a flow and what it reads."""
    (tmp_path / "study.py").write_text(FLOW)
    (tmp_path / "input.txt").write_text("1\n2\n3\n")
    return tmp_path


@pytest.mark.xdist_group("docker")
def test_folders_are_found_on_the_host_and_on_volumes(docker: str, job: Path) -> None:
    done = run_nested(docker, f"{job}:/job:ro", "motet-test-home:/state", home="/state/home")
    assert "it counted 3" in done.stdout, done.stdout + done.stderr


@pytest.mark.xdist_group("docker")
def test_a_folder_that_the_engine_cannot_see_is_named_with_the_cure(docker: str, job: Path) -> None:
    done = run_nested(docker, f"{job}:/job", home="/tmp/home")
    for part in ("Step study/wc-0", "/tmp/home", "/job", "MOTET_HOME", "MOTET_HOST_PATHS", "in this container only"):
        assert part in done.stderr, done.stdout + done.stderr
    assert done.returncode
