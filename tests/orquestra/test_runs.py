"""Whole runs of workflows over components in git: what is computed, passed on, cached, skipped, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli
from tests.orquestra.conftest import Remotes
from tests.orquestra.workflows import BLOSSOMS, changed, odd, step

from motet.dialects.orquestra.ids import step_id
from motet.executors.commands import far


def run(cli: Cli, text: str, *options: str, code: int = 0) -> dict[str, Any]:
    """The run of a workflow with this text, as JSON."""
    cli.write("w.yaml", text)
    found = cli.json("run", "w.yaml", *options, code=code)
    (only,) = found["runs"]
    assert isinstance(only, dict)
    return only


def steps(cli: Cli, run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The steps of a run by name."""
    return {each["key"]: each for each in cli.json("show", run["id"])["steps"]}


def results(cli: Cli, run: dict[str, Any]) -> Any:
    return json.loads(cli("results", run["id"]).out)


def test_three_steps_of_two_components(cli: Cli) -> None:
    done = run(cli, BLOSSOMS)
    assert done["status"] == "succeeded"
    found = results(cli, done)
    assert found["draw-points"]["points"] == {
        "points": [[0, 1.0], [1, 3.0], [2, 5.0], [3, 7.0]], "schema": "own-schema",
    }  # fmt: skip
    assert (found["fit-line"]["line"]["slope"], found["fit-line"]["line"]["start"]) == (2.0, 1.0)
    assert found["fit-line"]["line"]["given"].endswith("points.json"), "an artifact arrives as the path of a JSON file"
    assert found["score"]["mean-error"]["mean"] == 0.0
    assert done["result"] == {"score": {"mean-error": found["score"]["mean-error"]}}
    assert done["program"]["imports"]["garden"]["commit"]


def test_what_does_not_change_does_not_run_again(cli: Cli) -> None:
    run(cli, BLOSSOMS)
    again = steps(cli, run(cli, BLOSSOMS))
    assert {name: each["cached"] for name, each in again.items()} == dict.fromkeys(again, True)
    text = changed("file: scores/tasks/score.py", "file: scores/./tasks/score.py")  # the same file
    assert all(each["cached"] for each in steps(cli, run(cli, text)).values())
    steeper = steps(cli, run(cli, BLOSSOMS, "--set", "draw-points.slope=3.0"))
    assert not any(each["cached"] for each in steeper.values())
    anew = steps(cli, run(cli, BLOSSOMS, "--no-cache"))
    assert not any(each["cached"] for each in anew.values())


def test_only_the_cone_of_a_change_runs(cli: Cli) -> None:
    text = odd(
        step("a", "tell", "x: 1"), step("b", "tell", "x: 2"), step("c", "tell", "y: ((b.told))"),
        step("d", "tell", "y: ((a.told))"),
    )  # fmt: skip
    run(cli, text)
    again = steps(cli, run(cli, text, "--set", "b.x=3"))
    assert {name for name, each in again.items() if not each["cached"]} == {"b", "c"}
    assert len(cli.counted()) == 6


def test_literals_reach_the_function_as_yaml_has_them(cli: Cli) -> None:
    given = 'a: "None"; b: null; c: [1, {d: 2.5}]; e: true; f: "((not.a reference))"; g: 007'
    done = run(cli, odd(step("one", "tell", given)))
    assert results(cli, done)["one"]["told"] == {
        "a": "None", "b": None, "c": [1, {"d": 2.5}], "e": True, "f": "((not.a reference))", "g": 7,
    }  # fmt: skip


def test_parallel_steps_overlap(cli: Cli, tmp_path: Path) -> None:
    text = odd(
        step("left", "meet", f"own: l; other: r; folder: {tmp_path}"),
        step("right", "meet", f"own: r; other: l; folder: {tmp_path}"),
    )  # fmt: skip
    cli.env["MOTET_COMMANDS"] = "2"
    assert run(cli, text)["status"] == "succeeded"


