"""The command executor keeps the contract of all executors; and what is special to commands on the host."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from motet.artifacts.files import FileArtifacts
from motet.errors import CommandFailed
from motet.executors.commands.executor import CommandExecutor
from motet.executors.commands.folders import attempt_folder, leads_out, read_finished
from motet.executors.commands.marks import branding, marked, numbered
from motet.executors.commands.setting import Setting
from motet.executors.commands.spec import ANY, Command, Finished, Function, Mount
from motet.ports import Executor, Failure, Outcome, Stopped, Success
from motet.testing.command_suite import HIDING, reason, sleeping
from motet.testing.executor_suite import QueueingExecutorSuite
from motet.testing.executor_tasks import Outcomes, wait_until

SECRETS = {"token": "s3cr3t-value"}


class TestCommandExecutor(QueueingExecutorSuite):
    """Attempts that give plain values: the function runs here, and nothing else."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self, capacity: int) -> Executor:
        return CommandExecutor(Setting(str(self.folder / "work"), self._artifacts), capacity)

    def _artifacts(self) -> FileArtifacts:
        return FileArtifacts(str(self.folder / "artifacts"))


def test_what_holds_no_slot_keeps_nobody_out_of_one(tmp_path: Path) -> None:
    outcomes = Outcomes()
    executor = CommandExecutor(Setting(str(tmp_path / "work"), lambda: FileArtifacts(str(tmp_path / "artifacts"))), 1)
    for number in range(3):
        executor.start(outcomes.attempt(lambda: Command("sleep 600"), element=10 + number, slot=False))
    for _ in range(2):
        assert isinstance(outcomes.run(executor, lambda: Command("true")), Success)
    executor.close(kill=True)


