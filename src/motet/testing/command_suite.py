"""What commands have to do in every place, as tests: subclass `CommandSuite` and say which place.

    class TestMine(CommandSuite):
        place = Container("busybox", engine="docker", network="none")

A place needs /bin/sh with the usual small programs, and nothing more. `absolute`: mounts may be at absolute paths.
`covers`: a mount may lie over what is in the folder already. `python`: there is an interpreter. `memory`, `groups`:
memory is limited; processes and processor time are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from motet.executors.commands.looking import Look
from motet.executors.commands.marks import marked
from motet.executors.commands.spec import ANY, Function, Limits, Mount
from motet.ports import Failure, Outcome, Stopped, Success
from motet.testing.command_bench import HIDING, SECRET, CommandBench, sleeping
from motet.testing.command_checks_mounts import MountChecks
from motet.testing.executor_tasks import wait_until

__all__ = ["HIDING", "CommandBench", "CommandSuite", "reason", "sleeping"]


_MESSAGES = {
    "no-such-program x": ("Check the name of the program",),
    "echo \"ModuleNotFoundError: No module named 'parts'\" >&2; exit 1": ("the package that gives parts",),
    "echo write error: No space left on device >&2; exit 1": ("Free some space",),
    "echo why >&2; exit 3": ("exit status 3", "why", "repair what it names"),
}
"""Commands that fail, and what is said of it beside step, command and log."""


def reason(outcome: Outcome) -> str:
    """Why it was stopped."""
    assert isinstance(outcome, Stopped), outcome
    return outcome.reason


class CommandSuite(MountChecks):
    """The conformance suite of places."""

    # -- what is run

    def test_shell_text_and_argument_lists(self) -> None:
        with self.opened() as bench:
            assert bench.done("echo $((6 * 7)) | cat").stdout == "42"
            assert bench.done(["printf", "%s|", "a b", "$HOME", "-x"]).stdout == "a b|$HOME|-x|"

    def test_standard_input_is_the_script_or_nothing(self) -> None:
        with self.opened() as bench:
            assert bench.done(["/bin/sh", "-s", "one"], stdin="echo got $1\n").stdout == "got one"
            assert bench.done("wc -c").stdout.strip() == "0"

    def test_variables_and_working_directory(self) -> None:
        with self.opened() as bench:
            run, env = 'echo "$COLOUR $MOTET_STEP"; pwd; echo x > y', {"COLOUR": "a b"}
            finished = bench.done(run, env=env, cwd="in/ner", outputs=("in/ner/y",))
            assert finished.stdout.splitlines()[0] == "a b step[0]"
            assert finished.stdout.splitlines()[1].endswith("/in/ner")
            assert bench.content(finished, "in/ner/y") == "x\n"

    def test_secrets_reach_the_command_and_no_log(self) -> None:
        with self.opened() as bench:
            assert bench.done('echo "it is $TOKEN, ${#TOKEN}"', secrets={"TOKEN": "any"}).stdout == "it is ***, 12"
            assert SECRET not in str(bench.outcomes.lines)

    def test_what_it_says_is_whole_is_what_the_next_attempt_begins_from(self) -> None:
        with self.opened() as bench:
            made: list[Mapping[str, Any]] = []

            def keep(one: Mapping[str, Any]) -> int:
                made.append(one)
                return len(made)

            run = 'cd "$MOTET_CHECKPOINT"; cat n 2>/dev/null && exit; echo whole > n; echo epoch=7 > .done; '
            run += "while [ -e .done ]; do sleep 0.1; done; echo torn > n; exit 3"
            assert isinstance(bench.tried(run, keep=keep), Failure)
            (one,) = made
            assert one["labels"] == {"epoch": 7}
            content = {"artifact": one["digest"], "size_bytes": one["size_bytes"]}
            entry = {"number": 1, "attempt": 1, "at": 0.0, "content": content, "labels": one["labels"]}
            again = bench.tried(run, keep=keep, number=2, context={"checkpoints": [entry]})
            assert isinstance(again, Success), again
            assert again.value.stdout == "whole"

    def test_a_function_gives_its_value(self) -> None:
        if self.python:
            with self.opened() as bench:
                assert bench.done(Function("os.path:basename", {"p": "/a/b"})).value == "b"
                error = bench.failed(Function("os.path:basename", {"p": 3}))
                assert error["type"] == "TypeError"

    # -- how it ends

    def test_exit_statuses(self) -> None:
        with self.opened() as bench:
            for run, parts in _MESSAGES.items():
                error = bench.failed(run)
                for part in ("Step step[", f"command: {run}\n", "log: motet logs run step[", *parts):
                    assert part in error["message"], error["message"]
            assert error["finished"]["exit_code"] == 3
            assert bench.done("exit 7", accept=ANY).exit_code == 7

    def test_a_signal_is_named(self) -> None:
        with self.opened() as bench:
            assert "SIGSEGV" in bench.failed("sh -c 'kill -SEGV $$'; status=$?; kill -SEGV $$; exit $status")["message"]

    def test_a_program_that_is_not_there(self) -> None:
        with self.opened() as bench:
            assert "no-such-program" in str(bench.failed(["no-such-program"])) + str(bench.outcomes.lines)

    def test_stop_ends_the_whole_tree(self) -> None:
        with self.opened() as bench:
            end = bench.begin(
                "trap '' TERM; (sleep 1000 & sleep 1000) & echo begun; sleep 1000; sleep 1000", grace_s=0.2
            )
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900), "it has begun")
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert reason(end()) == "enough"
            assert not marked(bench.setting.mark)

    def test_what_hides_ends_with_the_stop(self) -> None:
        with self.opened() as bench:
            name = f"{10**6 + os.getpid()}"
            hiding = HIDING.format(name=name)
            end = bench.begin(f"{hiding}; {hiding}; echo begun; sleep 1000", grace_s=0.1)
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900) and len(sleeping(name)) == 2, "it hides")
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert reason(end()) == "enough"
            wait_until(lambda: not sleeping(name), "nothing that hides is left")

    def test_stop_gives_grace_and_keeps_outputs(self) -> None:
        with self.opened() as bench:
            run = "trap 'echo last > out; exit 0' TERM; echo begun; while :; do sleep 0.1; done"
            end = bench.begin(run, grace_s=30.0, outputs=("out",))
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900), "it has begun")
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert reason(end()) == "enough"
            assert [each["path"] for each in bench.left()["outputs"]] == ["out"]

    def test_its_folder_can_be_looked_into_while_it_runs(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a", b="b")
            run = "echo x > out; ln -s /etc/passwd link; mkdir deep; echo y > deep/in; echo z >> data/a"
            run = f"{run}; echo begun; sleep 1000"
            end = bench.begin(run, grace_s=0.0, mounts=(Mount("data", str(source)),), outputs=("out",))
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900), "it has begun")
            look = Look(bench.setting.folder, "run", "step[900]", 1)
            assert sorted(path for path, _ in look.files()) == ["data/a", "data/b", "deep/in", "out"]
            to = bench.folder / "copied"
            assert look.copy("data", str(to)) == ["data/a", "data/b"]
            assert (to / "data" / "a").read_text() == "az\n"
            (kept,) = look.snapshot(bench.artifacts, "deep/in")
            assert bytes(bench.artifacts.get(kept.digest)) == b"y\n"
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert reason(end()) == "enough"

    def test_out_of_memory_is_called_so(self) -> None:
        if self.memory:
            with self.opened() as bench:
                run = "x=$(head -c 300000000 /dev/zero | tr '\\0' a); echo ${#x}; exit 9"
                error = bench.failed(run, limits=Limits(memory_bytes=48 * 2.0**20))
                assert "out of memory (OOM)" in error["message"], error["message"]
                assert "resources" in error["message"]

    def test_too_many_processes_are_not_had(self) -> None:
        if self.groups:
            with self.opened() as bench:
                run = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 9 & done; echo all"
                error = bench.failed(run, limits=Limits(pids=12))
                assert "all" not in bench.outcomes.texts("stdout"), error

    def test_processor_time_is_limited(self) -> None:
        if self.groups:
            with self.opened() as bench:
                run = "timeout 1 sh -c 'while :; do :; done'; times"
                spent = bench.done(run, limits=Limits(cpus=0.1)).stdout.split()[2]  # of what it started: "0m0.10s"
                assert float(spent.partition("m")[2].rstrip("s")) < 0.4

    def test_too_large_a_folder_ends_it(self) -> None:
        with self.opened() as bench:
            error = bench.failed("head -c 20000000 /dev/zero > big; sleep 1000", limits=Limits(disk_bytes=1e6))
            assert "limit of disk" in error["message"]

    # -- logs

    def test_lines_are_in_order_and_complete(self) -> None:
        with self.opened() as bench:
            bench.done("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; echo over >&2; printf end")
            assert bench.outcomes.texts("stdout") == [f"line {number}" for number in range(5000)] + ["end"]
            assert [each for each in bench.outcomes.texts("stderr") if "(motet:" not in each] == ["over"]
            times = [at for _, stream, _, at in bench.outcomes.lines if stream == "stdout"]
            assert times == sorted(times)

    # -- outputs

    def test_outputs_by_path_glob_folder_and_change(self) -> None:
        with self.opened() as bench:
            run = "mkdir -p a/b; echo 1 > a/b/1.txt; echo 2 > a/2.txt; echo 3 > top"
            assert bench.paths(bench.done(run, outputs=("a", "t*"))) == ["a/2.txt", "a/b/1.txt", "top"]
            there = bench.given(same="same", changed="a")
            run = "echo b > changed; echo '*' > .gitignore; cat same"
            assert bench.paths(bench.done(run, folder=str(there), changed=True)) == [".gitignore", "changed"]

    def test_outputs_of_a_failure_are_kept_and_missing_ones_fail(self) -> None:
        with self.opened() as bench:
            error = bench.failed("echo half > half; exit 1", outputs=("half", "never"))
            assert [each["path"] for each in error["finished"]["outputs"]] == ["half"]
            assert "never" in bench.failed("echo 1 > nevver", outputs=("never",))["message"]

    def test_outputs_that_lead_out_are_refused(self) -> None:
        with self.opened() as bench:
            for path in ("../x", "/etc/passwd", "a/../../b"):
                assert bench.failed("true", outputs=(path,))["type"] == "UsageError"
            assert "leads out" in bench.failed("ln -s /etc/passwd out", outputs=("out",))["message"]
            for run in ("mkfifo out", "ln -s nothing out"):
                assert "its output out is no file" in bench.failed(run, outputs=("out",))["message"]
            assert bench.done("ln -s /etc out", outputs=("**/*",), changed=True).outputs == ()
            run = "mkdir d; ln -s /etc/passwd d/out; ln -s /etc d/all; ln -s nothing d/none; echo 1 > d/own"
            assert bench.paths(bench.done(run, outputs=("d",))) == ["d/own"]
