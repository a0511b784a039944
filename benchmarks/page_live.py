"""How soon the page shows that a step of a large run has ended, at 200 a second: `python -m benchmarks.page_live`.

The run is written by this process, a commit for each update; the page is a real browser's, a server between.
Printed are what the server takes to tell of the run, and by how much later than its commit each update was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Page, sync_playwright

from motet.owners import this_process
from motet.ports import Batch, NewRun
from motet.server.site import open_site

LEFT = 6_000
"""So many steps have not begun when the page is opened."""

UPDATES, PER_S = 3_000, 200

SEEN = """() => {
  const seen = [];
  const look = () => {
    const of = [...document.querySelectorAll(".tally button")].find((each) => /succeeded/.test(each.textContent));
    const n = of ? Number(of.querySelector("b").textContent.replace(/\\D/g, "")) : 0;
    if (seen.at(-1)?.[1] !== n) seen.push([Date.now() / 1000, n]);
    requestAnimationFrame(look);
  };
  look();
  globalThis.seen = seen;
}"""


class Run:
    """A run under way, written step by step; `ended` has how many had succeeded when, by each commit."""

    def __init__(self, home: str, steps: int) -> None:
        self.store = open_site(home).store
        self.done = steps - LEFT
        self.ended: list[tuple[int, float]] = []
        self._seq = 0
        now = time.time()
        self.store.create_run(NewRun("large", "large", "w", {"voice": "python"}, created_at=now - 100))
        self.store.claim("large", this_process(), 1e6)
        events: list[dict[str, Any]] = [{"event": "run.started", "at": now - 100}]
        for number in range(steps):
            needs = [_key(number - 500)] if number >= 500 else []
            events.append(
                {"event": "step.added", "at": now - 90, "key": _key(number), "task": f"t{number % 20}", "needs": needs}
            )
            if number < self.done:
                events += _ran(number, now - 90 + 80 * number / steps)
        for first in range(0, len(events), 2_000):
            self._append(events[first : first + 2_000], {"status": "running", "started_at": now - 100})

    def go_on(self) -> None:
        """End one step after the other, so many a second."""
        began = time.time()
        for number in range(UPDATES):
            self._append(_ran(self.done + number, time.time()), {})
            self.ended.append((self.done + number + 1, time.time()))
            time.sleep(max(0.0, began + (number + 1) / PER_S - time.time()))

    def _append(self, events: list[dict[str, Any]], changed: dict[str, Any]) -> None:
        self.store.append("large", 1, self._seq, Batch(events, run=changed))
        self._seq += len(events)


def _key(number: int) -> str:
    return f"part-{number % 500}/step-{number}"


def _ran(number: int, at: float) -> list[dict[str, Any]]:
    return [{"event": kind, "at": at, "key": _key(number)} for kind in ("step.started", "step.succeeded")]


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--view", default="timeline", choices=("radar", "graph", "timeline", "table", "grid"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        run = Run(home, asked.steps)
        env = {**os.environ, "MOTET_HOME": home}
        command = [sys.executable, "-m", "motet.cli", "server", "--port", "0", "--json"]
        server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            url = json.loads(next(line for line in server.stdout if line.startswith("{")))["url"]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                measured(run, page, url, _signed(home, url), asked.view)
                browser.close()
        finally:
            server.terminate()
            server.wait()
    return 0


def _signed(home: str, url: str) -> httpx2.Client:
    token = (Path(home) / "server.token").read_text().strip()
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def measured(run: Run, page: Page, url: str, client: httpx2.Client, view: str) -> None:
    """What the server takes, what the page takes to show the run, and how soon updates are seen."""
    for route in ("summary", "picture", "picture", "path"):
        began = time.perf_counter()
        size = len(client.get(f"/api/v1/runs/large/{route}").content)
        print(f"{(time.perf_counter() - began) * 1e3:9.0f} ms  {route}, {size / 1e6:.1f} MB")
    page.goto(url + client.post("/api/v1/links").json()["path"])
    began = time.perf_counter()
    page.goto(f"{url}/runs/large/{view}")
    page.locator(".tally b").first.wait_for()
    print(f"{(time.perf_counter() - began) * 1e3:9.0f} ms  until the head is shown")
    page.wait_for_timeout(3_000)
    page.evaluate(SEEN)
    writing = threading.Thread(target=run.go_on)
    writing.start()
    while writing.is_alive():
        page.wait_for_timeout(200)
    page.wait_for_timeout(2_000)
    seen = page.evaluate("seen")
    late = sorted(next(at for at, n in seen if n >= ended) - when for ended, when in run.ended)
    for name, part in (("median", 0.5), ("p95", 0.95), ("at most", 1.0)):
        took = late[min(len(late) - 1, int(part * len(late)))]
        print(f"{took * 1e3:9.0f} ms  from a commit to the page, {name}, at {PER_S} a second")


if __name__ == "__main__":
    sys.exit(main())