class Workbench:
    """An executor, its artifacts, and the outcomes of commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = FileArtifacts(str(folder / "artifacts"))
        self.setting = Setting(str(folder / "work"), lambda: self.artifacts, SECRETS.__getitem__)
        self.executor = CommandExecutor(self.setting, 2, tee=False)
        self.outcomes = Outcomes()

    def run(self, run: Any, **fields: Any) -> Outcome:
        return self.outcomes.run(self.executor, lambda: Command(run, **fields))

    def done(self, run: Any, **fields: Any) -> Finished:
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Success), outcome
        assert isinstance(outcome.value, Finished)
        return outcome.value

    def failed(self, run: Any, **fields: Any) -> dict[str, Any]:
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Failure), outcome
        return dict(outcome.error)

    def content(self, finished: Finished, path: str) -> str:
        return bytes(self.artifacts.get(finished.output(path).digest)).decode()

    def begin(self, run: Any, element: int = 900, grace_s: float = 30.0, **fields: Any) -> Callable[[], Outcome]:
        before = len(self.outcomes.reports)
        self.executor.start(self.outcomes.attempt(lambda: Command(run, **fields), element=element, grace_s=grace_s))
        return lambda: self.outcomes.wait(before + 1)[before]

    def stop(self, element: int = 900) -> None:
        assert self.executor.stop("run", "step", element, 1, "enough")

    def attempt_folder(self, element: int) -> str:
        return attempt_folder(str(self.folder / "work"), "run", f"step[{element}]", 1)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    made = Workbench(tmp_path)
    yield made
    made.executor.close(kill=True)


def lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


# ---------------------------------------------------------------- what is run


def test_shell_text_and_argument_lists(bench: Workbench) -> None:
    assert bench.done("echo $((6 * 7)) | cat").stdout == "42"
    assert bench.done(["printf", "%s|", "a b", "$HOME", "*"]).stdout == "a b|$HOME|*|"


def test_a_script_for_an_interpreter_on_standard_input(bench: Workbench) -> None:
    assert bench.done(["/bin/sh", "-s", "one"], stdin="echo got $1\nwc -c </dev/null\n").stdout == "got one\n0"
    assert bench.done([sys.executable, "-"], stdin="print('öl' * 2)").stdout == "ölöl"


def test_standard_input_is_empty_by_default(bench: Workbench) -> None:
    assert bench.done("wc -c").stdout.strip() == "0"


def test_working_directory_and_variables(bench: Workbench, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    (place / "inner").mkdir(parents=True)
    os.environ["TO_BE_REMOVED"] = "x"
    try:
        env = {"COLOUR": "blue", "TO_BE_REMOVED": None}
        run = 'pwd; echo "$PWD" "$COLOUR" "${TO_BE_REMOVED-gone}" "$MOTET_RUN" "$MOTET_STEP" "$MOTET_ATTEMPT"'
        finished = bench.done(run, folder=str(place), cwd="inner", env=env)
    finally:
        del os.environ["TO_BE_REMOVED"]
    assert finished.stdout.splitlines() == [str(place / "inner"), f"{place}/inner blue gone run step[0] 1"]
    assert place.is_dir()
    assert finished.folder == str(place)


def test_a_fresh_folder_goes_after_a_success_and_stays_after_a_failure(bench: Workbench) -> None:
    assert bench.done("echo x > kept").folder == ""
    wait_until(lambda: not os.path.exists(bench.attempt_folder(0)), "it is gone")
    bench.failed("echo x > kept; exit 1")
    assert Path(bench.attempt_folder(1), "kept").exists()


def test_a_fresh_folder_is_fresh_even_where_a_killed_engine_has_left_one(bench: Workbench) -> None:
    stale = Path(bench.attempt_folder(0))
    stale.mkdir(parents=True)
    (stale / "old").write_text("old")
    assert bench.done("ls -A").stdout == ""
    assert bench.done("ls -A; echo x > y").stdout == ""
    assert bench.done("ls -A").stdout == ""


def test_then_makes_the_value(bench: Workbench) -> None:
    outcome = bench.run("echo 5", then=lambda finished: int(finished.stdout))
    assert isinstance(outcome, Success) and outcome.value == 5
    error = bench.failed("echo five", then=lambda finished: int(finished.stdout))
    assert error["type"] == "ValueError"


# ---------------------------------------------------------------- how it ends


def test_a_failure_names_step_command_status_last_words_and_log(bench: Workbench) -> None:
    error = bench.failed("echo fine; echo 'no such data' >&2; exit 3")
    assert error["type"] == "CommandFailed"
    for part in ("Step step[0]", "exit status 3", "no such data", "echo fine", "motet logs run step[0]"):
        assert part in error["message"]
    assert error["finished"]["exit_code"] == 3
    assert error["finished"]["stdout"] == "fine"


def test_a_signal_is_named(bench: Workbench) -> None:
    error = bench.failed("kill -SEGV $$")
    assert "SIGSEGV" in error["message"]
    assert error["finished"]["exit_code"] == 128 + signal.SIGSEGV


def test_statuses_that_are_accepted(bench: Workbench) -> None:
    assert bench.done("exit 7", accept=ANY).exit_code == 7
    assert bench.done("exit 7", accept=(0, 7)).exit_code == 7
    assert "exit status 0" in bench.failed("true", accept=(7,))["message"]


def test_a_program_that_is_not_there(bench: Workbench) -> None:
    error = bench.failed(["no-such-program-here"])
    assert "no-such-program-here" in error["message"]
    assert "installed" in error["message"]


def test_what_it_started_in_the_background_ends_with_it(bench: Workbench) -> None:
    pid = int(bench.done("sleep 1000 & echo $!").stdout)
    wait_until(lambda: not lives(pid), "the background process is gone")


def test_what_has_left_the_group_ends_with_the_executor_at_the_latest(bench: Workbench) -> None:
    pid = int(bench.done("setsid sleep 1000 & echo $!").stdout)
    bench.done("true")
    bench.executor.close()
    wait_until(lambda: not lives(pid), "it is gone")


def test_stop_ends_the_whole_tree_even_what_has_left_the_group(bench: Workbench, tmp_path: Path) -> None:
    run = f"trap '' TERM; setsid sh -c 'echo $$ > {tmp_path}/far; sleep 1000' & sleep 1000"
    end = bench.begin(run, grace_s=0.1)
    wait_until(lambda: (tmp_path / "far").exists() and (tmp_path / "far").read_text() != "", "it has begun")
    bench.stop()
    assert reason(end()) == "enough"
    assert not lives(int((tmp_path / "far").read_text()))
    assert marked(bench.setting.mark) == {}


def test_stop_gives_grace_and_keeps_outputs(bench: Workbench) -> None:
    run = "trap 'echo last > out.txt; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    end = bench.begin(run, outputs=("out.txt",))
    wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900), "it has begun")
    bench.stop()
    assert reason(end()) == "enough"
    left = read_finished(bench.attempt_folder(900))
    assert left is not None
    assert left["how"] == "stopped: enough"
    assert bytes(bench.artifacts.get(left["outputs"][0]["artifact"])) == b"last\n"


def test_closing_by_force_ends_all(bench: Workbench, tmp_path: Path) -> None:
    end = bench.begin(f"echo $$ > {tmp_path}/pid; sleep 1000")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "it has begun")
    bench.executor.close(kill=True)
    assert reason(end()) == "closed"
    assert not lives(int((tmp_path / "pid").read_text()))


def test_kill_of_the_engine_ends_all_that_it_started(tmp_path: Path) -> None:
    program = tmp_path / "engine.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import time
            from motet.executors.commands.executor import CommandExecutor
            from motet.executors.commands.setting import Setting
            from motet.executors.commands.spec import Command, Function
            from motet.testing.executor_tasks import Outcomes

            executor = CommandExecutor(Setting({str(tmp_path)!r}, None), 3)
            outcomes = Outcomes()
            runs = [
                "echo $$ > {tmp_path}/1; sleep 1000",
                "setsid sh -c 'echo $$ > {tmp_path}/2; sleep 1000' & sleep 1000",
                Function("{tmp_path}/engine_task.py:hang", {{"path": "{tmp_path}/3"}}),
            ]
            for number, run in enumerate(runs):
                executor.start(outcomes.attempt(lambda run=run: Command(run), element=number))
            time.sleep(1000)
            """
        )
    )
    (tmp_path / "engine_task.py").write_text(
        "import os, time\ndef hang(path):\n    open(path, 'w').write(str(os.getpid()))\n    time.sleep(1000)\n"
    )
    engine = subprocess.Popen([sys.executable, program])
    try:
        files = [tmp_path / name for name in "123"]
        wait_until(lambda: all(each.exists() and each.read_text() for each in files), "all have begun")
    finally:
        engine.kill()
        engine.wait()
    for file in files:
        pid = int(file.read_text())
        wait_until(lambda pid=pid: not lives(pid), f"process {file.name} is gone")  # type: ignore[misc]


