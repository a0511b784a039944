"""The client that Spell published, as it is, against `motet server`: with the integration tests that it carries.

    python -m tests.spell.published          all of them; prints the table of docs/reference/spell-api.md
    python -m tests.spell.published -k ls    those that pytest's -k chooses

It is installed from the package index into an environment of its own (kept in the user's cache), with what of its
dependencies has changed since held back. Nothing of it is part of the project.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from tests.executors.conftest import PODMAN, _root
from tests.server.process import ServerProcess
from tests.source import ROOT

from motet.dialects.spell.house import House
from motet.server.site import open_site

WANTED = ("spell==0.48.9", "click<8.2", "setuptools<81", "pytest>=8,<10", "pytest-mock>=3", "sh>=2,<3")
NEEDED = ("git", "rsync")
"""Programs that the client calls."""

OWNER = "cli_test"
"""Whom its tests sign up."""

LEFT_OUT = {
    "test_run_with_packages": "asks for packages of apt and pip from the network",
    "test_run_with_conda": "asks for an environment of conda",
}

TESTS = "spell/cli/integration_tests"
PAGE = ROOT / "docs" / "reference" / "spell-api.md"
GIT = "[user]\n name = ada\n email = ada@example.com\n[init]\n defaultBranch = master\n"


class Missing(Exception):
    """What the client needs cannot be had here."""


def environment() -> Path:
    """The folder of an environment with the client; made at first use. Raises Missing."""
    if missing := [each for each in NEEDED if shutil.which(each) is None]:
        raise Missing(f"{' and '.join(missing)} is not installed, which the client calls")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "motet-tests"
    place = cache / f"{WANTED[0]}-py{sys.version_info[0]}{sys.version_info[1]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another session may be at it
        if not (place / "ready").exists():
            _install(place)
            (place / "ready").touch()
    return place


def _install(place: Path) -> None:
    venv.create(place, with_pip=True, symlinks=True, clear=True)
    call = [f"{place}/bin/python", "-m", "pip", "install", "--quiet", "--no-compile", "--retries", "0", *WANTED]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"it cannot be installed: {done.stderr.strip().splitlines()[-1:]}")


def surroundings(folder: Path) -> dict[str, str]:
    """What the client finds in its environment: a home of its own, and nothing of the user's."""
    (folder / "gitconfig").write_text(GIT)
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "SPELL_QUIET": "1", "PYTHONWARNINGS": "ignore", "LANG": "C.UTF-8",
    }  # fmt: skip


@contextmanager
def serving(home: Path) -> Iterator[ServerProcess]:
    """A server where its tests may sign up, with the public files that they take for granted."""
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as short:
        os.environ.update({"MOTET_SPELL_SIGN_UP": "1", **_alpine(Path(short))})
        try:
            with ServerProcess(home, "--protocol", "spell") as server:
                _put_public(home)
                yield server
        finally:
            del os.environ["MOTET_SPELL_SIGN_UP"]


def _alpine(folder: Path) -> dict[str, str]:
    """An image that is called as the tests call theirs, of a static busybox: there may be no registry."""
    (folder / "containers.conf").write_text(PODMAN)
    stored = f'[storage]\ndriver="vfs"\ngraphroot="{folder}/graph"\nrunroot="{folder}/run"\n'
    (folder / "storage.conf").write_text(stored)
    names = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
    given = {name: str(folder / file) for name, file in names.items()}
    tar = subprocess.run(["tar", "-C", _root(folder), "-c", "."], capture_output=True, check=True).stdout
    call = ["podman", "import", "-", "docker.io/library/alpine:latest"]
    subprocess.run(call, input=tar, env={**os.environ, **given}, capture_output=True, check=True)
    return given


def _put_public(home: Path) -> None:
    site = open_site(str(home))
    stored = site.artifacts.put_stream(iter([b"images"]))
    told = {"path": "mnist/t10k-images-idx3-ubyte", "artifact": stored.digest, "size_bytes": 6, "mode": 0o644, "at": 0}
    House(site, site.start, owner=OWNER).put_document("public", "image", {"files": [told]})  # type: ignore[arg-type]
    site.close()


def carry_out(server: ServerProcess, folder: Path, chosen: str) -> ElementTree.Element:
    """What pytest says of the client's tests."""
    place = environment()
    (tests,) = place.glob(f"lib/python3*/site-packages/{TESTS}")
    wanted = " and ".join([*(f"not {each}" for each in LEFT_OUT), *([f"({chosen})"] if chosen else [])])
    call = [
        f"{place}/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", str(tests),
        f"--api_url={server.url}", f"--junit-xml={folder}/told.xml", "-k", wanted,
    ]  # fmt: skip
    subprocess.run(call, cwd=folder, env=surroundings(folder), check=False)
    return ElementTree.parse(folder / "told.xml").getroot()


def table(told: ElementTree.Element) -> str:
    """How many tests of each file pass, as a table of Markdown."""
    counts: dict[str, Counter[str]] = {}
    for case in told.iter("testcase"):
        name = case.attrib["classname"].split(".integration_tests.")[-1].split(".")[0]
        is_bad = any(case.find(each) is not None for each in ("failure", "error", "skipped"))
        counts.setdefault(name, Counter())["failed" if is_bad else "passed"] += 1
    lines = ["| tests of the client | passed | failed |", "|---|---|---|"]
    lines += [f"| `{name}` | {each['passed']} | {each['failed']} |" for name, each in sorted(counts.items())]
    passed, failed = (sum(each[kind] for each in counts.values()) for kind in ("passed", "failed"))
    return "\n".join([*lines, f"| all | {passed} | {failed} |"])


def main() -> int:
    """Carry out the tests, and print how they went."""
    parser = argparse.ArgumentParser(prog="python -m tests.spell.published")
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="which of them, as pytest takes it")
    chosen = parser.parse_args().k
    with tempfile.TemporaryDirectory(prefix="published-") as place:
        home, folder = Path(place) / "home", Path(place) / "client"
        home.mkdir()
        folder.mkdir()
        with serving(home) as server:
            told = carry_out(server, folder, chosen)
    print(table(told))
    for name, why in LEFT_OUT.items():
        print(f"left out: `{name}` {why}")
    if not chosen and table(told) not in PAGE.read_text():
        print(f"{PAGE} has another table")
        return 1
    return int(any(len(case) for case in told.iter("testcase")))


if __name__ == "__main__":
    raise SystemExit(main())
