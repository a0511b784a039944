"""The unit for systemd and the container image, as far as they can be tried where neither is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from configparser import ConfigParser
from pathlib import Path

import pytest
from tests.source import ROOT

from motet.cli.server import server_arguments

UNIT = ROOT / "deploy" / "motet.service"
IMAGE = ROOT / "deploy" / "Containerfile"


def options_of(command: list[str]) -> None:
    """Read the options as `motet server` does. Ends the process for one that there is not."""
    assert command[:2] == ["motet", "server"]
    parser = ArgumentParser()
    server_arguments(parser)
    parser.parse_args(command[2:])


def test_the_unit_lets_runs_go_on_and_starts_a_command_that_there_is() -> None:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    assert unit["Service"]["KillMode"] == "process"
    words = shlex.split(unit["Service"]["ExecStart"])
    options_of(["motet", *words[1:]])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Where this Python's is the command that it starts: systemd looks whether there is one."""
    place = tmp_path / UNIT.name
    place.write_text(UNIT.read_text().replace("%h/.venv/bin/motet", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(place)], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert said == []


def test_the_image_is_made_of_what_there_is() -> None:
    text = IMAGE.read_text()
    copied = [path for line in re.findall(r"^COPY (?!--)(.+)$", text, re.M) for path in line.split()[:-1]]
    needed = [path.removeprefix("/src/") for path in re.findall(r"-r (\S+)", text)]
    assert copied
    assert needed
    assert [path for path in (*copied, *needed) if not (ROOT / path).exists()] == []
    command = re.search(r"^CMD \[(.+)\]$", text, re.M)
    assert command is not None
    options_of([each.strip(' "') for each in command[1].split(",")])