def test_what_hides_ends_with_the_executor_at_the_latest(bench: Workbench) -> None:
    name = f"{10**6 + os.getpid()}.2"
    bench.done(HIDING.format(name=name))
    bench.executor.close()
    wait_until(lambda: not sleeping(name), "it is gone")


def test_processes_that_others_start_here_are_not_taken_for_the_commands(bench: Workbench) -> None:
    """The brand is lent to a process whose threads may start something of their own at that moment."""
    mark = numbered(bench.setting.mark, 77)
    with branding(mark):
        own = subprocess.Popen(["/bin/sh", "-c", "echo begun; sleep 1000; true"], stdout=subprocess.PIPE)
    try:
        assert own.stdout is not None
        assert own.stdout.readline() == b"begun\n"
        assert marked(mark) == {}
    finally:
        subprocess.run(["pkill", "-P", str(own.pid)], check=False)
        own.kill()
        own.communicate()


def test_kill_of_the_engine_at_random_moments_ends_what_hides(tmp_path: Path, rng: random.Random) -> None:
    name = f"{10**6 + os.getpid()}.3"
    program = (
        "from motet.executors.commands.executor import CommandExecutor\n"
        "from motet.executors.commands.setting import Setting\n"
        "from motet.executors.commands.spec import Command\n"
        "from motet.testing.executor_tasks import Outcomes\n"
        f"executor, outcomes = CommandExecutor(Setting({str(tmp_path)!r}, None), 2, tee=False), Outcomes()\n"
        f"make = lambda: Command({HIDING.format(name=name)!r})\n"
        "for number in range(100_000):\n"
        "    executor.start(outcomes.attempt(make, element=number))\n"
        "    print(number, flush=True)\n"
        "    outcomes.wait(number)\n"
    )
    for _ in range(4):
        engine = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        try:
            assert engine.stdout is not None
            last = rng.randrange(1, 60)
            while int(engine.stdout.readline()) < last:
                continue
            time.sleep(rng.random() * 0.003)
        finally:
            engine.kill()
            engine.communicate()
        wait_until(lambda: not sleeping(name), "nothing that hides is left")


