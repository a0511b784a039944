"""The command `spell`: what it takes, what it prints, how it ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.spell.conftest import Driven

from motet.cli.main import main
from motet.dialects.spell import house as houses
from motet.dialects.spell.commands import following, formats, grammar
from motet.dialects.spell.shown import LogEntry
from motet.errors import UsageError
from motet.searching.trials import FINISHED

Spell = Callable[..., str]


@pytest.fixture
def spell(house: Driven, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Spell:
    """The command, in a folder of its own; gives what it prints on both streams, after its exit code if it is not 0."""
    monkeypatch.setattr(houses, "current", lambda: house)
    monkeypatch.chdir(tmp_path)

    def carried_out(*words: str) -> str:
        code = main(["spell", *words])
        out, err = capfd.readouterr()
        return f"[{code}] {out}{err}" if code else out + err

    return carried_out


def told(text: str) -> Any:
    """The document that was printed: on a line of its own, among what runs print that this process drives."""
    lines = [line.removeprefix("[1] ").removeprefix("[2] ") for line in text.splitlines()]
    return json.loads(next(line for line in reversed(lines) if line.startswith(("[", "{"))))


# ---------------------------------------------------------------- runs


def test_a_run_is_followed_line_by_line_where_there_is_no_terminal(spell: Spell, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the folder\n")
    whole = spell("run", "-t", "CPU", "cat", "a.txt;", "exit", "3").splitlines()
    lines = [line for line in whole if line[0] in "💫✨🎉"]
    assert lines[:6] == [
        "💫 Casting spell #1…",
        "✨ Stop viewing logs with ^C",
        "✨ Run created -- waiting for a CPU machine.",
        "✨ Run is building",
        "✨ Run is running",
        "✨ Run is saving",
    ]
    last = len(whole) - 1 - whole[::-1].index("from the folder")  # this process drives the run, and shows the line too
    assert whole.index("✨ Run is running") < last < whole.index("✨ Run is saving")
    assert lines[-2].startswith("🎉 Total run time: ")
    assert lines[-1].startswith("🎉 Run 1 complete")
    assert spell("run", "--strict", "exit 3").startswith("[1] ")


def test_logs_are_in_the_format_of_the_console(spell: Spell) -> None:
    spell("run", "--none", "echo one; echo; echo three")
    lines = spell("logs", "1").splitlines()
    stamp = r"[A-Z][a-z]{2} \d\d, \d{4}, \d\d:\d\d:\d\d"
    import re

    assert [re.sub(f"^{stamp}: ", "", each) for each in lines if ": running: " in each] == [
        "running: Run is running",
        "running: one",
        "running: ",
        "running: three",
    ]
    assert all(re.match(f"{stamp}: [a-z_]+: ", each) for each in lines)
    assert len(spell("logs", "1", "-n", "2").splitlines()) == 2
    assert spell("logs", "1", "-n", "0") == ""
    assert spell("logs", "1", "--plain", "-n", "1").startswith("🎉 Run 1 complete")
    entries = [json.loads(each) for each in spell("logs", "1", "--json").splitlines()]
    assert [each["log"] for each in entries if each["status"] == "running"][1:] == ["one", "", "three"]
    assert spell("logs", "1", "-f").splitlines()[-1] == spell("logs", "1", "--plain").splitlines()[-1]


def test_lists_of_runs(spell: Spell, house: Driven) -> None:
    spell("run", "--label", "nightly", "-p", "p1", "--none", "echo", "a,b;", "echo 0123456789012345678901234567890")
    spell("run", "--none", "exit", "3")
    assert spell("ps").splitlines() == [
        "ID    REPOSITORY    COMMAND                      STATUS          CREATOR",
        f"1                   echo a,b; echo 012345678…    Complete (0)    {house.owner}",
        f"2                   exit 3                       Complete (3)    {house.owner}",
    ]
    assert [each["id"] for each in told(spell("ps", "--json"))] == [1, 2]
    assert [each["id"] for each in told(spell("ps", "-l", "nightly", "--json"))] == [1]
    assert [each["id"] for each in told(spell("ps", "-p", "p1", "--json"))] == [1]
    assert [each["id"] for each in told(spell("ps", "-n", "1", "--json"))] == [2]
    rows = list(csv.reader(io.StringIO(spell("ps", "--raw"))))
    assert rows[0][2] == "echo a,b; echo 0123456789012345678901234567890"
    assert "COMMIT" in spell("ps", "-v").splitlines()[0]
    assert spell("archive", "1").strip() == "1"
    assert [each["id"] for each in told(spell("ps", "--json"))] == [2]


def test_what_is_known_of_a_run(spell: Spell) -> None:
    spell("run", "--none", "-e", "A=1", "--param", "lr=0.1", "-t", "V100x9", "echo lr=:lr: $A; exit 4")
    lines = dict(line.split(None, 1) for line in spell("info", "1").splitlines())
    assert (lines["Status"], lines["Command"]) == ("complete (4)", "echo lr=0.1 $A; exit 4")
    assert (lines["Parameters"], lines["Environment"]) == ("lr=0.1", "A=1")
    assert told(spell("--json", "info", "1"))["user_exit_code"] == 4
    assert "lr=0.1 1" in spell("logs", "1")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run"], 2, "There is no command to run"),
        (["run", "--", " "], 2, "There is no command to run"),
        (["frob"], 2, "spell has no command 'frob'"),
        (["logs", "999"], 1, "Run 999 does not exist"),
        (["logs", "abc"], 2, "invalid int value"),
        (["info", "999"], 1, "Run 999 does not exist"),
        (["stop", "999"], 1, "Run 999 does not exist"),
        (["run", "--mount", "runs/999", "true"], 2, "Cannot mount resource 'runs/999'"),
        (["run", "-e", "A", "true"], 2, "-e 'A' is no NAME=VALUE"),
        (["run", "--stop-condition", "loss ~ 3", "true"], 2, "no stop condition"),
        (["run", "--timeout", "0", "true"], 2, "timeout"),
        (["run", "--none", "--save-command", "nowhere/x", "true"], 2, "nowhere/x cannot be written"),
        (["run", "--none", "-m", "uploads/x:a", "-m", "uploads/x:b", "true"], 2, "is to be mounted at 'a' and at 'b'"),
        (["run", "--pip-req", "nowhere", "true"], 2, "nowhere cannot be read"),
        (["ls", "nonexist"], 1, "nonexist"),
        (["rm", "runs/7"], 2, "You must specify an uploaded resource"),
        (["link", "a/b", "uploads/x"], 2, "is no alias"),
        (["unlink", "none"], 1, "none"),
        (["upload", "nowhere"], 2, "nothing at nowhere"),
        (["workflow", "--repo", "x=nowhere/", "true"], 2, "nowhere/ is no folder"),
        (["workflow", "--repo", "nowhere", "true"], 2, "is no NAME=VALUE"),
        (["workflow", "stop", "9"], 1, "Workflow 9 does not exist"),
        (["hyper", "describe", "9"], 1, "search 9 does not exist"),
        (["hyper", "grid", "true"], 2, "needs a parameter"),
        (["hyper", "grid", "--param", "a=b=c", "true"], 2, "two ="),
        (["hyper", "random", "--param", "a=1:x", "-n", "2", "true"], 2, "no range"),
        (["hyper", "random", "--param", "a=1:2", "true"], 2, "0 runs is none"),
        (["hyper", "bayesian", "--param", "a=1:2", "-n", "2", "true"], 2, "looks at a metric"),
        (["hyper", "grid", "--json-param", "a={}", "true"], 2, "no list"),
        (["hyper", "dance"], 2, "hyper grid"),
    ],
)
def test_what_is_wrong_is_said_in_two_lines(spell: Spell, words: list[str], code: int, said: str) -> None:
    found = spell(*words)
    assert found.startswith(f"[{code}] "), found
    assert said in found
    assert "Traceback" not in found
    assert set(told(spell("--json", *words))) == {"error", "cure"}


def test_a_whole_home_is_no_code(spell: Spell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "would be taken along" in spell("run", "true")
    assert "Run 1 complete" in spell("run", "--none", "echo 1 > out")
    assert "no number of lines" in spell("logs", "1", "-n", "-3")
    assert spell("cp", "runs/1", "/dev/null/x").startswith("[2] ERROR: runs/1 cannot be written to /dev/null/x: ")
    monkeypatch.setenv("MOTET_SERVER", "http://127.0.0.1:1")
    assert "MOTET_SERVER names a server" in spell("ps")


def test_what_goes_on_is_ended(spell: Spell, house: Driven) -> None:
    for _ in range(2):
        spell("run", "-b", "--none", "echo kept > out; sleep 600")
        house.wait(len(house.runs()), ["running"])
    assert spell("stop", "1").startswith("Stopping run 1. Use 'spell logs -f 1'")
    assert spell("kill", "2") == "2\n"
    assert [house.wait(each, formats.words.FINAL) for each in (1, 2)] == ["stopped", "killed"]
    said = spell("kill", "1", "2", "999")
    assert said.splitlines() == [
        "[1] Executing batch kill...", "| Already finished: 1 2", "| Run ID does not exist: 999",
    ]  # fmt: skip
    assert spell("stop", "-q", "1") == ""


def test_what_a_run_takes_of_the_machine(spell: Spell, house: Driven) -> None:
    spell("run", "-b", "--none", "sleep 600")
    house.wait(1, ["running"])
    title, names, cells = spell("stats", "1").splitlines()
    assert title == "CPU statistics for run 1:"
    assert names.split("    ")[:2] == ["CPU %", "MEM %"]
    assert cells.split()[0].endswith("%")
    assert told(spell("stats", "1", "--json"))["memory_bytes"] > 0
    house.kill([1])
    house.wait(1, formats.words.FINAL)
    assert "Run 1 is killed, not running" in spell("stats", "1")


def test_as_json_a_run_is_waited_for_unless_it_is_put_aside(spell: Spell) -> None:
    ended = told(spell("run", "--json", "--none", "exit 3"))
    assert (ended["id"], ended["status"], ended["user_exit_code"]) == (1, "complete", 3)
    assert spell("run", "--json", "--strict", "--none", "exit 3").splitlines()[-1].startswith("[1] ")
    assert told(spell("run", "--json", "-b", "--none", "true"))["status"] == "machine_requested"


def test_labels_machine_types_and_help(spell: Spell) -> None:
    spell("run", "-b", "--none", "true")
    assert spell("label", "1", "tagged") == "Successfully added label tagged to run 1.\n"
    assert spell("label", "1", "tagged", "--remove") == "Successfully removed label tagged from run 1.\n"
    assert "V100x4" in spell("machine-types")
    assert told(spell("machine-types", "--json"))["V100x4"] == {"gpu": 4}
    listed = spell()
    assert all(f"spell {each} " in listed for each in ("run", "hyper grid", "workflow create", "ls"))
    assert "Nothing is needed" in spell("login")
    assert spell("--version").startswith("spell of Motet ")
    for words in (["--help"], ["run", "--help"], ["ls", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(["spell", *words])
        assert ended.value.code == 0


def test_runs_are_compared(spell: Spell) -> None:
    spell("run", "--none", "--param", "x=1", "echo :x: > out")
    spell("run", "--none", "--param", "x=22", "echo :x: > out")
    spell("run", "--none", "--param", "x=22", "echo :x: > out")
    assert spell("diff", "2", "3") == ""
    differs = told(spell("diff", "1", "2", "--json"))
    assert differs["Parameters"] == ["x=1", "x=22"]
    assert differs["output out"] == [2, 3]
    assert "- x=1\n+ x=22\n" in spell("diff", "1", "2")


def test_options_are_kept_in_a_file(spell: Spell, tmp_path: Path) -> None:
    spell("run", "--save-command", "cmd.yaml", "--none", "-e", "A=1", "-e", "B=2", "--label", "x", "echo", "saved $A$B")
    assert "saved 12" in spell("run", "--from-file", "cmd.yaml")
    (tmp_path / "cmd.json").write_text('{"command": "echo more", "none": true, "label": ["y"]}')
    assert "more" in spell("run", "--from-file", "cmd.json")
    assert told(spell("info", "3", "--json"))["labels"] == ["y"]


def test_an_equal_run_is_taken_if_that_is_asked(spell: Spell, house: Driven) -> None:
    spell("run", "--idempotent", "--none", "echo same")
    again = spell("run", "-b", "--idempotent", "--none", "echo same")
    assert again.startswith("♻️ Idempotent: Found existing run 1\nRun 1 has the same command")
    assert len(house.runs()) == 1


# ---------------------------------------------------------------- files


def test_files_are_listed_copied_uploaded_linked_and_removed(spell: Spell, tmp_path: Path) -> None:
    (tmp_path / "texts" / "sub").mkdir(parents=True)
    (tmp_path / "texts" / "a.txt").write_text("12345")
    (tmp_path / "texts" / "sub" / "b.txt").write_text("x" * 2048)
    assert spell("upload", "-n", "mine", "texts").splitlines() == [
        "Total upload size: 2.0K", "Uploading to uploads/mine", "Upload of mine (texts) to 'uploads/mine' complete.",
    ]  # fmt: skip
    first, second = spell("ls", "uploads/mine").splitlines()
    assert (first.split()[0], first.split()[-1]) == ("5", "a.txt")
    assert second.split() == ["-", "-", "sub/"]
    assert spell("ls", "-h", "uploads/mine/sub").split()[0] == "2.0K"
    assert [each["path"] for each in told(spell("ls", "uploads/mine", "--json"))] == ["a.txt", "sub/"]
    assert spell("link", "short", "uploads/mine").splitlines()[-1] == "short → uploads/mine"
    assert spell("cp", "short/sub", "out") == ""
    assert (tmp_path / "out" / "b.txt").stat().st_size == 2048
    (tmp_path / "out" / "b.txt").write_text("mine")
    assert spell("cp", "short/sub", "out").startswith("[2] ERROR: out/b.txt is there already.")
    spell("cp", "-i", "short/sub", "out")
    assert (tmp_path / "out" / "b.txt").read_text() == "mine"
    spell("cp", "-f", "short/sub", "out")
    assert (tmp_path / "out" / "b.txt").stat().st_size == 2048
    assert "12345" in spell("run", "--none", "-m", "uploads/mine:data", "cat data/a.txt")
    assert spell("unlink", "short") == "Successfully removed link with alias short.\n"
    assert spell("rm", "uploads/mine") == ""
    assert spell("ls", "uploads/mine").startswith("[1] ")


# ---------------------------------------------------------------- searches


def test_lists_go_on_where_runs_were_pruned(spell: Spell, house: Driven) -> None:
    spell("workflow", "--none", "true")
    spell("hyper", "grid", "--param", "a=1", "--none", "true")
    house.wait_id(told(spell("hyper", "describe", "1", "--json"))["run"])
    for thread in house.threads:
        thread.join()
    assert main(["prune", "--older-than", "0s"]) == 0
    spell("workflow", "--none", "true")
    assert [each["id"] for each in told(spell("workflow", "list", "--json"))] == [2]
    assert "hyper list" in spell("hyper", "describe", "1")
    assert told(spell("hyper", "list", "--json")) == []


def test_a_grid_makes_a_run_of_each_combination(spell: Spell, house: Driven) -> None:
    words = ["--param", "start=0,10", "--json-param", 'kind=["a,b", 1.5]', "--none", "--", "true", ":start:", ":kind:"]
    lines = spell("hyper", "grid", *words).splitlines()
    assert lines == [
        "💫 Casting hyperparameter search #1…",
        "start    kind    Run ID",
        "0        a,b     1",
        "0        1.5     2",
        "10       a,b     3",
        "10       1.5     4",
    ]
    for number in range(1, 5):
        house.over(number)
    assert house.get(3).command == "true 10 a,b"
    assert house.get(2).asked("hyper_params") == {"start": 0, "kind": 1.5}
    house.wait_id(told(spell("hyper", "describe", "1", "--json"))["run"])
    found = told(spell("hyper", "describe", "1", "--json"))
    assert (found["status"], {each["ended"] for each in found["trials"]}) == ("finished", {FINISHED})
    shown = spell("hyper", "describe", "1").splitlines()
    assert shown[0] == "Hyperparameter Search Info:"
    assert [line.split()[0] for line in shown[-4:]] == ["1", "2", "3", "4"]
    assert spell("hyper", "list").splitlines()[1].split()[:2] == ["1", "4"]
    assert len(house.runs()) == 4  # the search itself is no run of the sequence
    spell("hyper", "archive", "1")
    assert told(spell("hyper", "list", "--json")) == []


METRIC = """
import sys
from spell.metrics import send_metric
for index in range(3):
    send_metric("loss", (float(sys.argv[1]) - 2) ** 2 - index, index)
