"""Whole workflows, run: files and results, jq, inputs, what fails and what goes on, and taking runs up again."""

from __future__ import annotations

import json
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from tests.yadage.conftest import Bench, nested, scatter, stage

from motet import app
from motet.dialects.yadage import voice, workdirs
from motet.errors import UsageError
from motet.ports import RunRow
from motet.ports.voice import Onward


def carried_on(row: RunRow, **how: Any) -> RunRow:
    """The run, taken up again and driven to its end."""
    host = app.hosts.current()
    app.carry_on(host, host.store.run(row.id), Onward(**how))
    return host.store.run(row.id)


def test_files_stand_where_users_look_for_them(bench: Bench) -> None:
    sub = {"stages": [stage("inner", text={"step": "init", "output": "v"})]}
    found = bench.done(
        stage("first", text={"step": "init", "output": "word"}),
        scatter("many", {"text": [1, 2]}, after=["first"]),
        nested(scatter("sub", {"v": ["x", "y"]}), sub),
        stage("last", text={"stages": "many,first", "output": "file"}),
        values={"word": "hello"},
    )
    work = bench.folder / "work"
    assert bench.text("first/out.txt") == "hello\n"
    assert bench.text("many_1/out.txt") == "2\n"
    assert bench.text("sub_1/inner/out.txt") == "y\n"
    assert bench.text("last/out.txt") == f"{work}/many_0/out.txt {work}/many_1/out.txt {work}/first/out.txt\n"
    assert (work / "sub_0/inner/_packtivity/inner.run.log").is_file()
    assert found["init"] == {"word": "hello"}
    assert found["first"] == {"file": f"{work}/first/out.txt", "text": "hello"}


def test_what_depends_without_using_anything_still_comes_after(bench: Bench) -> None:
    stamp = "process: {process_type: string-interpolated-cmd, cmd: 'sleep 0.2; date +%s%N > {file}'}"
    bench.write(
        "slow.yml",
        f"""\
{stamp}
environment: {{environment_type: localproc-env}}
publisher: {{publisher_type: frompar-pub, outputmap: {{file: file}}}}
""",
    )
    slow = stage("a")
    slow["scheduler"]["step"] = {"$ref": "slow.yml"}
    late = stage("b", after=["a"])
    late["scheduler"]["step"] = {"$ref": "slow.yml"}
    bench.done(late, slow)
    assert int(bench.text("b/out.txt")) > int(bench.text("a/out.txt"))


def test_values_are_data_whatever_their_braces(bench: Bench) -> None:
    found = bench.done(
        stage("s", "gives", text={"step": "init", "output": "t"}, file="{{a}}"), values={"t": ["{x}", "{", "}}"]}
    )
    assert found["s"] == {"text": ["{x}", "{", "}}"], "file": "{a}"}


TEXT = {"step": "init", "output": "text"}


def cases(**more: Any) -> dict[str, Any]:
    found = stage("c", text={"step": "init", "output": "n"}, **more)
    del found["scheduler"]["step"]
    found["scheduler"]["cases"] = [
        {"if": ".text == 0", "step": {"$ref": "steps.yml#/write"}},
        {"if": "0 < .text and .text < 3", "workflow": {"stages": [stage("in", text=TEXT)]}},
        {"if": ".text | . == 9 # a comment", "step": {"$ref": "steps.yml#/gives"}},
    ]  # fmt: skip
    return found


@pytest.mark.parametrize(("number", "there"), [(0, "c"), (1, "c/in"), (9, "c")])
def test_the_first_case_that_is_so_is_taken(bench: Bench, number: int, there: str) -> None:
    found = bench.done(cases(), values={"n": number})
    assert found[there]["text"] == number


def test_stages_of_which_no_case_is_so_are_skipped_and_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    found = bench.done(
        cases(), stage("r", after=["c"]), stage("s", text={"step": "c", "output": "text"}), values={"n": 7}
    )
    assert sorted(found) == ["init"]
    assert "Stage c was skipped: none of its cases applies." in caplog.text
    assert "Stage r was skipped: stage 'c', which it waits for, was skipped." in caplog.text
    assert "Stage s was skipped" in caplog.text


