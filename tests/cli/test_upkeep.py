"""submit, prune, doctor, shims, version, help."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

import motet
from motet import app
from motet.artifacts.files import FileArtifacts
from motet.cli import shims
from motet.cli.main import listed
from motet.errors import NotFound, StoreUnavailable, UsageError
from motet.ports import Batch, NewRun, Owner
from motet.stores.sqlite import SqliteStore
from motet.stores.sqlite import file as sqlite_file


def test_submit_runs_in_a_process_of_its_own(cli: Cli, flows: Path) -> None:
    done = cli("submit", "flows.py:crawl", "-p", "size=3", "--name", "mine")
    assert "mine" in done.out
    run = cli.wait_for_status("mine", "succeeded", "failed")
    assert run["result"] == 3
    assert run["params"]["size"] == 3


def test_submit_of_a_script_is_the_flow_that_it_calls(cli: Cli, flows: Path) -> None:
    cli.write(
        "script.py",
        """
        from flows import count, crawl, total

        if __name__ == "__main__":
            count("here")
            total(size=4)
            count("never")
        """,
    )
    run = cli.json("submit", "script.py", "-p", "size=2")
    assert (run["workflow"], run["params"]) == ("total", {"size": 2})
    assert cli.wait_for_status(run["id"], "succeeded", "failed")["result"] == 1
    assert cli.counted() == ["here", "0", "1"]


def test_a_submitted_run_that_cannot_begin_fails_and_says_why(cli: Cli, flows: Path) -> None:
    run = cli.json("submit", "flows.py:total", "--home", str(cli.home))
    cli.wait_for_status(run["id"], "succeeded")
    flows.write_text("import not_there_at_all\n" + flows.read_text())
    cli.write("made.py", "from motet import app\nimport sys\nfrom flows import total\n")
    flows.write_text(flows.read_text().replace("import not_there_at_all\n", ""))
    cli.write(
        "vanishing.py",
        """
        import os
        from motet import flow

        @flow
        def vanishing():
            return 1

        os.unlink(__file__)
        """,
    )
    run = cli.json("submit", "vanishing.py")
    failed = cli.wait_for_status(run["id"], "failed", "succeeded")
    assert failed["status"] == "failed"
    assert "vanishing.py" in failed["error"]["message"]


def test_prune_removes_what_was_packed_long_ago(cli: Cli) -> None:
    folder = cli.home / "results"
    folder.mkdir(parents=True)
    for name in ("old.tgz", "new.tgz"):
        (folder / name).write_bytes(bytes(1000))
    os.utime(folder / "old.tgz", (0, 0))
    assert cli.json("prune")["freed_bytes"] == 1000
    assert os.listdir(folder) == ["new.tgz"]


def test_prune(cli: Cli) -> None:
    cli.write(
        "large.py",
        """
        from motet import flow, task

        @task
        def large():
            print("made")
            return b"x" * 100_000

        @flow
        def keeping():
            return len(large())
        """,
    )
    cli("run", "large.py")
    cli("publish", "tick")
    assert cli.json("prune")["runs"] == 0, "nothing is 30 days old"
    would = cli.json("prune", "--older-than", "0s", "--dry-run")
    assert (would["runs"], would["dry_run"]) == (1, True)
    assert len(cli.runs()) == 1
    assert list((cli.home / "logs").iterdir())
    done = cli("prune", "--older-than", "0s")
    assert "Removed 1 run, " in done.out
    assert cli.runs() == []
    assert list((cli.home / "logs").iterdir()) == []
    assert len(artifacts(cli)) == 1, "what was put a moment ago may be about to be recorded"
    for path in artifacts(cli):
        os.utime(path, (0, 0))
    assert cli.json("prune", "--older-than", "0s")["artifacts"] == 1
    assert artifacts(cli) == []


def test_prune_spares_what_is_in_use(cli: Cli) -> None:
    cli.write("large.py", "from motet import flow\n\n@flow\ndef large():\n    return b'x' * 100_000\n")
    cli("run", "large.py")
    for path in artifacts(cli):
        os.utime(path, (0, 0))
    assert cli.json("prune", "--older-than", "1d")["artifacts"] == 0
    assert len(artifacts(cli)) == 1


def artifacts(cli: Cli) -> list[Path]:
    return [path for path in (cli.home / "artifacts").rglob("*") if path.is_file() and path.name != "lock"]


def test_doctor(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total")
    found = cli.json("doctor")
    assert found["ok"]
    told = {each["name"]: each["told"] for each in found["checks"]}
    assert str(cli.home) in told["home"]
    assert motet.__version__ in told["motet"]
    assert "sound" in told["integrity"]
    assert "All is well." in cli("doctor").out


def test_doctor_finds_crashed_runs(cli: Cli, flows: Path) -> None:
    process = cli.start("run", "flows.py:crawl", "--name", "mine")
    cli.wait_for_count(1, process)
    process.kill()
    process.communicate()
    done = cli("doctor", code=1)
    assert "mine has crashed" in done.out
    assert "motet resume" in done.out
    cli("stop", "mine")
    cli("doctor")


def test_doctor_finds_a_damaged_store(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total", "-p", "size=2000")
    cli("prune")
    path = cli.home / "store.db"
    code = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('PRAGMA wal_checkpoint(TRUNCATE)')"
    subprocess.run([sys.executable, "-c", code], check=True)
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:20480] + os.urandom(20480) + whole[40960:])
        done = cli("doctor", code=1)
        assert "wrong" in done.out
        assert "backup" in done.out
    finally:
        path.write_bytes(whole)


def test_shims(cli: Cli, tmp_path: Path) -> None:
    """An empty table says so; the mechanism itself is real."""
    folder = tmp_path / "shims"
    assert "export PATH=" in cli("shims", str(folder)).out
    assert cli.json("shims", str(folder)) == {"written": [str(folder / name) for name in shims.known()]}
    assert all(os.access(folder / name, os.X_OK) for name in shims.known())
    (path,) = shims.write(str(tmp_path / "a folder"), {"list-runs": ["ls", "--json"]})
    for _ in range(2):
        done = subprocess.run([path, "-n", "3"], env=cli.env, capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
        shims.write(str(tmp_path / "a folder"), {"list-runs": ["ls", "--json"]})
    (tmp_path / "a folder" / "other").write_text("somebody else's")
    with pytest.raises(UsageError, match="other exists"):
        shims.write(str(tmp_path / "a folder"), {"other": ["ls"]})


def test_version_and_help(cli: Cli) -> None:
    assert cli("version").out == cli("--version").out == f"motet {motet.__version__}\n"
    assert cli.json("version") == {"version": motet.__version__}
    told = cli("--help").out
    assert all(f"  {name} " in told for name in listed())
    assert "engine" not in told
    assert cli().out == told
    assert "--param" in cli("run", "--help").out


def test_the_reference_names_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text()
    assert re.findall(r"^## motet ([\w-]+)$", page, re.MULTILINE) == list(listed())


@pytest.mark.parametrize("command", listed())
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    told = cli(command, "--help").out
    assert f"usage: motet {command}" in told
    assert "--json" in told
    assert "--home" in told


def test_what_a_submitted_run_prints_is_in_its_log_and_fills_no_other_file(cli: Cli) -> None:
    cli.write(
        "script.py",
        """
        from motet import flow

        @flow(flow_run_name="mine")
        def main():
            for number in range(3000):
                print(number, "x" * 1000)
            print("10%\\r20%\\r")
        """,
    )
    cli("submit", "script.py")
    lines = cli("logs", "-f", "mine").out.splitlines()
    assert [line.split()[2] for line in lines] == [*map(str, range(3000)), "20%"]
    (file,) = (cli.home / "engines").iterdir()
    assert 500_000 < file.stat().st_size < 1_500_000
    assert "the rest is in motet logs" in file.read_text()


def test_prune_chooses_by_what_runs_are(cli: Cli) -> None:
    """By status, tag, count and size, alone and together; what is not ended stays whatever is asked."""
    cli.write(
        "three.py",
        """
        from motet import flow, tags

        @flow
        def three(n: int):
            if n == 2:
                raise ValueError("no")
            return n
        """,
    )
    for n in range(4):
        cli("run", "three.py", "-p", f"n={n}", "--name", f"run{n}", code=int(n == 2))
    assert cli.json("prune", "--status", "failed", "--dry-run")["runs"] == 1
    assert cli.json("prune", "--status", "failed", "--keep", "1")["runs"] == 0
    assert cli.json("prune", "--tag", "none")["runs"] == 0
    assert cli.json("prune", "--keep", "3")["runs"] == 1
    assert cli.json("prune", "--status", "failed", "--older-than", "0s")["runs"] == 1
    assert sorted(run["name"] for run in cli.json("ls")) == ["run1", "run3"]
    assert cli.json("prune", "--max-size", "1Ti")["runs"] == 0
    assert cli.json("prune", "--max-size", "1")["runs"] == 2
    assert "failed" in cli("prune", "--status", "broken", code=2).err
    assert "--max-size" in cli("prune", "--max-size", "much", code=2).err


def test_no_run_goes_for_what_is_already_on_its_way(cli: Cli) -> None:
    """What nothing refers to any more stays for a day: of a home's size it counts as gone, and is told."""
    cli.write(
        "large.py",
        """
        from motet import flow, task

        @task
        def make(n):
            return bytes([n]) * 4_000_000

        @flow
        def large(n: int):
            make(n)
        """,
    )
    for n in range(3):
        cli("run", "large.py", "-p", f"n={n}", "--name", f"run{n}")
    done = cli("prune", "--max-size", "9M")
    assert "4.0 MB of that are artifacts of removed runs" in done.out + done.err
    assert sorted(run["name"] for run in cli.json("ls")) == ["run1", "run2"]
    assert cli.json("prune", "--max-size", "9M")["runs"] == 0
    assert "still takes" not in cli("prune", "--max-size", "1Ti").out


