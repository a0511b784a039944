"""Commands in Python flows, as a user writes them: called, submitted, mapped, retried, cached, killed and resumed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from motet import INPUTS, TASK_SOURCE, Environment, Git, Mount, app, command, flow, task
from motet.commands import File, Finished
from motet.errors import CommandFailed, EnvironmentFailed, TimedOut, UsageError
from motet.testing.executor_tasks import wait_until


def test_a_command_is_a_step_whose_outputs_feed_others() -> None:
    make = command("seq {n} > numbers.txt", outputs=["numbers.txt"])
    add = command(["awk", "{ s += $1 } END { print s }", "{numbers}"], name="add")

    @flow
    def study(n: int) -> tuple[str, File]:
        made = make(n)
        return add(made).stdout, made.output("numbers.txt")

    told, file = study(10)
    assert told == "55"
    assert file.step == "study/seq-0"
    steps = {row.key: row.status for row in app.hosts.current().store.steps(file.run)}
    assert steps == dict.fromkeys(("study", "study/seq-0", "study/add-0"), "succeeded")


@task(executor="processes")
def lines_of(file: File) -> list[str]:
    return Path(file).read_text().splitlines()


def test_python_opens_files_that_commands_have_put_out() -> None:
    make = command("echo a > raw.csv; echo b >> raw.csv", outputs=["raw.csv"], name="make")

    @task
    def first(file: File) -> str:
        with open(file) as opened:
            return opened.readline().strip()

    @flow
    def study() -> list[str]:
        finished = make()
        file = finished.output("raw.csv")
        with pytest.raises(KeyError, match=r"no output 'raw.tsv'; there are: raw.csv"):
            finished.output("raw.tsv")
        return [first(file), first.submit(file).result(), *lines_of(file)]

    assert study() == ["a", "a", "a", "b"]


def test_submit_map_and_futures() -> None:
    square = command("echo $(({n} * {n}))", name="square")
    total = command("echo {parts}", name="total")

    @flow
    def study() -> str:
        squares = square.map(n=[1, 2, 3])
        return total.submit([each.result().stdout for each in squares]).result().stdout

    assert study() == "['1', '4', '9']"


def test_values_are_quoted_and_other_braces_stay() -> None:
    say = command("printf '%s\\n' {text} ${HOME:+home} {{text}} | awk '{ print $0 }'")
    assert say('a\'b; $(touch x) "c"').stdout.splitlines() == ['a\'b; $(touch x) "c"', "home", "{text}"]


def test_bytes_that_are_no_text_reach_the_terminal_as_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert command("printf 'caf\\351\\n'")().stdout == "caf\ufffd"
    assert b"caf\xe9\n" in capfdbinary.readouterr().out


def test_scripts_for_interpreters() -> None:
    run = command(["python3", "-"], script="print('{word}'.upper())")
    assert run(word="abc").stdout == "ABC"


def test_retries_and_timeouts_are_the_engines(tmp_path: Path) -> None:
    flaky = command("echo x >> {log}; test $(wc -l < {log}) -ge 3", retries=2)

    @flow
    def study() -> None:
        flaky(str(tmp_path / "log"))
        told = _late(0.2).splitlines()
        assert re.fullmatch(
            r"study/slow-\d ran longer than its limit of [\d.]+ s and was stopped\. It last wrote:", told[0]
        )
        assert told[1:3] == ["said", "  command: echo said; sleep 1000"]
        assert told[3].startswith("  log: motet logs ") and Path(told[4].removeprefix("  folder: ")).is_dir()
        assert told[5].startswith("Give it a longer time limit")

    study()
    assert (tmp_path / "log").read_text() == "x\n" * 3


def _late(limit_s: float) -> str:
    """What is told of a command that is stopped at its limit, which is as long as it needs to say something first."""
    slow = command("echo said; sleep 1000", name="slow", timeout_seconds=limit_s, grace_seconds=0.1)
    with pytest.raises(TimedOut) as late:
        slow()
    return str(late.value) if "said\n" in str(late.value) else _late(5 * limit_s)


def test_a_time_limit_holds_outside_of_a_flow_too() -> None:
    told = _late(0.2)
    assert re.match(r"slow ran longer than its limit of [\d.]+ s and was stopped\. It last wrote:\nsaid", told)


def test_results_are_cached_by_command_arguments_and_content_of_files(tmp_path: Path) -> None:
    def counted(text: str) -> Finished:
        make = command("echo {text} > out", outputs=["out"])
        use = command(
            f"echo x >> {tmp_path}/count; cat {{file}} > copy", outputs=["copy"], cache_policy=INPUTS + TASK_SOURCE
        )

        @flow
        def study() -> Finished:
            found: Finished = use(make(text).output("out"))
            return found

        return study()

    first, second, third = counted("a"), counted("a"), counted("b")
    assert first.outputs == second.outputs != third.outputs
    assert (tmp_path / "count").read_text() == "x\n" * 2


def test_functions_in_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "metrics.py").write_text("def score(a, b=1):\n    return {'score': a * b}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    score = command(function="metrics:score", environment=Environment())
    assert score(a=1).place["environment"]["commits"] == {}

    @flow
    def study() -> list[float]:
        return [score(a=2, b=3).value["score"], *(each.result().value["score"] for each in score.map(a=[1, 5]))]

    assert study() == [6, 1, 5]


@pytest.mark.parametrize(
    ("url", "cure"), [("file:///nowhere", "insteadOf"), ("--upload-pack=touch x", "Give a URL or a path.")]
)
def test_an_environment_that_cannot_be_had_is_told_with_step_command_log_and_cure(url: str, cure: str) -> None:
    use = command("python -c 'import parts'", environment=Environment((Git("parts", url),)))

    @flow
    def study() -> None:
        use()

    with pytest.raises((EnvironmentFailed, UsageError)) as told:
        study()
    for part in ("Step study/python-0", "parts", "command: python -c", "motet logs", cure):
        assert part in str(told.value)


def test_a_failure_raises_with_step_command_log_and_cure() -> None:
    broken = command("echo no data >&2; exit 2", name="broken")

    @flow
    def study() -> None:
        broken()

    with pytest.raises(CommandFailed) as told:
        study()
    for part in ("study/broken-0", "exit status 2", "no data", "motet logs"):
        assert part in str(told.value)
    with pytest.raises(CommandFailed, match="no data") as told:
        broken()
    assert "motet logs" not in str(told.value), "outside of a flow nothing is kept"


def test_mounts_and_environment_variables(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("hello")
    show = command("cat in/a; echo $COLOUR", mounts={"in": str(tmp_path / "data")}, env={"COLOUR": "red"})
    assert show().stdout == "hellored"
    assert command("ls", mounts=[Mount("in", str(tmp_path / "data"), "ro")])().stdout == "in"


def test_a_task_may_make_a_command_itself() -> None:
    from motet.executors.commands.spec import Command

    @task(executor="commands")
    def made(word: str) -> Command:
        return Command(["echo", word], then=lambda finished: finished.stdout * 2)

    @flow
    def study() -> str:
        return str(made("ab"))

    assert study() == "abab"


def test_outputs_outlive_prune_as_long_as_their_run() -> None:
    make = command("echo kept > out", outputs=["out"])

    @flow
    def study() -> Finished:
        found: Finished = make()
        return found

    digest = study().output("out").digest
    assert digest in app.hosts.current().store.artifacts()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: command(), "no command"),
        (lambda: command([]), "no command"),
        (lambda: command(" "), "no command"),
        (lambda: command("true", outptus=["x"]), "outputs"),
        (lambda: command("true", place="moon"), "moon"),
        (lambda: command("true", resources={"memory": "lots"}), "quantity"),
        (lambda: command("true", grace_seconds=-1), "on true: grace_seconds"),
        (lambda: command("true", env={"SEED": 1}), "SEED"),
        (lambda: command("true", env={"A=B": "1"}), "A=B"),
        (lambda: command("true", outputs="model.pkl"), "list of paths"),
        (lambda: command("true", mounts=["in"]), "Mount"),
        (lambda: command("true", accept=1), "exit statuses"),
        (lambda: command("true", secrets=["TOKEN"]), "name of a secret"),
        (lambda: command("true", environment="numpy"), "Environment"),
        (lambda: command("true", resources={"pids": -4}), "-4 of pids"),
        (lambda: command(function="score"), "module:function"),
        (lambda: command("echo {a}")("x\0y"), "NUL"),
        (lambda: command("echo {a}", name="x")(), "a"),
    ],
)
def test_what_makes_no_sense_is_told_at_once(make: object, told: str) -> None:
    assert callable(make)
    with pytest.raises((UsageError, TypeError), match=told):
        make()


KILLED = """
from motet import command, flow

