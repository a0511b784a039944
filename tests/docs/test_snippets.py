"""Whoever does what a page says gets what the page says: every block of docs/ runs as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.snippets import LANGUAGES, PAGES, ROOT, Block, Reader, blocks, fits
from tests.docs.wheels import needed, pack

RUN = [page for page in PAGES if any(each.language in ("python", "sh", "console") for each in blocks(page))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT / "docs"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    made = Reader(folder, home)
    yield made
    made.close()


def clone(reader: Reader) -> None:
    """Give the reader a clone of this repository, an index without a network, and no packages but Python's own."""
    if shutil.which("uv", path=reader.env["PATH"]) is None:
        pytest.skip("uv is not installed here")
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    subprocess.run(["git", "clone", "-q", str(ROOT), str(reader.home / "motet")], check=True)
    index = reader.home / "index"
    index.mkdir()
    for name, package in needed("motet", "hatchling").items():
        if name != "motet":
            pack(package, index)
    reader.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    reader.env |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index), "UV_PYTHON": sys.executable}
    reader.env.pop("PYTHONPATH", None)


@pytest.mark.parametrize("page", RUN, ids=name)
def test_a_page_runs_as_it_stands(reader: Reader, page: Path) -> None:
    if page.name == "install.md":
        clone(reader)
    for block in blocks(page):
        reader.do(block)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_block_says_what_it_is(page: Path) -> None:
    assert [each.place for each in blocks(page) if each.language not in LANGUAGES] == []
    assert page.read_text().count("```") == 2 * len(blocks(page)), "a fence is not closed, or not seen"


@pytest.mark.parametrize("page", RUN, ids=name)
def test_each_file_of_a_page_is_run_there(page: Path) -> None:
    found = blocks(page)
    for number, block in enumerate(found):
        if block.file is not None:
            stem = re.compile(rf"\b{re.escape(Path(block.file).stem)}\b")
            later = [each for each in found[number + 1 :] if each.language in ("sh", "console", "python")]
            assert any(stem.search(each.text) for each in later) or "conftest" in block.file, block.place


def test_a_reader_sees_what_does_not_hold(reader: Reader) -> None:
    for language, text in [
        ("python", "1 / 0\n"), ("sh", "false\n"), ("sh", "motet show nothing\n"), ("console", "$ echo 1\n2\n"),
    ]:  # fmt: skip
        with pytest.raises(AssertionError):
            reader.do(Block(language, text, "here:1"))
    assert fits("a ...\nb", "a lot\nof\nb\n") and not fits("a ...\nb", "a lot\n")
    assert shutil.which("motet", path=reader.env["PATH"])
