"""Reference pages hold what the code has: variables, their defaults, public names, pages in the index."""

from __future__ import annotations

import importlib.util
import os
import re
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from tests.docs.snippets import PAGES, ROOT

import motet
from motet import app
from motet.dialects.python.running import logs
from motet.errors import UsageError

ENVIRONMENT = (ROOT / "docs" / "reference" / "environment.md").read_text()
DEFAULTS = dict(re.findall(r"^\| `(MOTET_\w+)` \| (.*?) \|", ENVIRONMENT, re.MULTILINE))


def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_api_is_what_the_code_has() -> None:
    made = reference()
    assert made.PAGE.read_text() == made.page(), "run: .venv/bin/python scripts/reference.py"


def test_every_public_name_is_on_that_page() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    assert [name for name in motet.__all__ if name != "__version__" and f"`{name}`" not in page] == []


def test_every_variable_that_the_code_names_is_on_its_page() -> None:
    sources = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    named = {each for text in sources for each in re.findall(r"\bMOTET_[A-Z_]*[A-Z]\b", text)}
    named = {each for each in named if not each.startswith("MOTET_SECRET")} | {"MOTET_SECRET_NAME"}
    assert named == set(re.findall(r"`(MOTET_[A-Z_]+)`", ENVIRONMENT))


def test_defaults_are_those_that_the_page_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    cores = os.cpu_count() or 1
    host = app.open_host(str(tmp_path / "home"))
    slots = {name: each.capacity for name, each in host.specs.items()}
    host.close()
    assert DEFAULTS["MOTET_HOME"] == "`~/.motet`" and app.home() == str(tmp_path / ".motet")
    assert DEFAULTS["MOTET_DURABILITY"] == f"`{app._durability()}`"
    assert DEFAULTS["MOTET_LOG_LIMIT"] == "`1Gi`" and app._size("MOTET_LOG_LIMIT", 2**30) == 2**30
    assert DEFAULTS["MOTET_THREADS"] == "32" and slots["threads"] == 32
    assert DEFAULTS["MOTET_PROCESSES"] == DEFAULTS["MOTET_COMMANDS"] == "processors"
    assert slots["processes"] == slots["commands"] == cores
    assert DEFAULTS["MOTET_LOGGING_LEVEL"] == "`INFO`" and logs._logger("motet.docs").level == 20


@pytest.mark.parametrize(
    "name", ["MOTET_DURABILITY", "MOTET_LOG_LIMIT", "MOTET_CHECKPOINTS", "MOTET_THREADS", "MOTET_LOGGING_LEVEL"]
)
def test_what_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv(name, "nonsense")
    with pytest.raises(UsageError, match=f"(?i){name} is 'nonsense'"):
        logs._logger(f"motet.docs.{name}") if "LEVEL" in name else app.open_host(str(tmp_path / "home"))


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    led = {(index.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", index.read_text())}
    assert [str(page.relative_to(ROOT)) for page in PAGES if page != index and page not in led] == []


def test_the_glossary_is_in_order_and_has_the_words() -> None:
    words = re.findall(r"^\| ([a-z ]+) \|", (ROOT / "docs" / "reference" / "glossary.md").read_text(), re.MULTILINE)[1:]
    assert words == sorted(words)
    asked = {"step", "key", "element", "home", "journal", "voice", "door", "attempt", "fingerprint", "fork", "replay"}
    assert asked <= set(words)


def test_the_home_has_what_its_page_names(motet_home: Path) -> None:
    from motet import command, flow, owners
    from motet.scheduling import living
    from motet.server import submitting, tokens
    from motet.server.site import open_site

    @flow
    def writes() -> str:
        print("x")
        return command("echo y; head -c 100000 /dev/zero > z", outputs=["z"])().stdout

    writes()
    with closing(open_site(str(motet_home))) as site, submitting.sent(site, "flow.py", "", {}):
        tokens.own(site.store, site.home)
        os.close(owners.note_server(site.home, "127.0.0.1", 4200))
        living.want(site.home)
    page = (ROOT / "docs" / "how-to" / "backup.md").read_text()
    named = {each.rstrip("/") for each in re.findall(r"`([\w./-]+)`", page.split("## Back it up")[0])}
    assert {each.name for each in motet_home.iterdir()} <= named
