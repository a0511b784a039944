"""`qe` as scripts know it: lines, columns, words, options; through `motet qe` and through the shim."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import time
import urllib.request
from io import BytesIO

import pytest
from tests.cli.conftest import Cli
from tests.orquestra.workflows import BLOSSOMS, odd, step

from motet.dialects.orquestra import telling
from motet.dialects.orquestra.ids import step_id


def submitted(cli: Cli, text: str, *options: str) -> str:
    """The id of a workflow with this text, once it has ended."""
    cli.write("w.yaml", text)
    lines = cli("qe", "submit", "workflow", "w.yaml", *options).out.splitlines()
    assert lines[0] == "Successfully submitted workflow to quantum engine!"
    found = re.fullmatch(r"Workflow ID: ([a-z-]+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", lines[1])
    assert found is not None, lines
    cli.wait_for_status(found[1], "succeeded", "failed")
    return found[1]


def test_a_workflow_as_it_was_told_of(cli: Cli) -> None:
    own = submitted(cli, BLOSSOMS)
    lines = cli("qe", "get", "workflow", own).out.splitlines()
    time_ = r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [+-]\d{4} \((now|\d+ \w+ ago)\)"
    wanted = [
        rf"Name:                {own}", r"Namespace:           default", r"Status:              Succeeded",
        rf"Created:             {time_}", rf"Started:             {time_}", rf"Finished:            {time_}",
        r"Duration:            \d+ seconds?", r"Parameters:          ", r"  s3-bucket:         quantum-engine",
        r"  s3-key:            projects/v1", r"", r"STEP +PODNAME +DURATION  MESSAGE",
        rf"  {own} \(qeDagWorkflow\) +",
        rf" ├- draw-points \(draw-points\) +{step_id(own, 'draw-points')} +\d+s +points  ",
        rf" ├- fit-line \(fit-line\) +{step_id(own, 'fit-line')} +\d+s +line  ",
        rf" └- score \(score\) +{step_id(own, 'score')} +\d+s +mean-error  ",
    ]  # fmt: skip
    assert len(lines) == len(wanted)
    for line, pattern in zip(lines, wanted, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)
    assert lines[-1].split()[3] == step_id(own, "score")
    assert lines[11].index("PODNAME") + 9 == lines[13].index(step_id(own, "draw-points"))


@pytest.mark.parametrize("legacy", [False, True])
def test_the_result_can_be_fetched_from_its_location(cli: Cli, legacy: bool) -> None:
    own = submitted(cli, BLOSSOMS)
    lines = cli("qe", "get", "workflowresults", own, *(["--legacy"] if legacy else [])).out.splitlines()
    assert [line.split()[0] for line in lines] == ["Name:", "Location:"]
    assert lines[0] == f"Name:        {own}"
    with urllib.request.urlopen(lines[1].split()[1]) as reply, tarfile.open(fileobj=BytesIO(reply.read())) as archive:
        (name,) = archive.getnames()
        file = archive.extractfile(name)
        assert file is not None
        found = json.load(file)
    assert name == f"{own}_workflow_result.json"
    first = found[step_id(own, "draw-points")]
    assert first["class" if legacy else "stepName"] == "draw-points"
    assert ("inputs" in first) is not legacy


def test_errors_of_submit_are_on_standard_output(cli: Cli) -> None:
    cli.write("w.yaml", BLOSSOMS.replace("passed: [fit-line]", "passed: [fit-lin]"))
    said = cli("qe", "submit", "workflow", "w.yaml", code=1).out
    assert said.startswith("Error: w.yaml:")
    assert "Did you mean 'fit-line'?" in said
    assert "Success" not in said
    assert "Error" in cli("qe", "submit", "workflow", "none.yaml", code=1).out
    cli.write("w.yaml", "name: mine\n")
    assert "w.yaml:1:1: 'apiVersion' is missing" in cli("qe", "submit", "workflow", "w.yaml", code=1).out


def test_logs_by_name_and_by_step_id(cli: Cli) -> None:
    own = submitted(cli, odd(step("bad", "broken", "word: luck"), step("good", "tell", "x: 1")))
    by_name = cli("qe", "get", "logs", own, "-s", "bad").out
    assert by_name == cli("qe", "get", "logs", own, "--step", step_id(own, "bad")).out
    assert by_name.startswith("before it breaks\nTraceback (most recent call last):\n")
    assert by_name.endswith("ValueError: no luck\n"), "scripts look for errors here"
    assert cli("qe", "get", "logs", own).out == by_name
    assert "has no step 'worse'" in cli("qe", "get", "logs", own, "-s", "worse", code=2).err
    assert "Failed" in cli("qe", "get", "workflow", own).out


@pytest.fixture
def three(cli: Cli) -> list[str]:
    """Three runs, newest first: two that have succeeded and one that has failed."""
    good = odd(step("a", "tell", "x: 1"))
    ids = [submitted(cli, good), submitted(cli, good.replace("name: odd", "name: even"))]
    ids.append(submitted(cli, odd(step("a", "broken", "word: luck"))))
    return ids[::-1]


def test_lists(cli: Cli, three: list[str]) -> None:
    def listed(*options: str) -> list[str]:
        found: list[dict[str, str]] = json.loads(cli("qe", "list", "workflow", "-o", "json", *options).out)
        return [each["id"] for each in found]

    assert listed() == three
    assert listed("-l", "2") == three[:2]
    assert listed("-p", "EVEN") == [three[1]]
    assert listed("-s", "Failed") == [three[0]]
    assert listed("-s", "failed") == []
    assert listed("-d", "1h") == three
    assert "is no duration" in cli("qe", "list", "workflow", "-d", "1h5m", code=2).err
    assert "at most 200" in cli("qe", "list", "workflow", "-l", "300", code=2).err
    header, *rows = cli("qe", "list", "workflow").out.splitlines()
    assert header.split() == ["NAME", "STATUS", "CREATED", "DURATION"]
    assert [row.split()[0] for row in rows] == three
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", rows[0].split()[2])


def test_stop_and_what_is_there_of_a_run_that_goes_on(cli: Cli) -> None:
    cli.write("w.yaml", odd(step("a", "slow", "word: one; seconds: 600")))
    own = cli("qe", "submit", "workflow", "w.yaml").out.split()[-1]
    cli.wait_for_count(1)
    assert cli("qe", "get", "workflowresult", own).out.splitlines()[-1].startswith("Status:      Running")
    assert "was stopped" in cli("qe", "stop", "workflow", own).out
    assert "Status:              Terminated" in cli("qe", "get", "workflow", own).out
    assert "has ended already" in cli("qe", "stop", "workflow", own, code=2).err


def test_imports_and_the_rest(cli: Cli) -> None:
    cli.write("w.yaml", BLOSSOMS)
    got = cli("qe", "get", "imports", "-f", "w.yaml").out
    assert [line.partition(":")[0] for line in got.splitlines()] == ["garden", "scores"]
    assert "draw-points: " in cli("qe", "install", "imports", "-f", "w.yaml").out
    assert "usage: qe COMMAND" in cli("qe", "help").out
    assert "No login is needed" in cli("qe", "login", "-s", "https://example.invalid").out
    assert "Motet" in cli("qe", "version").out
    assert "has no command 'get artifact'.\n`motet results ID`" in cli("qe", "get", "artifact", code=2).err
    assert "Write: qe submit workflow w.yaml" in cli("qe", "submit", "w.yaml", code=1).out
    assert "There is no run" in cli("qe", "get", "workflow", "none", code=2).err


def test_the_shim(cli: Cli) -> None:
    cli("shims", "bin")
    done = subprocess.run([cli.folder / "bin" / "qe", "version"], capture_output=True, text=True, check=True)
    assert "qe of Motet" in done.stdout


def test_times_in_words() -> None:
    assert [telling.ago(each) for each in (0.4, 1, 59, 60, 7200, 90_000, 1e6)] == [
        "now", "1 second ago", "59 seconds ago", "1 minute ago", "2 hours ago", "1 day ago", "1 week ago",
    ]  # fmt: skip
    assert [telling.duration(each) for each in (0.5, 22, 65, 3600, 100_000)] == [
        "0 seconds", "22 seconds", "1 minute 5 seconds", "1 hour", "1 day 3 hours",
    ]  # fmt: skip
    assert [telling.short_duration(each) for each in (None, 9.9, 125, 7300)] == ["", "9s", "2m", "2h"]
    at = time.time()
    assert telling.moment(at).split()[2] == time.strftime("%d", time.localtime(at))
