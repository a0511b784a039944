"""The server as a process: up and down, killed, and what it and others load."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.server.conftest import Served
from tests.server.kills import campaign
from tests.server.process import ServerProcess

from motet.kernel.transitions import ENDED
from motet.ports import Batch, Owner
from motet.server import rescue, serving
from motet.server.rescue import Rescue
from motet.server.site import Site

WAITING = """
import os, time
from motet import flow, task

@task
def first():
    return 1

@task
def second():
    while not os.path.exists("go"):
        time.sleep(0.02)
    return 2

@flow
def main():
    return first() + second()
"""


def test_sigterm_ends_it_though_somebody_listens(motet_home: Path) -> None:
    with ServerProcess(motet_home) as server:
        assert server.ask("GET", "/api/v1/health")[1]["status"] == "ok"
        connection = server.connection()
        connection.request("GET", "/api/v1/live", headers=server.headers)
        answer = connection.getresponse()
        assert answer.read(2) == b": "
        assert server.ask("POST", "/api/v1/events", {"key": "k"})[0] == 201
        while b"event: changes" not in answer.readline():
            pass
        server.process.send_signal(signal.SIGTERM)
        answer.read()
        assert server.process.wait() == 0
        connection.close()


def test_no_answer_waits_for_an_acknowledgement() -> None:
    """What asyncio looks at before it lets small packets out at once."""
    with serving._listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_killed_while_it_is_asked_it_loses_nothing(motet_home: Path, rng: random.Random) -> None:
    assert campaign(motet_home, 1, rng, runs=1) == []


def submitted(folder: Path, home: Path) -> str:
    (folder / "flow.py").write_text(WAITING)
    command = [sys.executable, "-P", "-m", "motet.cli", "submit", "flow.py", "--name", "it"]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "MOTET_HOME": str(home)})
    return "it"


def test_a_run_whose_process_was_killed_is_taken_up_where_it_was_begun(served: Served, tmp_path: Path) -> None:
    name = submitted(tmp_path, Path(served.site.home))
    store, looking, follower = served.site.store, Rescue(served.site), served.site.store.follow()
    (row,) = store.find_runs(name)
    assert looking.look() == []
    while not store.find_runs(name)[0].counts.get("succeeded"):
        follower.wait(1.0)
    owner = store.run(row.id).owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    while looking.look() != [row.id]:
        time.sleep(0.01)
    assert looking.look() == []  # its time has not come again
    (tmp_path / "go").touch()
    while store.run(row.id).status not in ENDED:
        follower.wait(1.0)
    follower.close()
    assert store.run(row.id).status == "succeeded"
    told = [event for event in store.history(row.id) if event["event"] == "run.started"]
    assert "died" in told[-1]


def crashed(served: Served, run: str, begun: dict[str, str]) -> None:
    """A run that was under way when its process died."""
    dead = Owner(os.uname().nodename, "another boot", 1, 1)
    served.make(run, program={"voice": "python", "begun_by": begun}, created_at=time.time())
    epoch = served.site.store.claim(run, dead, 15.0).epoch
    started = {"event": "run.started", "at": 1.0}
    served.site.store.append(run, epoch, 0, Batch([started], (), {"status": "running", "started_at": 1.0}))


def test_crashed_runs_are_found_and_counted_as_such_page_by_page(served: Served) -> None:
    for number in range(5):
        crashed(served, f"lost-{number}", {"by": "me"})
    served.make("waits-its-turn")
    client = served.viewer
    assert client.get("/api/v1/counts").json() == {"crashed": 5, "pending": 1}
    assert client.get("/api/v1/runs?status=running").json() == {"runs": [], "next": None}
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(f"/api/v1/runs?status=crashed&limit=2{cursor and f'&cursor={cursor}'}").json()
        assert len(page["runs"]) <= 2
        found += [each["id"] for each in page["runs"]]
        cursor = page["next"]
    assert sorted(found) == [f"lost-{number}" for number in range(5)]


def test_a_run_is_taken_up_three_times_and_those_of_others_never(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at here is when and which, not how: no process is started."""
    started: list[str] = []
    monkeypatch.setattr(Site, "start", lambda self, run: started.append(run))
    crashed(served, "mine", {"by": "submit"})
    crashed(served, "by-hand", {})
    crashed(served, "odd", {"by": "me"})
    served.make("left", program={"voice": "python", "begun_by": {"by": "schedule"}}, created_at=time.time() - 60)
    served.make("fresh", program={"voice": "python", "begun_by": {"by": "schedule"}}, created_at=time.time())
    here, there = Rescue(served.site), Rescue(served.site)
    assert sorted(here.look()) == ["left", "mine"]
    assert there.look() == here.look() == []  # their time has not come again
    monkeypatch.setattr(rescue, "WAITS_S", (0.0, 0.0, 0.0))
    assert [sorted(each.look()) for each in (there, here, there)] == [["left", "mine"]] * 2 + [[]]
    assert started.count("mine") == 3


def test_nothing_of_the_server_is_loaded_by_a_run_nor_of_the_engine_by_the_server(motet_home: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import sys, motet.cli.run; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not [each for each in found if each.startswith(("motet.server", "starlette", "uvicorn", "anyio"))]
    found = subprocess.run(
        [sys.executable, "-c", "import sys, motet.cli.server, motet.server.serving; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "motet.server.application" in found
    forbidden = ("motet.engine", "motet.dialects", "motet.app", "motet.values.pickle", "cloudpickle")
    assert not [each for each in found if each.startswith(forbidden)]


def test_who_asks_while_it_is_replaced_waits_where_somebody_else_holds_its_address(motet_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        with ServerProcess(motet_home, given=held) as server:
            assert server.port == held.getsockname()[1]
            assert server.ask("GET", "/api/v1/health")[0] == 200
        waiting = server.connection()
        waiting.request("GET", "/api/v1/health")  # nobody is there: it is neither refused nor answered
        with ServerProcess(motet_home, given=held):
            assert waiting.getresponse().status == 200
        waiting.close()