def test_a_backup_is_a_home(cli: Cli, flows: Path, tmp_path: Path) -> None:
    """What `tar` makes of it holds the runs, whose results can be read, and none of which anybody drives."""
    cli("run", "flows.py:total", "-p", "size=3", "--name", "kept")
    target = tmp_path / "made.tar"
    assert cli.json("backup", str(target))["size_bytes"] == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".motet")] == []
    assert "is there already" in cli("backup", str(target), code=2).err
    restored = tmp_path / "restored"
    restored.mkdir(mode=0o700)
    subprocess.run(["tar", "-xf", str(target), "-C", str(restored)], check=True)
    assert [str(each) for each in restored.rglob("*") if each.stat().st_mode & 0o077] == []
    there = cli.json("show", "kept", "--home", str(restored))
    here = cli.json("show", "kept")
    assert (there["status"], there["result"], there["steps"]) == (here["status"], here["result"], here["steps"])
    cli("doctor", "--home", str(restored))


def test_a_backup_while_files_come_and_go(cli: Cli, flows: Path, tmp_path: Path) -> None:
    """What vanishes between being listed and being read is left out, as is what is still being written."""
    cli("run", "flows.py:total", "-p", "size=3")
    home = Path(cli.env["MOTET_HOME"])
    store = FileArtifacts(str(home / "artifacts"))
    (home / "logs" / "busy").mkdir(parents=True)
    (tmp_path / "made.tar.part").write_text("left by a backup that was killed")
    enough = threading.Event()

    def churn() -> None:
        for number in itertools.count():
            log = home / "logs" / "busy" / f"{number}.jsonl"
            log.write_text("[]\n")
            made = store.put([b"%d" % (number % 40)])
            if number >= 20:
                (home / "logs" / "busy" / f"{number - 20}.jsonl").unlink()
                os.unlink(store.path(made.digest))
            if enough.is_set():
                return

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        for number in range(3):
            cli("backup", str(tmp_path / f"made-{number}.tar"))
    finally:
        enough.set()
        churning.join()
    with tarfile.open(tmp_path / "made-2.tar") as archive:
        names = archive.getnames()
    assert "store.db" in names and any(name.startswith("artifacts/") for name in names)
    assert not [name for name in names if name.endswith(".part")]
    assert not list(home.glob(".backup-*"))
    cli("backup", str(tmp_path / "made.tar"))


