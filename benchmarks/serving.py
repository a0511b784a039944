"""How long the server takes for lists of many runs, and how soon many listeners hear.

python -m benchmarks.serving [RUNS] [LISTENERS]

A server is a process of its own here, and asked over its socket: p95 of 50 warm requests each. Then listeners are told
of 200 changes a second: the time from a commit to the message at a listener, and what the server takes of a processor.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.server.process import ServerProcess

from benchmarks.many_runs import BEGAN_AT, EVERY_S, fill
from benchmarks.pages import live, p95_ms
from motet.ports import Publication, StepFilter
from motet.stores.sqlite import SqliteStore

UPDATES_A_SECOND = 200
SECONDS = 10


def lists(server: ServerProcess, count: int) -> None:
    """Print how long lists take."""
    middle = BEGAN_AT + count * EVERY_S / 2
    connection = server.connection()
    for query in (
        "", "status=failed", "status=running", "workflow=flow_7", "tag=tag3", "tag=none", "text=foxc", "text=zzzzzz",
        "text=ox", "metric=loss%3C0.5001&metric=loss%3E0.5", f"since={middle}&until={middle + 86400}",
        "status=failed&workflow=flow_7&tag=tag3",
    ):  # fmt: skip

        def ask(path: str = f"/api/v1/runs?{query}") -> None:
            connection.request("GET", path, headers=server.headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, body

        print(f"{p95_ms(ask):9.1f} ms  runs?{query}")
    for path in (
        "counts",
        "runs/live/summary",
        f"density?since={BEGAN_AT}&until={BEGAN_AT + count * EVERY_S}",
        "runs/live/steps",
    ):

        def look(path: str = f"/api/v1/{path}") -> None:
            connection.request("GET", path, headers=server.headers)
            assert connection.getresponse().read()

        print(f"{p95_ms(look):9.1f} ms  {path}")
    connection.close()


async def listened(server: ServerProcess, count: int, over: threading.Event) -> tuple[list[float], int]:
    """What so many listeners hear: from the last commit of each message to it, in seconds; and how many events."""
    lags: list[float] = []
    heard = [0]

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
        head = f"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n\r\n"
        writer.write(head.encode())
        while not over.is_set():
            try:
                line = await asyncio.wait_for(reader.readline(), 1.0)
            except TimeoutError:
                continue
            if not line:
                raise ConnectionError("a listener was let go of: it did not keep up")
            if line.startswith(b"data: "):  # read as far as the figure needs: a browser has a processor of its own
                lags.append(time.time() - float(line[line.rfind(b'"at":') + 5 :].partition(b",")[0].rstrip(b"}]\r\n")))
                heard[0] += line.count(b'"at":')
        writer.close()

    await asyncio.gather(*(one() for _ in range(count)))
    return lags, heard[0]


def listeners(server: ServerProcess, home: str, count: int) -> None:
    """Print how soon they hear, and what the server takes."""
    over, told = threading.Event(), list[tuple[list[float], int]]()
    thread = threading.Thread(target=lambda: told.append(asyncio.run(listened(server, count, over))))
    thread.start()
    time.sleep(2 + count / 100)
    store = SqliteStore(home)
    before, began = cpu_s(server), time.perf_counter()
    for number in range(UPDATES_A_SECOND * SECONDS):
        store.publish([Publication("bench", number, at=time.time())])
        time.sleep(max(0.0, began + (number + 1) / UPDATES_A_SECOND - time.perf_counter()))
    took = time.perf_counter() - began
    used = cpu_s(server) - before
    time.sleep(1)
    over.set()
    thread.join()
    store.close()
    ((lags, heard),) = told
    cuts = statistics.quantiles(lags, n=20)
    print(f"{count} listeners, {UPDATES_A_SECOND} updates/s: {heard} heard of {count * UPDATES_A_SECOND * SECONDS}")
    print(
        f"lag p50 {cuts[9] * 1e3:.0f} ms, p95 {cuts[-1] * 1e3:.0f} ms; the server took {used / took:.2f} of a processor"
    )


def cpu_s(server: ServerProcess) -> float:
    """The processor time that the server has taken so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(runs: int, listening: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as home:
        fill(home, runs)
        store = SqliteStore(home)
        run = live(store, 50_000 if runs >= 100_000 else 500)
        while store.step_page(run, StepFilter()).behind:
            time.sleep(0.05)
        store.close()
        with ServerProcess(Path(home)) as server:
            lists(server, runs)
            listeners(server, home, listening)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 500)
