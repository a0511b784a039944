"""What one user's runs leave behind is no other user's business."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

FLOW = """
    from motet import flow, task
    from motet.commands import command
    from motet import publish

    shell = command("touch made; echo said", name="shell")

    @task
    def big():
        print("a line")
        return list(range(5000))

    @flow
    def private():
        publish("key", 1)
        big.submit().result()
        return shell()
"""


def modes(home: Path) -> dict[str, int]:
    """The mode of the home and of everything in it."""
    found = {str(home): home.stat().st_mode}
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            found[path] = os.lstat(path).st_mode
    return {path: stat.S_IMODE(mode) for path, mode in found.items()}


def test_a_home_is_its_users_alone_whatever_the_umask(cli: Cli) -> None:
    cli.write("flow.py", FLOW)
    home = cli.folder / "deep" / "home"
    for args in (
        ("run", "flow.py"),
        ("submit", "flow.py", "--name", "behind"),
        ("publish", "other"),
        ("limit", "set", "gpu", "2"),
    ):
        subprocess.run(
            [sys.executable, "-P", "-m", "motet.cli", *args, "--home", str(home)],
            cwd=cli.folder, env=cli.env, umask=0, check=True, capture_output=True,
        )  # fmt: skip
    cli.env["MOTET_HOME"] = str(home)
    cli.wait_for_status("behind", "succeeded")
    found = modes(home)
    assert {"store.db", "store.lock", "artifacts", "logs", "engines", "work"} <= set(os.listdir(home))
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}


def test_a_home_that_everybody_may_write_to_is_refused(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total")
    for path in (cli.home, cli.home / "store.db"):
        before = stat.S_IMODE(path.stat().st_mode)
        path.chmod(0o777)
        for args in (("resume", "x"), ("ls",), ("run", "flows.py:total")):
            refused = cli(*args, code=2)
            assert f"Everybody may write to {path}" in refused.err
            assert f"chmod -R go-rwx {path}" in refused.err
        path.chmod(before)
    cli("ls")


def test_doctor_tells_who_else_can_get_at_a_home(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total")
    assert "this user's alone" in cli("doctor").out
    cli.home.chmod(0o755)
    (cli.home / "logs").mkdir(exist_ok=True)
    (cli.home / "logs").chmod(0o755)
    told = cli("doctor").out
    assert f"everybody may read {cli.home / 'logs'}" in told
    assert f"chmod -R go-rwx {cli.home}" in told
    (cli.home / "logs").chmod(0o757)
    assert f"everybody may write to {cli.home / 'logs'}" in cli("doctor", code=1).out
    subprocess.run(["chmod", "-R", "go-rwx", str(cli.home)], check=True)
    assert "this user's alone" in cli("doctor").out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_home_of_another_user_is_told_of(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total")
    os.chown(cli.home, 65534, -1)
    warned = cli("run", "flows.py:total")
    assert "could have code of theirs run here" in warned.err
    told = cli("doctor", code=1).out
    assert "sudo chown -R" in told
