"""Owners that sleep past their lease: each is stopped (SIGSTOP), another process takes its run over, and it wakes.

    python -m tests.faults.stops --count 200 --seed 1

Nothing that the old owner says after that may be recorded, nor may it be told of an outcome that is not; it ends
with a clear message, and its worker processes with it. The run ends with the right result.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.flow import note
from tests.faults.kills import ROOT, context, survivors

from motet import flow, task
from motet.app import hosts
from motet.errors import Conflict, MotetError
from motet.stores.sqlite import SqliteStore
from motet.turns import lock_owner
from motet.values.records import decode

LEASE_S = 0.5
PATIENCE_S = 300.0
POINTS = (
    "claim.after", "resume.loaded", "resume.begun", "append.before", "append.after", "command.before",
    "attempt.reported", "attempt.judged", "worker.reported", "artifact.after_rename", "publish.before", "publish.after",
)  # fmt: skip
"""Where the old owner may fall asleep, besides at random moments. Not within a transaction: there, nobody can
take over before it wakes."""

STEPS = 6


# ---------------------------------------------------------------- what is driven


@task
def here(n: int) -> tuple[int, int]:
    """The value says which process it is from: an old owner's would be another one."""
    time.sleep(0.02)
    return n, os.getpid()


@task(executor="processes")
def apart(n: int) -> tuple[int, int]:
    time.sleep(0.05)
    return n, os.getpid()


@task
def large(n: int) -> tuple[int, int, bytes]:
    return n, os.getpid(), bytes(100_000)


@flow
def sleeper(ledger: str) -> int:
    from motet import publish

    values: list[Any] = []
    for n in range(STEPS):
        futures = [here.submit(n), apart.submit(n)]
        for name, value in (
            (f"here-{2 * n}", futures[0].result()),
            (f"here-{2 * n + 1}", here(n)),
            (f"apart-{n}", futures[1].result()),
            (f"large-{n}", large(n)),
        ):
            note(ledger, "told", os.getpid(), name, value[0], value[1])
            values.append(value[0])
        publish("step", n, client_key=f"{ledger}-{n}")
    return sum(values)


EXPECTED = sum(4 * n for n in range(STEPS))


def drive(run: str, ledger: str) -> None:
    """Take the run up as soon as that can be, and drive it to its end."""
    host = hosts.current()
    while True:
        try:
            driver = host.take_up(run, lease_s=LEASE_S)
            break
        except Conflict:
            time.sleep(0.02)
    sleeper.drive(driver, {"ledger": ledger}).result()


# ---------------------------------------------------------------- the campaign


@dataclass
class Tally:
    """What happened."""

    rounds: int = 0
    fenced: int = 0
    undisturbed: int = 0
    asleep_in_transaction: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    at: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self) -> str:
        """The figures as lines of text."""
        points = "".join(f"\n    {name:24} {count:6}" for name, count in sorted(self.at.items()))
        said = "".join(f"\n    {count:6}  {text}" for text, count in self.messages.most_common())
        return (
            f"  {self.rounds} owners stopped; {self.fenced} found their run taken over when they woke, "
            f"{self.undisturbed} had ended it before, {self.asleep_in_transaction} slept in a transaction\n"
            f"  where they slept:{points}\n  what they said:{said}\n  0 stale writes accepted"
        )


