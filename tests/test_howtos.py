"""The flows in the guides run as they are written there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, cli

__all__ = ["cli"]

GUIDES = Path(__file__).resolve().parent.parent / "docs" / "how-to"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def first_block(guide: str) -> str:
    found = BLOCK.search((GUIDES / guide).read_text())
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(
    ("guide", "before", "told"),
    [
        ("retries.md", [], "Result: 19"),
        ("hooks.md", [], "train-0 is Completed"),
        ("logging.md", [], "Result: 8"),
        ("limits.md", [["set", "database", "4"], ["set", "api", "10", "--decay", "50"]], "Result: 8"),
        ("transactions.md", [], "succeeded"),
        ("secrets.md", [], "Result: 14"),
        ("caching.md", [], "Result: [10, 10, 10]"),
    ],
)
def test_the_flow_of_a_guide_runs(cli: Cli, guide: str, before: list[list[str]], told: str) -> None:
    cli.write("guide.py", first_block(guide))
    for command in before:
        cli("limit", *command)
    done = cli("run", "guide.py", env={**cli.env, "MOTET_SECRET_GITHUB": "hunter2"})
    assert told in done.out


def test_the_event_of_the_guide_is_waited_for(cli: Cli) -> None:
    cli.write("guide.py", first_block("events.md"))
    cli("publish", "model_ready", '{"path": "/models/2"}')
    process = cli.start("run", "guide.py", "--name", "mine")
    while not cli.recorded():
        assert process.poll() is None
    cli("publish", "model_ready", '{"path": "/models/3"}')
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Result: '/models/3'" in out


def test_the_question_of_the_guide_is_answered(cli: Cli) -> None:
    cli.write("guide.py", first_block("human-input.md"))
    process = cli.start("run", "guide.py", "--name", "mine")
    while not cli.recorded():
        assert process.poll() is None
    cli.wait_for_status("mine", "waiting")
    cli("answer", "mine", "-p", "approved=true", "-p", "share=0.5")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Result: 'deployed to 50%'" in out
