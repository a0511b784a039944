"""`motet export`: a folder that needs no Motet to be read, and what the profile of Workflow Run RO-Crates asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

FLOWS = """
from enum import Enum
from motet import artifact, flow, task

class Mode(Enum):
    QUICK = "quick"

@task
def plot(number: int) -> int:
    artifact.markdown("my note", f"# Number {number}")
    artifact.metric("loss", 1 / (number + 1), step=number)
    print("plotting", number)
    return number

@flow
def mine(size: int = 2, rate: float = 0.5, mode: Mode = Mode.QUICK, word: str = "a b", none: None = None):
    plot.map(range(size)).result()
    artifact.table("scores", {"x": [1, 2], "name": ["a,b", None]})
    with open("model.bin", "wb") as file:
        file.write(bytes(range(256)))
    artifact.file("model", "model.bin")
    return {"size": size}

@flow
def other(size: int = 1):
    raise ValueError("too small")
"""


def crate(folder: Path) -> dict[str, dict[str, Any]]:
    """What the crate has, by id, once all that it refers to is there, and each of its files as it says."""
    found = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert found["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {each["@id"]: each for each in found["@graph"]}
    assert len(entities) == len(found["@graph"]), "no id stands for two"
    outside = ("https://w3id.org/ro/crate/1.1", "https://bioschemas.org/")
    for entity in entities.values():
        for value in entity.values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, dict):
                    assert each["@id"] in entities or each["@id"].startswith(outside), each
        if "File" in entity["@type"]:
            assert (folder / unquote(entity["@id"])).stat().st_size == int(entity["contentSize"])
    return entities


def ids(value: Any) -> set[str]:
    """The ids that a property refers to: one, or several."""
    return {each["@id"] for each in (value if isinstance(value, list) else [value])}


def test_a_run_becomes_a_folder_of_plain_files(cli: Cli) -> None:
    source = cli.write("flows.py", FLOWS)
    cli("run", "flows.py:mine", "--name", "my run/1")
    told = cli("export", "my run/1").out
    folder = cli.folder / "my_run_1"
    assert "to my_run_1: see ro-crate-metadata.json there" in told
    assert (folder / "workflow" / "flows.py").read_text() == source.read_text()
    assert (folder / "artifacts/mine/scores.csv").read_text() == 'x,name\n1,"a,b"\n2,\n'
    assert (folder / "artifacts/mine/model.bin").read_bytes() == bytes(range(256))
    assert (folder / "artifacts/mine/plot-0[1]/my_note.md").read_text() == "# Number 1"
    assert "mine/plot-0[1],loss,1.0,0.5" in (folder / "metrics.csv").read_text().splitlines()
    assert "plotting 1" in (folder / "log.txt").read_text()
    assert json.loads((folder / "run.json").read_text()) == cli.json("show", "my run/1")
    again = cli("export", "my run/1", code=2).err
    assert "my_run_1 is there already" in again


def test_what_it_says_of_the_run_is_what_the_profile_asks_for(cli: Cli) -> None:
    cli.write("flows.py", FLOWS)
    cli("run", "flows.py:mine", "--name", "mine")
    cli("export", "mine", "-o", "out", "--license", "https://spdx.org/licenses/MIT")
    found = crate(cli.folder / "out")
    root = found["./"]
    assert ids(root["license"]) == {"https://spdx.org/licenses/MIT"}
    assert {each.rpartition("/wfrun/")[2] for each in ids(root["conformsTo"])} >= {"process/0.5", "workflow/0.5"}
    assert ids(root["hasPart"]) == {name for name, each in found.items() if "File" in each["@type"]}
    workflow = found["workflow/flows.py"]
    assert ids(root["mainEntity"]) == {"workflow/flows.py"}
    assert set(workflow["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    (action,) = [each for each in found.values() if each["@type"] == "CreateAction"]
    assert ids(root["mentions"]) == {action["@id"]} and ids(action["instrument"]) == {"workflow/flows.py"}
    assert action["startTime"] <= action["endTime"] and action["actionStatus"].endswith("/CompletedActionStatus")
    given = [found[each] for each in ids(action["object"])]
    assert {each["name"]: each["value"] for each in given} == {
        "size": 2, "rate": 0.5, "mode": "Mode('quick')", "word": "a b", "none": "None",
    }  # fmt: skip
    for each in given:
        (parameter,) = ids(each["exampleOfWork"])
        assert parameter in ids(workflow["input"]) and found[parameter]["@type"] == "FormalParameter"
    made = {name for name in ids(action["result"]) if not name.startswith("#")}
    assert made == {"metrics.csv", *(each for each in found if each.startswith("artifacts/"))} and len(made) == 5
    assert "artifacts/mine/plot-0%5B1%5D/my_note.md" in made


def test_a_run_that_failed_and_whose_file_is_gone_is_written_too(cli: Cli) -> None:
    cli.write("flows.py", FLOWS).rename(cli.folder / "gone.py")
    cli("run", "gone.py:other", "--name", "bad", code=1)
    (cli.folder / "gone.py").unlink()
    told = cli("export", "bad")
    assert "Left out: the workflow's own file" in told.out
    found = crate(cli.folder / "bad")
    (action,) = [each for each in found.values() if each["@type"] == "CreateAction"]
    assert action["actionStatus"].endswith("/FailedActionStatus") and "too small" in action["error"]
    assert json.loads((cli.folder / "bad/workflow/workflow.json").read_text())["qualname"] == "other"