def test_a_failed_step_leaves_independent_branches_running(cli: Cli) -> None:
    text = odd(
        step("bad", "broken", "word: luck"), step("after-bad", "tell", "x: ((bad.told))"),
        step("after-that", "tell", "x: 1", more="  passed: [after-bad]\n"),
        step("good", "slow", "word: fine; seconds: 0.3"), step("after-good", "tell", "x: ((good.told))"),
    )  # fmt: skip
    done = run(cli, text, code=1)
    assert {name: each["status"] for name, each in steps(cli, done).items()} == {
        "bad": "failed", "after-bad": "skipped", "after-that": "skipped",
        "good": "succeeded", "after-good": "succeeded",
    }  # fmt: skip
    assert done["error"]["message"].splitlines() == [
        "Step bad failed: ValueError: no luck", "Not run because of that: after-bad, after-that.",
        f"What they wrote: motet logs {done['id']} bad",
    ]  # fmt: skip
    told = cli("qe", "get", "workflow", done["id"]).out
    assert "Status:              Failed" in told
    assert told.count("omitted: depends condition not met") == 2
    assert "ValueError: no luck" in told
    assert "ValueError: no luck" in cli("logs", done["id"], "bad").out, "where the message leads"
    said = cli.json("show", done["id"], "bad")["error"]
    assert "steps/odd.py" in said["traceback"]
    assert set(results(cli, done)) == {"good", "after-good"}, "what has succeeded is kept"


def test_a_missing_or_garbled_output_fails_its_step_and_says_how(cli: Cli) -> None:
    done = run(cli, odd(step("a", "forgetful", "word: x"), step("b", "garbled", "word: x")), code=1)
    told = {name: each["error"]["message"] for name, each in steps(cli, done).items()}
    assert (
        "Step a ended without its output 'told': forgetful() in steps/odd.py should have written told.json" in told["a"]
    )
    assert "It wrote: other.json." in told["a"]
    assert "told.json is no JSON" in told["b"]


