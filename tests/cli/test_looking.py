"""Looking at runs: ls, show, logs, events; and publish."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import PATIENCE_S, Cli


def test_ls(cli: Cli, flows: Path) -> None:
    assert "no runs" in cli("ls").out
    cli("run", "flows.py:total", "--name", "first")
    cli("run", "flows.py:total", "-p", "size=-1", "--name", "second")
    header, newest, oldest = cli("ls").out.splitlines()
    assert header.split() == ["NAME", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK"]
    assert newest.split()[0] == "second"
    assert oldest.split()[0] == "first"
    assert "\x1b" not in header + newest, "no colour where there is no terminal"
    assert [run["name"] for run in cli.json("ls", "-n", "1")] == ["second"]
    assert [run["name"] for run in cli.json("ls", "--status", "succeeded")] == ["second", "first"]
    assert cli.json("ls", "--status", "failed") == []


def test_show(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total", "-p", "size=3", "--name", "mine")
    (run,) = cli.runs()
    by_name, by_id = cli("show", "mine").out, cli("show", run["id"]).out
    assert by_name == by_id == cli("show", run["id"][:12]).out
    for told in ("mine", run["id"], "total", "succeeded", "size=3", "4 succeeded", "step-2"):
        assert told in by_name
    whole = cli.json("show", "mine")
    assert whole["result"] == 3
    assert [step["key"] for step in whole["steps"]] == ["total", "total/step-0", "total/step-1", "total/step-2"]
    step = cli.json("show", "mine", "total/step-2")
    assert (step["key"], step["status"], step["result"]) == ("total/step-2", "succeeded", 2)
    assert "Result" in cli("show", "mine", "step-2").out
    assert "no step 'nothing'" in cli("show", "mine", "nothing", code=2).err


LONG = """
    import time

    from motet import flow, task
    from motet.task_runners import ThreadPoolTaskRunner

    @task
    def even(number):
        return number

    @task
    def odd(number):
        return number

    @task
    def bad():
        raise ValueError("spoilt")

    @task(retries=1, retry_delay_seconds=36000)
    def again():
        raise ValueError("once more")

    @task
    def slow():
        time.sleep(36000)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def long():
        for number in range(700):
            even(number), odd(number)
        bad(return_state=True)
        for number in range(700, 750):
            even(number), odd(number)
        again.submit().wait(timeout=0)
        slow.submit()
        slow.submit()
