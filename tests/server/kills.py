"""A server that is killed while it is asked to do things: `python -m tests.server.kills [TIMES] [SEED]`.

Clients submit runs and publish events, each under a key, and ask again where the server died. In the end there is one
run and one event for each key, and every run has ended well.
"""

from __future__ import annotations

import base64
import http.client
import random
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.server.process import ServerProcess

from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports import RunFilter
from motet.server.rescue import Rescue
from motet.server.site import open_site

FLOW = b"""
from motet import flow, task

@task
def step(n):
    return n + 1

@flow
def main(n: int = 0):
    return step(step(n))
"""
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class Client(threading.Thread):
    """Asks for runs and events under keys of its own until all are granted, whatever server there is."""

    def __init__(self, name: str, servers: list[ServerProcess], runs: int) -> None:
        super().__init__(daemon=True)
        self.keys = [f"{name}-{number}" for number in range(runs)]
        self._servers = servers
        self.refused: list[str] = []

    def run(self) -> None:
        for key in self.keys:
            code = base64.b64encode(FLOW).decode()
            self._insist("/api/v1/runs", {"target": "flow.py", "code": code, "key": key, "name": key})
            self._insist("/api/v1/events", {"key": "asked", "value": key, "client_key": key})

    def _insist(self, path: str, body: object) -> None:
        while True:
            try:
                status, told = self._servers[-1].ask("POST", path, body)
            except _BROKEN:
                threading.Event().wait(0.05)
                continue
            if status >= 300:
                self.refused.append(f"{path}: {status} {told}")
            return


def campaign(home: Path, times: int, rng: random.Random, runs: int = 2, *, beside: bool = False) -> list[str]:
    """Kill the server so often while two clients ask; gives what is wrong in the end.

    beside  another server on the same home, which goes on; the first is stopped for a while now and then, too
    """
    other = [ServerProcess(home)] if beside else []
    servers = [*other, ServerProcess(home)]
    clients = [Client(f"c{number}", servers, runs) for number in range(2)]
    for each in clients:
        each.start()
    for _ in range(times):
        threading.Event().wait(rng.uniform(0.0, 1.5))
        if beside and rng.random() < 0.5:
            servers[-1].process.send_signal(signal.SIGSTOP)
            threading.Event().wait(rng.uniform(0.0, 1.5))
            servers[-1].process.send_signal(signal.SIGCONT)
            continue
        servers[-1].kill()
        servers.append(ServerProcess(home))
    for each in clients:
        each.join()
    for server in (servers[-1], *other):
        server.kill()
    return [wrong for each in clients for wrong in each.refused] + _wrong(
        home, [key for c in clients for key in c.keys]
    )


def _wrong(home: Path, keys: list[str]) -> list[str]:
    site = open_site(str(home))
    rescue, follower = Rescue(site), site.store.follow()
    try:
        while any(row.status not in ENDED for row in site.store.run_page(RunFilter(), limit=1000).runs):
            rescue.look()
            follower.wait(1.0)
        rows = site.store.run_page(RunFilter(), limit=1000).runs
        asked = [each.value for each in site.store.read(0, limit=10_000, published=True) if each.key == "asked"]
    finally:
        follower.close()
        site.close()
    wrong = [f"run {row.name} {row.status}: {row.error}" for row in rows if row.status != SUCCEEDED]
    if sorted(row.name for row in rows) != sorted(keys):
        wrong.append(f"runs {sorted(row.name for row in rows)} for the keys {sorted(keys)}")
    if sorted(asked) != sorted(keys):
        wrong.append(f"events {sorted(asked)} for the keys {sorted(keys)}")
    return wrong


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = sys.argv[2] if len(sys.argv) > 2 else str(random.randrange(2**32))
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        rng, runs = random.Random(seed), max(2, count // 4)
        found = campaign(Path(folder) / "alone", count // 2, rng, runs)
        found += campaign(Path(folder) / "beside", count - count // 2, rng, runs, beside=True)
    print("\n".join(found) or f"killed {count} times: nothing is wrong")
    sys.exit(bool(found))