# ---------------------------------------------------------------- functions


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "steps.py"
    path.write_text(
        textwrap.dedent(
            """
            import os, sys
            count = 0

            def add(a, b=0):
                global count
                count += 1
                print("adding", a, b)
                return {"sum": a + b, "pid": os.getpid(), "count": count, "cwd": os.getcwd(), "x": os.environ.get("X")}

            def write(path):
                with open(path, "w") as file:
                    file.write("written")

            def fail():
                raise ValueError("on purpose")

            def import_missing():
                import no_such_module_here

            def leave(status):
                sys.exit(status)

            def end(status):
                os._exit(status)

            def give():
                return {1, 2}

            def close_streams():
                os.close(1)
                sys.stderr.close()

            def replace_streams():
                import io
                sys.stdout = io.StringIO()

            def look(place, given):
                with open(os.path.join(place, "found.txt"), "w") as file:
                    file.write("seen")
                return {"cwd": os.getcwd(), "pid": os.getpid(), "given": given, "there": os.listdir(place)}
            """
        )
    )
    return str(path)


def test_a_function_gives_its_value_and_its_process_stays_warm(bench: Workbench, module: str) -> None:
    first = bench.done(Function(f"{module}:add", {"a": 1, "b": 2}), env={"X": "1"})
    second = bench.done(Function(f"{module}:add", {"a": 5}))
    assert (first.value["sum"], second.value["sum"]) == (3, 5)
    assert first.value["pid"] == second.value["pid"] != os.getpid()
    assert second.value["count"] == 2
    assert first.value["cwd"] != second.value["cwd"]
    assert (first.value["x"], second.value["x"]) == ("1", None)
    assert first.stdout == "adding 1 2"


def test_a_function_writes_outputs(bench: Workbench, module: str) -> None:
    finished = bench.done(Function(f"{module}:write", {"path": "a.txt"}), outputs=("a.txt",))
    assert bench.content(finished, "a.txt") == "written"


def test_a_function_sees_its_folder_at_a_path_of_its_own(bench: Workbench, module: str) -> None:
    place = f"/motet-{os.getpid()}"
    kwargs, files = {"place": place}, {"given": "in/a.txt"}
    told = Function(f"{module}:look", kwargs, files=files, seen_at=place)
    finished = [bench.done(told, outputs=("found.txt",)) for _ in range(2)]
    assert [bench.content(each, "found.txt") for each in finished] == ["seen", "seen"]
    first, second = (each.value for each in finished)
    assert first["pid"] == second["pid"]
    assert first == second == {"cwd": place, "pid": first["pid"], "given": f"{place}/in/a.txt", "there": ["found.txt"]}
    assert not os.path.lexists(place)