"""


def test_show_of_a_long_run_begins_with_what_has_to_be_seen_to(cli: Cli) -> None:
    cli.write("flows.py", LONG)
    process = cli.start("run", "flows.py:long", "--name", "mine")
    wanted = {"failed", "retrying", "running", "ready"}
    cli.wait_for_steps("mine", "long/slow-1")
    while not wanted <= {step["status"] for step in cli.wait_for_status("mine", "running")["steps"]}:
        assert process.poll() is None
    lines = cli("show", "mine").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("STEP"))
    first = [(line.split()[0].removeprefix("long/"), line.split()[1]) for line in lines[at + 1 : at + 6]]
    assert first == [
        ("bad-0", "failed"), ("again-0", "retrying"), ("long", "running"), ("slow-0", "running"), ("slow-1", "ready"),
    ]  # fmt: skip
    assert len(lines) - at < 210
    assert "more: motet show mine -n 1505" in lines[-1]


def test_what_failed_deep_in_a_long_run_is_shown(cli: Cli) -> None:
    cli.write(
        "deep.py",
        """
        from motet import flow, task

        @task
        def step(number):
            if number == 60:
                raise ValueError("spoilt")

        @flow
        def part(first):
            for number in range(first, first + 30):
                step(number, return_state=True)
                step.with_options(name=f"other-{number}")(0)

        @flow
        def deep():
            for first in (0, 30, 60, 90):
                part(first)
        """,
    )
    cli("run", "deep.py:deep", "--name", "mine")
    lines = cli("show", "mine", "-n", "6").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("STEP"))
    assert lines[at + 1].split()[:2] == ["deep/part-2/step-0", "failed"]
    assert lines[at + 2].split()[:2] == ["deep", "succeeded"]


def test_logs_of_a_step_that_is_not_there(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:crawl", "-p", "size=2", "-p", "seconds=0", "--name", "mine")
    told = cli("logs", "mine", "slo", code=2)
    assert "Run mine has no step 'slo'" in told.err
    assert "`motet show mine` lists its steps." in told.err
    one = cli("logs", "mine", "slow-0").out
    assert one == cli("logs", "mine", "crawl/slow-0").out
    assert ("at 0" in one, "at 1" in one) == (True, False)
    assert "has 2 steps of that name" in cli("logs", "mine", "slow", code=2).err
    assert "at 1" in cli("logs", "mine", "crawl").out
    cli("run", "flows.py:crawl", "-p", "size=1", "-p", "seconds=0", "--name", "single")
    assert "at 0" in cli("logs", "single", "slow").out, "found as `show` and `why` find it"
    process = cli.start("run", "flows.py:crawl", "-p", "seconds=36000", "--name", "under way")
    cli.wait_for_steps("under way", "crawl/slow-0")
    assert "has no step 'slow-1'" in cli("logs", "under way", "slow-1", code=2).err
    assert process.poll() is None


def test_show_tells_plain_values_and_runs_nobodys_code(cli: Cli) -> None:
    cli.write(
        "values.py",
        """
        from motet import flow, task

        class Odd:
            def __reduce__(self):
                return (print, ("somebody's code was run",))

        @task
        def odd():
            return Odd()

        @flow
        def values(sizes: list[int] = [1, 2]):
            odd()
            return {"accuracy": 0.97, "labels": ("a", "b"), "large": None}
        """,
    )
    cli("run", "values.py", "--name", "mine")
    shown = cli("show", "mine").out
    assert "sizes=[1, 2]" in shown
    assert "{'accuracy': 0.97, 'labels': ('a', 'b'), 'large': None}" in shown
    whole = cli.json("show", "mine")
    assert whole["params"] == {"sizes": [1, 2]}
    assert whole["result"] == {"accuracy": 0.97, "labels": ["a", "b"], "large": None}
    step = cli("show", "mine", "odd-0")
    assert "pickled, " in step.out
    assert "somebody" not in step.out + step.err
    assert set(cli.json("show", "mine", "odd-0")["result"]) == {"pickle"}


def test_show_tells_the_values_that_people_use(cli: Cli) -> None:
    cli.write(
        "values.py",
        """
        from dataclasses import dataclass
        from datetime import date, timedelta
        from enum import Enum
        from pathlib import Path

        import numpy as np

        from motet import flow, task

        class Mode(Enum):
            FAST = "fast"

        @dataclass
        class Point:
            x: int
            when: date

        @task
        def table():
            return np.zeros((200, 3))

        @flow
        def values(day: date = date(2024, 2, 29), place: Path = Path("in/a.csv"), mode: Mode = Mode.FAST):
            table()
            return {"point": Point(1, day), "took": timedelta(minutes=5), "score": np.float64(0.5)}
        """,
    )
    told = cli("run", "values.py", "--name", "mine").out
    assert "Result: {'point': Point(x=1, when=datetime.date(2024, 2, 29))" in told
    shown = cli("show", "mine").out
    assert "day=2024-02-29, place=in/a.csv, mode=Mode('fast')" in shown
    assert "Result     {'point': Point(x=1, when=2024-02-29), 'took': 0:05:00, 'score': 0.5}" in shown
    whole = cli.json("show", "mine")
    assert whole["params"] == {"day": "2024-02-29", "place": "in/a.csv", "mode": "Mode('fast')"}
    assert whole["result"]["score"] == 0.5
    assert "ndarray 200 x 3 float64" in cli("show", "mine", "table-0").out


def test_show_a_failure(cli: Cli) -> None:
    cli.write(
        "failing.py",
        """
        from motet import flow, task

        @task(retries=1)
        def bad():
            raise KeyError("lost")

        @flow
        def failing():
            bad()
        """,
    )
    cli("run", "failing.py", "--name", "mine", code=1)
    shown = cli("show", "mine").out
    assert "KeyError: 'lost'" in shown
    assert "attempt 2" in shown
    assert "motet resume mine" in shown
    assert shown.count("Traceback") == 1
    assert "line 5, in bad" in cli("show", "mine", "bad-0").out
    assert cli.json("show", "mine", "bad-0")["error"]["type"] == "KeyError"


def test_logs(cli: Cli) -> None:
    cli.write(
        "printing.py",
        """
        import logging
        import sys
        from motet import flow, task

        @task
        def say(word):
            print("said", word)
            print("complained", word, file=sys.stderr)

        @flow
        def printing():
            print("from the flow: ä")
            say("one")
            say("two")
            say.submit("three").result()
            logging.getLogger("mine").warning("careful")
        """,
    )
    cli("run", "printing.py", "--name", "mine")
    lines = cli("logs", "mine").out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "from the flow: ä",
        "said one", "complained one", "said two", "complained two", "said three", "complained three",
        "WARNING mine: careful",
    ]  # fmt: skip
    assert [line["text"] for line in cli.json("logs", "mine", "printing/say-1")] == ["said two", "complained two"]
    assert [line["stream"] for line in cli.json("logs", "mine", "say-2")] == ["stdout", "stderr"]
    assert len(cli.json("logs", "mine", "printing")) == 8
    refused = cli("logs", "mine", "printing/say-9", code=2)
    assert "has no step 'printing/say-9'" in refused.err


def test_following_logs_until_the_run_has_ended(cli: Cli, flows: Path) -> None:
    cli("submit", "flows.py:crawl", "-p", "size=6", "--name", "mine")
    followed = cli("logs", "-f", "mine")
    assert [line.split("  ", 1)[1] for line in followed.out.splitlines()] == [f"at {number}" for number in range(6)]
    lines = cli("logs", "-f", "mine", "--json").out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == [f"at {number}" for number in range(6)]


def test_events(cli: Cli, flows: Path) -> None:
    cli("run", "flows.py:total", "-p", "size=2", "--name", "mine")
    cli("publish", "data_prepared", '{"rows": 3}', "--namespace", "team")
    cli("run", "flows.py:total", "-p", "size=1", "--name", "other")
    everything = cli.json("events")
    assert [each["offset"] for each in everything] == list(range(1, len(everything) + 1))
    own = cli.json("events", "mine")
    assert {each["run"] for each in own} == {cli.json("show", "mine")["id"]}
    assert own[0]["key"] == "run.started"
    assert own[-1]["key"] == "run.finished"
    assert len(cli.json("events", "--run", "mine", "--key", "step.succeeded")) == 3
    (published,) = cli.json("events", "--key", "data_prepared")
    assert (published["namespace"], published["value"]) == ("team", {"rows": 3})
    assert cli.json("events", "--after", str(published["offset"] - 1))[0] == published
    assert 'team:data_prepared  {"rows": 3}' in cli("events").out
    assert cli.json("events", "--after", "100000") == []


def test_following_events(cli: Cli) -> None:
    cli("publish", "before")
    following = cli.start("events", "-f", "--json", "--after", "0")
    assert following.stdout is not None
    assert json.loads(following.stdout.readline())["key"] == "before"
    for number in range(3):
        cli("publish", "tick", str(number))
        heard = json.loads(following.stdout.readline())
        assert (heard["key"], heard["value"]) == ("tick", number)
    following.send_signal(2)
    out, err = following.communicate(timeout=PATIENCE_S)
    assert (following.returncode, out, err) == (130, "", "")


def test_publish(cli: Cli) -> None:
    assert cli.json("publish", "a", "--client-key", "k") == {"offset": 1}
    assert cli.json("publish", "a", "--client-key", "k") == {"offset": 1}
    for text in ("word", "1.5", "[1, null]", "NaN", ""):
        cli("publish", "b", text)
    assert [each["value"] for each in cli.json("events", "--key", "b")] == ["word", 1.5, [1, None], "NaN", ""]
    assert "needs a key" in cli("publish", "", code=2).err


def test_a_reader_that_has_seen_enough(cli: Cli, flows: Path) -> None:
    """`motet events | head` ends silently."""
    for _ in range(3):
        cli("run", "flows.py:total", "-p", "size=200")
    command = f"{sys.executable} -P -m motet.cli events --after 0 | head -n 1; echo ended ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    first, ended = done.stdout.splitlines()
    assert "run.started" in first
    assert ended == "ended 141"


def test_colour_is_for_terminals_only(cli: Cli, flows: Path) -> None:

    cli("run", "flows.py:total")

    usual = {key: value for key, value in cli.env.items() if key != "NO_COLOR"}
    cli.env = usual
    assert "\x1b[32msucceeded" in cli.on_a_terminal("ls")
    assert "\x1b" not in cli.on_a_terminal("ls", NO_COLOR="1")
    assert "\x1b" not in cli.on_a_terminal("ls", TERM="dumb")


def test_show_an_element_of_a_map(cli: Cli) -> None:
    cli.write(
        "maps.py",
        """
        from motet import flow, task

        @task
        def half(number: int) -> int:
            if number == 3:
                raise ValueError("three is odd")
            return number // 2

        @flow
        def halves() -> int:
            futures = half.map([0, 2, 3, 8])
            futures.wait()
            return sum(future.result() for future in futures if future.state.is_completed())
        """,
    )
    cli("run", "maps.py", "--name", "mine")
    good = cli.json("show", "mine", "halves/half-0[3]")
    assert (good["status"], good["result"], good["attempt"]) == ("succeeded", 4, 1)
    assert "three is odd" in cli("show", "mine", "half-0[2]").out
    assert "4 elements" in cli("show", "mine", "half-0[4]", code=2).err


SEARCH = """
    from motet import INPUTS, flow, task

    @task
    def depths(count: int) -> list[int]:
        return list(range(count))

    @task(task_run_name="depth {depth:02d} of {model[name]}", cache_policy=INPUTS)
    def fit(depth: int, model: dict) -> float:
        return depth / 2

    @task(retries=2)
    def score(fitted: float, tried: dict = {}) -> float:
        tried[fitted] = tried.get(fitted, 0) + 1
        if fitted == 1.0 and tried[fitted] < 3:
            raise ValueError("unsteady")
        if fitted == 1.5:
            raise ValueError("hopeless")
        return fitted

    @flow
    def search(count: int = 4, name: str = "tree"):
        score.map(fit.map(depths(count), model={"name": name})).wait()
