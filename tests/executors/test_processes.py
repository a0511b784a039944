"""The process executor keeps the contract of all executors, and whatever befalls a worker, nothing hangs."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.executors import tasks

from motet.app import open_host
from motet.errors import WorkerDied
from motet.executors.processes import ProcessExecutor
from motet.ports import Attempt, Executor, Failure, Outcome, Stopped, Stored, Success
from motet.testing.executor_suite import QueueingExecutorSuite
from motet.testing.executor_tasks import Outcomes, double, error, nothing, value, wait_until
from motet.values.errors import decode_error
from motet.values.records import decode


class TestProcessExecutor(QueueingExecutorSuite):
    can_kill = True

    def make(self, capacity: int) -> Executor:
        return ProcessExecutor(capacity)


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    opened = ProcessExecutor(2)
    yield opened
    opened.close(kill=True)


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children_of(pid: int) -> set[int]:
    """The processes that any of its threads has started."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for thread in threads for child in (thread / "children").read_text().split()}


def wait_until_gone(*pids: int) -> None:
    wait_until(lambda: not any(map(lives, pids)), f"processes {pids} are gone")


def wait_for_content(path: Path) -> str:
    wait_until(path.exists, f"{path.name} is there")
    return path.read_text()


# ---------------------------------------------------------------- death of a worker


@pytest.mark.parametrize(
    ("function", "args", "told"),
    [
        (tasks.crash, (), "SIGSEGV"),
        (tasks.exit_at_once, (3,), "exit status 3"),
        (tasks.exit_at_once, (0,), "exit status 0"),
        (tasks.kill_oneself, (signal.SIGKILL,), "SIGKILL"),
        (tasks.kill_oneself, (signal.SIGABRT,), "SIGABRT"),
        (tasks.close_all_descriptors, (), "exit status 1"),
    ],
)
def test_a_dead_worker_is_a_failed_attempt(
    executor: ProcessExecutor, outcomes: Outcomes, function: Any, args: tuple[Any, ...], told: str
) -> None:
    record = error(outcomes.run(executor, function, *args))
    assert record["type"] == "WorkerDied"
    assert told in record["message"]
    assert isinstance(decode_error(record), WorkerDied)
    assert value(outcomes.run(executor, double, 2)) == 4


