"""The damage campaign: artifacts lose bits, ends and whole files, and no run may ever come to another result.

    python -m tests.faults.damage --count 2000 --seed 1

Each trial takes a copy of a home with a run that failed near its end and one that succeeded, damages artifacts at
random, and then resumes the one, forks the other, or begins a new one that finds results in the cache. Where a result
is told to be damaged, the command that is named is carried out. All must end with the right number.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults import damaged

from motet import app
from motet.dialects.python.voice import carry_on, forked
from motet.errors import ResultUnavailable
from motet.kernel.transitions import FAILED, SUCCEEDED
from motet.values.records import decode

GIVEN = list(range(1000))
START = 5
_MOST_RERUNS = 10


class Campaign:
    """Trials below `folder`; `seed` repeats them. `seen` counts what was done and what was told."""

    def __init__(self, seed: str, folder: Path) -> None:
        self._random = random.Random(f"damage {seed}")
        self._folder = folder
        self.seen = Counter[str]()

    def run(self, count: int) -> Counter[str]:
        """So many damages. Raises AssertionError at the first result that is another."""
        template = self._folder / "template"
        with _home(template):
            os.environ["DAMAGE_BREAKS"] = "1"
            try:
                damaged.work(START, GIVEN, return_state=True)
            finally:
                del os.environ["DAMAGE_BREAKS"]
            assert damaged.work(START, GIVEN) == damaged.wanted(START, GIVEN)
        trial = 0
        while self.seen["damages"] < count:
            trial += 1
            self._trial(template, self._folder / f"trial-{trial}")
        return self.seen

    def _trial(self, template: Path, folder: Path) -> None:
        shutil.copytree(template, folder)
        done = self._damage(folder / "artifacts")
        way = self._random.choice((self._resume, self._resume, self._fork, self._begin))
        try:
            with _home(folder):
                found = way()
                assert found == damaged.wanted(START, GIVEN), f"{found}"
        except BaseException as error:
            error.add_note(f"{way.__name__} after {done}")
            raise
        self.seen[way.__name__.strip("_")] += 1
        shutil.rmtree(folder)

    def _damage(self, artifacts: Path) -> list[str]:
        paths = sorted(each for each in artifacts.rglob("*") if each.is_file() and each.name != "lock")
        done = []
        for path in self._random.sample(paths, self._random.choice((1, 1, 2, len(paths)))):
            kind, how = self._random.choice(tuple(WAYS.items()))
            before = path.read_bytes()
            after = how(self._random, before)
            path.unlink()
            if after is not None:
                path.write_bytes(after)
            if after != before:
                done.append(f"{kind} of {path.parent.name}{path.name[:8]} ({len(before)} bytes)")
                self.seen["damages"] += 1
                self.seen[kind] += 1
        return done

    def _resume(self) -> int:
        """Resume the run that failed; whenever a result is damaged, in the way that the message names."""
        host = app.hosts.current()
        (row,) = host.store.runs(status=FAILED)
        rerun: list[str] = []
        for _ in range(_MOST_RERUNS):
            try:
                state = carry_on(host, row, reopen=host.store.run(row.id).status == FAILED, rerun=rerun)
            except ResultUnavailable as error:
                return self._given_anew(row.id, str(error))
            value = state.result(raise_on_failure=False)
            if not isinstance(value, BaseException):
                return int(value)
            named = re.search(rf"motet resume {row.id} --rerun '?([^'\s]+)'?$", str(value))
            assert named, f"{value!r}"
            rerun = [named[1]]
            row = host.store.run(row.id)
            self.seen["told"] += 1
        raise AssertionError(f"still damaged after {_MOST_RERUNS} reruns")

    def _given_anew(self, run: str, told: str) -> int:
        """Do as the message says whose run has lost a parameter."""
        assert f"motet fork {run} -p given=..." in told, told
        self.seen["told"] += 1
        return self._forked(run, given=GIVEN)

    def _fork(self) -> int:
        host = app.hosts.current()
        (row,) = host.store.runs(status=SUCCEEDED)
        try:
            return self._forked(row.id)
        except ResultUnavailable as error:
            return self._given_anew(row.id, str(error))

    def _forked(self, run: str, **params: object) -> int:
        host = app.hosts.current()
        new = forked(host, host.store.run(run), params)
        host.create(new)
        carry_on(host, host.store.run(new.id))
        row = host.store.run(new.id)
        assert row.status == SUCCEEDED, row.error
        return int(decode(row.result, host.artifacts))

    def _begin(self) -> int:
        return damaged.work(START, GIVEN)


def _flip(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _zeroed(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content))
    size = min(chance.choice((1, 512, 4096)), len(content) - start)
    return content[:start] + bytes(size) + content[start + size :]


WAYS: dict[str, Callable[[random.Random, bytes], bytes | None]] = {
    "flip": _flip, "zeroes": _zeroed, "truncation": lambda chance, content: content[: chance.randrange(len(content))],
    "deletion": lambda chance, content: None, "excess": lambda chance, content: content + content[:64],
}  # fmt: skip


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Runs are kept there meanwhile."""
    before = os.environ.get("MOTET_HOME")
    os.environ["MOTET_HOME"] = str(folder)
    try:
        yield
    finally:
        app.hosts.close()
        os.environ.pop("MOTET_HOME")
        if before is not None:
            os.environ["MOTET_HOME"] = before


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="damages")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(2**32):x}")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="motet-damage-") as folder:
        seen = Campaign(options.seed, Path(folder)).run(options.count)
    print(", ".join(f"{name} {count}" for name, count in sorted(seen.items())))
    print(f"never another result; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