def test_what_is_at_that_path_is_hidden_from_the_function_alone(bench: Workbench, module: str, tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    (place / "own.txt").write_text("of the host")
    told = Function(f"{module}:look", {"place": str(place), "given": ""}, seen_at=str(place))
    finished = bench.done(told, outputs=("found.txt",))
    assert finished.value["there"] == ["found.txt"]
    assert bench.content(finished, "found.txt") == "seen"
    assert os.listdir(place) == ["own.txt"]


def test_a_path_that_the_function_needs_is_not_covered(bench: Workbench, module: str) -> None:
    folder = os.path.dirname(module)
    found = bench.done(
        Function(f"{module}:look", {"place": "."}, paths=(folder,), files={"given": "a"}, seen_at=folder)
    )
    assert found.value["cwd"] != folder
    assert found.value["given"] == os.path.join(found.value["cwd"], "a")
    lost = Function(f"{module}:look", {"place": f"{folder}/none", "given": ""}, paths=(folder,), seen_at=folder)
    assert f"folder cannot be seen as {folder} here" in bench.failed(lost)["message"]


def test_functions_by_module_and_paths(bench: Workbench, module: str) -> None:
    folder = os.path.dirname(module)
    assert bench.done(Function("steps:add", {"a": 1}, paths=(folder,))).value["sum"] == 1
    assert bench.done(Function("os.path:basename", {"p": "/a/b"})).value == "b"


def test_what_a_function_raises_is_the_error(bench: Workbench, module: str) -> None:
    error = bench.failed(Function(f"{module}:fail"))
    assert (error["type"], error["message"]) == ("ValueError", "on purpose")
    assert "in fail" in error["traceback"]
    assert "far.py" not in error["traceback"]


def test_an_undeclared_dependency_is_named_with_its_cure(bench: Workbench, module: str) -> None:
    error = bench.failed(Function(f"{module}:import_missing", paths=(os.path.dirname(module),)))
    assert error["type"] == "ModuleNotFoundError"
    log = "motet logs run step[0]"
    for part in ("no_such_module_here", "Step step[0]", "steps.py:import_missing()", log, "requirements", "steps"):
        assert part in error["message"]
    message = bench.failed([sys.executable, "-c", "import no_such_module_here"])["message"]
    for part in ("Step step[1]", "-c import no_such_module_here", "motet logs run step[1]", "Declare it"):
        assert part in message


def test_exits_of_functions(bench: Workbench, module: str) -> None:
    assert bench.done(Function(f"{module}:leave", {"status": 0})).exit_code == 0
    assert "exit status 3" in bench.failed(Function(f"{module}:leave", {"status": 3}))["message"]
    assert "exit status 4" in bench.failed(Function(f"{module}:end", {"status": 4}))["message"]
    assert bench.done(Function(f"{module}:add", {"a": 2})).value["sum"] == 2


def test_the_next_function_can_print_whatever_one_does_to_its_streams(bench: Workbench, module: str) -> None:
    for name in ("close_streams", "replace_streams"):
        bench.done(Function(f"{module}:{name}"))
        assert bench.done(Function(f"{module}:add", {"a": 1})).stdout == "adding 1 0"


def test_arguments_that_are_no_json_are_refused(bench: Workbench, module: str) -> None:
    error = bench.failed(Function(f"{module}:add", {"a": {1}}))
    assert error["type"] == "UsageError"
    for part in ("Step step[0]", "steps.py:add()", "no JSON", "motet logs run step[0]", "files"):
        assert part in error["message"]


def test_a_value_that_is_no_json_is_refused(bench: Workbench, module: str) -> None:
    assert "no JSON" in bench.failed(Function(f"{module}:give"))["message"]
    assert bench.done(Function(f"{module}:give", returns=False)).value is None


# ---------------------------------------------------------------- logs and secrets


def test_a_hundred_thousand_lines_in_order_and_complete(bench: Workbench) -> None:
    bench.done("i=0; while [ $i -lt 100000 ]; do echo line $i; i=$((i+1)); done; printf end")
    assert bench.outcomes.texts("stdout") == [f"line {number}" for number in range(100_000)] + ["end"]
    times = [at for _, _, _, at in bench.outcomes.lines]
    assert times == sorted(times)


def test_a_very_long_line_is_logged_in_pieces_that_cut_no_character_and_no_secret(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written in any language, over any number of chunks, with bytes that are no text among it."""
    monkeypatch.setenv("MOTET_SECRET_TOKEN", "hunter2-hunter2")
    parts = ["0" * 65530, "hunter2-hunter2", "ä€" * 50_000, "hunter2-hunter2", "word " * 20_000, "z" * 300_000]
    code = f"import sys; sys.stdout.buffer.write({''.join(parts)!r}.encode() + b'\\xff\\0\\rend')"
    (bench.folder / "long.py").write_text(code)
    bench.done([sys.executable, str(bench.folder / "long.py")])
    texts = bench.outcomes.texts("stdout")
    assert "".join(texts) == "".join(parts).replace("hunter2-hunter2", "***") + "\ufffd\0\rend"
    assert all(len(text.encode()) <= 70_000 for text in texts)
    assert len(texts) > 8


def test_secrets_reach_the_command_and_no_record(bench: Workbench) -> None:
    finished = bench.done("echo my $TOKEN; test ${#TOKEN} = 12", secrets={"TOKEN": "token"})
    assert finished.stdout == "my ***"
    error = bench.failed("echo it is $TOKEN >&2; exit 1", secrets={"TOKEN": "token"})
    assert SECRETS["token"] not in json.dumps(error)
    assert SECRETS["token"] not in str(bench.outcomes.lines)


# ---------------------------------------------------------------- outputs


def test_outputs_by_path_glob_and_folder(bench: Workbench) -> None:
    run = "mkdir -p a/b; echo 1 > a/b/1.txt; echo 2 > a/2.txt; echo 3 > top.bin; echo h > .hidden.txt; chmod +x top.bin"
    finished = bench.done(run, outputs=("a", "*.bin"))
    assert [each.path for each in finished.outputs] == ["a/2.txt", "a/b/1.txt", "top.bin"]
    assert bench.content(finished, "a/b/1.txt") == "1\n"
    assert finished.output("top.bin").mode & 0o111
    assert [each.path for each in bench.done(run, outputs=("**/*.txt",)).outputs] == [
        ".hidden.txt", "a/2.txt", "a/b/1.txt",
    ]  # fmt: skip


def test_everything_new_or_changed(bench: Workbench, tmp_path: Path) -> None:
    place = tmp_path / "repo"
    place.mkdir()
    (place / ".gitignore").write_text("*\n")
    (place / "same").write_text("same")
    (place / "changed").write_text("a")
    (place / "gone").write_text("a")
    finished = bench.done(
        "echo b > changed; rm gone; mkdir new; echo c > new/ignored; cat same", folder=str(place), changed=True
    )
    assert [each.path for each in finished.outputs] == ["changed", "new/ignored"]
    assert finished.removed == ("gone",)


def test_a_change_without_a_change_of_size_or_time_is_seen(bench: Workbench, tmp_path: Path) -> None:
    place = tmp_path / "repo"
    place.mkdir()
    (place / "a").write_text("1")
    finished = bench.done("cp -p a b; printf 2 > a; touch -r b a; rm b", folder=str(place), changed=True)
    assert [each.path for each in finished.outputs] == ["a"]


def test_outputs_of_a_failure_are_kept(bench: Workbench) -> None:
    error = bench.failed("echo half > half.txt; exit 1", outputs=("half.txt", "never.txt"))
    (kept,) = error["finished"]["outputs"]
    assert bytes(bench.artifacts.get(kept["artifact"])) == b"half\n"


def test_a_missing_output_fails_and_what_is_there_is_named(bench: Workbench) -> None:
    error = bench.failed("echo 1 > result.jsn", outputs=("result.json", "*.jsn"))
    assert [each["path"] for each in error["finished"]["outputs"]] == ["result.jsn"]
    assert "result.json" in error["message"]
    assert "result.jsn." in error["message"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a/..", ""])
def test_outputs_that_lead_out_are_refused_before_anything_runs(bench: Workbench, tmp_path: Path, path: str) -> None:
    error = bench.failed(f"touch {tmp_path}/ran", outputs=(path,))
    assert error["type"] == "UsageError"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("link", ["ln -s /etc/passwd out", "ln -s /etc out", "ln -s ../../../../artifacts out"])
def test_links_that_lead_out_are_refused(bench: Workbench, link: str) -> None:
    bench.artifacts.put((b"something",))
    assert "leads out" in bench.failed(link, outputs=("out",))["message"]
    assert bench.done(link, outputs=("*", "**/*")).outputs == ()
    assert bench.done(link, changed=True).outputs == ()
    assert any("leads out" in text for _, _, text, _ in bench.outcomes.lines)


def test_a_folder_that_was_replaced_by_a_link_gives_nothing(bench: Workbench, tmp_path: Path) -> None:
    swap = f'echo 1 > secret; cd ..; mv "$OLDPWD" {tmp_path}/away; ln -s {tmp_path}/away "$OLDPWD"'
    error = bench.failed(swap, outputs=("secret",))
    assert "link to elsewhere" in error["message"]
    assert error["finished"]["outputs"] == []


def test_pipes_and_sockets_are_no_outputs(bench: Workbench) -> None:
    finished = bench.done("mkfifo pipe; echo a > b", changed=True, outputs=("*",))
    assert [each.path for each in finished.outputs] == ["b"]


def test_a_working_directory_that_leads_out_is_refused(bench: Workbench) -> None:
    for cwd in ("..", "/tmp", "a/../.."):
        assert bench.failed("true", cwd=cwd)["type"] == "UsageError"


# ---------------------------------------------------------------- mounts on the host


def test_mounts_are_copies_that_may_be_written_to(bench: Workbench, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("a")
    finished = bench.done("echo more >> in/deep/a; echo b > in/b", mounts=(Mount("in", str(source)),), changed=True)
    assert [each.path for each in finished.outputs] == ["in/b", "in/deep/a"]
    assert (source / "deep" / "a").read_text() == "a"
    assert not (source / "b").exists()


def test_a_file_of_a_step_is_mounted_with_its_origin(bench: Workbench) -> None:
    file = bench.done("echo hello > a.txt", outputs=("a.txt",)).output("a.txt")
    finished = bench.done("cat in.txt; echo x >> in.txt", mounts=(Mount("in.txt", file),))
    assert finished.stdout == "hello"
    assert finished.inputs == ({"target": "in.txt", "artifact": file.digest, "run": "run", "step": "step[0]"},)
    assert bytes(bench.artifacts.get(file.digest)) == b"hello\n"


@pytest.mark.parametrize(
    ("target", "told"), [("/data", "sandbox"), ("../out", "no place"), (".", "no place"), ("a/../../b", "no place")]
)
def test_mounts_that_the_host_cannot_have(bench: Workbench, tmp_path: Path, target: str, told: str) -> None:
    error = bench.failed("true", mounts=(Mount(target, str(tmp_path)),))
    assert error["type"] == "UsageError"
    assert told in error["message"]


def test_a_mount_through_a_link_into_elsewhere_is_refused(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    mounts = (Mount("in", str(tmp_path / "shared"), "ro"), Mount("in/more", str(tmp_path)))
    assert "another mount" in bench.failed("true", mounts=mounts)["message"]
    assert list((tmp_path / "shared").iterdir()) == []


def test_stopping_while_the_command_is_being_made(bench: Workbench) -> None:
    from motet.executors.commands.tools import tools

    begun = threading.Event()

    def slow() -> Command:
        mine = tools()
        assert mine is not None
        begun.set()
        mine.run(["sleep", "1000"])
        return Command("true")

    before = len(bench.outcomes.reports)
    bench.executor.start(bench.outcomes.attempt(slow, element=5))
    begun.wait()
    bench.executor.stop("run", "step", 5, 1, "enough")
    assert bench.outcomes.wait(before + 1)[before] == Stopped("enough")
    assert marked(bench.setting.mark) == {}


def test_errors_are_told_as_command_failed(bench: Workbench) -> None:
    outcome = bench.run("exit 1")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.exception, CommandFailed)


def test_a_full_disk_is_told_with_step_command_log_and_cure(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "small", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    bench = Workbench(small)
    try:
        elsewhere = tmp_path / "large"
        elsewhere.mkdir()
        error = bench.failed("head -c 5000000 /dev/zero > big", folder=str(elsewhere), outputs=("big",))
        for part in ("Step step[0]", "no room", "head -c 5000000", "motet logs run step[0]", "motet prune"):
            assert part in error["message"], error["message"]
        error = bench.failed("head -c 5000000 /dev/zero > big")
        for part in ("Step step[1]", "No space left", "motet logs run step[1]", "motet prune"):
            assert part in error["message"], error["message"]
    finally:
        bench.executor.close(kill=True)
        subprocess.run(["umount", small], check=True)


def test_an_environment_that_cannot_be_built_names_the_step(bench: Workbench) -> None:
    from motet.environments.build import Environments
    from motet.environments.spec import Environment, Git
    from motet.executors.commands.tools import tools

    def make() -> Command:
        mine = tools()
        assert mine is not None
        Environments(mine.shared, mine).ready(Environment((Git("no-such-part", "file:///no/such/repository"),)))
        return Command("true")

    outcome = bench.outcomes.run(bench.executor, make)
    assert isinstance(outcome, Failure)
    for part in ("Step step[0]", "no-such-part", "motet logs run step[0]", "Check the URL"):
        assert part in outcome.error["message"]


def test_what_leads_out_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "owner").mkdir()
    for name, to in {
        "in": "deep", "out": "..", "beside": "../owner", "back": "../own/deep", "self": ".", "loop": "loop",
    }.items():  # fmt: skip
        (folder / name).symlink_to(to)
    (folder / "deep" / "up").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    for each in (folder, tmp_path / "link"):
        for path in ("a", "deep/a", "deep//a", "deep/", "in/a", "back/a", "self/deep/a", "deep/../a", ".", "..."):
            assert not leads_out(str(each), path), path
        for path in ("..", "../own2", "out/a", "beside", "deep/up", "in/up/a", "/etc/passwd", "deep/../../a", "//a"):
            assert leads_out(str(each), path), path
