"""The kill -9 campaign: flows are killed again and again, at random moments and at failpoints, and resumed.

    python -m tests.faults.kills --count 2000 --seed 1

After each run the journal is held against the ledger that the flow has written (see `flow`): what it was told of
is recorded, nothing is recorded twice or executed after it was told of, the run's result is right, the artifacts
are whole, and the rows agree with the journal. After each kill no process that the victim had started is left.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import flow

from motet.artifacts.digests import stored
from motet.artifacts.files import FileArtifacts
from motet.engine.recording import load_state
from motet.failpoints import NAMES
from motet.kernel.transitions import ENDED
from motet.owners import is_dead
from motet.ports import RunRow
from motet.stores.sqlite import SqliteStore
from motet.values.records import artifact_digests, decode

ROOT = Path(__file__).resolve().parents[2]
FLOWS = ("victim", "renamed", "called")
"""The same flow as it is decorated, with other options, and made by a call: each has a name of its own."""

TARGETS = [f"{place}:{name}" for place in (str(ROOT / "tests/faults/flow.py"), "tests.faults.flow") for name in FLOWS]

ONCE = ("create_run", "claim", "resume", "finish")
"""Failpoints that a process passes once."""

NEEDED = {
    "worker.reported": "warm", "artifact.before_rename": "large", "artifact.after_rename": "large",
    "publish.before": "published", "publish.after": "published", "heard.before": "published",
    "heard.after": "published", "attempt.reported": "submitted", "attempt.judged": "submitted",
    "checkpoint.before": "plain", "checkpoint.after": "plain",
}  # fmt: skip
"""The part that a flow must have for a failpoint to be passed."""

RUNS_A_HOME = 20
PATIENCE_S = 300.0
"""How long a process may take to die, or a run to end, before it counts as hanging."""


@dataclass
class Tally:
    """What happened, for all runs together."""

    kills: int = 0
    at_random: int = 0
    at: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    resumes: int = 0
    told: int = 0
    steps: int = 0
    executed_again: int = 0
    artifacts: int = 0
    slowest_death_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> str:
        """The figures as lines of text."""
        points = "\n".join(f"    {name:24} {self.at[name]:6}" for name in NAMES)
        return (
            f"  {self.kills} kills ({self.at_random} at random moments, {sum(self.at.values())} at failpoints) in "
            f"{self.runs} runs, resumed {self.resumes} times\n{points}\n"
            f"  {self.steps} recorded steps, {self.told} outcomes acknowledged: 0 lost, 0 recorded twice\n"
            f"  {self.executed_again} executions of steps that had begun before but were not recorded\n"
            f"  {self.artifacts} references to artifacts, all whole\n"
            f"  nothing that a victim had started was left; the last of it died {self.slowest_death_s:.2f} s after it"
        )


class Campaign:
    """Kills until there were `count` kills and each failpoint was hit (or twice as many, and it was not).

    Raises AssertionError, naming seed, run and folder, if a check fails.
    """

    def __init__(self, seed: str, folder: Path, count: int) -> None:
        self.tally = Tally()
        self._seed = seed
        self._folder = folder
        self._count = count
        self._failed: list[BaseException] = []

    def run(self, jobs: int) -> Tally:
        """Kill with so many victims at a time."""
        workers = [threading.Thread(target=self._work, args=(number,)) for number in range(jobs)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        if self._failed:
            raise self._failed[0]
        return self.tally

    def _work(self, number: int) -> None:
        rng = random.Random(f"{self._seed}/{number}")
        homes = 0
        try:
            while not self._over():
                homes += 1
                self._fill(self._folder / f"home-{number}-{homes}", rng)
        except BaseException as error:  # noqa: BLE001 - it is raised again by `run`
            self._failed.append(error)

    def _fill(self, home: Path, rng: random.Random) -> None:
        """Kill in runs of one home."""
        home.mkdir(parents=True)
        store = SqliteStore(str(home))
        for number in range(RUNS_A_HOME):
            if self._over():
                break
            with context(f"seed {self._seed}, run {number} in {home}"):
                _Run(self, store, home, f"run-{number}", rng).go()
        assert store.check() == []
        store.close()
        shutil.rmtree(home)

    def _over(self) -> bool:
        kills, at = self.tally.kills, self.tally.at
        all_hit = all(at[name] for name in NAMES)
        return bool(self._failed) or (kills >= self._count and (all_hit or kills >= 2 * self._count))

    def choose(self, rng: random.Random) -> str:
        """A failpoint; rather one where few have died yet."""
        with self.tally.lock:
            least = min(self.tally.at[name] for name in NAMES)
            rare = [name for name in NAMES if self.tally.at[name] <= (least + 1 if least else 0)]
        return rng.choice(rare)


class _Run:
    """One run from its first process to its end."""

    def __init__(self, campaign: Campaign, store: SqliteStore, home: Path, name: str, rng: random.Random) -> None:
        self._campaign = campaign
        self._tally = campaign.tally
        self._store = store
        self._home = home
        self._name = name
        self._rng = rng
        self._ledger = home / f"{name}.ledger"
        self._ledger.touch()
        self._first_point = campaign.choose(rng)
        self._seed = self._suitable_seed(NEEDED.get(self._first_point, ""))
        self._target = rng.choice(TARGETS)

    def _suitable_seed(self, part: str) -> int:
        while True:
            seed = self._rng.randrange(2**31)
            if not part or part in flow.Body("", seed).parts:
                return seed

    def go(self) -> None:
        """Kill it a few times, let it end, and check all."""
        kills = self._rng.randint(2, 8)
        first = True
        while (row := self._row()) is None or row.status not in ENDED:
            if row is not None:
                self._tally.resumes += 1
            if kills:
                kills -= 1
                point = self._first_point if first else self._campaign.choose(self._rng)
                self._kill(row, point if first or self._rng.random() < 0.5 else "")
            else:
                self._let_end(row)
            first = False
        Audit(self._store, self._home, row, self._ledger, self._tally).check(flow.expected(self._seed))

    def _row(self) -> RunRow | None:
        found = self._store.find_runs(self._name)
        return found[0] if found and found[0].name == self._name else None

    def _kill(self, row: RunRow | None, point: str) -> None:
        """Start a process and have it killed: at the failpoint, or at a random moment."""
        rng = self._rng
        early = point.startswith(ONCE) or not self._tally.at[point] or rng.random() < 0.3
        number = 1 if early else int(rng.expovariate(0.15)) + 1
        token = f"{self._home.name}-{self._name}-{rng.randrange(2**60):x}"
        more = {"MOTET_VICTIM": token}
        if point:
            more["MOTET_FAILPOINTS"] = f"{point}=kill@{number}"
        process = self._start(row, more)
        try:
            process.communicate(timeout=PATIENCE_S if point else rng.uniform(0.05, 0.5))
        except subprocess.TimeoutExpired:
            assert not point, "the victim hangs"
            process.kill()
            process.communicate()
        died = time.monotonic()
        killed = process.returncode == -signal.SIGKILL
        with self._tally.lock:
            self._tally.kills += killed
            self._tally.at[point] += killed and bool(point)
            self._tally.at_random += killed and not point
        while left := survivors(token):
            assert time.monotonic() - died < PATIENCE_S, f"still there: {left}"
            time.sleep(0.01)
        with self._tally.lock:
            self._tally.slowest_death_s = max(self._tally.slowest_death_s, time.monotonic() - died)

    def _let_end(self, row: RunRow | None) -> None:
        process = self._start(row, {})
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, f"exit code {process.returncode}:\n{out.decode()}"

    def _start(self, row: RunRow | None, more: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "motet.cli"]
        if row is None:
            command += ["run", self._target, "--name", self._name]
            command += ["-p", f"ledger={self._ledger}", "-p", f"seed={self._seed}"]
        else:
            command += ["resume", row.id]
        env = {**os.environ, "MOTET_HOME": str(self._home), "MOTET_THREADS": "4", "MOTET_PROCESSES": "2", **more}
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Audit:
    """Holds a run that has ended against its ledger."""

    def __init__(self, store: SqliteStore, home: Path, row: RunRow, ledger: Path, tally: Tally) -> None:
        self._store = store
        self._artifacts = FileArtifacts(str(home / "artifacts"))
        self._row = row
        self._ledger = [line.split() for line in ledger.read_text().splitlines()]
        self._tally = tally
        self._outcomes: dict[str, list[Any]] = {}
        self._attempts: Counter[str] = Counter()
        for event in store.history(row.id):
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        kind, key = event["event"], event.get("key", "")
        if event.get("element", -1) >= 0:
            key = f"{key}[{event['element']}]"
        if kind == "elements.succeeded":
            results = event.get("results") or [None] * len(event["indices"])
            for index, result in zip(event["indices"], results, strict=True):
                self._outcomes.setdefault(f"{key}[{index}]", []).append(result)
                self._attempts[f"{key}[{index}]"] += 1
        elif kind == "step.retrying":
            self._attempts[key] += 1
        elif kind in ("step.succeeded", "step.failed", "step.skipped", "step.cancelled"):
            self._outcomes.setdefault(key, []).append(event.get("result"))
            self._attempts[key] += 1

    def check(self, expected: str) -> None:
        """Raise AssertionError for what is not as it must be."""
        row = self._row
        assert row.status == "succeeded", row
        assert decode(row.result, self._artifacts) == expected
        assert row.owner is None or is_dead(row.owner), row.owner
        twice = {key: found for key, found in self._outcomes.items() if len(found) > 1}
        assert not twice, f"recorded twice: {twice}"
        self._check_told()
        self._check_artifacts()
        self._check_rows()
        ran = Counter(words[1] for words in self._ledger if words[0] == "ran")
        with self._tally.lock:
            self._tally.runs += 1
            self._tally.steps += len(self._outcomes)
            self._tally.executed_again += sum(max(0, ran[key] - self._attempts[key]) for key in ran)
        never = {key for key in self._attempts if ran[key] < self._attempts[key] and not self._is_silent(key)}
        assert not never, f"recorded more often than executed: {never}"

    def _is_silent(self, key: str) -> bool:
        """Whether the step does not write "ran": a flow, a map, what may be stopped before its worker is up."""
        task = key.rpartition("/")[2].partition("-")[0]
        flows = ("below", "named_in_passing", "crowd")
        return "/" not in key or task in (*flows, "endless") or f"{key}[0]" in self._outcomes

    def _check_told(self) -> None:
        told: dict[str, str] = {}
        for word, key, *rest in (words for words in self._ledger if words[0] in ("told", "ran")):
            if word == "ran":
                assert key not in told, f"{key} was executed after its outcome had been acknowledged"
                continue
            assert told.setdefault(key, rest[0]) == rest[0], f"{key} was told of twice, differently"
            assert key in self._outcomes, f"{key} was acknowledged, and is not recorded"
        for key, digest in told.items():
            result = self._outcomes[key][0]
            if result is not None:  # what failed is told of by its error
                assert flow.digest(decode(result, self._artifacts)) == digest, f"{key} was recorded otherwise"
        with self._tally.lock:
            self._tally.told += len(told)

    def _check_artifacts(self) -> None:
        for found in self._outcomes.values():
            for digest in artifact_digests(found[0]):
                content = self._artifacts.get(digest)
                assert stored([content]).digest == digest
                with self._tally.lock:
                    self._tally.artifacts += 1

    def _check_rows(self) -> None:
        """What the page reads is what the journal says, with or without the checkpoint."""
        state = load_state(self._store, self._row.id, self._row.offset)
        rows = {step.key: step.status for step in self._store.steps(self._row.id)}
        assert rows == {key: step.status for key, step in state.steps.items()}
        assert self._row.seq == state.seq


@contextmanager
def context(what: str) -> Iterator[None]:
    """Say where it was that a check failed."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise


def survivors(token: str) -> list[str]:
    """Living processes that were started by the victim with that token."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                environ = Path(f"/proc/{name}/environ").read_bytes()
                if token.encode() in environ:
                    command = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found.append(f"{name}: {command[:200]}")
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000, help="kills")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(2**32):x}")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="victims at a time")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="motet-kills-"))
    began = time.monotonic()
    tally = Campaign(options.seed, folder, options.count).run(options.jobs)
    print(f"{tally.report()}\n  {time.monotonic() - began:.0f} s")
    missed = [name for name in NAMES if not tally.at[name]]
    shutil.rmtree(folder)
    if missed:
        sys.exit(f"never hit: {', '.join(missed)}")


if __name__ == "__main__":
    main()
