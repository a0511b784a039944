"""What is read without argparse is what argparse reads."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from motet.cli import main
from motet.cli.plain import Plain
from motet.errors import UsageError

WORDS = (
    "hello.py", "steps", "a=1", "-p", "--param", "--params", "--name", "n", "", "-", "--", "-1", "7", "0.5", "x",
    "--priority", "--only-one", "--plain", "-v", "-q", "-qv", "--json", "--home", "here", "--name=n", "-pa=1", "--key",
    "-n", "--status", "running", "nothing", "--build", "--wait", "--all", "--reason", "--tail", "-f",
)  # fmt: skip


def arguments_of(command: str) -> Callable[[Any], None]:
    found: Callable[[Any], None] = getattr(main._loaded(main.module_of(command)), f"{command}_arguments")
    return found


def both(command: str, given: list[str]) -> tuple[Any, Any]:
    """What each of the two reads: None where it reads nothing."""
    plain: Any = Plain()
    main._add_shared(plain)
    arguments_of(command)(plain)
    parser = main._parser(command, "")
    arguments_of(command)(parser)
    try:
        told = vars(parser.parse_args(given))
    except (UsageError, SystemExit):
        told = None
    found = plain.read(given)
    return found and vars(found), told


@pytest.mark.parametrize("command", [*main.COMMANDS, *main.HIDDEN])
def test_a_plain_command_line_means_the_same_to_both(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(150):
        given = chance.choices(WORDS, k=chance.randrange(5))
        found, told = both(command, given)
        assert found is None or found == told, given
    capsys.readouterr()


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ("run", ["hello.py"]),
        ("run", ["hello.py", "-p", "a=1", "--param", "b=-2", "--priority", "3", "--json"]),
        ("run", ["--quiet", "--name", "n", "flow.yaml"]),
        ("show", ["happy-cat", "step-1"]),
        ("show", ["--json", "happy-cat"]),
        ("ls", ["--status", "running", "-n", "5"]),
        ("ls", []),
    ],
)
def test_common_command_lines_are_read_without_argparse(command: str, given: list[str]) -> None:
    found, told = both(command, given)
    assert found is not None
    assert found == told
