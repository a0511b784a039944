"""Each row of the table of what is served: its script says what Prefect 3.9.1 has said, which is recorded."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from pathlib import Path

import pytest
from tests.prefect.rows import recorded, said_by, scripts

from motet.dialects.python.doors import open_door
from motet.errors import NotServed

SCRIPTS = scripts()


@pytest.mark.parametrize("row", SCRIPTS)
def test_a_row_says_what_prefect_says(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("motet"), "propagate", False)
    with open_door("prefect"):
        assert said_by(SCRIPTS[row]) == recorded()[row]


def test_every_script_has_an_outcome() -> None:
    assert list(recorded()) == list(SCRIPTS)


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "prefect-compatibility.md"


def test_the_page_calls_served_what_has_a_script() -> None:
    table = PAGE.read_text().partition("## Scripts as they are")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines() if line.startswith("| ")]
    served = {name for name, here in rows if here == "as there"}
    assert served - set(SCRIPTS) == {"a failed task that was submitted and that nobody looked at"}  # a part of "states"
    assert set(SCRIPTS) <= served
    refused = {"prefect.assets", "prefect.workers", "prefect.agent", "prefect.runner", "prefect.results"}
    named = {each for name, here in rows if here == "not there" for each in re.findall(r"`(prefect\.\w+)`", name)}
    assert named == refused | {"prefect.server"}
    with open_door("prefect"):
        for module in refused:
            with pytest.raises(NotServed):
                import_module(module if module != "prefect.runner" else "prefect.runner.server")
