"""The image that the Dockerfile makes, and how it runs commands as the owner of the working directory.

The image is built only where MOTET_TEST_IMAGE names one to build it on: an image of Debian with Python 3.11 or later
that the engine has. A build takes minutes, and installs packages through the network of the host.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWNER = 1234
BASE = os.environ.get("MOTET_TEST_IMAGE", "")
STEPS = """
hello:
  process: {process_type: interpolated-script-cmd, script: "id -u\\necho Hello {msg} | tee {out}"}
  environment: {environment_type: docker-encapsulated, image: IMAGE}
  publisher: {publisher_type: frompar-pub, outputmap: {out: out}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory of somebody else's."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    for each in (tmp_path, *list(tmp_path.parents)[:3]):
        os.chmod(each, 0o755)
    found = tmp_path / "work"
    found.mkdir()
    os.chown(found, OWNER, OWNER)
    return found


def as_owner(folder: Path, *words: str, **env: str) -> str:
    """What the command prints that runs as the owner of the folder."""
    argv = ["/bin/sh", str(ROOT / "scripts/as-owner"), *words]
    kept = {"PATH": os.environ["PATH"], **env}
    return subprocess.run(argv, cwd=folder, env=kept, capture_output=True, text=True, check=True).stdout


def test_commands_run_as_the_owner_and_keep_motets_own_there(folder: Path) -> None:
    told = as_owner(folder, "/bin/sh", "-c", 'id -u; id -g; echo "$MOTET_HOME $HOME"; touch made')
    assert told == f"{OWNER}\n{OWNER}\n{folder}/.motet {folder}/.motet\n"
    assert (folder / "made").stat().st_uid == OWNER
    assert as_owner(folder, "/bin/sh", "-c", 'echo "$MOTET_HOME"', MOTET_HOME="/elsewhere") == "/elsewhere\n"


def test_roots_folders_and_other_users_are_left_as_they_are(tmp_path: Path, folder: Path) -> None:
    assert as_owner(tmp_path, "id", "-u") == "0\n"
    argv = ["setpriv", "--reuid=77", "--clear-groups", "/bin/sh", str(ROOT / "scripts/as-owner"), "id", "-u"]
    assert subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True).stdout == "77\n"


@pytest.mark.skipif(not BASE, reason="MOTET_TEST_IMAGE names no image to build on")
@pytest.mark.timeout(1200)
def test_steps_run_in_containers_beside_that_of_the_image(folder: Path) -> None:
    socket = os.environ["DOCKER_HOST"].removeprefix("unix://")
    build = ["docker", "build", "--network=host", f"--build-arg=BASE={BASE}", "-t", "motet/test", str(ROOT)]
    subprocess.run(build, check=True, env={**os.environ, "DOCKER_BUILDKIT": "0"})
    (folder / "steps.yml").write_text(STEPS.replace("IMAGE", BASE))
    line = [
        "docker", "run", "--rm", "--network=host", "-e", "PACKTIVITY_WITHIN_DOCKER=true", "-v", f"{folder}:{folder}",
        "-w", str(folder), "-v", f"{socket}:/var/run/docker.sock", "motet/test", "sh", "-c",
        "packtivity-run 'steps.yml#/hello' -p msg=you -p \"out='{workdir}/o'\" -w made",
    ]  # fmt: skip
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    assert f"{OWNER}\nHello you\n" in done.stdout
    assert (folder / "made/o").read_text() == "Hello you\n"
    assert {each.stat().st_uid for each in folder.rglob("*")} == {OWNER, 0}  # steps.yml is root's
