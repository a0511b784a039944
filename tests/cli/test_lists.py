"""Runs in lists and beside each other; one run renamed, tagged, removed, written as a page; targets checked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.cli.conftest import PATIENCE_S, Cli

TRAIN = """
    import os
    import time
    from motet import artifact, flow, tags, task

    @task
    def fit(rate, model):
        for at in range(4):
            artifact.metric("loss", rate / (at + 1))
        artifact.table("rows", [{"name": "<script>alert(1)</script>", "n": n} for n in range(3)], "a & b")
        artifact.markdown("report", "# Well <b>")
        artifact.link("home", "javascript:alert(1)")
        print("fitted <i>", rate)
        return rate

    @flow
    def train(rate: float = 0.5, model: dict = {"depth": 3}):
        return fit(rate, model)

    @flow
    def broken(word: str = "<bad>"):
        raise ValueError(word)

    @flow
    def slow(name: str = "go"):
        while not os.path.exists(name):
            time.sleep(0.01)
"""


@pytest.fixture
def trained(cli: Cli) -> Cli:
    cli.write("train.py", TRAIN)
    for name, rate in (("first", 0.1), ("second", 0.5)):
        cli("run", "train.py:train", "-p", f"rate={rate}", "--name", name, "-q")
    cli("run", "train.py:broken", "--name", "third", code=1)
    return cli


def names(cli: Cli, *args: str) -> list[str]:
    return [run["name"] for run in cli.json("ls", *args)]


def test_runs_are_chosen(trained: Cli) -> None:
    cli = trained
    assert names(cli) == ["third", "second", "first"]
    assert names(cli, "--workflow", "train") == ["second", "first"]
    assert names(cli, "-p", "rate=0.5") == ["second"]
    assert names(cli, "-p", "word=<bad>", "--status", "failed") == ["third"]
    assert names(cli, "--metric", "loss<0.125") == ["first"]
    assert names(cli, "--metric", "loss<=0.125") == ["second", "first"]
    assert names(cli, "--metric", "loss>0.02", "--metric", "loss<0.1") == ["first"]
    assert names(cli, "--metric", "loss=0.125") == ["second"]
    assert names(cli, "--text", "SEC") == ["second"]
    assert names(cli, "--since", "1h") == ["third", "second", "first"]
    assert names(cli, "--until", "1h") == []
    assert names(cli, "--since", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86400))) == []
    for refused in (["--metric", "loss"], ["--metric", "loss<low"], ["-p", "rate"], ["--since", "soon"]):
        cli("ls", *refused, code=2)
    assert "There are no such runs" in cli("ls", "--tag", "none").out


def test_no_list_ends_in_silence(trained: Cli) -> None:
    shown = trained("ls", "-n", "2").out
    assert "first" not in shown
    assert shown.splitlines()[-1] == "... and more: -n N shows as many, --all all of them"
    assert "more" not in trained("ls", "-n", "3").out
    assert "more" not in trained("ls", "--all", "-n", "1").out


def test_compare(trained: Cli) -> None:
    cli = trained
    shown = cli("compare", "first", "second").out
    assert [line.split() for line in shown.splitlines() if "rate" in line or "loss" in line] == [
        ["rate", "0.1", "0.5"], ["loss", "0.025", "0.125", "+0.1"],
    ]  # fmt: skip
    assert "CODE" not in shown and "model" not in shown
    assert "model" in cli("compare", "first", "second", "--all").out
    found = cli.json("compare", "first", "second")
    assert found["params"] == {"rate": ["0.1", "0.5"]}
    assert found["results"] == {"": ["0.1", "0.5"], "fit-0": ["0.1", "0.5"]}
    (cli.folder / "train.py").write_text((cli.folder / "train.py").read_text().replace("return rate", "return -rate"))
    cli("run", "train.py:train", "-p", "rate=0.5", "--name", "fourth", "-q")
    other = cli.json("compare", "second", "fourth", "first")
    assert list(other["code"]) == ["train:fit"]
    assert other["results"]["fit-0"] == ["0.5", "-0.5", "0.1"]
    assert "one run alone" in cli("compare", "first", code=2).err


def test_rename_and_tag(trained: Cli) -> None:
    cli = trained
    cli("rename", "first", "baseline")
    assert names(cli) == ["third", "second", "baseline"]
    assert cli.json("show", "baseline")["params"]["rate"] == 0.1
    assert "There is no run 'first'" in cli("show", "first", code=2).err
    assert "has the tags best, nightly" in cli("tag", "second", "nightly", "best").out
    assert names(cli, "--tag", "best") == ["second"]
    assert cli.json("tag", "second", "--rm", "best")["tags"] == ["nightly"]
    assert names(cli, "--tag", "best") == []
    assert "has no tag 'best'" in cli("tag", "second", "--rm", "best", code=2).err
    cli("rename", "second", "", code=2)
    cli("doctor")
    assert cli("fork", "baseline", "-q").err == "", "a run that was renamed is what it was"


def test_remove(trained: Cli) -> None:
    cli = trained
    assert "Would remove 1 run" in cli("rm", "second", "--dry-run").out
    assert names(cli) == ["third", "second", "first"]
    assert cli.json("rm", "second", "third")["runs"] == 2
    assert names(cli) == ["first"]
    assert "no run 'second'" in cli("logs", "second", code=2).err
    process = cli.start("run", "train.py:slow", "--name", "under way")
    cli.wait_for_steps("under way", "slow")
    assert "is running; only what has ended is removed" in cli("rm", "under way", code=2).err
    top = cli("top", "--once").out
    assert "1 run under way" in top and "under way" in top
    (row,) = cli.json("top")
    assert (row["name"], row["left_s"]) == ("under way", None)
    (cli.folder / "go").touch()
    process.communicate(timeout=PATIENCE_S)
    assert cli.json("top") == []


class Page(HTMLParser):
    """What a browser would load or run, and what it would show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_holds_all_and_loads_nothing(trained: Cli) -> None:
    cli = trained
    cli("show", "first", "--html", "first.html")
    page = Page((cli.folder / "first.html").read_text())
    assert "Made with" in page.text
    for told in (
        "first",
        "Parameter rate",
        "0.1",
        "fit-0",
        "succeeded",
        "rows",
        "a & b",
        "# Well <b>",
        "fitted <i> 0.1",
    ):
        assert told in page.text
    assert "<script>alert(1)</script>" in page.text, "as text"
    loaded = [
        (tag, attrs) for tag, attrs in page.tags if tag in ("iframe", "link") or "href" in attrs or "style" in attrs
    ]
    assert loaded == []
    assert not any("src" in attrs for tag, attrs in page.tags if tag == "script"), "all that runs stands in the file"
    (policy,) = [str(attrs["content"]) for tag, attrs in page.tags if tag == "meta" and "content" in attrs]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert all(str(attrs.get("src")).startswith("data:") for tag, attrs in page.tags if tag == "img")
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert [tag for tag, _ in page.tags].count("polyline") == 1
    cli("show", "third", "--html", "third.html")
    assert "ValueError: <bad>" in Page((cli.folder / "third.html").read_text()).text
    assert "cannot be written" in cli("show", "first", "--html", "nowhere/first.html", code=2).err


