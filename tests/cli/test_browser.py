"""`motet open`: a link that lets a browser in, by the server that there is or by one that is started for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from motet import owners

HELLO = "from motet import flow\n\n@flow\ndef hello(): return 1\n"


@pytest.fixture
def folder(tmp_path: Path, motet_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a flow; servers that were started meanwhile are ended afterwards."""
    (tmp_path / "hello.py").write_text(HELLO)
    for each in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(each, raising=False)
    yield tmp_path
    for url in owners.servers(str(motet_home)):
        os.kill(pid_of(url), signal.SIGTERM)


def motet(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "motet.cli", *words]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, check=True)


def pid_of(url: str) -> int:
    """The process that listens there."""
    port = f"{urlsplit(url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[1].endswith(f":{port}") and row[3] == "0A")
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and any(
                os.readlink(each) == f"socket:[{inode}]" for each in (process / "fd").iterdir()
            ):
                return int(process.name)
        except OSError:
            continue
    raise AssertionError(f"nobody listens at {url}")


def test_it_starts_a_server_once_and_its_link_leads_to_the_run(folder: Path, motet_home: Path) -> None:
    begun = motet(folder, "run", "hello.py", "--name", "eight", "--open")
    link = begun.stderr.split("motet: http")[1].split()[0]
    assert parse_qs(urlsplit(link).query)["to"] == ["/runs/eight"]
    (url,) = owners.servers(str(motet_home))
    told = json.loads(motet(folder, "open", "--json").stdout)["url"]
    assert told.startswith(f"{url}/login?code=")
    assert owners.servers(str(motet_home)) == [url]
    with httpx2.Client() as browser:
        assert browser.get(f"{url}/api/v1/runs/eight").status_code == 401
        answer = browser.get(told)
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
        assert browser.get(f"{url}/api/v1/runs/eight").json()["status"] == "succeeded"


def test_it_opens_a_home_that_has_yet_to_be_made(
    folder: Path, motet_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = motet_home / "fresh"
    monkeypatch.setenv("MOTET_HOME", str(fresh))
    told = json.loads(motet(folder, "open", "--json").stdout)["url"]
    (url,) = owners.servers(str(fresh))
    os.kill(pid_of(url), signal.SIGTERM)
    assert told.startswith(f"{url}/login?code=") and fresh.stat().st_mode & 0o077 == 0


def test_a_run_that_there_is_not_opens_nothing(folder: Path, motet_home: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        motet(folder, "open", "nosuch")
    assert "There is no run 'nosuch'" in refused.value.stderr
    assert owners.servers(str(motet_home)) == []


def test_a_server_ends_by_itself_when_nobody_looks(folder: Path, motet_home: Path) -> None:
    motet(folder, "server", "--port", "0", "--until-idle", "0.2s")
    assert owners.servers(str(motet_home)) == []
