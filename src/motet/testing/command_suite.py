"""What commands have to do in every place, as tests: subclass `CommandSuite` and say which place.

    class TestMine(CommandSuite):
        place = Container("busybox", engine="docker", network="none")

A place needs /bin/sh with the usual small programs, and nothing more. `absolute`: mounts may be at absolute paths.
`covers`: a mount may lie over what is in the folder already. `python`: there is an interpreter. `memory`, `groups`:
memory is limited; processes and processor time are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

from motet.artifacts.files import FileArtifacts
from motet.executors.commands.executor import CommandExecutor
from motet.executors.commands.marks import marked
from motet.executors.commands.records import read_finished
from motet.executors.commands.setting import Setting, attempt_folder
from motet.executors.commands.spec import ANY, Command, Finished, Function, Host, Limits, Mount, Place
from motet.ports import Failure, Outcome, Stopped, Success
from motet.testing.executor_tasks import Outcomes, wait_until

_SECRET = "s3cr3t-value"
HIDING = "env -i setsid /bin/sh -c '(sleep {name} &) >/dev/null 2>&1 </dev/null'"
"""Leaves its group and session, clears its environment, closes its pipes and lets go of its parent, within moments."""


def sleeping(name: str) -> list[int]:
    """The processes of this host, in containers too, that `sleep NAME`: those that HIDING has left."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == f"sleep\0{name}\0".encode():
                found.append(int(entry.name))
    return found


_MESSAGES = {
    "no-such-program x": ("Check the name of the program",),
    "echo \"ModuleNotFoundError: No module named 'parts'\" >&2; exit 1": ("the package that gives parts",),
    "echo write error: No space left on device >&2; exit 1": ("Free some space",),
    "echo why >&2; exit 3": ("exit status 3", "why", "repair what it names"),
}
"""Commands that fail, and what is said of it beside step, command and log."""


