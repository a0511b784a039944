"""The systems that are compared, each in an environment of its own, made when it is first asked for."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from dataclasses import dataclass

WORK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "work")


@dataclass(frozen=True)
class System:
    """A system. `durable` names the workloads whose results outlive the process; `few` divides their sizes."""

    name: str
    requires: tuple[str, ...]
    durable: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    few: int = 1

    def python(self, cache: str) -> str:
        """Its interpreter; its environment is made if need be. Raises CalledProcessError."""
        if not self.requires:
            return sys.executable
        digest = hashlib.sha256(" ".join(self.requires).encode()).hexdigest()[:12]
        folder = os.path.join(cache, f"{self.name}-{sys.version_info[0]}.{sys.version_info[1]}-{digest}")
        python = os.path.join(folder, "bin", "python")
        if not os.path.exists(os.path.join(folder, "ready")):
            print(f"installing {' '.join(self.requires)} into {folder}", file=sys.stderr, flush=True)
            venv.create(folder, with_pip=True, clear=True)
            command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *self.requires]
            subprocess.run(command, check=True, stdout=sys.stderr)
            with open(os.path.join(folder, "ready"), "w") as file:
                file.write(" ".join(self.requires))
        return python


_ALL = frozenset(("hello", "inline", "submit", "map", "map10", "chain", "cached", "array"))

SYSTEMS = [
    System("motet", (), _ALL),
    System("prefect", ("prefect==3.8.4", "fastapi<0.140", "numpy"), frozenset(("cached", "array")), few=5),
    System("dask", ("dask[distributed]", "numpy"), lacks=frozenset(("cached",))),
    System("ray", ("ray", "numpy"), lacks=frozenset(("cached",))),
    System("luigi", ("luigi", "numpy"), _ALL, few=2),
    System("parsl", ("parsl>=2026.10", "numpy"), frozenset(("cached",))),
    System("joblib", ("joblib", "numpy"), frozenset(("cached", "array")), lacks=frozenset(("chain",))),
]


def cache_folder() -> str:
    """Where environments are kept."""
    place = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(place, "motet-peers")
