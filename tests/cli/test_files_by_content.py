"""`Annotated[Path, Content]` on the command line: what a resume names, what a fork runs anew."""

from __future__ import annotations

from tests.cli.conftest import Cli

PROGRAM = """
    from pathlib import Path
    from typing import Annotated

    from motet import Content, flow, task

    @task
    def load(path: Annotated[Path, Content]) -> str:
        print("loads", path.name)
        return path.read_text()

    @task
    def check(text: str) -> str:
        assert text != "old1"
        return text

    @flow
    def all() -> str:
        found = load.map([Path("a"), Path("b")]).result()
        return check(load(Path("c")) + found[0])
"""


def test_fork_and_resume(cli: Cli) -> None:
    cli.write("flows.py", PROGRAM)
    for name, text in (("a", "1"), ("b", "1"), ("c", "old")):
        (cli.folder / name).write_text(text)
    cli("run", "flows.py:all", "--name", "mine", code=1)
    (cli.folder / "c").write_text("new")
    (cli.folder / "b").write_text("2")
    resumed = cli("resume", "mine", code=1)
    assert "load-1 kept, though changed since: what is in argument path" in resumed.out
    assert cli.json("fork", "mine", "--name", "again")["runs"][0]["result"] == "new1"
    assert "1 of its 2 elements did not run" in cli("why", "again", "load-0").out
    assert "what is in the files that it gets has changed: path" in cli("why", "again", "load-1").out
