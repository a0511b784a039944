"""The campaign on checkpoints: trainings are killed at random moments, and resumed.

    python -m tests.faults.trainings --count 100 --seed 1
    python -m tests.faults.trainings --cost

After each kill the next attempt begins from the last checkpoint that `motet.checkpoint` had returned for, or a later
one: so at most the epochs of one interval are done again. The weights in the end are those of a training that nobody
interrupts, bit for bit. A fork from a checkpoint with another rate is the training that goes on with that rate from
there.
`--cost` measures what a checkpoint takes, by the size of the state, and what memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.faults import training

from motet.stores.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[2]
WAYS = ("", "threads", "processes", "command")
"""How the task runs: inline, by an executor, or as a program that a command starts."""

PATIENCE_S = 300.0


@dataclass
class Tally:
    """What happened, for all runs together."""

    kills: int = 0
    runs: int = 0
    begun: int = 0
    most_again: int = 0
    forks: int = 0

    def report(self) -> str:
        """The figures as lines of text."""
        return (
            f"  {self.kills} kills in {self.runs} trainings, {self.begun} attempts\n"
            f"  at most {self.most_again} epochs done again after a kill, of {training.INTERVAL} between checkpoints\n"
            "  final weights bit for bit those of a training without kills; "
            f"so for {self.forks} forks with another rate"
        )


class Campaign:
    """Kills until there were so many kills. Raises AssertionError, naming seed and run, if a check fails."""

    def __init__(self, seed: str, folder: Path, count: int) -> None:
        self.tally = Tally()
        self._rng = random.Random(seed)
        self._seed = seed
        self._folder = folder
        self._count = count
        self._whole = training.plainly(0.5)

    def run(self) -> Tally:
        """Kill, and check."""
        while self.tally.kills < self._count:
            how = WAYS[self.tally.runs % len(WAYS)]
            self._train(f"run-{self.tally.runs}", how)
        return self.tally

    def _env(self, name: str) -> dict[str, str]:
        return {
            **os.environ, "MOTET_HOME": str(self._folder / "home"),
            "TRAINING_LEDGER": str(self._folder / f"{name}.ledger"), "PYTHONPATH": str(ROOT),
        }  # fmt: skip

    def _motet(self, name: str, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "motet.cli", *args, "--json"], env=self._env(name), cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def _train(self, name: str, how: str) -> None:
        """One training, killed now and then until it is through."""
        self.tally.runs += 1
        begin = ("run", f"{ROOT}/tests/faults/training.py:study", "-p", f"how={how}", "--name", name)
        ledger = self._folder / f"{name}.ledger"
        process = self._motet(name, *begin)
        while True:
            kills = self.tally.kills < self._count
            if kills and self._rng.random() < 0.9:  # else at its start
                self._wait_for_more(ledger, process)
            try:
                process.wait(self._rng.uniform(0.0, 1.5) if kills else PATIENCE_S)
            except subprocess.TimeoutExpired:
                assert kills, f"{self._where(name)} hangs"
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                self.tally.kills += 1
                self._wait_for_silence(ledger)
                status = self._status(name)
                if status == "succeeded":  # it was killed when all was over
                    break
                process = self._motet(name, *(("resume", name) if status else begin))
                continue
            out, err = process.communicate()
            assert process.returncode == 0, f"{self._where(name)} ended with {process.returncode}:\n{out}\n{err}"
            break
        self._check(name, ledger, json.loads(self._told(name, "show", name))["result"])
        if how and self.tally.runs % 2:
            self._fork(name)

    def _wait_for_more(self, ledger: Path, process: subprocess.Popen[str]) -> None:
        """Until another attempt has begun, or the process has ended."""
        begun = self._begun(ledger)
        until = time.monotonic() + PATIENCE_S
        while process.poll() is None and self._begun(ledger) == begun:
            assert time.monotonic() < until, "nothing begins"
            time.sleep(0.02)

    @staticmethod
    def _begun(ledger: Path) -> int:
        return ledger.read_text().count("begin") if ledger.exists() else 0

    def _where(self, name: str) -> str:
        return f"seed {self._seed}, {name} in {self._folder}"

    def _status(self, name: str) -> str:
        """What the store says of the run of that name; "" if there is none."""
        home = self._folder / "home"
        if not (home / "store.db").exists():
            return ""
        with closing(SqliteStore(str(home))) as store:
            return next((each.status for each in store.runs(limit=1000) if each.name == name), "")

    def _told(self, name: str, *args: str) -> str:
        process = self._motet(name, *args)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, f"{self._where(name)}: motet {' '.join(args)}: {out}{err}"
        return out

    def _wait_for_silence(self, ledger: Path) -> None:
        """Until nothing writes to the ledger: what the dead process had started dies with it, within moments."""
        before = -1
        while (size := ledger.stat().st_size if ledger.exists() else 0) != before:
            before = size
            time.sleep(max(0.2, 5 * training.PAUSE_S))

    def _check(self, name: str, ledger: Path, result: str) -> None:
        done = kept = 0
        for line in ledger.read_text().splitlines():
            word, number = line.split()
            if word == "begin":
                self.tally.begun += 1
                assert int(number) >= kept, f"{self._where(name)}: epoch {kept} was kept, and it begins at {number}"
                again = done - int(number)
                self.tally.most_again = max(self.tally.most_again, again)
                assert again <= training.INTERVAL, f"{self._where(name)}: {again} epochs were lost"
            elif word == "done":
                done = int(number)
            else:
                kept = int(number)
        assert result == self._whole, f"{self._where(name)}: other weights"

    def _fork(self, name: str) -> None:
        """Go on from a checkpoint with another rate."""
        at = self._rng.randrange(1, training.EPOCHS // training.INTERVAL) * training.INTERVAL
        self.tally.forks += 1
        out = self._told(
            name, "fork", name, "--from", f"train-0@epoch={at}", "-p", "rate=0.25", "--name", f"{name}-fork"
        )  # fmt: skip
        result = json.loads(self._told(name, "show", f"{name}-fork"))["result"]
        assert result == training.plainly(0.5, 0.25, at), f"{self._where(name)}: the fork at {at} differs: {out}"


# ---------------------------------------------------------------- what it costs

_MEASURED = """
import os, resource, sys, time
import numpy as np
import motet
from motet import flow, task

