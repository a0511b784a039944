"""Steps on this host: what is run, what is published of it, what is told of what goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.packtivity.conftest import Bench, cmd, script, spec_of

from motet.dialects.yadage.packtivity.environments import policy
from motet.dialects.yadage.packtivity.settings import Settings

NOTHING: dict[str, Any] = {"process": None, "environment": None}


class TestCommands:
    def test_parameters_stand_in_commands_as_text(self, bench: Bench) -> None:
        text = 'echo "{n:04d} {x} {l} {ll} {d} {d[b]} {s!r} {flag} {nothing} {{kept}}" > {workdir_}'
        parameters = {
            "n": 7, "x": 0.5, "l": [1, "two", 3.5], "ll": [[1], [2, 3]], "d": {"b": 1, "a": 2}, "s": "it is",
            "flag": False, "nothing": None, "workdir_": "out.txt",
        }  # fmt: skip
        bench.done(cmd(text), parameters)
        wanted = "0007 0.5 1 two 3.5 [1] [2, 3] {'a': 2, 'b': 1} 1 'it is' False None {kept}\n"
        assert bench.text("work/out.txt") == wanted

    def test_parameters_that_are_a_list_or_a_single_value(self, bench: Bench) -> None:
        bench.done(cmd("echo {1} {0} > out"), ["a", ["b", "c"]], "listed")
        bench.done(cmd("echo {value} > out"), "alone", "single")
        assert bench.text("listed/out") == "b c a\n"
        assert bench.text("single/out") == "alone\n"

    def test_a_script_is_read_by_its_interpreter_and_goes_on_after_a_line_that_fails(self, bench: Bench) -> None:
        bench.done(script("echo one\nfalse\necho {name} >&2\npwd"), {"name": "two"})
        assert sorted(bench.log().splitlines()) == [str(bench.folder / "work"), "one", "two"]

    @pytest.mark.parametrize(
        ("interpreter", "text", "said"),
        [
            ("python3 -u -", "import sys\nprint(sys.argv, '{x}')", "['-'] y"),
            ("X=1 python3 -", "import os\nprint([os.environ['X']], '{x}')", "['1'] y"),
        ],
    )
    def test_an_interpreter_with_arguments(self, bench: Bench, interpreter: str, text: str, said: str) -> None:
        bench.done(script(text, interpreter), {"x": "y"})
        assert bench.log().strip() == said

    def test_a_run_log_is_there_though_nothing_was_written(self, bench: Bench) -> None:
        bench.done(cmd("true"))
        assert bench.log() == ""

    def test_environments_that_run_nothing(self, bench: Bench) -> None:
        noop = cmd("touch made; echo {x}", environment={"environment_type": "noop-env"})
        assert bench.done(noop, {"x": 1}) == {}
        assert not (bench.folder / "work/made").exists()
        assert "touch made; echo 1" in bench.log()
        by_hand = {"process_type": "manual-instructions-proc", "instructions": "Turn the knob."}
        bench.done({**noop, "process": by_hand}, {"angle": 30}, "hand")
        assert bench.log("hand").splitlines() == ["Turn the knob.", "angle: 30"]


class TestFailures:
    def test_a_command_that_fails_is_told_with_stage_command_logs_and_cure(self, bench: Bench) -> None:
        told = bench.failed(script("echo before\nexit 4"), at="fit_0")
        for part in (
            "Step fit_0: ended with exit status 4.", "before", "step fit_0", "sh < echo before ...", "motet logs ",
            str(bench.folder / "fit_0/_packtivity/fit_0.run.log"), "resume the run",
        ):  # fmt: skip
            assert part in told, told

    @pytest.mark.parametrize(
        ("text", "parameters", "parts"),
        [
            ("echo {mesage}", {"message": 1}, ["{mesage}", "Did you mean message?"]),
            ("echo {a}", {}, ["{a}", "there are: none", "double the braces"]),
            ("echo {d[z]}", {"d": {"y": 1}}, ["'z'"]),
            ("echo {0} {1}", [1], ["more placeholders than the 1 values"]),
            ("echo {x:03d}", {"x": "text"}, ["cannot be filled in", "Unknown format code 'd'"]),
            ("echo {x.__class__}", {"x": 1}, ["inside of a value"]),
        ],
    )
    def test_what_placeholders_ask_for_in_vain(
        self, bench: Bench, text: str, parameters: Any, parts: list[str]
    ) -> None:  # fmt: skip
        told = bench.failed(cmd(text), parameters)
        assert all(part in told for part in (*parts, "Step work: the command"))

    def test_the_line_of_a_script_is_named(self, bench: Bench) -> None:
        told = bench.failed(script("echo 1\n# {workdir} is where it is\n"), {"x": 1})
        assert "the script, line 2, asks for {workdir}" in told

    def test_a_publisher_that_finds_no_file(self, bench: Bench) -> None:
        told = bench.failed(cmd("touch other.yml", {"publisher_type": "fromyaml-pub", "yamlfile": "out.yml"}))
        assert "out.yml, which cannot be read: No such file" in told
        assert "there are: other.yml" in told
        assert "command: touch other.yml" in told

    def test_another_attempt_begins_with_an_empty_folder_of_its_own(self, bench: Bench) -> None:
        listing = cmd("ls > list.txt")
        bench.run(cmd("touch left; mkdir more; exit 1"))
        bench.done(listing)
        assert bench.text("work/list.txt").split() == ["_packtivity", "list.txt"]
        bench.run(cmd("touch left; exit 1"), at="shared", own=False)
        bench.done(listing, at="shared", own=False)
        assert bench.text("shared/list.txt").split() == ["_packtivity", "left", "list.txt"]


class TestUpstream:
    def test_a_step_that_changes_the_files_of_one_before_it_is_told(self, bench: Bench) -> None:
        bench.done(cmd("echo old > a; echo old > b"), at="first")
        _, row = bench.run(
            cmd("echo new > {at}/a; rm {at}/b"), {"at": str(bench.folder / "first")}, readonly=("first",)
        )
        assert row.result["wrote_upstream"] == [str(bench.folder / "first/a"), str(bench.folder / "first/b")]
        assert bench.text("first/a") == "new\n"
        assert "files of steps before it were changed" in bench.log()

    def test_one_that_only_reads_is_not(self, bench: Bench) -> None:
        bench.done(cmd("echo old > a; mkdir sub"), at="first")
        _, row = bench.run(cmd("cat {at}/a"), {"at": str(bench.folder / "first")}, readonly=("first",))
        assert "wrote_upstream" not in row.result
        assert bench.log() == "old\n"

    def test_of_a_folder_with_very_many_files_those_that_are_named_are_looked_at(self, bench: Bench) -> None:
        many = bench.folder / "many"
        many.mkdir()
        for number in range(300):
            (many / f"{number}").touch()
        given = {"files": [str(many / "5"), str(many / "6")]}
        _, row = bench.run(cmd("for each in {files}; do echo x >> $each; done"), given, readonly=("many",))
        assert row.result["wrote_upstream"] == given["files"]
        bench.settings = Settings(cached=True)
        _, row = bench.run(cmd("touch {files}; echo x >> " + str(many / "7")), given, "other", readonly=("many",))
        assert row.result["wrote_upstream"] == [*given["files"], str(many / "7")]


class TestRoom:
    def test_a_folder_that_cannot_be_made_is_told_as_any_failure_of_a_step(self, bench: Bench) -> None:
        (bench.folder / "taken").write_text("no folder")
        told = bench.failed(cmd("true"), at="taken/step")
        for part in ("Step taken/step: it could not be run: ", "Not a directory", "of: step taken/step", "motet logs"):
            assert part in told, told


class TestPolicy:
    def test_a_step_is_tried_again(self, bench: Bench) -> None:
        bench.settings = Settings(retries=1)
        text = "touch left; test -e {f} || {{ touch {f}; exit 1; }}"
        _, row = bench.run(cmd(text), {"f": str(bench.folder / "tried")})
        assert (row.status, row.attempt) == ("succeeded", 2)

    def test_what_a_retry_would_not_mend_is_not_tried_again(self, bench: Bench) -> None:
        bench.settings = Settings(retries=3)
        run, row = bench.run(cmd("echo {missing}"))
        assert (run.status, row.attempt) == ("failed", 1)

    def test_a_step_that_takes_too_long_is_ended(self, bench: Bench) -> None:
        bench.settings = Settings(timeout_s=0.2)
        told = bench.failed(cmd("echo begun; sleep 600"))
        assert "ran longer than its limit of 0.2 s" in told

    @pytest.mark.parametrize(
        ("resources", "timeout_s", "demands"),
        [
            ([], None, {}),
            (["CVMFS", {"kubernetes_job_timeout": 60}], 60.0, {}),
            ([{"kubernetes_memory_limit": "1Gi", "kubernetes_cpu_request": "500m"}], None,
             {"resource:memory": 2.0**30, "resource:cpu": 0.5}),
            ([{"c4p_cpu_cores": 64}], None, {"resource:cpu": 4.0}),
        ],
    )  # fmt: skip
    def test_resources_come_to_limits_and_demands(
        self, bench: Bench, resources: list[Any], timeout_s: float | None, demands: dict[str, float]
    ) -> None:
        place = {"environment_type": "docker-encapsulated", "image": "busybox", "resources": resources}
        spec = spec_of(cmd("true", environment=place), bench.folder)
        found = policy(spec, Settings(), {"cpu": 4.0, "memory": 2.0**34})
        assert found.timeout_s == timeout_s
        assert {name: each for name, each in found.demands.items() if name.startswith("resource:")} == demands