def test_cases_of_a_scatter_keep_their_numbers(bench: Bench) -> None:
    many = scatter("c", {"text": [1, 2, 3, 4]})
    del many["scheduler"]["step"]
    many["scheduler"]["cases"] = [{"if": ".text % 2 == 0", "step": {"$ref": "steps.yml#/write"}}]
    found = bench.done(many, stage("r", "gives", text={"step": "c[1]", "output": "text"}))
    assert [each for each in found if each.startswith("c_")] == ["c_1", "c_3"]
    assert found["r"]["text"] == 4


def jq_stage(name: str, bindings: Any, step: str = "gives", **more: Any) -> dict[str, Any]:
    scheduler = {"scheduler_type": "jq-stage", "bindings": bindings, "step": {"$ref": f"steps.yml#/{step}"}, **more}
    return {"name": name, "scheduler": scheduler}


def test_a_jq_stage_makes_its_own_parameters(bench: Bench) -> None:
    found = bench.done(
        scatter("m", {"text": ["{{x}}", "b"]}),
        jq_stage(
            "j", {"all": {"$wflowref": [".m[]", ".text"]}, "more": 3}, "write",
            stepscript='[.all[][] | {text: ., file: "{workdir}/j.txt", twice: [., null, false]}]'
            ' + [{text: .more, file: "{workdir}/k"}]',
        ),
        jq_stage("plain", {"text": "hi", "file": "{workdir}/p.txt"}, "write"),
        jq_stage("post", {"l": {"$wflowref": [".m[]", "."]}}, stepscript="[{a: .l}]", postscript="{n: (.a | length)}"),
        jq_stage("nothing", {}, stepscript="[]"),
    )  # fmt: skip
    assert [found[f"j_{each}"]["text"] for each in range(3)] == ["{x}", "b", 3]
    assert bench.text("j_0/j.txt") == "{x}\n"
    assert bench.text("plain_0/p.txt") == "hi\n"
    assert found["post_0"] == {"n": 2}


@pytest.mark.parametrize(
    ("script", "said"),
    [("[", "jq script '\\[' fails"), (".x", "gives no list of parameters"), ("error(\"alas\")", "alas")],
)  # fmt: skip
def test_jq_that_is_wrong_fails_its_stage_alone(bench: Bench, script: str, said: str) -> None:
    import re

    message = bench.failed(jq_stage("j", {"x": 1}, stepscript=script), stage("other"), stage("r", after=["j"]))
    assert re.search(said, message)
    assert "workflow.yml:2:3" in message
    assert "Not run because of that: r." in message
    assert bench.text("other/out.txt") == "other\n"


def test_a_failing_step_stops_what_needs_it_alone(bench: Bench) -> None:
    message = bench.failed(
        stage("bad", "breaks"), stage("good"), stage("afterbad", after=["bad"]), stage("aftergood", after=["good"])
    )
    assert message.startswith("Step bad failed: ")
    told = ("log: motet logs ", "of: stage bad", "command: ", "its file: ", "bad/_packtivity/bad.run.log")
    assert [each for each in told if each not in message] == []
    assert "repair what it names, and resume the run" in message
    assert "Not run because of that: afterbad." in message
    assert bench.text("aftergood/out.txt") == "aftergood\n"
    assert not (bench.folder / "work/afterbad").exists()


def test_a_run_that_failed_is_taken_up_where_it_stood(bench: Bench) -> None:
    flag = bench.folder / "flag"
    bench.write(
        "slow.yml",
        f"""\
process: {{process_type: string-interpolated-cmd, cmd: 'echo {{text}} >> {bench.folder}/ran; test -e {flag}'}}
environment: {{environment_type: localproc-env}}
publisher: {{publisher_type: frompar-pub, outputmap: {{text: text}}}}
""",
    )
    needy = stage("needy", after=["good"])
    needy["scheduler"]["step"] = {"$ref": "slow.yml"}
    row = bench.run(
        stage("good"), needy, scatter("m", {"text": {"stages": "needy", "output": "text"}}), stage("r", after=["m"])
    )
    assert row.status == "failed"
    for each in bench.folder.glob("*.yml"):
        each.unlink()  # the run keeps what it was made of
    (bench.folder / "work/good/out.txt").write_text("kept\n")
    assert carried_on(row, reopen=True).status == "failed"
    flag.touch()
    assert carried_on(row, reopen=True).status == "succeeded"
    assert (bench.folder / "ran").read_text() == "needy\n" * 3
    assert bench.text("good/out.txt") == "kept\n"
    assert bench.text("m_0/out.txt") == "needy\n"


