"""`motet migrate prefect DIR`: what code uses of Prefect, and how that stands here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motet.cli.main import main

FILES = {
    "flows.py": """from prefect import flow, serve, task
from prefect.assets import materialize
from prefect.blocks.system import Secret
from prefect.deployments import Deployment

@task(result_storage="s3/mine")
def load(): return 1

@flow
def pipeline():
    load.delay()
    return load.submit()

pipeline.serve("daily")
""",
    "old.py": 'from prefect import Flow, Parameter\n\nwith Flow("old") as f:\n    Parameter("x")\n',
    "beta.py": "from prefect import flow, task\nfrom prefect.deployments import DeploymentSpec\n",
    "both.py": "from prefect import task\n\n@task\ndef t(): return 1\n\nt().result()\nt.submit()\n",
    "plain.py": "print('prefect')\n",
    "broken.py": "import prefect\ndef f(:\n",
    "venv/lib.py": "import prefect.nothing\n",
    ".hidden/lib.py": "import prefect.nothing\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "code"


def test_uses_are_listed_with_line_and_cure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "prefect", "code"]) == 1
    lines = capsys.readouterr().out.splitlines()
    told = [line.partition(". ")[0][:80] for line in lines]
    assert told == [
        "code/beta.py:2: different: prefect.deployments.DeploymentSpec",
        "code/both.py:1: absent: It cannot be told whether this script is written for Pre",
        "code/broken.py:2: absent: the file",
        "code/flows.py:1: different: prefect.serve",
        "code/flows.py:2: absent: prefect.assets.materialize",
        "code/flows.py:4: different: prefect.deployments.Deployment",
        "code/flows.py:6: different: result_storage=",
        "code/flows.py:11: absent: .delay(...)",
        "code/flows.py:14: different: .serve(...)",
        "code/old.py:1: absent: This is a script of Prefect 1 (old.py:1: from prefect imp",
        "5 files use Prefect: 6 served, 5 different, 5 absent.",
    ]
    by_name = dict(zip(told, lines, strict=True))
    assert "lineage" in by_name["code/flows.py:2: absent: prefect.assets.materialize"]
    assert "motet schedule add" in by_name["code/flows.py:14: different: .serve(...)"]


def test_it_is_json_where_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "prefect", "code/flows.py", "--json"]) == 1
    uses = json.loads(capsys.readouterr().out)["uses"]
    assert {
        "file": "code/flows.py",
        "line": 3,
        "name": "prefect.blocks.system.Secret",
        "stands": "served",
        "cure": "",
    } in (uses)


def test_nothing_absent_is_a_success(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "prefect", "code/beta.py", "--all"]) == 0
    assert "code/beta.py:1: served: prefect.flow" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "prefect", "nowhere"]) == 2
    assert "There is no nowhere." in capsys.readouterr().err
