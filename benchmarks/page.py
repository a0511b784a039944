"""How the page draws a run of very many steps, in a real browser beside an empty page: `python -m benchmarks.page`.

The run is made up (its picture is given to the page in place of the server's answer), so that the figures are those of
the page: from asking to the first picture, the worker's frames while the reader pans and zooms, and the gaps that the
page's own thread leaves meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import Browser, Page, Route, Worker, sync_playwright

STATUSES = (
    "pending", "ready", "waiting", "running", "retrying", "succeeded", "cached", "failed", "cancelled", "skipped",
    "crashed",
)  # fmt: skip
SEED = 7
FRAMES = 120
FIRST_PAINT_S, FRAME_MS, GAP_MS, GROUPED_MS = 1.5, 50.0, 33.0, 10.0

TIMED = """() => {
  const next = self.requestAnimationFrame.bind(self);
  self.took = [];
  self.requestAnimationFrame = (act) => next((at) => {
    const began = performance.now();
    act(at);
    self.took.push(performance.now() - began);
  });
}"""
PANNED = """async ({ frames, moves }) => {
  const stage = document.querySelector("canvas.drawn") ?? document.body;
  const gaps = [];
  let last = performance.now();
  for (let i = 0; i < frames; i++) {
    await new Promise((done) => requestAnimationFrame(done));
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    const told = { deltaY: Math.sin(i / 9) * 90, bubbles: true, clientX: 500, clientY: 500 };
    if (moves) stage.dispatchEvent(new WheelEvent("wheel", told));
  }
  return gaps;
}"""


def told(steps: int, edges: int, grouped: bool, run: dict[str, Any]) -> dict[str, Any]:
    """The picture of a run of so many steps and edges, as the server would tell it."""
    draw = random.Random(SEED)
    tasks = 66 if grouped else steps
    wide = steps // 12
    pairs = [(i - wide, i) for i in range(wide, steps)]
    while len(pairs) < edges:
        to = draw.randrange(wide, steps)
        pairs.append((max(0, to - wide + draw.randrange(-60, 60)), to))
    task = [(i // wide) * (tasks // 12) + i % (tasks // 12) if grouped else i for i in range(steps)]
    odds = (5,) * 80 + (7,) * 3 + (3,) * 10 + (1,) * 7
    status = [draw.choice(odds) for _ in range(steps)]
    at = [round(i * 1e-6, 6) for i in range(steps)]
    return {
        "run": {**run, "status": "running", "ended_at": None}, "offset": steps, "n": steps, "whole": True,
        "statuses": STATUSES, "driven": [[0.0, None, ""]], "at": list(range(steps)),
        "keys": [f"task{task[i]}#{i}" for i in range(steps)], "task": task,
        "tasks": [f"task{i}" for i in range(max(task) + 1)],
        "names": {}, "parent": [-1] * steps, "status": status, "flags": [0] * steps, "created": at, "ready": at,
        "began": at, "ended": [None if one == 3 else 1.0 for one in status], "attempts": [1] * steps,
        "from": [one for one, _ in pairs], "to": [other for _, other in pairs], "elements": {},
        "cause": {}, "due": {}, "spans": {},
        "maps": {}, "slots": {}, "children": [], "above": [], "planned": None,
    }  # fmt: skip


def quantile(of: list[float], part: float) -> float:
    """The value below which `part` of them are."""
    return sorted(of)[min(len(of) - 1, int(part * len(of)))]


def drawn(browser: Browser, url: str, state: Any, picture: str, address: str) -> dict[str, list[float] | float]:
    """What one picture took: seconds to the first paint, milliseconds of frames and of gaps."""
    context = browser.new_context(base_url=url, storage_state=state, viewport={"width": 1440, "height": 900})
    page = context.new_page()

    def answer(route: Route) -> None:
        route.fulfill(body=picture, content_type="application/json")

    page.route("**/api/v1/runs/*/picture*", answer)
    page.on("worker", lambda worker: worker.evaluate(TIMED))
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    page.wait_for_function("() => document.querySelectorAll('#drawn-items li').length > 0", polling=20)
    first = time.monotonic() - began
    worker = page.workers[0]
    page.wait_for_timeout(1500)
    worker.evaluate("() => { self.took = []; }")
    gaps = page.evaluate(PANNED, {"frames": FRAMES, "moves": True})
    took = timings(worker)
    if shots := os.environ.get("MOTET_SHOTS"):
        page.screenshot(path=f"{shots}/{len(picture)}.png")
    context.close()
    return {"first_s": first, "frames_ms": took, "gaps_ms": gaps}


def timings(worker: Worker) -> list[float]:
    """How long the worker's frames took."""
    found: list[float] = worker.evaluate("() => self.took")
    return found


def empty(browser: Browser) -> list[float]:
    """The gaps between the frames of a page with nothing on it."""
    page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
    gaps: list[float] = page.evaluate(PANNED, {"frames": FRAMES, "moves": False})
    page.close()
    return gaps


def main() -> int:
    """Print the figures; exit 1 if one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--edges", type=int, default=80_000)
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no chromium.")
        return 2
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = Path(folder, "one.py")
        program.write_text("from motet import task, flow\n@task\ndef one(): return 1\n@flow\ndef f(): one()\n")
        environment = {**os.environ, "MOTET_HOME": str(Path(folder, "home"))}
        command = [sys.executable, "-m", "motet.cli"]
        subprocess.run(
            [*command, "run", str(program), "--name", "big"], env=environment, check=True, capture_output=True
        )
        server = subprocess.Popen(
            [*command, "server", "--port", "0", "--json"], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        try:
            url = json.loads(server.stdout.readline())["url"]
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            return measured(browser, url, Path(folder, "home"), given.steps, given.edges)
        finally:
            server.terminate()
            server.communicate()


def measured(browser: Browser, url: str, home: Path, steps: int, edges: int) -> int:
    """Draw both pictures and print what they took."""
    token = {"Authorization": f"Bearer {(home / 'server.token').read_text().strip()}"}
    run = httpx2.get(f"{url}/api/v1/runs/big", headers=token).json()
    path = httpx2.post(f"{url}/api/v1/links", headers=token).json()["path"]
    context = browser.new_context(base_url=url)
    context.new_page().goto(url + path)
    state = context.storage_state()
    late = False
    print(f"{'':12}{'first s':>9}{'frame p50':>11}{'p95 ms':>9}{'gap p50':>9}{'p95 ms':>9}")
    for name, grouped, limit in (("all steps", False, FRAME_MS), ("grouped", True, GROUPED_MS)):
        picture = json.dumps(told(steps, edges, grouped, run))
        found: Any = drawn(browser, url, state, picture, "/runs/big/radar")
        frames, gaps = found["frames_ms"], found["gaps_ms"]
        row = [
            found["first_s"],
            quantile(frames, 0.5),
            quantile(frames, 0.95),
            quantile(gaps, 0.5),
            quantile(gaps, 0.95),
        ]
        print(f"{name:12}{row[0]:9.2f}{row[1]:11.1f}{row[2]:9.1f}{row[3]:9.1f}{row[4]:9.1f}")
        late |= row[0] > FIRST_PAINT_S or row[2] > limit or row[4] > GAP_MS
    gaps = empty(browser)
    print(f"{'empty page':12}{'':9}{'':11}{'':9}{quantile(gaps, 0.5):9.1f}{quantile(gaps, 0.95):9.1f}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