def test_a_step_run_anew_gives_what_used_it_its_new_result(bench: Bench) -> None:
    bench.write(
        "counts.yml",
        f"""\
process: {{process_type: string-interpolated-cmd, cmd: 'echo x >> {bench.folder}/ran; cp {bench.folder}/ran found.yml'}}
environment: {{environment_type: localproc-env}}
publisher: {{publisher_type: fromyaml-pub, yamlfile: found.yml}}
""",
    )
    counts = stage("a")
    counts["scheduler"]["step"] = {"$ref": "counts.yml"}
    row = bench.run(counts, stage("b", text={"step": "a"}), stage("bad", "breaks", after=["b"]))
    assert row.status == "failed"
    assert bench.text("b/out.txt") == "x\n"
    assert carried_on(row, reopen=True, rerun=["a"]).status == "failed"
    assert bench.text("b/out.txt") == "x x\n"


# ---------------------------------------------------------------- inputs and folders


def test_inputs_are_looked_up_in_their_folder(bench: Bench) -> None:
    for name in ("x.txt", "z.txt", "sub/y.txt"):
        bench.write(f"in/{name}", name)
    flow = stage("s", "gives", text={"step": "init"})
    values = {"a": "x.txt", "b": "*.txt", "c": "nope.txt", "d": "sub/y.txt", "e": ["x.txt", 1, None], "f": "."}
    at = str(bench.folder / "in")
    bench.flow(flow)
    found = bench.done(values=values, data={"initdir": at})["s"]["text"]
    assert found == {
        "a": f"{at}/x.txt", "b": [f"{at}/x.txt", f"{at}/z.txt"], "c": "nope.txt", "d": f"{at}/sub/y.txt",
        "e": [f"{at}/x.txt", 1, None], "f": f"{at}/.",
    }  # fmt: skip
    how = {"data": {"initdir": at}, "values": values, "accept": True}
    found = bench.done(wflow={"discover": False}, **how)["s"]["text"]
    assert (found["a"], found["b"]) == (f"{at}/x.txt", "*.txt")
    assert bench.done(wflow={"relative": False}, **how)["s"]["text"] == values


def test_an_archive_of_inputs_is_unpacked(bench: Bench) -> None:
    with zipfile.ZipFile(bench.folder / "in.zip", "w") as archive:
        archive.writestr("deep/a.txt", "A")
        archive.writestr("deep/b.txt", "B")
    data = {"inputarchive": f"file://{bench.folder}/in.zip", "archivematch": "*/"}
    found = bench.done(stage("s", "gives", text={"step": "init", "output": "f"}), values={"f": "*.txt"}, data=data)
    init = bench.folder / "work/init/deep"
    assert found["s"]["text"] == [f"{init}/a.txt", f"{init}/b.txt"]


def link(archive: zipfile.ZipFile) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    archive.writestr(entry, "/etc/hostname")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda archive: archive.writestr("../../out.txt", "x"), "leads out of it"),
        (lambda archive: archive.writestr("/etc/out.txt", "x"), "leads out of it"),
        (lambda archive: archive.writestr("a/../../../out.txt", "x"), "leads out of it"),
        (link, "which is no file"),
    ],
)
def test_archives_that_lead_elsewhere_are_refused(bench: Bench, fill: Any, said: str) -> None:
    with zipfile.ZipFile(bench.folder / "in.zip", "w") as archive:
        fill(archive)
    message = bench.failed(stage("s"), values={"f": 1}, data={"inputarchive": str(bench.folder / "in.zip")})
    assert said in message


