"""Processes that ask the machine for places, and write down who has them: driven by `test_office`, and by hand.

python -m tests.admission.crowd --kill 100       # two that ask for all, one of them killed, again and again
python -m tests.admission.crowd --waiting 1000   # so many tickets in 10 processes: CPU a start
python -m tests.admission.crowd --processes 200  # so many processes on two places: the order in which they start
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from motet.admission import Office
from motet.ports.admission import Ask, Ticket

PATIENCE_S = 120.0


def member(folder: str, asked: dict[str, Any]) -> None:
    """Ask for `count` tickets at once, hold each for a moment, and note beginning and end of each."""
    office = Office(folder, asked["capacities"], asked.get("devices", ()))
    left = threading.Semaphore(0)
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(word: str, ticket: Ticket) -> None:
        line = [word, time.monotonic(), os.getpid(), asked["name"], ticket.number, ticket.gpus]
        os.write(log, (json.dumps(line) + "\n").encode())

    def hold(ticket: Ticket) -> None:
        note("begin", ticket)
        if asked.get("for_ever"):
            return

        def end() -> None:
            note("end", ticket)
            office.give_back(ticket)
            left.release()

        timer = threading.Timer(asked["hold_s"], end)
        timer.daemon = True
        timer.start()

    for number in range(asked["count"]):
        office.ask(Ask(asked["needs"], asked.get("at", time.time()) + number * 1e-6, hold))
    note("asked", Ticket(Ask({}, 0.0, hold), 0))
    for _ in range(asked["count"]):
        left.acquire()
    office.close()
    note(f"cpu {time.process_time()}", Ticket(Ask({}, 0.0, hold), 0))


class Crowd:
    """Members under way, and what they have noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.members: list[subprocess.Popen[bytes]] = []
        self._log = folder / "log"

    def start(self, name: str, **asked: Any) -> subprocess.Popen[bytes]:
        """One more, with what `member` is asked."""
        told = json.dumps({"log": str(self._log), "name": name, "count": 1, "hold_s": 0.005, **asked})
        command = [sys.executable, "-m", "tests.admission.crowd", "--member", str(self.folder / "board"), told]
        self.members.append(subprocess.Popen(command))
        return self.members[-1]

    def noted(self, word: str) -> list[list[Any]]:
        """The lines that begin so, in order."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in map(json.loads, lines) if line[0].startswith(word)]

    def until(self, word: str, count: int) -> list[list[Any]]:
        """Wait until there are so many of them."""
        until = time.monotonic() + PATIENCE_S
        while len(found := self.noted(word)) < count:
            assert time.monotonic() < until, f"only {len(found)} of {count} have {word}"
            time.sleep(0.002)
        return found

    def join(self) -> None:
        """Wait for all to end."""
        for each in self.members:
            each.wait(PATIENCE_S)

    def close(self) -> None:
        """Leave no process behind."""
        for each in self.members:
            if each.poll() is None:
                each.kill()
                each.wait()


def kills(folder: Path, count: int, rng: random.Random) -> None:
    """Two ask for the whole machine; whoever has it is killed, and the other is to have it then, never before."""
    asked = {"capacities": {"resource:cpu": 2}, "needs": {"resource:cpu": 2}}
    crowd = Crowd(folder)
    try:
        crowd.start("0", **asked, for_ever=True)
        begun = crowd.until("begin", 1)
        for number in range(1, count + 1):
            crowd.start(str(number), **asked, for_ever=True)
            crowd.until("asked", number)
            if rng.random() < 0.5:
                time.sleep(rng.random() * 0.02)
            assert len(crowd.noted("begin")) == number, "two have the whole machine"
            os.kill(begun[-1][2], signal.SIGKILL)
            crowd.members[number - 1].wait()
            begun = crowd.until("begin", number + 1)
            assert begun[-1][3] == str(number)
    finally:
        crowd.close()


def waiting(folder: Path, count: int, processes: int, places: int) -> float:
    """CPU seconds a start, over all processes, of so many tickets that wait at once; start-up apart."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    empty = {"capacities": {"executor:commands": places}, "needs": {}, "count": 1}
    crowd = Crowd(folder / "empty")
    crowd.folder.mkdir()
    for number in range(processes):
        crowd.start(str(number), **empty)
    crowd.join()
    between = resource.getrusage(resource.RUSAGE_CHILDREN)
    crowd = Crowd(folder)
    try:
        for number in range(processes):
            needs = {"needs": {"executor:commands": 1}, "count": count // processes, "hold_s": 0.02}
            crowd.start(str(number), **{**empty, **needs})
        crowd.join()
    finally:
        crowd.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(crowd.noted("end")) == count
    check(crowd, places)

    def cpu(one: Any, other: Any) -> float:
        return float(other.ru_utime + other.ru_stime - one.ru_utime - one.ru_stime)

    return (cpu(between, after) - cpu(before, between)) / count


def check(crowd: Crowd, places: int) -> None:
    """Never more at once than there are places."""
    now = 0
    lines = [(at, word) for word, at, *_ in crowd.noted("begin") + crowd.noted("end")]
    for _, word in sorted(lines, key=lambda line: (line[0], line[1] == "begin")):
        now += 1 if word == "begin" else -1
        assert now <= places


def in_order(folder: Path, processes: int) -> None:
    """So many processes on two places, all in line before the first may start: they start in the order asked."""
    asked: dict[str, Any] = {"capacities": {"executor:commands": 2}, "needs": {"executor:commands": 1}}
    crowd = Crowd(folder)
    try:
        holders = [crowd.start(f"holder-{each}", **asked, for_ever=True) for each in range(2)]
        crowd.until("begin", 2)
        for number in range(processes):
            crowd.start(str(number), **asked, at=1e9 + number)
            if number % 10 == 9:
                crowd.until("asked", number + 3)
        crowd.until("asked", processes + 2)
        for each in holders:
            each.kill()
            each.wait()
        begun = [int(line[3]) for line in crowd.until("begin", processes + 2)[2:]]
        # One that was served may be slow to note it, while others have the other place after one another.
        assert all(sum(later < number for later in begun[place:]) <= 1 for place, number in enumerate(begun)), begun
        crowd.join()
        check(crowd, 4)
    finally:
        crowd.close()


def _below(folder: str, name: str) -> Path:
    made = Path(folder, name)
    made.mkdir()
    return made


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--member", nargs=2)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--waiting", type=int, default=0)
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--seed", default=str(random.random()))
    options = parser.parse_args()
    if options.member:
        member(options.member[0], json.loads(options.member[1]))
        return
    print(f"seed: {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        if options.kill:
            kills(_below(folder, "kills"), options.kill, random.Random(options.seed))
            print(f"{options.kill} kills: the whole machine was never two processes'")
        if options.waiting:
            cost_s = waiting(_below(folder, "waiting"), options.waiting, 10, 2)
            print(f"{options.waiting} tickets in 10 processes on 2 places: {cost_s * 1000:.2f} ms of CPU a start")
        if options.processes:
            in_order(_below(folder, "order"), options.processes)
            print(f"{options.processes} processes on 2 places: started in the order asked")


if __name__ == "__main__":
    main()
