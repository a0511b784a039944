"""What commands have put out that were stopped, killed, ran out of time, or lost their engine: it is in the journal."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from motet import app, command, flow
from motet.errors import CommandFailed, TimedOut
from motet.testing.executor_tasks import wait_until

MOTET = [sys.executable, "-m", "motet.cli"]
STUDY = """
from motet import Mount, command, flow
from motet.errors import CommandFailed, TimedOut

place, source, shared = %r, %r, %r
work = command(
    "echo one > first; n=0; while [ ! -e {folder}/enough ]; do n=$((n+1)); echo $n > deep/last; touch {folder}/begun; "
    "sleep 0.1; done", name="work", outputs=["first", "deep"], place=place, grace_seconds=0.2,
    mounts=[Mount("deep", source), *([Mount(shared, shared, "rw")] if place == "sandbox" else [])],
)
use = command("cat {file}", name="use")

@flow
def study(folder: str) -> str:
    try:
        found = work(folder)
        return "done"
    except (CommandFailed, TimedOut) as error:
        first = next(each for each in error.outputs if each.path == "first")
        return use(first).stdout
"""


def _motet(*arguments: str, where: Path, code: int = 0) -> str:
    done = subprocess.run(
        [*MOTET, *arguments], capture_output=True, text=True, check=False, cwd=where, stdin=subprocess.DEVNULL
    )
    assert done.returncode in (code, 1), done.stderr
    return done.stdout


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts the study in that place; it ends with the test, however that does."""
    engines: list[subprocess.Popen[bytes]] = []

    def begun(place: str) -> subprocess.Popen[bytes]:
        (tmp_path / "source").mkdir()
        (tmp_path / "study.py").write_text(STUDY % (place, str(tmp_path / "source"), str(tmp_path)))
        argv = [*MOTET, "run", "study.py", "-p", f"folder={tmp_path}", "--name", "it"]
        engines.append(subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_until(lambda: (tmp_path / "begun").exists() or engines[0].poll() is not None, "the command works")
        assert engines[0].poll() is None, "the run has ended"
        return engines[0]

    yield begun
    for engine in engines:
        engine.kill()
        engine.wait()


def _recorded(kind: str) -> list[dict[str, Any]]:
    """The events of that kind in the journal of the run."""
    app.hosts.close()
    store = app.hosts.current().store
    (run,) = store.runs()
    return [event for event in store.history(run.id) if event["event"] == kind]


def _kept(where: Path, kind: str) -> list[str]:
    """The paths of the files that such events tell of, each of which is still there after pruning."""
    old = time.time() - 3 * 86400
    for path in (Path(os.environ["MOTET_HOME"]) / "artifacts").rglob("*"):
        os.utime(path, (old, old))
    _motet("prune", "--older-than", "1d", where=where)
    events = _recorded(kind)
    host = app.hosts.current()
    found = []
    for part in json.dumps(events).split('"path": ')[1:]:
        path, digest = part.split('"')[1], part.partition('"artifact": "')[2].partition('"')[0]
        host.artifacts.get(digest)  # it may be empty: stopped between two writes
        assert digest in host.store.artifacts()
        found.append(path)
    return sorted(set(found))


def _told() -> list[str]:
    """Whose outputs a resume has found left: told by an interruption, or by the attempt that began again."""
    app.hosts.close()
    store = app.hosts.current().store
    (run,) = store.runs()
    found = []
    for event in store.history(run.id):
        facts = event.get("facts")
        for one in (event, *(facts if isinstance(facts, list) else [facts])):
            for left in (one or {}).get("left", ()):
                assert [each["path"] for each in left["outputs"]] == ["out"]
                found.append(left["step"])
    return sorted(found)


def test_what_ran_out_of_time_or_was_killed_goes_to_a_later_step() -> None:
    slow = command("echo kept > out; sleep 1000", name="slow", outputs=["out", "*.more"], timeout_seconds=0.3)
    died = command("echo lost > out; kill -9 $$", name="died", outputs=["out"])
    use = command("cat {file}", name="use")

    @flow
    def study() -> list[str]:
        said = []
        for each in (slow, died):
            with pytest.raises((TimedOut, CommandFailed)) as failed:
                each()
            (file,) = failed.value.outputs
            said.append(use(file).stdout)
        return said

    assert study() == ["kept", "lost"]


@pytest.mark.parametrize("place", ["host", "sandbox"])
def test_what_a_stopped_step_has_put_out_is_recorded(
    place: str, tmp_path: Path, begin: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    engine = begin(place)
    _motet("stop", "it", where=tmp_path)
    engine.wait()
    assert _kept(tmp_path, "step.cancelled") == ["deep/last", "first"]


@pytest.mark.parametrize("place", ["host", "sandbox"])
def test_what_is_left_of_a_killed_engines_steps_is_recorded_by_the_resume(
    place: str, tmp_path: Path, rng: random.Random, begin: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    engine = begin(place)
    time.sleep(rng.random() / 5)
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    (tmp_path / "enough").touch()
    _motet("resume", "it", where=tmp_path)
    assert _kept(tmp_path, "step.interrupted") == ["deep/last", "first"]
    assert not [*(Path(os.environ["MOTET_HOME"]) / "work").rglob("*.begun.json")]


def test_elements_of_maps_too(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(textwrap.dedent("""
        from motet import command, flow
        work = command(
            "echo {n} > out; touch {folder}/begun-{n}; test -e {folder}/enough || sleep 1000", name="work",
            outputs=["out"],
        )
        @flow
        def study(folder: str) -> list[str]:
            return [each.stdout for each in work.map([1, 2], folder=folder).result()] and "done"
    """))  # fmt: skip
    engine = subprocess.Popen([*MOTET, "run", "study.py", "-p", f"folder={tmp_path}", "--name", "it"], cwd=tmp_path)
    try:
        wait_until(lambda: all((tmp_path / f"begun-{n}").exists() for n in (1, 2)), "both work")
    finally:
        engine.kill()
    engine.wait()
    (tmp_path / "enough").touch()
    _motet("resume", "it", where=tmp_path)
    assert _told() == ["study/work-0[0]", "study/work-0[1]"]


def test_what_was_put_out_before_its_start_was_recorded_is_too(tmp_path: Path) -> None:
    """Starts are recorded a moment later: an engine may die before, and the resume begins the same attempt again."""
    (tmp_path / "study.py").write_text(textwrap.dedent("""
        from motet import command, flow
        work = command(
            "test -e {folder}/again || (echo lost > out; touch {folder}/again; kill -9 $PPID; sleep 1000)",
            name="work", outputs=["out*"],
        )
        @flow
        def study(folder: str) -> str:
            work(folder=folder)
            return "done"
    """))  # fmt: skip
    _motet("run", "study.py", "-p", f"folder={tmp_path}", "--name", "it", where=tmp_path, code=-9)
    _motet("resume", "it", where=tmp_path)
    assert _told() == ["study/work-0"]
    _motet("artifacts", "it", "work-0#out", "-o", "there", where=tmp_path)
    assert (tmp_path / "there").read_text() == "lost\n"