def test_an_archive_that_is_none_is_told(bench: Bench) -> None:
    bench.write("in.zip", "no zip")
    data = {"inputarchive": str(bench.folder / "in.zip")}
    assert "is no whole zip file" in bench.failed(stage("s"), values={"f": 1}, data=data)


def test_nested_workflows_may_have_folders_of_inputs_of_their_own(bench: Bench) -> None:
    bench.write("data/one/a.dat", "1")
    bench.write("data/two/a.dat", "2")
    subs = nested(
        scatter("sub", {"v": ["a.dat", "a.dat"]}), {"stages": [stage("in", text={"step": "init", "output": "v"})]}
    )
    subs["scheduler"]["workflow_opts"] = {"discover": True}
    data = {"pathbase": str(bench.folder / "data"), "subinits": {"sub_0": "one", "sub_1": {"_data": "two"}}}
    found = bench.done(subs, data=data)
    assert [found[f"sub_{each}/in"]["text"] for each in (0, 1)] == [
        f"{bench.folder}/data/{each}/a.dat" for each in ("one", "two")
    ]


def test_steps_may_share_one_folder(bench: Bench) -> None:
    bench.done(stage("a"), stage("b", file="{workdir}/b.txt", after=["a"]), data={"nest": False})
    assert (bench.text("out.txt"), bench.text("b.txt")) == ("a\n", "b\n")


def test_a_folder_of_a_run_is_not_taken_twice(bench: Bench) -> None:
    first = bench.run(stage("a"))
    with pytest.raises(UsageError, match=rf"has a run in it \({first.name}, succeeded\)"):
        bench.run()
    assert bench.done(accept=True)["a"]["text"] == "a"
    bench.write("work/mine.txt", "x")
    assert bench.done(data={"overwrite": True})["a"]["text"] == "a"
    assert not (bench.folder / "work/mine.txt").exists()
    bench.write("other/mine.txt", "x")
    with pytest.raises(UsageError, match="is no folder of a run, and is not emptied"):
        bench.run(data={"overwrite": True}, workdir=str(bench.folder / "other"))


def test_runs_begun_at_once_have_folders_of_their_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.folder)
    store, start = app.hosts.current().store, Barrier(8)

    def taken(number: int) -> str:
        start.wait()
        return workdirs.taken("", f"run{number}", store, accept=False, overwrite=False)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(taken, range(8)))
    assert len(set(found)) == 8
    assert str(bench.folder / "workdir") in found


def test_a_folder_of_a_run_under_way_is_left_alone(bench: Bench) -> None:
    host = app.hosts.current()
    bench.flow(stage("a"))
    asked = voice.Asked("workflow.yml", str(bench.folder), str(bench.folder / "work"), accept=True)
    new = voice.new_run(host, asked, print)
    host.create(new)
    workdirs.begun(host.store.run(new.id))
    for more in ({"accept": True}, {"data": {"overwrite": True}}):
        with pytest.raises(UsageError, match="motet resume"):
            bench.run(**more)


def test_a_workflow_that_waits_for_inputs_is_not_begun_without(bench: Bench) -> None:
    with pytest.raises(UsageError, match=r"stage 's' waits for init, and no inputs were given"):
        bench.run(stage("s", text={"step": "init", "output": "x"}))
    assert not (bench.folder / "work").exists()


def test_what_is_asked_by_options_is_checked(bench: Bench) -> None:
    bench.flow(stage("a"))
    for asked, said in [
        ({"data": {"initdri": 1}}, "Did you mean initdir"), ({"data": {"read": 1}}, "initdir=FOLDER"),
        ({"wflow": {"x": 1}}, "discover and relative"), ({"data": {"subinits": 1}}, "no mapping"),
    ]:  # fmt: skip
        with pytest.raises(UsageError, match=said):
            bench.run(accept=True, **asked)


# ---------------------------------------------------------------- called from Python, and from the command line


def test_a_flow_calls_a_workflow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import motet

    monkeypatch.chdir(bench.folder)
    path = bench.flow(stage("s", text={"step": "init", "output": "n"}))

    @motet.flow
    def outer() -> Any:
        both = [motet.load(str(path)).submit({"n": each}) for each in (1, 2)]
        return [each.result()["s"]["text"] for each in both]

    assert outer() == [1, 2]
    assert len(list(bench.folder.glob("workdir*"))) == 2


