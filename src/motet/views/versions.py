"""Which versions a run was made with: of its code, of Python, of packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from motet.kernel.events import Json
from motet.ports import RunRow, Store
from motet.ports.spec import recorded_spec
from motet.views import human

_MOST_STEPS = 20_000
_PATIENCE_S = 10.0
_SHOWN = 5


def made_with(run: RunRow) -> Mapping[str, Json]:
    """What was recorded of that when the run was made; empty for a run of an earlier version."""
    found = run.program.get("made_with") if isinstance(run.program, dict) else None
    return found if isinstance(found, dict) else {}


def told_code(run: RunRow) -> str:
    """The commit of the run's code, and which of the files that it used are not what the commit has; "" if unknown."""
    code = made_with(run).get("code") or {}
    if not code.get("commit"):
        return ""
    told = f"commit {code['commit'][:12]} of {code['repository']}"
    differing = changed(code)
    if differing is None:
        return f"{told}, not known whether changed"
    if not differing:
        return told
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return f"{told}, with changes in {', '.join(differing[:_SHOWN])}{more}"


def changed(code: Mapping[str, Json]) -> list[str] | None:
    """The files that the run used which are not what the commit has; None if that cannot be told."""
    files = code.get("files") or {}
    try:
        done = subprocess.run(
            ["git", "-C", code["repository"], "ls-tree", "-z", code["commit"], "--", *files],
            capture_output=True, text=True, timeout=_PATIENCE_S, check=True, stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    rows = (line.partition("\t") for line in done.stdout.split("\0") if line)
    committed = {path: head.split()[2] for head, _, path in rows}
    return [path for path, digest in files.items() if committed.get(path) != digest]


def packages(store: Store, run: RunRow) -> dict[str, str]:
    """The packages that the code of the run's steps reaches, with their versions then."""
    found: dict[str, str] = {}
    if sum(run.counts.values()) > _MOST_STEPS:
        return found
    for event in store.history(run.id):
        spec = recorded_spec(event.get("call")) if "call" in event else None
        if spec is not None:
            found |= {name: str(version) for name, version in spec.environment.items()}
    return dict(sorted(found.items()))


def told_made_with(store: Store, run: RunRow) -> str:
    """The version of Python, and those of the packages that the steps of the run reach."""
    interpreter = made_with(run).get("interpreter")
    version = f"Python {interpreter}" if interpreter else ""
    reached = ", ".join(f"{name} {each}" for name, each in packages(store, run).items())
    return "; ".join(part for part in (version, human.short_text(reached, 200)) if part)
