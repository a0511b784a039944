"""Secrets: found by name, shown by nobody, kept nowhere."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from tests.cli.conftest import Cli, cli

from motet import Secret, app, flow, get_run_logger, task
from motet.errors import UsageError
from motet.values.errors import decode_error
from motet.values.secrets import Cover

__all__ = ["cli"]


def test_a_secret_is_found_in_the_environment_and_in_the_home(
    motet_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTET_SECRET_GITHUB", "from-the-environment")
    folder = motet_home / "secrets"
    folder.mkdir()
    (folder / "database").write_text("from-the-home\n")
    assert Secret.load("github").get() == "from-the-environment"
    assert Secret.load("database").get() == "from-the-home"
    with pytest.raises(UsageError, match="MOTET_SECRET_OTHER"):
        Secret.load("other")
    with pytest.raises(UsageError, match="no name"):
        Secret.load("../x")


def test_a_secret_shows_nothing() -> None:
    secret = Secret("token")
    assert f"{secret} {secret!r}" == "*** Secret('token', ***)"
    assert secret == Secret("token") and len({secret, Secret("token")}) == 1


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_no_file_of_the_home_holds_the_value(executor: str, motet_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_SECRET_TOKEN", "hunter2-hunter2")

    @task(executor=executor)
    def use(secret: Secret) -> Secret:
        print("the token is", secret.get())
        get_run_logger().info("it is %s", secret.get())
        return secret

    @flow
    def main(secret: Secret) -> int:
        return len(use(secret).get())

    assert main(Secret("token")) == len("hunter2-hunter2")
    files = [path for path in motet_home.rglob("*") if path.is_file()]
    assert any(b"the token is ***" in path.read_bytes() for path in files)
    for path in files:
        assert b"hunter2" not in path.read_bytes(), path


@pytest.mark.parametrize("executor", ["", "threads", "processes"])
def test_errors_hold_none_and_come_back_as_their_type(
    executor: str, motet_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOTET_SECRET_TOKEN", "hunter2-hunter2")

    @task(executor=executor)
    def use() -> None:
        value = Secret("token").get()
        print("it is", value)
        raise ConnectionError(f"{value} refused", {"headers": [value, value.encode()]})

    @flow
    def main() -> None:
        try:
            use()
        except ConnectionError:
            return
        raise AssertionError

    main()
    for path in motet_home.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    assert "it is ***" in capfd.readouterr().out
    host = app.hosts.current()
    (run,) = host.store.runs()
    error = decode_error(host.store.step(run.id, "main/use-0").error)
    assert type(error) is ConnectionError
    assert error.args == ("*** refused", {"headers": ["***", b"***"]})


def test_forms_in_which_secrets_are_hidden() -> None:
    value = 'a"secret/of+mine'
    cover = Cover([value, "first line\nsecond line\nxy\n"])
    for before in range(3):
        encoded = base64.b64encode(b"u" * before + value.encode() + b":more").decode()
        covered = cover(f"Basic {encoded} and more")
        assert "***" in covered and len(covered) < len(encoded), covered
    assert cover(f"{json.dumps([value])} {quote(value)} {quote_plus(value)}") == '["***"] *** ***'
    assert cover("first line, second line, xy") == "***, ***, xy"


def test_motet_logs_shows_none(cli: Cli) -> None:
    cli.write(
        "script.py",
        """
        import os
        from motet import Secret, flow

        @flow(flow_run_name="mine")
        def main():
            print("a" + Secret("token").get() + "z")
        """,
    )
    cli("run", "script.py", env={**cli.env, "MOTET_SECRET_TOKEN": "hunter2"})
    assert "a***z" in cli("logs", "mine").out