def test_the_command_line_runs_checks_and_shows(bench: Bench, cli: Any) -> None:
    bench.flow(stage("s", text={"step": "init", "output": "n"}), stage("t", text={"stages": "s", "output": "text"}))
    assert cli("yadage-validate", "workflow.yaml").out.strip() == "workflow definition is valid"
    cli("check", "workflow.yml")
    done = cli("yadage-run", "wd", "workflow.yaml", "-p", "n='{a: 1}'", "-c", "checksums", "-b", "multiproc:2")
    assert (bench.folder / "wd/t/out.txt").read_text() == "{a: 1}\n", done
    again = cli("yadage-run", "wd", "workflow.yml", "-p", "n=1", code=2)
    assert "--accept-metadir" in again.err
    run = cli.json("run", "workflow.yml", "--workdir", "w2", "-p", "n=[1, 2]")["runs"][0]
    assert json.loads(cli("results", run["id"]).out)["t"]["text"] == [[1, 2]]
    assert {each["key"] for each in cli.json("show", run["id"])["steps"]} == {"init", "s", "t"}
    bench.write("input.yml", "n: from a file\n")
    cli("yadage-run", "w3")
    assert (bench.folder / "w3/s/out.txt").read_text() == "from a file\n"


def test_a_file_says_what_options_do_not(bench: Bench, cli: Any) -> None:
    bench.flow(stage("s", text={"step": "init", "output": "n"}))
    asked = {"dataarg": "one", "initdata": {"n": 4}, "visualize": False, "verbosity": "DEBUG", "cache": "checksums"}
    bench.write("all.yml", {**asked, "dataopts": {"nest": False}})
    told = cli("yadage-run", "-f", "all.yml").err
    assert "s succeeded after" in told
    assert (bench.folder / "one/out.txt").read_text() == "4\n"
    told = cli("yadage-run", "two", "-f", "all.yml", "-p", "n=5", "-d", "nest=true", "-v", "ERROR").err
    assert told == ""
    assert (bench.folder / "two/s/out.txt").read_text() == "5\n"
    bench.write("wrong.yml", {"dataargs": "one"})
    assert "wrong.yml: 'dataargs' means nothing" in cli("yadage-run", "-f", "wrong.yml", code=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-b", "celery"], "--backend celery cannot be had"), (["--plugins", "x"], "there are no plugins"),
        (["-s", "mongo"], "--modelsetup mongo cannot be had"), (["-g", "x"], "--strategy x cannot be had"),
        (["-r", "other"], "--controller other cannot be had"), (["-c", "x"], "--cache x cannot be had"),
        (["-p", "x"], "this is no NAME=VALUE"),
        (["-t", "nowhere"], "is no folder"), (["-f", "none.yml"], "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_with_the_cure(bench: Bench, cli: Any, words: list[str], said: str) -> None:
    bench.flow(stage("s"))
    done = cli("yadage-run", "wd", "workflow.yml", *words, code=2)
    assert said in done.err
    assert not (bench.folder / "wd").exists()


def test_options_that_mean_nothing_here_are_taken(bench: Bench, cli: Any) -> None:
    bench.flow(stage("s"))
    words = [word for flag in "eikloyu" for word in (f"-{flag}", "1")]
    more = ["-r", "frommodel", "-s", "filebacked:state", "--validate", "--no-validate"]
    for backend in ("multiproc:2", "foregroundasync"):
        folder = backend.partition(":")[0]
        cli("yadage-run", folder, "workflow.yml", *words, *more, "-b", backend)
        assert (bench.folder / folder / "s/out.txt").read_text() == "s\n"


def test_state_that_is_code_is_refused(bench: Bench, cli: Any) -> None:
    bench.flow(stage("s"))
    assert "Name a folder" in cli("yadage-run", "py:mod:fn:x", "workflow.yml", code=2).err
    cli("yadage-run", "local:here", "workflow.yml")
    assert os.path.isfile(Path(bench.folder) / "here/s/out.txt")