class CommandBench:
    """An executor for commands in one place, with its artifacts, in a folder that goes at the end."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.folder = folder
        self.place = place
        self.artifacts = FileArtifacts(str(folder / "artifacts"))
        self.setting = Setting(str(folder / "work"), lambda: self.artifacts, lambda name: _SECRET)
        self.executor = CommandExecutor(self.setting, 2, tee=False)
        self.outcomes = Outcomes()

    def run(self, run: Any, **fields: Any) -> Outcome:
        """How the command ends."""
        return self.outcomes.run(self.executor, lambda: Command(run, place=self.place, **fields))

    def done(self, run: Any, **fields: Any) -> Finished:
        """How the command, which succeeds, ends."""
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Success), outcome
        assert isinstance(outcome.value, Finished), outcome
        return outcome.value

    def failed(self, run: Any, **fields: Any) -> dict[str, Any]:
        """The record of the error of the command, which fails."""
        outcome = self.run(run, **fields)
        assert isinstance(outcome, Failure), outcome
        return dict(outcome.error)

    def begin(self, run: Any, *, grace_s: float, **fields: Any) -> Callable[[], Outcome]:
        """Start the command as element 900; gives what waits for its end."""
        before = len(self.outcomes.reports)
        make = lambda: Command(run, place=self.place, **fields)  # noqa: E731
        self.executor.start(self.outcomes.attempt(make, element=900, grace_s=grace_s))
        return lambda: self.outcomes.wait(before + 1)[before]

    def left(self) -> dict[str, Any]:
        """What is left of element 900, which was stopped."""
        return read_finished(attempt_folder(str(self.folder / "work"), "run", "step[900]", 1)) or {}

    def content(self, finished: Finished, path: str) -> str:
        """The content of an output."""
        return bytes(self.artifacts.get(finished.output(path).digest)).decode()

    def paths(self, finished: Finished) -> list[str]:
        """The paths of the outputs."""
        return [each.path for each in finished.outputs]

    def given(self, **files: str) -> Path:
        """A folder of the host with these files."""
        made = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in files.items():
            (made / name).write_text(text)
        return made


class CommandSuite:
    """The conformance suite of places."""

    place: ClassVar[Place] = Host()
    absolute = True
    covers = True
    python = True
    memory = True
    groups = True

    @contextmanager
    def opened(self) -> Iterator[CommandBench]:
        """A bench for the time of a test; nothing of any command outlives it."""
        with tempfile.TemporaryDirectory(prefix="motet-suite-", ignore_cleanup_errors=True) as folder:
            bench = CommandBench(Path(folder).resolve(), self.place)
            try:
                yield bench
            finally:
                bench.executor.close(kill=True)
            wait_until(lambda: not marked(bench.setting.mark), "no process of a command is left")

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
            assert _SECRET not in str(bench.outcomes.lines)

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
            assert end() == Stopped("enough")
            assert not marked(bench.setting.mark)

    def test_what_hides_ends_with_the_stop(self) -> None:
        with self.opened() as bench:
            name = f"{10**6 + os.getpid()}"
            hiding = HIDING.format(name=name)
            end = bench.begin(f"{hiding}; {hiding}; echo begun; sleep 1000", grace_s=0.1)
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900) and len(sleeping(name)) == 2, "it hides")
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert end() == Stopped("enough")
            wait_until(lambda: not sleeping(name), "nothing that hides is left")

    def test_stop_gives_grace_and_keeps_outputs(self) -> None:
        with self.opened() as bench:
            run = "trap 'echo last > out; exit 0' TERM; echo begun; while :; do sleep 0.1; done"
            end = bench.begin(run, grace_s=30.0, outputs=("out",))
            wait_until(lambda: "begun" in bench.outcomes.texts("stdout", 900), "it has begun")
            bench.executor.stop("run", "step", 900, 1, "enough")
            assert end() == Stopped("enough")
            assert [each["path"] for each in bench.left()["outputs"]] == ["out"]

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
            assert bench.outcomes.texts("stderr") == ["over"]
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
            assert bench.done("ln -s /etc out", outputs=("**/*",), changed=True).outputs == ()

    # -- mounts

    def test_a_mount_in_the_folder_takes_writes_that_are_outputs(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a", b="b")
            mounts = (Mount("in", str(source)), Mount("in/deep/one", str(source / "b")))
            finished = bench.done(
                "cat in/a in/deep/one; echo c > in/c; echo d >> in/a", mounts=mounts, outputs=("in/c", "in/a")
            )
            assert finished.stdout == "ab"
            assert bench.content(finished, "in/c") == "c\n"
            assert bench.content(finished, "in/a") == "ad\n"
            assert {path.name: path.read_text() for path in source.iterdir()} == {"a": "a", "b": "b"}

    def test_what_changed_is_told_of_mounts_too(self) -> None:
        with self.opened() as bench:
            source = bench.given(kept="k", gone="g", written="w")
            (source / "old").mkdir()
            (source / "old" / "deep").write_text("d")
            read, one = bench.given(a="a"), bench.given(b="b")
            mounts = (
                Mount("in", str(source)), Mount("only", str(read), "ro"), Mount("deep/er/one", str(one / "b")),
                Mount("two", str(one / "b"), "ro"),
            )  # fmt: skip
            change = "rm in/gone; rm -r in/old; mkdir in/old; echo n > in/new; echo x > in/written"
            run = f"cat only/a deep/er/one two; {change}"
            finished = bench.done(run, mounts=mounts, changed=True)
            assert finished.stdout == "abb"
            assert bench.paths(finished) == ["in/new", "in/written"]
            assert finished.removed == ("in/gone", "in/old/deep")
            assert sorted(os.listdir(source)) == ["gone", "kept", "old", "written"]

    def test_paths_of_mounts_with_any_sign(self) -> None:
        with self.opened() as bench:
            name = 'a b:c,d"e=f\ng\\h'
            source = bench.given(x="x") / name
            source.mkdir()
            (source / "y").write_text("y")
            target = f"/{name}" if self.absolute else name
            run, mounts = 'cat "$WHERE/y"; echo z > "$WHERE/z"; cat "$WHERE/z"', (Mount(target, str(source)),)
            assert bench.done(run, mounts=mounts, env={"WHERE": target}).stdout == "yz"
            assert os.listdir(source) == ["y"]

    def test_mounts_through_links_and_into_other_mounts(self) -> None:
        with self.opened() as bench:
            source = bench.given(a="a")
            (source / "sub").mkdir()
            link = source.parent / f"{source.name}-link"
            link.symlink_to(source)
            assert bench.done("cat in/a", mounts=(Mount("in", str(link)),)).stdout == "a"
            lost = bench.failed("true", mounts=(Mount("in", str(source / "nothing")),))
            assert "not there" in lost["message"]
            assert lost["type"] == "UsageError"
            for mode in ("ro", "rw") if self.absolute else ():
                mounts = (Mount("/data/sub", str(bench.given(b="b"))), Mount("/data", str(source), mode))
                assert bench.done("cat /data/a /data/sub/b", mounts=mounts).stdout == "ab"
            if self.absolute:
                mounts = (Mount("/data", str(source), "rw"), Mount("/data/new", str(source / "a")))
                assert "no such path" in bench.failed("true", mounts=mounts)["message"]
            assert sorted(os.listdir(source)) == ["a", "sub"]

    def test_a_file_of_another_step_is_mounted(self) -> None:
        with self.opened() as bench:
            file = bench.done("echo hello > a", outputs=("a",)).output("a")
            finished = bench.done("cat in; echo more >> in", mounts=(Mount("in", file),))
            assert finished.stdout == "hello"
            assert finished.inputs[0]["artifact"] == file.digest
            assert bytes(bench.artifacts.get(file.digest)) == b"hello\n"

    def test_absolute_mounts_and_writes_beside_them(self) -> None:
        if self.absolute:
            with self.opened() as bench:
                source = bench.given(**{"input.txt": "text", "more": "more"})
                run = "cat /data/input.txt; echo x > /data/vocab.pkl; ls /data; echo y >> /data/input.txt"
                finished = bench.done(run, mounts=(Mount("/data/input.txt", str(source / "input.txt")),))
                assert finished.stdout.splitlines() == ["textinput.txt", "vocab.pkl"]
                run = "cat /mnt/check/points/more; echo z > /mnt/check/points/new; cat /mnt/check/points/new"
                assert bench.done(run, mounts=(Mount("/mnt/check/points", str(source)),)).stdout == "morez"
                assert sorted(os.listdir(source)) == ["input.txt", "more"]
                assert (source / "input.txt").read_text() == "text"
                assert not os.path.exists("/mnt/check")

    def test_read_only_mounts_cannot_be_written_and_others_can(self) -> None:
        if self.absolute:
            with self.opened() as bench:
                source = bench.given(a="a")
                mounts = (Mount("/data", str(source), "ro"),)
                bench.failed("echo b > /data/b", mounts=mounts)
                assert not (source / "b").exists()
                bench.done("echo b > /data/b", mounts=(Mount("/data", str(source), "rw"),))
                assert (source / "b").read_text() == "b\n"

    def test_a_mount_covers_what_is_there(self) -> None:
        if self.covers:
            with self.opened() as bench:
                repository, source = bench.given(), bench.given(fresh="fresh")
                (repository / "save").mkdir()
                (repository / "save" / "old").write_text("old")
                mounts = (Mount("save", str(source)),)
                finished = bench.done(
                    "ls save; echo n > save/n", folder=str(repository), mounts=mounts, outputs=("save/n",)
                )
                assert finished.stdout == "fresh"
                assert bench.content(finished, "save/n") == "n\n"
