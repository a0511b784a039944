"""Small scripts, one for each row of the table of what is served, and what they say.

    python -m tests.prefect.rows record OTHER_PYTHON    # has Prefect 3.9.1 say it, and writes outcomes.json
    python -m tests.prefect.rows compare OTHER_PYTHON   # says where Prefect and Motet differ

OTHER_PYTHON is one where `pip install -r tests/prefect/requirements.txt` was done.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).parent
OUTCOMES = HERE / "outcomes.json"


def scripts() -> dict[str, str]:
    """By row."""
    parts = (HERE / "rows.txt").read_text().split("#: ")[1:]
    return {name: text for name, _, text in (each.partition("\n") for each in parts)}


def said_by(script: str) -> list[str]:
    """What the script says, line by line; an error that ends it comes last."""
    lines: list[str] = []

    def say(*what: object) -> None:
        lines.append(re.sub(r"0x[0-9a-f]+", "0x", " ".join(map(str, what))))

    try:
        with redirect_stdout(io.StringIO()):
            exec(compile(script, "row.py", "exec"), {"__name__": "row", "say": say})
    except Exception as error:  # noqa: BLE001 - boundary: what a row does is its outcome
        lines.append(f"raised {type(error).__name__}: {error}")
    return lines


def recorded() -> dict[str, list[str]]:
    """What Prefect has said."""
    found: dict[str, list[str]] = json.loads(OUTCOMES.read_text())
    return found


def main(argv: list[str]) -> int:
    if argv == ["say"]:
        print("\n" + json.dumps({name: said_by(text) for name, text in scripts().items()}))
        return 0
    what, python = argv
    done = subprocess.run([python, __file__, "say"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if what == "record":
        OUTCOMES.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    from motet.dialects.python.doors import open_door

    differ = 0
    with open_door("prefect"):
        for name, text in scripts().items():
            mine = said_by(text)
            if mine != found[name]:
                differ += 1
                print(f"{name}\n  Prefect {found[name]}\n  Motet   {mine}")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