def test_nothing_is_swept_while_a_backup_is_made(cli: Cli) -> None:
    home = cli.env["MOTET_HOME"]
    store = FileArtifacts(os.path.join(home, "artifacts"))
    store.put([b"kept"])
    sweeping = threading.Thread(target=store.sweep, args=(lambda digest: False, float("inf")))
    with app.unswept(home):
        sweeping.start()
        sweeping.join(0.2)
        assert sweeping.is_alive()
        store.put([b"kept"])
        store.put([b"also"])
    sweeping.join()
    with pytest.raises(NotFound):
        store.get(hashlib.sha256(b"kept").hexdigest())


def test_the_script_for_jobs_on_clusters(cli: Cli, flows: Path, tmp_path: Path) -> None:
    """Each job begins with what the one before it has taken along."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "guarantees.md").read_text()
    (script,) = re.findall(r"```text\n(export MOTET_HOME=/tmp/.*?)```", page, re.DOTALL)
    (tmp_path / "user").mkdir()
    for node in ("one", "two"):
        text = script.replace("/tmp/$USER", str(tmp_path / node)).replace("train.py", "flows.py:total -p size=2")
        env = {**cli.env, "HOME": str(tmp_path / "user"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-e", "-c", text], env=env, cwd=flows.parent, check=True, capture_output=True)
        time.sleep(1.1)  # the archives are named by the second
    assert len(cli.json("ls", "--home", str(tmp_path / "two" / "motet"))) == 2


def test_a_home_travels_between_hosts_by_a_network_folder(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused there, and says how; what a backup leaves there is a home on the next host, whose runs go on."""
    shared, one, two = (tmp_path / name for name in ("shared", "one", "two"))
    for folder in (shared, one, two):
        folder.mkdir(mode=0o700)
    table = f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:44 / {shared} rw shared:1 - nfs4 server:/export rw\n"
    monkeypatch.setattr(sqlite_file, "mountinfo", lambda: table)
    with pytest.raises(StoreUnavailable, match="nfs4") as raised:
        SqliteStore(str(shared / "home")).head()
    assert "motet backup" in raised.value.cure
    store = SqliteStore(str(one))
    store.create_run(NewRun("r", "mine", "w", {}))
    store.claim("r", Owner("node1", "boot", 1, 1), 1e9)
    store.append("r", 1, 0, Batch([{"event": "e", "at": 1.0}], run={"status": "running"}))
    archive = str(shared / "motet.tar")
    cli("backup", archive, "--home", str(one))
    store.close()
    subprocess.run(["tar", "-xf", archive, "-C", str(two)], check=True)
    there = SqliteStore(str(two))
    assert there.claim("r", Owner("node2", "boot", 1, 1), 10.0).epoch == 2
    there.append("r", 2, 1, Batch([{"event": "e", "at": 2.0}]))
    assert [event["at"] for event in there.history("r")] == [1.0, 2.0]
    there.close()
