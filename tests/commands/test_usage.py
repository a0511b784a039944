"""What attempts took: recorded with their outcomes, and shown."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from motet import app, command, flow, task
from motet.errors import CommandFailed
from motet.executors.commands.spec import Sandbox

MB = 2**20
HOLD = "import sys; held = bytearray({mb} * 2**20); held[::4096] = b'x' * len(held[::4096])"
BUSY = "import time; end = time.process_time() + {s}\nwhile time.process_time() < end: pass"


def facts_of(kind: str = "step.succeeded") -> list[dict[str, Any]]:
    """The facts in the events of that kind of the newest run, but for those of flows."""
    store = app.hosts.current().store
    events = list(store.history(store.runs(limit=1)[0].id))
    return [each["facts"] for each in events if each["event"] == kind and "/" in each["key"] and each.get("facts")]


@pytest.mark.parametrize("place", ["host", Sandbox()], ids=["host", "sandbox"])
def test_the_peak_of_half_a_gigabyte_is_told_within_a_twentieth(place: Any) -> None:
    seen = "; import time; time.sleep(3)"  # by a look: of what is less than this process was, the system tells nothing
    hold = command([sys.executable, "-c", HOLD.format(mb=500) + seen], name="hold", place=place)

    @flow
    def study() -> None:
        hold()

    study()
    (facts,) = facts_of()
    assert 500 * MB <= facts["memory_bytes"] <= 525 * MB, facts


def test_processor_time_of_all_that_it_started_counts() -> None:
    busy = BUSY.format(s=0.3)
    run = "\n".join(f"{sys.executable} -c '{busy}' &" for _ in range(2)) + "\nwait"
    work = command(run, name="work")

    @flow
    def study() -> None:
        work()

    study()
    (facts,) = facts_of()
    assert facts["cpu_s"] >= 0.6, facts
    assert facts["running_s"] >= 0.3
    assert {"preparing_s", "collecting_s"} <= facts.keys()


def test_memory_of_several_processes_is_added_up() -> None:
    together = (
        "import os, time; open(sys.argv[1], 'w')\nwhile len(os.listdir('.')) < 3: time.sleep(0.01)\ntime.sleep(2)"
    )
    hold = HOLD.format(mb=100) + "; " + together
    work = command("\n".join(f'{sys.executable} -c "{hold}" {n} &' for n in range(3)) + "\nwait", name="work")

    @flow
    def study() -> None:
        work()

    study()
    assert facts_of()[0]["memory_bytes"] >= 290 * MB


def test_a_small_command_does_not_have_the_size_of_its_engine() -> None:
    held = bytearray(200 * MB)
    held[::4096] = b"x" * len(held[::4096])
    work = command("sleep 0.2", name="work")

    @flow
    def study() -> None:
        work()

    study()
    assert 0 < facts_of()[0]["memory_bytes"] < 50 * MB, len(held)


def test_failed_and_retried_attempts_too() -> None:
    broken = command("exit 3", name="broken", retries=1)

    @flow
    def study() -> None:
        broken()

    with pytest.raises(CommandFailed):
        study()
    assert len(facts_of("step.retrying")) == len(facts_of("step.failed")) == 1


@task(executor="processes")
def hold(mb: int) -> int:
    held = bytearray(mb * MB)
    held[::4096] = b"x" * len(held[::4096])
    return len(held)


def test_tasks_in_processes_one_by_one() -> None:
    """A worker is used again: the second task has not what the first had."""

    @flow
    def study() -> None:
        hold(300)
        hold(1)

    study()
    first, second = facts_of()
    assert 300 * MB <= first["memory_bytes"] <= 380 * MB
    assert second["memory_bytes"] < 150 * MB
    assert first["cpu_s"] > 0


def test_it_is_shown_and_so_are_the_files(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(
        "from motet import command, flow\n"
        "make = command('echo {n} > out; echo y > more.csv; sleep 0.2', name='make', outputs=['out', '*.csv'])\n"
        "broken = command('echo lost > left; exit 1', name='broken', outputs=['left'])\n"
        "@flow\ndef study():\n    make(1)\n    make.map([2, 3]).result()\n    broken()\n"
    )

    def motet(*arguments: str) -> str:
        argv = [sys.executable, "-m", "motet.cli", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path).stdout

    motet("run", "study.py", "--name", "it")
    shown = motet("show", "it", "study/make-0")
    assert "of processor time" in shown
    assert "of memory" in shown
    assert "more.csv" in shown
    document = json.loads(motet("show", "it", "study/make-0", "--json"))
    assert document["usage"][0]["attempt"] == 1
    assert document["usage"][0]["memory_bytes"] > 0
    assert "; it took " in motet("why", "it", "study/make-0")
    listed = json.loads(motet("artifacts", "it", "--json"))
    assert {(each["step"], each["key"]) for each in listed} == {
        ("study/make-0", "out"), ("study/make-0", "more.csv"), ("study/make-1[0]", "out"),
        ("study/make-1[0]", "more.csv"), ("study/make-1[1]", "out"), ("study/make-1[1]", "more.csv"),
        ("study/broken-0", "left"),
    }  # fmt: skip
    motet("artifacts", "it", "make-1[1]#out", "-o", "there")
    assert (tmp_path / "there").read_text() == "3\n"
    motet("artifacts", "it", "left", "-o", "left")
    assert (tmp_path / "left").read_text() == "lost\n"


@pytest.mark.parametrize("inline", [True, False])
def test_processor_time_of_tasks_in_this_process_is_that_of_their_thread(inline: bool) -> None:
    @task(executor="" if inline else "threads")
    def busy(s: float) -> None:
        exec(BUSY.replace("process_time", "thread_time").format(s=s))

    @task
    def idle() -> None:
        time.sleep(0.01)

    @flow
    def study() -> None:
        idle()
        if inline:
            busy(0.1), busy(0.2)
        else:
            busy.map([0.1, 0.2]).result()

    study()
    kind = "step.succeeded" if inline else "elements.succeeded"
    told = [each for facts in facts_of(kind) for each in (facts if isinstance(facts, list) else [facts])]
    took = sorted(each["cpu_s"] for each in told if each and each["cpu_s"] >= 0.1)
    assert len(took) == 2, told
    assert 0.1 <= took[0] < 0.2 <= took[1] < 0.3, told
