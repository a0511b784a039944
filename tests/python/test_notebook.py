"""What a notebook shows of a run."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

import motet
from motet.errors import NotFound
from motet.notebook import load_ipython_extension


@motet.task
def square(number: int) -> int:
    return number * number


@motet.task
def total(numbers: list[int]) -> int:
    if sum(numbers) > 100:
        raise ValueError("</script><script>alert(1)</script>")
    return sum(numbers)


@motet.flow
def squares(upto: int = 3) -> int:
    return total(square.map(range(upto)).result())


def inner(of: str) -> str:
    """The document in the frame."""
    found = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" [^>]*></iframe>', of)
    assert found
    return html.unescape(found[1])


def test_a_flow_is_shown_by_its_newest_run() -> None:
    with pytest.raises(NotFound, match="squares has no run yet"):
        motet.watch(squares)
    squares()
    shown = motet.watch(squares)
    assert re.fullmatch(r"\S+: succeeded, \d+ succeeded", repr(shown))
    document = inner(shown.html())
    picture = re.search(r"<script type=application/json id=picture>(.*?)</script>", document)
    assert picture
    told = json.loads(picture[1])
    assert told["tasks"] == ["squares", "square", "total"]
    assert "default-src 'none'" in document


def test_what_a_run_says_is_text() -> None:
    with pytest.raises(ValueError, match="script"):
        squares(9)
    document = inner(motet.watch(squares).html())
    assert "<script>alert" not in document
    assert document.count("</script>") <= 2, "the picture's and the drawing's"
    assert "alert(1)" in document


def test_a_shell_shows_flows_and_follows_runs() -> None:
    shells = pytest.importorskip("IPython.core.interactiveshell")
    capture = pytest.importorskip("IPython.utils.capture")
    shell: Any = shells.InteractiveShell.instance()
    load_ipython_extension(shell)
    squares()
    data, _ = shell.display_formatter.format(squares)
    assert "squares" in inner(data["text/html"])
    with capture.capture_output() as captured:
        motet.watch(squares)._ipython_display_()
    (shown,) = captured.outputs
    assert "text/html" in shown.data