@task(executor=sys.argv[2])
def train(megabytes):
    state = {{"w": np.random.default_rng(0).normal(size=megabytes * 131072), "epoch": 0}}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range({times}):
        state["w"][0] += 1
        began, cpu = time.perf_counter(), time.process_time()
        motet.checkpoint(state)
        times.append((time.perf_counter() - began, time.process_time() - cpu))
    return times, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

@flow
def study(megabytes: int):
    return train(megabytes) if not sys.argv[2] else train.submit(megabytes).result()

times, more = study(int(sys.argv[1]))
wall, cpu = sorted(times)[len(times) // 2]
print(f"{{wall:.4f}} {{cpu:.4f}} {{more:.0f}}")
"""


def cost(sizes: tuple[int, ...] = (1, 10, 100, 500), times: int = 5) -> list[tuple[str, int, float, float, float]]:
    """What a checkpoint takes: executor, size in MB, median seconds, and of CPU, MB of memory beyond the state."""
    found = []
    for executor in ("", "processes"):
        for size in sizes:
            with tempfile.TemporaryDirectory() as home:
                script = Path(home, "cost.py")
                script.write_text(_MEASURED.format(times=times))
                done = subprocess.run(
                    [sys.executable, str(script), str(size), executor], env={**os.environ, "MOTET_HOME": home},
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                wall, cpu, more = map(float, done.stdout.split()[-3:])
                found.append((executor or "inline", size, wall, cpu, more))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100, metavar="N", help="so many kills (default: 100)")
    parser.add_argument("--seed", default=str(time.time_ns()), help="repeats a campaign, but for its moments")
    parser.add_argument("--cost", action="store_true", help="measure what a checkpoint costs instead")
    options = parser.parse_args()
    if options.cost:
        for executor, size, wall, cpu, more in cost():
            print(
                f"  {executor:10} {size:4} MB  {wall * 1000:8.1f} ms, CPU {cpu * 1000:8.1f} ms: "
                f"{cpu / 60:.2%} of a minute's CPU; {more:.0f} MB of memory beyond the state"
            )
        return
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        print(Campaign(options.seed, Path(folder), options.count).run().report())


if __name__ == "__main__":
    main()