"""


def test_a_bayesian_search_looks_for_the_best(spell: Spell, house: Driven, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(METRIC)
    options = ["-n", "6", "-r", "2", "--metric", "loss", "-a", "min", "--direction", "minimize", "--seed", "3"]
    lines = spell("hyper", "bayesian", *options, "--param", "x=-5:5", "--", "python", "train.py", ":x:").splitlines()
    assert lines[:2] == ["💫 Casting hyperparameter search #1…", "x            Run ID"] or len(lines) >= 4
    house.wait_id(told(spell("hyper", "describe", "1", "--json"))["run"])
    found = told(spell("hyper", "describe", "1", "--json"))
    trials = found["trials"]
    assert [each["ended"] for each in trials] == [FINISHED] * 6
    assert all(abs(each["value"] - ((each["params"]["x"] - 2) ** 2 - 2)) < 1e-9 for each in trials)
    best = min(trials, key=lambda each: each["value"])
    assert f"run {best['run']}: " in spell("hyper", "describe", "1")
    spell("hyper", "download-metrics", "1", "-d", "m.csv")
    rows = list(csv.DictReader((tmp_path / "m.csv").open()))
    assert len(rows) == 18
    assert {row["metric_name"] for row in rows} == {"loss"}
    assert "m.csv is there already" in spell("hyper", "download-metrics", "1", "-d", "m.csv")


def test_a_search_that_is_stopped_begins_no_more(spell: Spell, house: Driven) -> None:
    words = ["-n", "5", "-r", "1", "--param", "x=1:2", "--none", "--", "sleep", "600"]
    assert len(spell("hyper", "random", *words).splitlines()) == 3
    house.wait(1, ["running"])
    assert spell("hyper", "stop", "1").splitlines()[-1] == "Stopping hyperparameter search 1."
    house.wait_id(told(spell("hyper", "describe", "1", "--json"))["run"])
    assert [each.status for each in house.runs()] == ["stopped"]
    assert told(spell("hyper", "list", "--json"))[0]["status"] == "finished"


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("given", "ranges", "read"),
    [
        ("a=1,2.5,x", True, {"values": [1, 2.5, "x"]}),
        ("a=1:5", True, {"min": 1, "max": 5, "scaling": "linear", "type": "float"}),
        ("a=1e-3:1:log", True, {"min": 0.001, "max": 1, "scaling": "log", "type": "float"}),
        ("a=0:100:linear:int", True, {"min": 0, "max": 100, "scaling": "linear", "type": "int"}),
        ("a=0:100:int", True, {"min": 0, "max": 100, "scaling": "linear", "type": "int"}),
        ("a=1:5", False, {"values": ["1:5"]}),
        ("a=", True, {"values": [""]}),
    ],
)
def test_parameters_of_searches(given: str, ranges: bool, read: object) -> None:
    assert grammar.spec(given, ranges=ranges) == ("a", read)


def test_stop_conditions() -> None:
    read = grammar._conditions("keras/loss < 0.1:5 && acc>=1e2")
    assert read == [
        {"metric": "keras/loss", "operator": "<", "value": 0.1, "min_indices": 5},
        {"metric": "acc", "operator": ">=", "value": 100.0},
    ]
    with pytest.raises(UsageError):
        grammar._conditions("loss < 0.1 &&")


def test_times_and_sizes_for_people() -> None:
    assert [formats.ago(each) for each in (0, 1, 59, 60, 3700, 200_000)] == [
        "0 seconds", "1 second", "59 seconds", "1 minute", "1 hour", "2 days",
    ]  # fmt: skip
    assert [formats.size(each) for each in (0, 12, 1536, 5 * 2**30)] == ["0B", "12B", "1.5K", "5.0G"]
    entry = LogEntry("running", " of Moscupe", 1588678555.0)
    assert formats.console_line(entry).endswith(":55: running:  of Moscupe")


def test_on_a_terminal_what_prepares_a_run_is_a_line_that_turns() -> None:
    out: list[str] = []
    entries = [
        LogEntry("machine_requested", "Run created", 0, True), LogEntry("building", "Run is building", 0, True),
        LogEntry("building", "Retrieving cached environment...", 0), LogEntry("running", "Run is running", 0, True),
        LogEntry("running", "hello\x1b[2J", 0), LogEntry("complete", "Run 1 complete", 0, True),
    ]  # fmt: skip
    assert not following.follow(entries, following.Screen(out.append, live=True))
    kept = [each.rpartition("\r\x1b[K")[2] for each in "".join(out).split("\n")]
    assert kept == [
        "✨ Machine_Requested… done", "✨ Building… done", "✨ Run is running", "hello\\x1b[2J",
        "🎉 Run 1 complete", "",
    ]  # fmt: skip


def test_ctrl_c_ends_the_following_alone() -> None:
    out: list[str] = []

    def entries() -> Any:
        yield LogEntry("building", "Run is building", 0, True)
        raise KeyboardInterrupt

    assert following.follow(entries(), following.Screen(out.append, live=True))
    assert "".join(out).endswith("\n")
