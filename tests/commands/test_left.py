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


def _history() -> list[dict[str, Any]]:
    """The journal of the run."""
    app.hosts.close()
    store = app.hosts.current().store
    (run,) = store.runs()
    return list(store.history(run.id))


def _left() -> list[dict[str, Any]]:
    """What a resume has found left: told by an interruption, or by the attempt that began again.

    Starts are recorded a moment later: so it is the second where the engine was killed before.
    """
    found = []
    for event in _history():
        facts = event.get("facts")
        for one in (event, *(facts if isinstance(facts, list) else [facts])):
            found += (one or {}).get("left", ())
    return found


def _kept(where: Path, told: Callable[[], list[dict[str, Any]]]) -> list[str]:
    """The paths of the files that are told of so, each of which is still there after pruning."""
    old = time.time() - 3 * 86400
    for path in (Path(os.environ["MOTET_HOME"]) / "artifacts").rglob("*"):
        os.utime(path, (old, old))
    _motet("prune", "--older-than", "1d", where=where)
    parts = json.dumps(told())
    host = app.hosts.current()
    found = []
    for part in parts.split('"path": ')[1:]:
        path, digest = part.split('"')[1], part.partition('"artifact": "')[2].partition('"')[0]
        host.artifacts.get(digest)  # it may be empty: stopped between two writes
        assert digest in host.store.artifacts()
        found.append(path)
    return sorted(set(found))


def test_what_ran_out_of_time_or_was_killed_goes_to_a_later_step() -> None:
    slow = command("echo kept > out; sleep 1000", name="slow", outputs=["out", "*.more"])
    died = command("echo lost > out; kill -9 $$", name="died", outputs=["out"])
    use = command("cat {file}", name="use")

    @flow
    def study() -> list[str]:
        with pytest.raises(CommandFailed) as failed:
            died()
        return [use(*late(0.3)).stdout, use(*failed.value.outputs).stdout]

    def late(limit_s: float) -> Any:
        """With a limit that is as long as it needs to put out what it does."""
        with pytest.raises(TimedOut) as timed_out:
            slow.with_options(timeout_seconds=limit_s)()
        return timed_out.value.outputs or late(5 * limit_s)

    assert study() == ["kept", "lost"]


@pytest.mark.parametrize("place", ["host", "sandbox"])
def test_what_a_stopped_step_has_put_out_is_recorded(
    place: str, tmp_path: Path, begin: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    engine = begin(place)
    _motet("stop", "it", where=tmp_path)
    engine.wait()
    told = _kept(tmp_path, lambda: [event for event in _history() if event["event"] == "step.cancelled"])
    assert told == ["deep/last", "first"]


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
    assert _kept(tmp_path, _left) == ["deep/last", "first"]
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
    assert [[each["path"] for each in left["outputs"]] for left in _left()] == [["out"], ["out"]]
    assert sorted(left["step"] for left in _left()) == ["study/work-0[0]", "study/work-0[1]"]


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
    assert [left["step"] for left in _left()] == ["study/work-0"]
    _motet("artifacts", "it", "work-0#out", "-o", "there", where=tmp_path)
    assert (tmp_path / "there").read_text() == "lost\n"