class Round:
    """One owner that falls asleep."""

    def __init__(self, folder: Path, tally: Tally, rng: random.Random) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._tally = tally
        self._rng = rng
        self._ledger = str(folder / "ledger")
        self._store = SqliteStore(str(folder))
        self._token = f"sleeper-{rng.randrange(2**60):x}"

    def go(self) -> None:
        """Stop it, have another take over, wake it, and check all."""
        rng = self._rng
        new = sleeper.new_run(hosts.current(), {"ledger": self._ledger}, run="r1", name="r1")
        self._store.create_run(new)
        point = rng.choice(POINTS) if rng.random() < 0.5 else ""
        old = self._start(MOTET_VICTIM=self._token, **self._failpoint(point))
        asleep = self._put_to_sleep(old, point)
        young = self._start()
        if asleep and self._taken_over():
            self._tally.at[point or "a random moment"] += 1
            if rng.random() < 0.5:  # the other one is at work, or has ended
                time.sleep(rng.uniform(0, 0.4))
            else:
                self._await(young)
        with suppress(ProcessLookupError):
            os.kill(old.pid, signal.SIGCONT)
        said, _ = old.communicate(timeout=PATIENCE_S)
        young.communicate(timeout=PATIENCE_S)
        self._check(old.returncode, said.decode())

    def _failpoint(self, point: str) -> dict[str, str]:
        number = 1 if point.startswith(("claim", "resume")) else self._rng.randint(1, 12)
        return {"MOTET_FAILPOINTS": f"{point}=stop@{number}"} if point else {}

    def _put_to_sleep(self, old: subprocess.Popen[bytes], point: str) -> bool:
        """Whether it sleeps now; False if it has ended before."""
        until = time.monotonic() + PATIENCE_S
        if not point:
            while not self._store.run("r1").epoch:
                assert time.monotonic() < until
                time.sleep(0.005)
            time.sleep(self._rng.uniform(0, 0.6))
            old.send_signal(signal.SIGSTOP)
        while state(old.pid) != "T":
            if old.poll() is not None:
                return False
            assert time.monotonic() < until
            time.sleep(0.005)
        return True

    def _taken_over(self) -> bool:
        """Wait until the other process owns the run. False if the sleeper has the turn of the store or the machine."""
        until = time.monotonic() + PATIENCE_S
        while self._store.run("r1").epoch < 2 and self._store.run("r1").status != "succeeded":
            assert time.monotonic() < until, "nobody took over"
            time.sleep(0.02)
            if self._asleep_in_its_turn():
                with self._tally.lock:
                    self._tally.asleep_in_transaction += 1
                return False
        return True

    def _asleep_in_its_turn(self) -> bool:
        holders = {
            lock_owner(str(path)) for path in (self._folder / "store.lock", *self._folder.glob("machine/*/lock"))
        }
        return "T" in {state(pid) for pid in holders if pid}

    def _await(self, young: subprocess.Popen[bytes]) -> None:
        """Wait for its end, or until it can only wait for the sleeper."""
        until = time.monotonic() + PATIENCE_S
        while young.poll() is None and not self._asleep_in_its_turn():
            assert time.monotonic() < until, "it does not end"
            time.sleep(0.02)

    def _start(self, **more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.stops", "drive", "r1", self._ledger]
        env = {**os.environ, "MOTET_HOME": str(self._folder), "MOTET_PROCESSES": "2", "MOTET_THREADS": "2", **more}
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _check(self, code: int, said: str) -> None:
        row = self._store.run("r1")
        assert (row.status, decode(row.result, None)) == ("succeeded", EXPECTED), (row, said)
        starts = [event["epoch"] for event in self._store.history("r1") if event["event"] == "run.started"]
        assert starts == sorted(set(starts))  # nothing of an older epoch after something of a newer one
        last = said.strip().splitlines()[-1] if code else ""
        fenced = last.startswith("Fenced: ")
        assert not code or fenced, said
        if fenced:
            with self._tally.lock:
                self._tally.messages[_general(last)] += 1
        self._check_told()
        until = time.monotonic() + PATIENCE_S
        while left := survivors(self._token):
            assert time.monotonic() < until, f"still there: {left}"
            time.sleep(0.01)
        assert self._store.check() == []
        self._store.close()
        with self._tally.lock:
            self._tally.rounds += 1
            self._tally.fenced += fenced
            self._tally.undisturbed += not fenced

    def _check_told(self) -> None:
        """Both owners were told the same of each step, and that is what is recorded."""
        told: dict[str, set[tuple[str, ...]]] = {}
        for line in Path(self._ledger).read_text().splitlines():
            _, _, name, *value = line.split()
            told.setdefault(name, set()).add(tuple(value))
        assert all(len(values) == 1 for values in told.values()), told
        succeeded = Counter(event["key"] for event in self._store.history("r1") if event["event"] == "step.succeeded")
        assert set(succeeded.values()) == {1}
        assert {f"sleeper/{name}" for name in told} | {"sleeper"} == set(succeeded)


def _general(text: str) -> str:
    """The message without what differs from one to the other."""
    return re.sub(r"\d+", "N", text)


def state(pid: int) -> str:
    """The process's state as the system tells it: T for stopped; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


class Campaign:
    """So many rounds, some at a time."""

    def __init__(self, seed: str, folder: Path, count: int) -> None:
        self.tally = Tally()
        self._seed = seed
        self._folder = folder
        self._left = list(range(count))
        self._failed: list[BaseException] = []

    def run(self, jobs: int) -> Tally:
        """All rounds. Raises AssertionError, naming the round, if a check fails."""
        workers = [threading.Thread(target=self._work) for _ in range(jobs)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        if self._failed:
            raise self._failed[0]
        return self.tally

    def _work(self) -> None:
        try:
            while self._left and not self._failed:
                number = self._left.pop()
                folder = self._folder / f"round-{number}"
                with context(f"seed {self._seed}, {folder}"):
                    Round(folder, self.tally, random.Random(f"{self._seed}/{number}")).go()
        except BaseException as error:  # noqa: BLE001 - it is raised again by `run`
            self._failed.append(error)


def main() -> None:
    """The command."""
    if sys.argv[1:2] == ["drive"]:
        try:
            drive(*sys.argv[2:])
        except MotetError as error:
            sys.exit(f"{type(error).__name__}: {error.what}")
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="owners to be stopped")
    parser.add_argument("--seed", default=f"{random.SystemRandom().randrange(2**32):x}")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="rounds at a time")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="motet-stops-") as folder:
        os.environ["MOTET_HOME"] = folder
        tally = Campaign(options.seed, Path(folder), options.count).run(options.jobs)
    print(f"{tally.report()}\n  {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
