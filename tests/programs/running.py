"""Running programs for tests: in this process on any store and executor, or in one that is killed again and again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from motet import deaths
from motet.app import SystemClock, open_host
from motet.artifacts.memory import MemoryArtifacts
from motet.dialects.declared.plugin import VOICE, new_run
from motet.engine.driver import Driver
from motet.engine.host import Host
from motet.executors.inline import InlineExecutor
from motet.executors.processes import ProcessExecutor
from motet.executors.threads import ThreadExecutor
from motet.kernel.transitions import ENDED
from motet.ports import ExecutorSpec, LogPage, Publication, RunRow, Store
from motet.ports.voice import Onward
from motet.stores.memory import MemoryStore
from motet.stores.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[2]
EXECUTORS = ("inline", "threads", "processes")


class NoLogs:
    """Forgets all that is written."""

    def write(self, run: str, lines: Any, also: str = "") -> None:
        """Forget the lines."""

    def read(self, run: str, position: int = 0, **wanted: Any) -> LogPage:
        """None."""
        return LogPage([], position)

    def remove(self, run: str) -> int:
        """Nothing to remove."""
        return 0

    def sync(self) -> None:
        """Nothing to bring to the disk."""


def memory_host(store: Store | None = None) -> Host:
    """A host that leaves nothing behind."""
    return Host(
        store or MemoryStore(), MemoryArtifacts(), NoLogs, SystemClock(),
        {
            "inline": ExecutorSpec(InlineExecutor, 1, 0),
            "threads": ExecutorSpec(lambda: ThreadExecutor(4), 4, 64),
            "processes": ExecutorSpec(lambda: ProcessExecutor(2), 2, 2),
        },
    )  # fmt: skip


def host_on(kind: str, home: Path) -> Host:
    """A host with a store of that kind."""
    return memory_host() if kind == "memory" else open_host(str(home))


def run_here(
    host: Host, target: str, params: Any, meanwhile: Callable[[Host], None] = lambda host: None
) -> tuple[RunRow, Driver]:
    """Run a program to its end in this process, while something else happens in another thread."""
    host.create(new_run(host, "r1", target, params))
    aside = threading.Thread(target=meanwhile, args=(host,))
    aside.start()
    try:
        driver = VOICE.carry_on(host, host.store.run("r1"), Onward())
    finally:
        aside.join()
    return host.store.run("r1"), driver


def publish(host: Host, *events: tuple[str, Any], client: str = "") -> None:
    """Publish events, each under a key of its own, so that saying it again changes nothing."""
    host.store.publish(
        [
            Publication(key, value, client_key=f"{client}{number}" if client else "", at=time.time())
            for number, (key, value) in enumerate(events)
        ]
    )


def executions(path: Path) -> Counter[str]:
    """How often each step was executed, by what the targets noted."""
    if not path.exists():
        return Counter()
    lines = path.read_text().splitlines()
    return Counter(line.split()[0] for line in lines if not line.endswith(" ends"))


def engine(home: Path, run: str, **more: str) -> subprocess.Popen[bytes]:
    """A process that drives the run, as `motet submit` starts it."""
    command = [sys.executable, "-P", "-m", "motet.cli", "engine", run]
    env = {**os.environ, "MOTET_HOME": str(home), "PYTHONPATH": str(ROOT), **more}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def run_killed(home: Path, target: str, params: Any, kills: int, rng: random.Random) -> RunRow:
    """Run a program in processes that are killed at random moments, `kills` times, until one has ended it.

    Checks after each of them that no step was executed again once its success had been recorded.
    """
    store = SqliteStore(str(home))
    path = Path(params["path"])
    host = memory_host(store)
    store.create_run(new_run(host, "r1", target, params))
    before: Counter[str] = Counter()
    number = 0
    while number <= kills:
        process = engine(home, "r1")
        try:
            _, said = process.communicate(timeout=rng.uniform(0.15, 0.9) if number < kills else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        else:
            row = store.run("r1")
            if deaths.parked(store, "r1"):  # whoever sees that it is being killed resumes it
                deaths.clear(store, row)
                continue
            assert row.status in ENDED, (process.returncode, said.decode())
        number += 1
        after = executions(path)
        assert all(after[key] == count for key, count in before.items()), (before, after)
        before = Counter({step.key: after[step.key] for step in store.steps("r1", status="succeeded")})
        if store.run("r1").status in ENDED:
            break
    row = store.run("r1")
    host.close()
    return row
