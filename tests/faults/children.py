"""Child runs, and `kill -9` of the engine that drives their parent.

    python -m tests.faults.children --moments 100 --seed 1

A program starts three children, one of them detached, each of two steps that write down that they ran. Its engine is
killed at a random moment and resumed, until it ends. Then each child was begun once and has succeeded, each step of
theirs has ended once in the journal, and no process of theirs is alive.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from motet.ports import RunRow
from motet.stores.sqlite import SqliteStore

PROGRAMS = """
import os, time
from motet.kernel.program import AddStep, Finish, StartRun
from motet.kernel.policy import Policy


def note(word):
    time.sleep(0.05)
    with open(os.environ["COUNT"], "a") as file:
        file.write(word + "\\n")
    return word


class Child:
    def __init__(self, params):
        self.word = (params or {}).get("word", "child")

    def advance(self, view):
        for name in ("first", "second"):
            call = {"target": "programs:note", "args": [f"{self.word}-{name}"]}
            needs = () if name == "first" else ("first",)
            yield AddStep(name, name, call, needs=needs, policy=Policy(executor="threads"))


class Parent:
    def __init__(self, params):
        self.children = (params or {}).get("children", [["programs:child", {}], ["w.yaml", {}]])

    def advance(self, view):
        for number, (target, more) in enumerate(self.children):
            yield StartRun(f"child-{number}", target, **more)


def child(params):
    return Child(params)


def parent(params):
    return Parent(params)
"""

CHILDREN = [["programs:child", {"inputs": {"word": f"w{n}"}, "detached": n == 2}] for n in range(3)]
PATIENCE_S = 120.0


class Trial:
    """One parent in a folder of its own, killed now and then."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        folder.mkdir(parents=True)
        (folder / "programs.py").write_text(PROGRAMS)
        self._folder = folder
        self._home = folder / "home"
        self._rng = rng
        self._env = {**os.environ, "MOTET_HOME": str(self._home), "COUNT": str(folder / "count")}
        self.kills = 0

    def run(self) -> int:
        """Until the parent has ended; gives how often it was killed. Raises AssertionError."""
        import json

        most = self._rng.randrange(1, 4)
        words = ["run", "programs:parent", "--name", "parent", "-p", f"children={json.dumps(CHILDREN)}"]
        until = time.monotonic() + PATIENCE_S
        while True:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "motet.cli", *words], cwd=self._folder, env=self._env,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            try:
                out, _ = process.communicate(timeout=self._rng.random() * 1.5 if self.kills < most else PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.kills += 1
            else:
                rows = self._rows()
                if any(not row.parent and row.status == "succeeded" for row in rows):
                    break
                assert time.monotonic() < until, out
            if any(not row.parent for row in self._rows()):
                words = ["resume", "parent"]
        self._check()
        return self.kills

    def _rows(self) -> list[RunRow]:
        if not (self._home / "store.db").exists():
            return []
        with closing(SqliteStore(str(self._home))) as store:
            return store.runs(limit=1000)

    def _check(self) -> None:
        rows = self._rows()
        children = [row for row in rows if row.parent]
        assert len(rows) == 1 + len(CHILDREN), [row.id for row in rows]
        assert [row.status for row in children] == ["succeeded"] * len(CHILDREN)
        with closing(SqliteStore(str(self._home))) as store:
            for row in children:
                ended = [each["key"] for each in store.history(row.id) if each["event"] == "step.succeeded"]
                assert sorted(ended) == ["first", "second"], ended
        until = time.monotonic() + PATIENCE_S
        while alive := _alive(str(self._home)):
            assert time.monotonic() < until, f"still alive: {alive}"
            time.sleep(0.05)


def _alive(home: str) -> list[int]:
    """The processes whose home that is."""
    found = []
    for each in os.listdir("/proc"):
        if each.isdigit() and int(each) != os.getpid():
            try:
                environ = Path("/proc", each, "environ").read_bytes()
            except OSError:
                continue
            if f"MOTET_HOME={home}\0".encode() in environ:
                found.append(int(each))
    return found


def main() -> int:
    """The campaign."""
    parser = argparse.ArgumentParser(description="Child runs and kill -9.")
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    rng = random.Random(f"children {options.seed}")
    kills = trials = 0
    with tempfile.TemporaryDirectory() as folder:
        while kills < options.moments:
            kills += Trial(Path(folder) / str(trials), rng).run()
            trials += 1
            print(f"{kills} kills in {trials} runs", flush=True)
    print(f"{kills} kills in {trials} runs, of {len(CHILDREN)} children each: none lost, begun twice or left alive")
    return 0


if __name__ == "__main__":
    sys.exit(main())
