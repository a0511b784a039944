"""A home of real runs of every voice, its server, and a browser that is let in by a link. All in one process of the
tests, since the home and the browser are made once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.page.programs import FILES, RUNS
from tests.source import ROOT

BUILT = ROOT / "src" / "motet" / "server" / "built" / "index.html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HERE = Path(__file__).parent

PATIENCE_MS = 120_000
"""For how long a test waits for what must come: no measure of speed."""

expect.set_options(timeout=PATIENCE_MS)

MISSING = "" if CHROMIUM and BUILT.exists() else "there is no chromium, or no built page: scripts/setup test"


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of the page run in one process, and none where there is no browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("page"))
            if MISSING:
                item.add_marker(pytest.mark.skip(reason=MISSING))


@dataclass
class Home:
    """A home with runs: see `tests.page.programs`."""

    path: Path
    folder: Path

    def motet(self, *words: str, check: bool = True) -> str:
        """What a command prints, carried out at this home, in the folder of the programs."""
        done = self.begin(*words)
        out, err = done.communicate()
        assert not check or done.returncode == 0, f"motet {words}: {done.returncode}\n{out}\n{err}"
        return out

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """A command that goes on meanwhile."""
        return subprocess.Popen(
            [sys.executable, "-m", "motet.cli", *words], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """That of its commands."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("MOTET_")}
        return {**own, "MOTET_HOME": str(self.path), "TZ": "UTC"}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a run of each program, those that need it begun together."""
    made = Home(tmp_path_factory.mktemp("page-home"), tmp_path_factory.mktemp("page-programs"))
    for name, text in FILES.items():
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / name).write_text(text)
    try:
        _make_runs(made)
        yield made
    finally:
        for run in json.loads(made.motet("ls", "--json")):
            if run["status"] in ("running", "waiting", "pending"):
                made.motet("stop", run["name"], check=False)


def _make_runs(home: Home) -> None:
    begun = {name: home.begin("run", *words, "--name", name) for name, words in RUNS.items()}
    home.motet("submit", "release.py", "--name", "asks")
    home.motet("aiflow", "workflow", "upload", "notes.py")
    home.motet("aiflow", "workflow-execution", "start", "notes")
    told = {name: (*each.communicate(), each.returncode) for name, each in begun.items()}
    wrong = {name: each for name, each in told.items() if each[2] != (1 if name == "failed-pipeline" else 0)}
    assert not wrong, wrong
    home.motet("tag", "wide-search", "search")


@dataclass
class Served:
    """The server of the home."""

    url: str
    home: Home

    def link(self) -> str:
        """A link that lets one browser in."""
        token = (self.home.path / "server.token").read_text().strip()
        import httpx2

        made = httpx2.post(f"{self.url}/api/v1/links", headers={"Authorization": f"Bearer {token}"})
        return f"{self.url}{made.json()['path']}"


@pytest.fixture(scope="session")
def server(home: Home) -> Iterator[Served]:
    """`motet server` of the home, at a port of its own."""
    process = home.begin("server", "--port", "0", "--json")
    assert process.stdout is not None
    told = json.loads(next(line for line in process.stdout if line.startswith("{")))
    yield Served(told["url"], home)
    process.terminate()
    process.communicate()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. While it is there an event loop counts as running in this thread: tests of other folders, which run
    loops of their own, are to have none of it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        browser.new_context().close()
        yield browser
        browser.close()


NOTED = """
addEventListener("securitypolicyviolation", (event) => {
  const told = `${event.violatedDirective} ${event.blockedURI} ${event.sample}`;
  window.__violations = [...(window.__violations ?? []), told];
});
"""


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, server: Served) -> Iterator[dict[str, Any]]:
    """What a browser keeps that came by a link."""
    context = chromium.new_context(base_url=server.url)
    page = context.new_page()
    page.goto(server.link())
    yield dict(context.storage_state())
    context.close()


OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def contexts(chromium: Browser, server: Served, signed_in: Any) -> Iterator[OpenContext]:
    """Makes windows of the browser that is let in: `contexts(viewport=..., color_scheme="dark")`. At the end no page
    may have been refused anything by its policy, nor have raised an error.
    """
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def make(**given: Any) -> BrowserContext:
        of: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "storage_state": signed_in, **given}
        context = chromium.new_context(base_url=server.url, **of)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(NOTED)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        opened.append(context)
        return context

    yield make
    refused = [each for context in opened for page in context.pages for each in violations(page)]
    for context in opened:
        context.close()
    assert not refused
    assert not errors


@pytest.fixture
def page(contexts: OpenContext) -> Page:
    """A window of 1440 by 900 of a browser that is let in; see `contexts` for what must hold at its end."""
    return contexts().new_page()


def violations(page: Page) -> list[str]:
    """What the page's policy has refused it."""
    found: list[str] = page.evaluate("window.__violations ?? []")
    return found


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """Gives serious and critical faults that axe finds in the page as it stands."""
    source = (ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def faults(page: Page) -> list[str]:
        page.evaluate(source)
        found = page.evaluate("async () => (await axe.run(document)).violations")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    return faults