def test_targets_are_checked(trained: Cli) -> None:
    cli = trained
    before = len(cli.runs())
    assert "is a Python flow. Nothing is wrong" in cli("check", "train.py:train").out
    assert "Name one, as in train.py:train" in cli("check", "train.py", code=2).err
    assert "no parameter 'size'" in cli("check", "train.py:train", "-p", "size=1", code=2).err
    wrong = cli.json("check", "train.py:train", "-p", "rate=fast", code=2)
    assert "does not fit" in wrong["wrong"][0]["error"]
    cli.write(
        "lost.py",
        "from motet import flow\ndef make():\n    @flow\n    def f():\n        pass\n    return f\nmake()()\n",
    )
    assert "defined inside a function" in cli("check", "lost.py", code=2).err
    cli.write("syntax.py", "from motet import flow\n@flow\ndef f(:\n")
    assert "SyntaxError" in cli("check", "syntax.py", code=2).err
    cli.write("unknown.yaml", "a: 1\n")
    cli("check", "unknown.yaml", code=2)
    assert len(cli.runs()) == before, "no run was made"


def test_completion(trained: Cli) -> None:
    cli = trained

    def complete(*words: str) -> list[str]:
        return cli("complete", *words).out.split()

    assert {"run", "show", "compare", "qe"} <= set(complete(""))
    assert complete("sho") == ["show"]
    assert complete("show", "") == ["third", "second", "first"]
    assert complete("show", "first", "f") == ["fit-0"]
    assert complete("show", "-n", "3", "se") == ["second"]
    assert complete("compare", "first", "se") == ["second"]
    assert complete("artifacts", "first", "") == ["loss", "rows", "report", "home"]
    assert complete("ls", "--status", "f") == ["failed"]
    assert "--metric" in complete("ls", "--")
    assert complete("run", "") == complete("nothing", "") == complete("show", "nobody", "") == []
    script = cli("completion", "bash").out
    asked = f"{script}\nCOMP_WORDS=(motet show fi); COMP_CWORD=2; _motet; echo ${{COMPREPLY[@]}}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", asked], env={**cli.env, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "first\n"


def git(folder: Path, *args: str) -> str:
    made = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *args]
    return subprocess.run(made, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("packed", [False, True])
def test_show_names_the_version_of_the_code(cli: Cli, packed: bool) -> None:
    cli.write("parts.py", "def half(n):\n    return n // 2\n")
    cli.write(
        "flows.py", "from motet import flow\nfrom parts import half\n\n@flow\ndef f(n: int = 4):\n    return half(n)\n"
    )
    git(cli.folder, "init", "-q", "-b", "topic/one")
    git(cli.folder, "add", ".")
    git(cli.folder, "commit", "-qm", "one")
    commit = git(cli.folder, "rev-parse", "HEAD")
    if packed:
        git(cli.folder, "pack-refs", "--all")
        other = cli.folder.parent / "tree"
        git(cli.folder, "worktree", "add", "-q", "--detach", str(other))
        cli("run", str(other / "flows.py"), "--name", "elsewhere")
        assert f"commit {commit[:12]} of {other}\n" in cli("show", "elsewhere").out
    cli("run", "flows.py", "--name", "clean")
    (cli.folder / "parts.py").write_text("def half(n):\n    return n / 2\n")
    cli("run", "flows.py", "--name", "dirty")
    git(cli.folder, "commit", "-qam", "two")
    assert f"commit {commit[:12]} of {cli.folder}\n" in cli("show", "clean").out
    assert f"commit {commit[:12]} of {cli.folder}, with changes in parts.py\n" in cli("show", "dirty").out
    made = cli.json("show", "clean")["made_with"]
    assert made["interpreter"] == sys.version.partition(" ")[0]
    assert made["code"]["commit"] == commit
    assert sorted(made["code"]["files"]) == ["flows.py", "parts.py"]
    assert cli.json("compare", "clean", "dirty")["code"] == {"changed since": ["", "parts.py"]}


def test_where_there_is_no_repository(cli: Cli) -> None:
    cli.write("flows.py", "from motet import flow\n\n@flow\ndef f():\n    return 1\n")
    cli("run", "flows.py", "--name", "mine")
    assert "code" not in cli.json("show", "mine")["made_with"]
    assert "Made with  Python 3." in cli("show", "mine").out


NARROW = """
    from motet import flow, task

    @task
    def a_task_with_quite_a_long_name_for_a_small_window(n):
        raise ValueError("a message that is longer than most windows are wide, and then some more of it " * 2)

    @flow
    def a_flow_of_the_same_kind_of_name(n: int = 1):
        a_task_with_quite_a_long_name_for_a_small_window(n)
"""


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_tables_fit_the_terminal(cli: Cli, columns: int) -> None:
    cli.write("flows.py", NARROW)
    for name in ("one", "two"):
        cli("run", "flows.py", "--name", name, "-p", f"n={len(name) + ord(name[0])}", code=1)
    for command in (["ls"], ["show", "one"], ["compare", "one", "two"]):
        rows = cli.on_a_terminal(*command, columns=columns, NO_COLOR="1").splitlines()
        header = "STEP" if command[0] == "show" else "NAME" if command[0] == "ls" else ""
        table = rows[next(at for at, row in enumerate(rows) if row.startswith(header)) :]
        assert len(table) > 2
        assert max(map(len, table)) <= columns, command
        if command[0] == "ls":
            assert ("ID" in table[0]) == (columns > 80), "an id is whole or left out"
            assert all(row.split()[0] in ("NAME", "one", "two") for row in table if row), "names are whole"