first = command("echo x >> {folder}/first", name="first")
second = command(
    "echo $$ > {folder}/pid; setsid sleep 1000 & test -e {folder}/go || sleep 1000", name="second", grace_seconds=1
)

@flow
def study(folder: str) -> str:
    first(folder)
    second(folder)
    return "done"
"""


def test_kill_9_of_the_engine_ends_its_commands_and_resume_repeats_nothing_recorded(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(textwrap.dedent(KILLED))
    motet = [sys.executable, "-m", "motet.cli"]
    engine = subprocess.Popen([*motet, "run", "study.py", "-p", f"folder={tmp_path}"], cwd=tmp_path)
    try:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the second began")
    finally:
        engine.kill()
        engine.wait()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not _lives(pid), "its process is gone")
    wait_until(
        lambda: not _with_variable(f"MOTET_HOME={os.environ['MOTET_HOME']}", str(os.getpid())),
        "all of the step is gone",
    )
    (tmp_path / "go").touch()
    run = subprocess.run([*motet, "ls", "--json"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    import json

    found = json.loads(run)
    name = (found["runs"] if isinstance(found, dict) else found)[0]["id"]
    subprocess.run([*motet, "resume", name], check=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert (tmp_path / "first").read_text() == "x\n"


def test_ctrl_c_ends_what_runs(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(textwrap.dedent(KILLED))
    motet = [sys.executable, "-m", "motet.cli"]
    engine = subprocess.Popen([*motet, "run", "study.py", "-p", f"folder={tmp_path}"], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "the second began")
    engine.send_signal(signal.SIGINT)
    assert engine.wait() != 0
    assert not _lives(int((tmp_path / "pid").read_text()))


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _with_variable(wanted: str, own: str) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and name != own:
            try:
                if wanted.encode() in Path(f"/proc/{name}/environ").read_bytes():
                    found.append(name)
            except OSError:
                continue
    return found


def test_prune_removes_what_failed_commands_of_pruned_runs_have_left() -> None:
    broken = command("echo x > left; exit 1", name="broken")

    @flow
    def study() -> None:
        broken()

    with pytest.raises(CommandFailed):
        study()
    home = Path(os.environ["MOTET_HOME"])
    (run,) = (each for each in (home / "work").iterdir() if (each / "study%2Fbroken-0-1").exists())
    assert (run / "study%2Fbroken-0-1" / "left").exists()
    old = run.stat().st_mtime - 100_000
    os.utime(run, (old, old))
    app.hosts.close()
    subprocess.run([sys.executable, "-m", "motet.cli", "prune", "--older-than", "0s"], check=True)
    assert not run.exists()