"""


def test_elements_have_names_attempts_and_reasons(cli: Cli) -> None:
    cli.write("search.py", SEARCH)
    cli("run", "search.py", "--name", "mine", code=1)
    shown = cli("show", "mine", "score-0").out
    assert "4: 3 succeeded, 1 failed, 2 tried again" in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith("[")]
    assert [row[:3] for row in rows] == [
        ["[3]", "fitted=1.5", "failed"], ["[0]", "fitted=0.0", "succeeded"], ["[1]", "fitted=0.5", "succeeded"],
        ["[2]", "fitted=1.0", "succeeded"],
    ]  # fmt: skip
    tree = cli("show", "mine").out
    assert "fitted=1.5, attempt 3, ValueError: hopeless" in tree
    whole = cli.json("show", "mine", "score-0")["elements"]
    assert [(each["status"], each["attempt"]) for each in whole] == [
        ("succeeded", 1), ("succeeded", 1), ("succeeded", 3), ("failed", 3),
    ]  # fmt: skip
    assert whole[3]["error"]["message"] == "hopeless"
    fits = cli.json("show", "mine", "fit-0")["elements"]
    assert [each["name"] for each in fits] == [f"depth {number:02d} of …" for number in range(4)]
    assert [each["result"] for each in fits] == [0.0, 0.5, 1.0, 1.5]
    assert cli.json("show", "mine", "fit-0[2]")["name"] == "depth 02 of …"
    told = cli("why", "mine", "score-0").out
    assert "[3] fitted=1.5 failed: ValueError: hopeless, after 3 attempts." in told
    assert re.search(r"[123] elements? succeeded", told)


def test_elements_that_did_not_run_are_told_from_others(cli: Cli) -> None:
    cli.write("search.py", SEARCH.replace("if fitted == 1.5", "if fitted == -1"))
    cli("run", "search.py", "--name", "first")
    cli("run", "search.py", "--name", "second", "-p", "count=6")
    assert "6: 6 succeeded, 4 cached" in cli("show", "second", "fit-0").out
    assert [each["cached"] for each in cli.json("show", "second", "fit-0")["elements"]] == [1, 1, 1, 1, 0, 0]
    assert "6 elements succeeded, 4 of them without being run" in cli("why", "second", "fit-0").out
    cli("fork", "first", "--name", "third", "-p", "count=5")
    assert "5: 5 succeeded, 4 reused" in cli("show", "third", "score-0").out
    assert "5/5, 4 reused" in cli("show", "third").out


def test_artifacts(cli: Cli) -> None:
    cli.write(
        "publishing.py",
        """
        from motet import artifact, flow, task

        @task
        def report():
            more = [{"name": "d", "loss": 1}] * 20
            artifact.table("rows", [{"name": "a", "loss": 0.5}, {"name": "b, c", "loss": None}, *more])
            artifact.markdown("text", "# A report\\n" + "x" * 2000)
            for loss in (3, 2, 1):
                artifact.metric("loss", loss)

        @flow
        def publishing():
            artifact.link("home", "https://example.org")
            report()
        """,
    )
    assert "has published no artifacts" in cli("artifacts", _nothing(cli)).out
    cli("run", "publishing.py", "--name", "mine")
    listed = cli("artifacts", "mine").out
    for told in ("22 x 2: name, loss", "# A report", "last 1, 3 points", "https://example.org"):
        assert told in listed
    assert [each["key"] for each in cli.json("artifacts", "mine")] == ["home", "rows", "text", "loss"]
    assert cli.json("artifacts", "mine", "loss")["points"] == [[0, 3], [1, 2], [2, 1]]
    assert "0.5" in cli("artifacts", "mine", "report-0#rows").out
    cli("artifacts", "mine", "text", "-o", "report.md")
    cli("artifacts", "mine", "rows", "-o", "rows.csv")
    assert (cli.folder / "rows.csv").read_text() == 'name,loss\na,0.5\n"b, c",\n' + "d,1\n" * 20
    assert "... and 12 more rows: --all shows them" in cli("artifacts", "mine", "rows").out
    assert len(cli("artifacts", "mine", "rows", "--all").out.splitlines()) == 25
    assert (cli.folder / "report.md").read_text() == "# A report\n" + "x" * 2000
    assert [each["run"] for each in cli.json("artifacts", "--key", "loss")] == [cli.runs()[0]["id"]]
    assert "# A report" in cli("show", "mine").out
    assert "https" not in cli("show", "mine", "report-0").out
    assert "no artifact 'nothing'" in cli("artifacts", "mine", "nothing", code=2).err
    assert "neither a run" in cli("artifacts", code=2).err


def _nothing(cli: Cli) -> str:
    cli.write("nothing.py", "from motet import flow\n\n\n@flow\ndef nothing():\n    pass\n")
    cli("run", "nothing.py", "--name", "empty")
    return "empty"