def test_kill_and_resume_runs_nothing_twice(cli: Cli) -> None:
    text = odd(
        step("first", "slow", "word: one; seconds: 0"),
        step("second", "held", "word: two", more="  passed: [first]\n"),
        step("third", "tell", "x: ((second.told))"),
    )  # fmt: skip
    cli.write("w.yaml", text)
    process = cli.start("run", "w.yaml")
    cli.wait_for_count(3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (cli.folder / "go").touch()
    (row,) = cli.recorded()
    cli("resume", row.id)
    counted = cli.counted()
    assert counted.count("one") == counted.count("one-ends") == 1
    assert counted.count("tell") == 1
    assert counted.count("two") == 2, "what was running when the engine was killed runs again"
    assert {each["status"] for each in steps(cli, {"id": row.id}).values()} == {"succeeded"}


def test_a_failed_run_is_taken_up_where_it_failed(cli: Cli, remotes: Remotes) -> None:
    text = odd(step("a", "slow", "word: once; seconds: 0"), step("b", "flaky", "word: x", more="  passed: [a]\n"))
    done = run(cli, text, code=1)
    cli("resume", done["id"], code=1)
    cli("resume", done["id"])
    assert cli.counted() == ["once", "once-ends", "flaky", "flaky", "flaky"]


def test_retries_and_time_limits(cli: Cli) -> None:
    text = odd(
        step("a", "flaky", "word: x", more="  retry: {limit: 4, delay: 10ms}\n"),
        step("b", "slow", "word: late; seconds: 60", more="  timeout: 0.3s\n"),
    )  # fmt: skip
    found = steps(cli, run(cli, text, code=1))
    assert (found["a"]["status"], found["a"]["attempt"]) == ("succeeded", 3)
    assert found["b"]["status"] == "failed"
    assert "ran longer than its limit of 0.3 s" in found["b"]["error"]["message"]


def test_files_that_are_no_json_are_passed_on_and_no_part_of_results(cli: Cli) -> None:
    heavy = step("heavy", "binary", "size: 5000").replace("name: told,", "name: weights, path: /app/weights.bin,")
    done = run(cli, odd(heavy, step("light", "weigh", "weights: ((heavy.weights))")))
    assert results(cli, done) == {"heavy": {}, "light": {"told": {"size": 5000, "name": "weights.bin"}}}


def test_the_files_of_imports_are_at_hand(cli: Cli) -> None:
    done = run(cli, odd(step("a", "reading", 'folder: ""')))
    assert results(cli, done)["a"]["told"] == {"read": "one two"}


def test_a_step_sees_its_folder_as_app(cli: Cli) -> None:
    done = run(cli, odd(step("a", "reading", "folder: /app/"), step("b", "at_app", "told: ((a.told))")))
    assert results(cli, done)["b"]["told"] == {
        "given": "/app/told.json", "cwd": "/app", "was": {"read": "one two"},
    }  # fmt: skip


ARTIFACTS = """\
import json, os


def write(name, content):
    with open(name, "w") as file:
        json.dump(content, file)


def make():
    write("data.json", {"n": 1})


def look(data, **more):
    write("told.json", {
        "paths": [data, *more.values()], "there": sorted(each for each in os.listdir(".") if each.endswith(".json")),
        "same": [json.load(open(each)) == {"n": 1} for each in (data, "/app/data.json", "/app/inputs/data.json")],
    })


def change(data):
    with open(data) as file:
        content = json.load(file)
    write(data, {"n": content["n"] + 1})


def again(data):
    with open(data) as file:
        text = file.read()
    with open("data.json", "w") as file:
        file.write(text)


def forget(data):
    pass
"""


def artifact_steps(*functions: str) -> str:
    """Steps that get the artifact `data` of the step `make`, and have to put out `data`; look puts out `told`."""
    steps = [step("make", "make", output="data")]
    for each in functions:
        inputs = (
            "data: ((make.data)); b-2: ((make.data)); ../c: ((make.data))" if each == "look" else "data: ((make.data))"
        )
        steps.append(step(each, each, inputs, output="told" if each == "look" else "data"))
    return odd(*steps)


def test_artifacts_lie_in_the_step_s_folder_and_are_no_outputs_unless_written_to(cli: Cli, remotes: Remotes) -> None:
    remotes.publish("growers/garden", "main", {"steps/odd.py": ARTIFACTS})
    found = results(cli, run(cli, artifact_steps("look", "change", "again")))
    told = found["look"]["told"]
    assert (told["same"], told["paths"][:2]) == ([True] * 3, ["/app/data.json", "/app/b-2.json"])
    assert told["paths"][2].startswith("/app/_c-"), "a name that is none for a file"
    assert len(told["there"]) == 3
    assert (found["change"]["data"], found["again"]["data"]) == ({"n": 2}, {"n": 1})
    assert found["make"]["data"] == {"n": 1}
    said = cli.write("w.yaml", artifact_steps("forget")) and cli("run", "w.yaml", code=1).err
    assert "ended without its output 'data'" in said


STRANGE = """\
def write(text):
    with open("told.json", "w") as file:
        file.write(text)


def odd():
    write('{"a": NaN, "b": 1e400, "b": -Infinity, "c": [1.5, {"d": NaN}], "e": "NaN"}')


def deep():
    write("[" * 100_000 + "]" * 100_000)


def deeper():
    write("[" * 300 + "]" * 300)


def digits():
    write("9" * 200_000)


def nests():
    write("[" * 150 + "]" * 150)
"""


def test_what_is_not_quite_json_is_told_and_results_are_json(cli: Cli, remotes: Remotes) -> None:
    remotes.publish("growers/garden", "main", {"steps/odd.py": STRANGE})
    cli.write("w.yaml", odd(step("a", "odd"), step("b", "nests")))
    run = cli.json("run", "w.yaml")["runs"][0]["id"]
    told = cli("logs", run, "a").out
    for each in (
        "NaN, which stands as null",
        "-Infinity, which",
        "a key twice in one object, of which the last counts",
    ):
        assert each in told, each

    def refuse(name: str) -> None:
        raise AssertionError(name)

    for form in ("exact", "v2", "legacy"):
        found = json.loads(cli("results", run, "--format", form).out, parse_constant=refuse)
        (mine,) = [
            each for name, each in found.items() if name == "a" or each.get("stepName", each.get("class")) == "a"
        ]
        assert mine["told"]["a"] is None
        assert mine["told"]["e"] == "NaN"
    cli.write("w.yaml", odd(*(step(each, each) for each in ("deep", "deeper", "digits"))))
    said = cli("run", "w.yaml", code=1).err
    assert said.count("told.json is no JSON: it is nested more than 200 levels deep") == 4  # as each failed, at the end
    assert "told.json is no JSON: Exceeds the limit" in said
    assert "Traceback" not in said


def test_a_large_result_is_not_shown_in_part(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "large", "size: 5000"), step("b", "tell", "x: 1")))
    said = cli("run", "w.yaml", "--name", "heavy").out
    assert "Result:" not in said
    assert len(json.loads(cli("results", said.split("motet results ")[1].split()[0]).out)["a"]["told"]["ones"]) == 5000


