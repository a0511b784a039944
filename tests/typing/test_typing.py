"""Type checkers know what flows and tasks take and give: mypy and pyright, each over the same two files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = (HERE / "accepted.py", HERE / "refused.py")


def expected() -> set[tuple[str, int]]:
    """The lines that are to be refused."""
    return {
        (file.name, number)
        for file in FILES
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.endswith("# refused")
    }


def test_mypy(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path),
        "--no-error-summary", "--follow-imports=silent", "--hide-error-context", *map(str, FILES),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)
    found = re.findall(r"(\w+\.py):(\d+): error: (.*)", done.stdout)
    assert {(file, int(line)) for file, line, _ in found} == expected(), done.stdout + done.stderr


def test_pyright(tmp_path: Path) -> None:
    command = shutil.which("pyright") or shutil.which("pyright", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("pyright is not installed: pip install pyright")
    settings = {"include": [str(HERE)], "typeCheckingMode": "standard", "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [command, "--outputjson", "--pythonpath", sys.executable, "--project", str(tmp_path), *map(str, FILES)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        report = json.loads(done.stdout)
    except ValueError:
        pytest.skip(f"pyright cannot run here (it fetches itself from npm when first used): {done.stderr[-300:]}")
    found = {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }
    assert found == expected(), json.dumps(report["generalDiagnostics"], indent=1)
