"""`python -m tests.identity.campaign [--edits N] [--seeds N]`: which edits make a step another one, in many processes.

For each seed of Python's hashes one process tells the identity of the project's task, and its result, after each edit.
It must be the same in all of them; after harmless edits it must be that of the project as it was, and another one after
all others, above all wherever the result is another. Prints what is wrong; ends with 1 if anything is.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.identity.edits import Edit, all_edits
from tests.identity.project import FILES

ROOT = Path(__file__).parents[2]


def told_in(seed: int, edits: Sequence[Edit]) -> list[tuple[str, str]]:
    """The identity and the result of the task after each edit, told by a process with that seed."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "edits.json"
        given.write_text(json.dumps([each.files for each in edits]))
        done = subprocess.run(
            [sys.executable, "-m", "tests.identity.campaign", "--tell", str(given)], cwd=ROOT, capture_output=True,
            text=True, check=False, env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [(identity, result) for identity, result in json.loads(done.stdout)]


def faults(edits: Sequence[Edit], seeds: Sequence[int]) -> list[str]:
    """What is wrong."""
    whole = [Edit("nothing", FILES, same=True), *edits]
    found: list[str] = []
    first: list[tuple[str, str]] = []
    for seed in seeds:
        told = told_in(seed, whole)
        first = first or told
        found += [f"seed {seed}: {each.name}: told otherwise than by seed {seeds[0]}"
                  for each, one, other in zip(whole, first, told, strict=True) if one != other]  # fmt: skip
    before, result = first[0]
    for edit, (identity, gives) in zip(whole, first, strict=True):
        if edit.same and gives != result:
            found.append(f"{edit.name}: is said to be harmless, and gives {gives}")
        if edit.same and identity != before:
            found.append(f"{edit.name}: counts as another step")
        if not edit.same and identity == before:
            found.append(f"{edit.name}: counts as the same step; it gives {gives}, and gave {result}")
    return found


def tell(path: str) -> None:
    """Print identities and results for the projects in the file."""
    from motet.dialects.python import arguments
    from motet.dialects.python.scope import Lineage
    from motet.ports import StepSpec
    from motet.values.identity import modules

    told: list[Any] = []
    for files in json.loads(Path(path).read_text()):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                place = Path(folder) / name
                place.parent.mkdir(exist_ok=True)
                place.write_text(text)
            sys.path.insert(0, folder)
            importlib.invalidate_caches()
            modules.forget()
            before = set(sys.modules)
            identity = result = "does not load"
            try:
                module = importlib.import_module("pipe")
                task = getattr(module, "work", None) or module.labour
                asked, _ = arguments.asked(
                    task.code.spec(None, lambda caller, name: name),
                    task.shape,
                    ((5,), {}),
                    Lineage(),
                    arguments.NOT_BOUND,
                    None,
                )
                identity = StepSpec(**asked).identity
                result = repr(task.fn(5))
            except Exception as error:  # noqa: BLE001 - boundary: an edit may break the project
                result = type(error).__name__
            told.append((identity, result))
            sys.path.remove(folder)
            for name in set(sys.modules) - before:
                if not name.startswith("motet"):
                    del sys.modules[name]
    print(json.dumps(told))


def main() -> int:
    """Run the campaign, or tell what one process of it sees."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tell", default="")
    options = parser.parse_args()
    if options.tell:
        tell(options.tell)
        return 0
    edits = all_edits()
    chosen = edits if options.edits >= len(edits) else random.Random(1).sample(edits, options.edits)
    found = faults(chosen, range(options.seeds))
    print("\n".join(found))
    harmless = sum(each.same for each in chosen)
    print(f"{len(chosen)} edits ({harmless} harmless) x {options.seeds} seeds: {len(found)} wrong")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
