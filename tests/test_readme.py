"""The README's example and commands, as they are printed there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
(HELLO,) = [text for language, text in BLOCKS if language == "python"]
SET_UP, *COMMANDS = [text for language, text in BLOCKS if language == "sh"]


def run_block(commands: str, folder: Path) -> str:
    """What the commands print when a shell that stops at the first failure runs them beside hello.py."""
    (folder / "hello.py").write_text(HELLO)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "MOTET_THREADS": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_there_are_two_commands_of_set_up() -> None:
    root = Path(__file__).resolve().parent.parent
    commands = [line.split()[0] for line in SET_UP.splitlines()]
    assert commands == ["scripts/example", "scripts/test"]
    assert all(os.access(root / command, os.X_OK) for command in commands)
    ci = (root / ".ci" / "run").read_text().splitlines()
    assert [line.split()[-1] for line in ci if not line.startswith("#")] == ["scripts/test"]


@pytest.mark.parametrize("commands", COMMANDS)
def test_commands(commands: str, tmp_path: Path) -> None:
    printed = run_block(commands, tmp_path)
    if "kill -9" in commands:
        assert "crashed" in printed
        assert str(sum(number * number for number in range(40))) in printed
    else:
        assert "30" in printed
        assert "140" in printed