def test_what_holds_no_slot_keeps_nobody_out_of_one(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    others = children_of(os.getpid())
    begun = [tmp_path / str(number) for number in range(3)]
    for number, each in enumerate(begun):
        endless = (tasks.clean_up, str(each), str(tmp_path / "cleaned"))
        executor.start(outcomes.attempt(*endless, element=10 + number, slot=False))
    for each in begun:
        wait_for_content(each)
    pids = {value(outcomes.run(executor, tasks.pid)) for _ in range(3)}
    assert len(pids) == 1
    for number in range(3):
        executor.stop("run", "step", 10 + number, 1, "enough")
    for number in range(4):
        executor.start(outcomes.attempt(time.sleep, 0.2, element=20 + number, slot=False))
    outcomes.wait(10)
    wait_until(lambda: len(children_of(os.getpid()) - others) <= 2, "no more processes are kept than there are slots")


def test_attempts_of_one_kind_share_a_process_and_others_do_not(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    kinds = ["one", "one", "two", "one", "two", "three"]
    pids = [value(outcomes.run(executor, tasks.pid, options={"kind": kind})) for kind in kinds]
    assert pids[0] == pids[1] == pids[3]
    assert pids[2] == pids[4]
    assert len(set(pids)) == 3


def test_a_kill_from_outside_is_said_to_be_possibly_lack_of_memory(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    executor.start(outcomes.attempt(tasks.start_grandchild, str(begun)))
    worker, grandchild = map(int, wait_for_content(begun).split())
    os.kill(worker, signal.SIGKILL)
    record = error(outcomes.wait(1)[0])
    assert "SIGKILL" in record["message"]
    assert "memory" in record["message"]
    wait_until_gone(worker, grandchild)


def test_sigterm_from_outside_fails_the_attempt_and_ends_the_worker(
    executor: ProcessExecutor, outcomes: Outcomes
) -> None:
    record = error(outcomes.run(executor, tasks.kill_oneself, signal.SIGTERM))
    assert record["type"] == "WorkerDied"
    assert "SIGTERM from outside" in record["message"]
    assert value(outcomes.run(executor, nothing)) is None


def test_a_grandchild_that_holds_the_pipes_keeps_nobody_waiting(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    record = error(outcomes.run(executor, tasks.die_and_leave_grandchild, str(begun)))
    assert "exit status 7" in record["message"]
    wait_until_gone(int(begun.read_text().split()[1]))


def test_a_grandchild_left_behind_does_not_hold_up_the_outcome(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    outcome = outcomes.run(executor, tasks.start_grandchild, str(tmp_path / "begun"), "sleep 1000", False)
    grandchild = value(outcome)
    assert lives(grandchild)
    executor.close()
    wait_until_gone(grandchild)


def test_an_idle_worker_that_was_killed_costs_no_attempt(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    for _ in range(20):
        worker = value(outcomes.run(executor, tasks.pid))
        os.kill(worker, signal.SIGKILL)
        assert value(outcomes.run(executor, tasks.pid)) != worker


def test_a_worker_that_spoils_its_channel_is_lost_and_no_more(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    assert isinstance(outcomes.run(executor, tasks.write_into_all_descriptors), Failure)
    assert value(outcomes.run(executor, double, 2)) == 4


def test_a_forked_copy_of_the_worker_answers_nothing(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    assert [value(outcomes.run(executor, tasks.fork_and_return)) for _ in range(3)] == ["parent"] * 3
    executor.close()
    outcomes.assert_each_once(3)


def test_a_worker_that_cannot_start_is_a_failure(
    outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executor = ProcessExecutor(1)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    assert "could be started" in error(outcomes.run(executor, nothing))["message"]
    (tmp_path / "no-python").write_text("#!/bin/sh\necho broken by a test >&2\nexit 9\n")
    (tmp_path / "no-python").chmod(0o755)
    record = error(outcomes.run(executor, nothing))
    assert "could not start (exit status 9)" in record["message"]
    assert "broken by a test" in record["message"]
    monkeypatch.undo()
    assert value(outcomes.run(executor, nothing)) is None
    executor.close()


# ---------------------------------------------------------------- stopping


def test_what_ignores_sigterm_is_gone_after_its_grace(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    executor.start(outcomes.attempt(tasks.ignore_sigterm, str(begun), grace_s=0.3))
    wait_until(lambda: begun.exists() and begun.read_text() != "", "it began")
    asked = time.monotonic()
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    assert time.monotonic() - asked >= 0.3
    wait_until_gone(int(begun.read_text()))


def test_what_is_stopped_may_clean_up(executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path) -> None:
    begun, cleaned = tmp_path / "begun", tmp_path / "cleaned"
    executor.start(outcomes.attempt(tasks.clean_up, str(begun), str(cleaned), grace_s=60.0))
    wait_until(begun.exists, "it began")
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    assert cleaned.exists()


@pytest.mark.parametrize("grace_s", [0.0, 0.2, 60.0])
def test_stopping_takes_what_the_attempt_has_started(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path, grace_s: float
) -> None:
    begun = tmp_path / "begun"
    executor.start(outcomes.attempt(tasks.start_grandchild, str(begun), grace_s=grace_s))
    worker, grandchild = map(int, wait_for_content(begun).split())
    assert executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    wait_until_gone(worker, grandchild)


def test_a_grandchild_has_the_whole_grace(executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path) -> None:
    begun, done = tmp_path / "begun", tmp_path / "done"
    script = f"trap 'sleep 0.3; touch {done}; exit' TERM; touch {tmp_path}/trapped; while :; do sleep 0.01; done"
    executor.start(outcomes.attempt(tasks.start_grandchild, str(begun), script, grace_s=60.0))
    wait_until((tmp_path / "trapped").exists, "the grandchild is ready")
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    assert done.exists()


def test_a_grandchild_that_ignores_sigterm_is_killed(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    script = f"trap '' TERM; touch {tmp_path}/trapped; while :; do sleep 0.01; done"
    executor.start(outcomes.attempt(tasks.start_grandchild, str(begun), script, grace_s=0.3))
    grandchild = int(wait_for_content(begun).split()[1])  # it may be ready before its parent has told of it
    wait_until((tmp_path / "trapped").exists, "the grandchild is ready")
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    wait_until_gone(grandchild)


def test_a_halted_worker_can_be_stopped(executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    executor.start(outcomes.attempt(tasks.start_grandchild, str(begun), grace_s=60.0))
    os.kill(int(wait_for_content(begun).split()[0]), signal.SIGSTOP)
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]


def test_an_attempt_that_writes_without_end_can_be_stopped(outcomes: Outcomes) -> None:
    executor = ProcessExecutor(1)
    seen = threading.Event()
    attempt = outcomes.attempt(tasks.write_forever, log=lambda *line: seen.set(), grace_s=0.1)
    executor.start(attempt)
    assert seen.wait(60)
    executor.stop("run", "step", 0, 1, "enough")
    assert outcomes.wait(1) == [Stopped("enough")]
    executor.close()


# ---------------------------------------------------------------- output


def test_output_is_captured_below_python(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    outcomes.run(executor, tasks.write_everywhere)
    assert outcomes.texts("stdout") == ["1 print", "2 descriptor", "3 child", "4 C library", "5 buffer"]
    assert outcomes.texts("stderr") == ["6 stderr", "7 stderr descriptor"]


def test_output_can_be_read_while_the_attempt_runs(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    executor.start(outcomes.attempt(tasks.say_and_wait, "hello", str(tmp_path / "go")))
    wait_until(lambda: outcomes.texts("stdout") == ["hello"], "the line is there")
    assert outcomes.reports == []
    (tmp_path / "go").touch()
    outcomes.wait(1)


def test_bytes_that_are_no_text_and_endless_lines_are_logged(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    outcomes.run(executor, tasks.write_raw, b"caf\xe9\n" + b"x" * 200_000)
    first, *pieces = outcomes.texts("stdout")
    assert first == "caf\ufffd"
    assert "".join(pieces) == "x" * 200_000


def test_bytes_that_are_no_text_are_shown_as_they_are(
    outcomes: Outcomes, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for secrets; and as text where only text can be shown."""
    monkeypatch.setenv("MOTET_SECRET_WORD", "hunter2")
    executor = ProcessExecutor(1)
    outcomes.run(executor, tasks.write_raw, b"caf\xe9 hunter2 \xff\n")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", shown := io.StringIO())
        outcomes.run(executor, tasks.write_raw, b"\xe9\n")
    executor.close()
    assert capfdbinary.readouterr().out == b"caf\xe9 *** \xff\n"
    assert shown.getvalue() == "\ufffd\n"
    assert outcomes.texts("stdout", 0) == ["caf\ufffd hunter2 \ufffd"], "who keeps the log hides them there"


def test_the_stack_of_a_crash_is_in_the_log(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    outcomes.run(executor, tasks.crash)
    assert any("in crash" in text for text in outcomes.texts("stderr"))


def test_what_an_attempt_does_to_its_streams_and_surroundings_ends_with_it(outcomes: Outcomes, tmp_path: Path) -> None:
    executor = ProcessExecutor(1)
    before = value(outcomes.run(executor, tasks.surroundings))
    outcomes.run(executor, tasks.spoil_streams)
    outcomes.run(executor, tasks.spoil_surroundings, str(tmp_path))
    outcomes.run(executor, tasks.write_everywhere)
    assert outcomes.texts("stdout", 1) == ["before"]
    assert len(outcomes.texts("stdout", 3)) == 5
    assert len(outcomes.texts("stderr", 3)) == 2
    assert value(outcomes.run(executor, tasks.surroundings)) == before
    begun = tmp_path / "begun"
    executor.start(outcomes.attempt(tasks.clean_up, str(begun), str(tmp_path / "cleaned"), element=5, grace_s=60.0))
    wait_until(begun.exists, "it began")
    executor.stop("run", "step", 5, 1, "SIGTERM works again")
    assert outcomes.wait(6)[5] == Stopped("SIGTERM works again")
    executor.close()


def test_a_log_that_fails_harms_nobody(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    def refuse(stream: str, text: str, at: float) -> None:
        raise OSError("disk full")

    assert isinstance(outcomes.run(executor, tasks.write_everywhere, log=refuse), Success)


# ---------------------------------------------------------------- functions, arguments, results


def test_workers_are_warm(outcomes: Outcomes) -> None:
    executor = ProcessExecutor(1)
    assert len({value(outcomes.run(executor, tasks.pid)) for _ in range(10)}) == 1
    executor.close()


def test_functions_of_all_kinds_travel(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    outer = 5

    class Adder:
        def __init__(self, by: int) -> None:
            self.by = by

        def __call__(self, number: int) -> int:
            return number + self.by

        def method(self, number: int) -> int:
            return number - self.by

    functions = [
        tasks.decorated.fn, lambda number: number + outer, Adder(3), Adder(3).method, partial(pow, 2), abs,
    ]  # fmt: skip
    assert [value(outcomes.run(executor, function, 4)) for function in functions] == [5, 9, 7, 1, 16, 4]


def test_a_module_that_workers_cannot_import_travels_by_value(
    executor: ProcessExecutor, outcomes: Outcomes, tmp_path: Path
) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    path = tmp_path / "elsewhere.py"
    path.write_text("FACTOR = 3\ndef triple(number):\n    return number * FACTOR\n")
    spec = spec_from_file_location("elsewhere", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["elsewhere"] = module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        assert value(outcomes.run(executor, module.triple, 4)) == 12
    finally:
        del sys.modules["elsewhere"]


def test_workers_follow_the_path_and_the_folder(
    outcomes: Outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = ProcessExecutor(1)
    outcomes.run(executor, nothing)
    (tmp_path / "made_later.py").write_text("def where():\n    import os\n    return os.getcwd()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    import made_later  # type: ignore[import-not-found]

    assert value(outcomes.run(executor, made_later.where)) == str(tmp_path.resolve())
    assert value(outcomes.run(executor, tasks.surroundings))[2] == sys.argv
    executor.close()


def test_the_environment_of_an_attempt_ends_with_it(outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTET_TEST_OLD", "old")
    executor = ProcessExecutor(1)
    names = ("MOTET_TEST_OLD", "MOTET_TEST_NEW")
    change = {"env": {"MOTET_TEST_OLD": None, "MOTET_TEST_NEW": 7}}
    inside = value(outcomes.run(executor, tasks.environment, *names, options=change))
    after = value(outcomes.run(executor, tasks.environment, *names))
    assert inside == {"MOTET_TEST_OLD": None, "MOTET_TEST_NEW": "7"}
    assert after == {"MOTET_TEST_OLD": "old", "MOTET_TEST_NEW": None}
    assert isinstance(outcomes.run(executor, nothing, options={"env": {"": "no name"}}), Failure)
    executor.close()


def test_arrays_arrive_writable(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.ones(1_000_000)
    assert value(outcomes.run(executor, tasks.array_total, array)) == (999_999.0, True)
    assert array[0] == 1.0


@pytest.mark.parametrize("by_name", [True, False])
def test_an_argument_that_cannot_be_pickled_is_named(
    executor: ProcessExecutor, outcomes: Outcomes, by_name: bool
) -> None:
    bad = {"inner": [threading.Lock()]}
    more: dict[str, Any] = {"kwargs": {"value": bad}} if by_name else {}
    record = error(outcomes.run(executor, tasks.take, *([] if by_name else [bad]), task="keep", **more))
    assert "Argument 'value' of keep" in record["message"]
    assert "value['inner'][0] is of type _thread.lock" in record["message"]


def test_an_argument_that_cannot_be_loaded_is_a_failure(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    record = error(outcomes.run(executor, tasks.take, tasks.Fussy()))
    assert "cannot be loaded in the worker process" in record["message"]
    assert "not at home" in record["message"]
    assert value(outcomes.run(executor, double, 1)) == 2


def test_a_result_that_cannot_be_pickled_is_lost_and_says_so(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    outcome = outcomes.run(executor, tasks.unpicklable)
    assert isinstance(outcome, Success)
    assert "value['generator'] is of type generator" in outcome.record["lost"]


class FolderOfArtifacts:
    """As much of an artifact store as is needed: files in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def put(self, parts: Any) -> Stored:
        content = b"".join(parts)
        Path(self.folder, "it").write_bytes(content)
        return Stored("it", len(content))

    def get(self, digest: str) -> memoryview:
        return memoryview(Path(self.folder, digest).read_bytes())


def test_large_results_stay_in_the_artifact_store(outcomes: Outcomes, tmp_path: Path) -> None:
    executor = ProcessExecutor(1, artifacts=partial(FolderOfArtifacts, str(tmp_path)))
    outcome = outcomes.run(executor, bytes, 100_000)
    assert isinstance(outcome, Success)
    assert outcome.record["artifact"] == "it"
    assert decode(outcome.record, FolderOfArtifacts(str(tmp_path))) == bytes(100_000)  # type: ignore[arg-type]
    small = outcomes.run(executor, bytes, 3)
    assert isinstance(small, Success) and "artifact" not in small.record
    assert decode(outcomes.reports[1][1].record, None) == bytes(3)  # type: ignore[union-attr]
    tmp_path.joinpath("it").unlink()
    tmp_path.rmdir()
    assert error(outcomes.run(executor, bytes, 100_000))["type"] == "FileNotFoundError"
    executor.close()


SCRIPT = """
import enum, threading
from dataclasses import dataclass
from motet.executors.processes import ProcessExecutor
from motet.ports import Attempt
from motet.values.records import decode

print("the script runs")

class Colour(enum.Enum):
    RED = 1

@dataclass
class Point:
    x: int
    colour: Colour

class Odd(Exception):
    pass

FACTOR = 10

def scale(point):
    if point.x < 0:
        raise Odd("negative")
    return Point(point.x * FACTOR, Colour.RED)

def run(executor, *args):
    ended, outcomes = threading.Event(), []
    executor.start(Attempt("run", "step", 1, scale, args, {},
                           lambda attempt, outcome: (outcomes.append(outcome), ended.set())))
    ended.wait()
    return outcomes[0]

if __name__ == "__main__":
    executor = ProcessExecutor(1)
    for x in (1, 2):
        point = decode(run(executor, Point(x, Colour.RED)).record, None)
        assert type(point) is Point and point == Point(x * 10, Colour.RED) and point.colour is Colour.RED
    from motet.values.errors import decode_error
    error = decode_error(run(executor, Point(-1, Colour.RED)).error)
    assert type(error) is Odd, error
    print("and ends well")
"""


def test_a_script_is_defined_in_workers_and_its_classes_stay_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == "the script runs\nand ends well\n"


# ---------------------------------------------------------------- the end of the engine

ENGINE = """
import sys, threading
from motet.executors.processes import ProcessExecutor
from motet.ports import Attempt
from tests.executors import tasks

executor = ProcessExecutor(3)
for number in range(2):
    executor.start(Attempt("run", "step", 1, tasks.start_grandchild, (sys.argv[1] + str(number),), {},
                           lambda attempt, outcome: None, element=number))
executor.start(Attempt("run", "step", 1, tasks.pid, (), {}, lambda attempt, outcome: None, element=2))
sys.stdin.readline()
if sys.argv[2] == "exit":
    sys.exit(0)
if sys.argv[2] == "raise":
    raise SystemError("the engine fails")
threading.Event().wait()
"""


@pytest.mark.parametrize("end", ["exit", "raise", "kill", "kill group"])
def test_nothing_outlives_the_engine(tmp_path: Path, end: str) -> None:
    root = Path(__file__).parents[2]
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(tmp_path / "begun"), end],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    told = [wait_for_content(tmp_path / f"begun{number}").split() for number in range(2)]
    pids = [int(pid) for pair in told for pid in pair]
    assert all(map(lives, pids))
    children = {int(pid) for pid in Path(f"/proc/{engine.pid}/task/{engine.pid}/children").read_text().split()}
    assert engine.stdin is not None
    if end == "kill":
        engine.kill()
    elif end == "kill group":
        os.killpg(engine.pid, signal.SIGKILL)
    else:
        engine.stdin.write(b"\n")
        engine.stdin.flush()
    engine.wait()
    engine.stdin.close()
    wait_until_gone(*pids, *children)


def test_no_process_outlives_closing(outcomes: Outcomes) -> None:
    executor = ProcessExecutor(2)
    outcomes.run(executor, tasks.pid)
    mine = value(outcomes.wait(1)[0])
    children = {
        int(pid) for path in Path("/proc/self/task").iterdir() for pid in (path / "children").read_text().split()
    }
    assert mine in children
    executor.close()
    assert not lives(mine)
    after = {int(pid) for path in Path("/proc/self/task").iterdir() for pid in (path / "children").read_text().split()}
    assert after <= children - {mine}


def test_closing_may_be_made_urgent(outcomes: Outcomes, tmp_path: Path) -> None:
    executor = ProcessExecutor(1)
    executor.start(outcomes.attempt(tasks.start_grandchild, str(tmp_path / "begun")))
    wait_for_content(tmp_path / "begun")
    waiting = threading.Thread(target=executor.close)
    waiting.start()
    time.sleep(0.05)
    assert waiting.is_alive()
    executor.close(kill=True)
    waiting.join()
    assert outcomes.wait(1) == [Stopped("closed")]


def test_a_report_may_close_the_executor(outcomes: Outcomes) -> None:
    executor = ProcessExecutor(1)

    def close(attempt: Attempt, outcome: Outcome) -> None:
        executor.close()
        outcomes.report(attempt, outcome)

    executor.start(outcomes.attempt(nothing, report=close))
    assert value(outcomes.wait(1)[0]) is None
    executor.close()


def test_a_fork_of_the_engine_neither_uses_nor_ends_its_workers(outcomes: Outcomes) -> None:
    executor = ProcessExecutor(1)
    worker = value(outcomes.run(executor, tasks.pid))
    child = os.fork()
    if child == 0:
        reported: list[Outcome] = []
        executor.start(outcomes.attempt(nothing, report=lambda attempt, outcome: reported.append(outcome)))
        executor.close(kill=True)
        os._exit(0 if isinstance(reported[0], Failure) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert value(outcomes.run(executor, tasks.pid)) == worker
    executor.close()


def test_a_worker_loads_no_more_than_it_needs(executor: ProcessExecutor, outcomes: Outcomes) -> None:
    heavy = (
        "asyncio",
        "dataclasses",
        "inspect",
        "logging",
        "numpy",
        "pydantic",
        "socket",
        "sqlite3",
        "subprocess",
    )
    seen = value(outcomes.run(executor, eval, f"[name for name in {heavy} if name in __import__('sys').modules]"))
    assert seen == []


def test_a_worker_of_the_engine_loads_no_engine(tmp_path: Path, outcomes: Outcomes) -> None:
    host = open_host(str(tmp_path))
    program = "[name for name in __import__('sys').modules if name.startswith('motet.')]"
    loaded = value(outcomes.run(host.executor("processes"), eval, program))
    host.close()
    assert "motet.executors.worker" in loaded
    assert [name for name in loaded if name.startswith(("motet.app", "motet.engine", "motet.kernel"))] == []


@pytest.mark.parametrize("tee", [True, False])
def test_what_workers_write_is_also_shown(capsys: pytest.CaptureFixture[str], tee: bool) -> None:
    executor, outcomes = ProcessExecutor(1, tee=tee), Outcomes()
    outcomes.run(executor, tasks.write_raw, b"one\ntwo", log=None)
    executor.close()
    assert capsys.readouterr().out == ("one\ntwo\n" if tee else "")


CLOSED = """
import os, sys, threading
for fd in (0, 1, 2):
    os.close(fd)
from motet.executors.processes import ProcessExecutor
from motet.ports import Attempt
executor, ended, lines = ProcessExecutor(1), threading.Event(), []
executor.start(Attempt("run", "step", 1, print, ("hello",), {}, lambda attempt, outcome: ended.set(),
                       log=lambda stream, text, *more: lines.append(text)))
ended.wait()
executor.close()
with open(sys.argv[1], "w") as file:
    file.write(repr(lines))
"""


def test_an_engine_without_standard_streams_has_workers_too(tmp_path: Path) -> None:
    result = tmp_path / "result"
    subprocess.run([sys.executable, "-c", CLOSED, str(result)], check=False)
    assert result.read_text() == "['hello']"