def test_a_matrix_from_the_command_line(cli: Cli) -> None:
    done = run(
        cli, BLOSSOMS, "--matrix", "draw-points.slope=1.0,2.0", "--matrix", "draw-points.count=3,4",
        "--set", "draw-points.count=9",
    )  # fmt: skip
    found = results(cli, done)
    assert len(found) == 12
    assert len(found["draw-points-1.0-3"]["points"]["points"]) == 3
    assert done["params"]["matrix"] == {"draw-points.slope": [1.0, 2.0], "draw-points.count": [3, 4]}
    assert "has no input 'slop'" in cli("run", "w.yaml", "--set", "draw-points.slop=1", code=2).err
    assert "takes no -p" in cli("run", "w.yaml", "-p", "x=1", code=2).err


def test_local_folders_and_requirements(cli: Cli, tmp_path: Path) -> None:
    (cli.folder / "code").mkdir()
    cli.write("code/job.py", "import json, yaml\n\n\ndef go(n):\n    json.dump({'n': n}, open('n.json', 'w'))\n")
    text = """\
apiVersion: io.orquestra.workflow/1.0.0
name: here
imports:
- {name: own, type: local, parameters: {path: code}}
- {name: packages, type: python-requirements, parameters: {requirements: "pyyaml>=5"}}
steps:
- name: only
  config:
    runtime:
      language: python3
      imports: [own, packages]
      parameters: {file: own/job.py, function: go}
  inputs: [{n: 1, type: int}]
  outputs: [{name: n, type: json}]
"""
    assert results(cli, run(cli, text)) == {"only": {"n": {"n": 1}}}
    cli.write("code/job.py", "import json\n\n\ndef go(n):\n    json.dump({'n': n + 1}, open('n.json', 'w'))\n")
    assert results(cli, run(cli, text)) == {"only": {"n": {"n": 2}}}, "changed code is not taken for the old"


def test_a_step_that_is_a_task(cli: Cli) -> None:
    text = odd(
        step("a", "slow", "word: ab; seconds: 0"), step("b", "scale", "told: ((a.told)); factor: 2", output="scaled"),
        step("c", "tell", "x: ((b.scaled))"),
    )  # fmt: skip
    done = run(cli, text)
    assert results(cli, done)["b"]["scaled"] == {"scaled": "abab"}
    assert steps(cli, done)["b"]["attempt"] == 3, "its decorator says retries=2"


def test_a_flow_calls_a_workflow(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "slow", "word: in; seconds: 0"), step("b", "tell", "x: ((a.told))")))
    flow = """
        import motet


        @motet.flow
        def outer(word: str = "out") -> str:
            found = motet.load("w.yaml")({"a.word": word})
            return found["a"]["told"]["word"]


        if __name__ == "__main__":
            print("it gave", outer(), outer("again"))
    """
    path = cli.write("outer.py", flow)
    done = cli("run", path.name)
    assert "it gave out again" in done.out
    inner = [row for row in cli.recorded() if row.program["voice"] == "orquestra"]
    assert len(inner) == 2
    assert {row.parent for row in inner} == {row.id for row in cli.recorded() if row.program["voice"] == "python"}


def test_results_in_python(cli: Cli) -> None:
    pytest.importorskip("pandas")
    cli.write("w.yaml", BLOSSOMS)
    cli("run", "w.yaml", "--name", "mine")
    code = """
        from motet import workflows

        print(workflows.results("mine")["score"]["mean-error"]["mean"])
        frame = workflows.frames("mine")["point_list"]
        print(len(frame), frame["draw-points.slope"].tolist()[0], list(frame["points"])[1])
    """
    path = cli.write("look.py", code)
    env = {**cli.env, "MOTET_HOME": str(cli.home)}
    done = subprocess.run([sys.executable, path], env=env, cwd=cli.folder, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0.0", "4 2.0 [1, 3.0]"]


def test_a_flow_that_was_killed_takes_up_its_workflow_where_it_stood(cli: Cli) -> None:
    cli.write("w.yaml", odd(
        step("a", "slow", "word: one; seconds: 0"), step("b", "held", "word: two", more="  passed: [a]\n")
    ))  # fmt: skip
    path = cli.write(
        "outer.py",
        """
        import motet


        @motet.flow
        def outer() -> int:
            return len(motet.load("w.yaml")())
    """,
    )
    process = cli.start("run", path.name)
    cli.wait_for_count(3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (cli.folder / "go").touch()
    (outer,) = [row for row in cli.recorded() if row.program["voice"] == "python"]
    assert "Result: 2" in cli("resume", outer.id).out
    assert cli.counted().count("one") == 1


def test_steps_of_a_background_run_end_with_stop(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "slow", "word: one; seconds: 600")))
    name = cli.json("submit", "w.yaml")["id"]
    cli.wait_for_count(1)
    cli("stop", name)
    assert cli.wait_for_status(name, "cancelled")["counts"] == {"cancelled": 1}
    assert "Status:              Terminated" in cli("qe", "get", "workflow", name).out


