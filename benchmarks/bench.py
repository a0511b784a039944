"""Where measurements run: fresh processes, each with a home of its own on the disk of the working folder.

    python -m benchmarks.bench MODULE:FUNCTION JSON FILE

calls the function with the keyword arguments in JSON and writes what it gives to FILE. A file, because
standard output belongs to the flows that are measured.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT_S = 900.0


class Bench:
    """Starts measurements. `quick` asks for sizes that only show that everything runs."""

    def __init__(self, folder: str, *, quick: bool) -> None:
        self.folder = tempfile.mkdtemp(prefix=".motet-benchmarks-", dir=os.path.abspath(folder))
        self.quick = quick
        self._homes = 0

    def size(self, full: int, quick: int) -> int:
        """How many: in full, or only to see that it runs."""
        return quick if self.quick else full

    def home(self) -> str:
        """A home that nobody has used, not made yet."""
        self._homes += 1
        return os.path.join(self.folder, f"home-{self._homes}")

    def environ(self, home: str, changed: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a measurement: no setting of Python or Motet but these."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MOTET_"))}
        return {**kept, "MOTET_HOME": home, **(changed or {})}

    def fresh(self, target: str, *, home: str = "", changed: Mapping[str, str] | None = None, **sizes: Any) -> Any:
        """What the function `module:name` below `benchmarks.rows` gives, called in a fresh process and home."""
        own = home or self.home()
        process, result = self.start(target, own, changed, **sizes)
        try:
            if process.wait(TIMEOUT_S) != 0:
                raise RuntimeError(f"{target} ended with status {process.returncode}")
        finally:
            process.kill()
        with open(result) as file:
            found = json.load(file)
        if not home:
            shutil.rmtree(own, ignore_errors=True)
        return found

    def start(
        self, target: str, home: str, changed: Mapping[str, str] | None = None, **sizes: Any
    ) -> tuple[subprocess.Popen[bytes], str]:
        """Begin a measurement in a fresh process; gives it, and the file where its result will be."""
        os.makedirs(home, exist_ok=True)
        result = os.path.join(self.folder, f"result-{time.monotonic_ns()}.json")
        environ = {**self.environ(home, changed), "PYTHONPATH": ROOT}
        command = [sys.executable, "-m", "benchmarks.bench", f"benchmarks.rows.{target}", json.dumps(sizes), result]
        return subprocess.Popen(command, env=environ, cwd=self.folder), result

    def time_of(self, command: Sequence[str], home: str) -> float:
        """Seconds from the start of a process to its end. Raises if it fails."""
        began = time.perf_counter()
        done = subprocess.run(command, env=self.environ(home), cwd=self.folder, capture_output=True, check=False)
        took_s = time.perf_counter() - began
        if done.returncode:
            said = done.stderr.decode().strip().splitlines()[-1:]
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {''.join(said)}")
        return took_s

    def close(self) -> None:
        """Remove all homes."""
        shutil.rmtree(self.folder, ignore_errors=True)


def main(target: str, sizes: str, result: str) -> None:
    """Carry out one measurement in this process."""
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name)(**json.loads(sizes))
    with open(result, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