def test_step_ids_are_found_in_what_is_told(cli: Cli) -> None:
    done = run(cli, BLOSSOMS)
    last = cli("qe", "get", "workflow", done["id"]).out.splitlines()[-1]
    assert last.split()[3] == step_id(done["id"], "score")


def test_two_at_once_share_what_is_fetched(cli: Cli) -> None:
    cli.write("w.yaml", BLOSSOMS)
    both = [cli.start("run", "w.yaml") for _ in range(2)]
    for each in both:
        out, err = each.communicate(timeout=PATIENCE_S)
        assert each.returncode == 0, out + err


def test_a_fork_of_nothing_is_left_behind(cli: Cli) -> None:
    run(cli, BLOSSOMS)
    until = time.monotonic() + PATIENCE_S
    mark = f"MOTET_HOME={cli.home}".encode()
    while any(mark in _environ(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()):
        assert time.monotonic() < until
        time.sleep(0.05)


def _environ(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def test_without_hard_links_artifacts_are_told_from_outputs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def refuse(*paths: str) -> None:
        raise OSError("no links here")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "inputs").mkdir()
    for name in ("kept", "changed", "replaced", "removed"):
        (tmp_path / "inputs" / name).write_text("old")
    given = {name: far._laid(f"inputs/{name}", name) for name in ("kept", "changed", "replaced", "removed")}
    (tmp_path / "changed").write_text("new")
    (tmp_path / "other").write_text("old")
    (tmp_path / "other").rename(tmp_path / "replaced")
    (tmp_path / "removed").unlink()
    far._take_away(given)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["changed", "inputs", "replaced"]


def test_a_damaged_output_is_told_and_its_step_can_be_run_again(cli: Cli) -> None:
    text = odd(step("a", "slow", "word: once; seconds: 0"), step("b", "flaky", "word: ((a.told))"))
    done = run(cli, text, code=1)
    digest = cli.json("show", done["id"], "a")["result"]["outputs"]["told"]["artifact"]
    path = cli.home / "artifacts" / digest[:2] / digest[2:]
    path.chmod(0o600)
    path.write_bytes(b'"else"')
    assert f"Artifact {digest} is damaged" in cli("resume", done["id"], code=1).err
    told = cli("doctor", code=1).out
    assert f"To make it again: motet resume {done['id']} --rerun a" in told
    before = cli.counted()
    cli("resume", done["id"], "--rerun", "a", code=1)
    cli("resume", done["id"])
    assert cli.counted()[len(before) :] == ["once", "once-ends", "flaky", "flaky"]


def test_a_plan_says_what_is_cached_to_run_or_not_known_yet_and_runs_nothing(cli: Cli) -> None:
    text = odd(
        step("a", "tell", "x: 1"), step("b", "tell", "x: ((a.told))"), step("c", "tell", "x: ((b.told)); y: 1"),
        step("apart", "tell", "x: 2"),
    )  # fmt: skip
    cli.write("w.yaml", text)
    found = cli.json("run", "w.yaml", "--plan")
    assert [(each["step"], each["does"], each["why"]) for each in found["steps"]] == [
        ("a", "to run", ""), ("b", "unknown until run", "after a"), ("c", "unknown until run", "after b"),
        ("apart", "to run", ""),
    ]  # fmt: skip
    assert cli.recorded() == [] and cli.counted() == []
    cli("run", "w.yaml", "--name", "first")
    cli.write("w.yaml", text.replace("y: 1", "y: 2"))
    told = cli("run", "w.yaml", "--plan").out
    assert "a      cached: as step a of run first gave it" in told
    assert "c      to run" in told
    assert "4 steps: 3 cached, 1 to run, 0 unknown until run." in told
    assert "0 cached, 2 to run, 2 unknown" in cli("run", "w.yaml", "--plan", "--no-cache").out
    assert cli.counted() == ["tell"] * 4 and len(cli.recorded()) == 1
    assert "a.z" in cli("run", "w.yaml", "--plan", "--set", "a.z=1", code=2).err
