"""The command line over a server prints what it prints at the home."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SHOWN = (
    "ls", "ls --all --status failed", "ls -p n=4", "ls --metric loss<0.5", "ls --text good -n 1", "ls --tag none",
    "show good-one", "show bad-one", "show good-two good", "show good-one square-0[1]",
    "why bad-one broken-0", "why good-one square-0", "compare good-one good-two", "compare good-one bad-one --all",
    "artifacts good-one", "artifacts good-one notes", "artifacts good-one table --all", "artifacts good-one loss",
    "artifacts --key loss", "logs good-one", "logs good-one -n 2", "logs -f good-two", "logs bad-one --search squaring",
    "logs good-two --range 2-3", "events good-one", "events good-one --key step.*", "events --after 3", "tag good-one",
    "events --listeners", "complete show g", "complete why bad-one b",
)  # fmt: skip

WRONG = ("show nothing", "show good", "why good-one nothing", "artifacts good-one nothing", "compare good-one", "show")


@pytest.mark.parametrize("json", [(), ("--json",)], ids=["text", "json"])
def test_what_commands_show_is_the_same(command: Callable[..., tuple[int, str, str]], json: tuple[str, ...]) -> None:
    for words in map(str.split, SHOWN):
        here, there = command(*words, *json), command(*words, *json, over=True)
        assert there == here, words
        assert here[0] == 0, here
        assert here[1] or "--listeners" in words, words


def test_what_is_wrong_is_told_alike(command: Callable[..., tuple[int, str, str]]) -> None:
    for words in map(str.split, WRONG):
        assert command(*words, over=True) == command(*words), words


def test_what_runs_now_is_the_same_but_for_the_time(command: Callable[..., tuple[int, str, str]]) -> None:
    here, there = command("top", "--once"), command("top", "--once", over=True)
    assert here[1][len("00:00:00") :] == there[1][len("00:00:00") :] != ""


def test_what_needs_the_home_says_so(command: Callable[..., tuple[int, str, str]]) -> None:
    for words in ("prune --older-than 1d", "rm good-one", "token ls", "limit ls", "results good-one"):
        code, out, err = command(*words.split(), over=True)
        assert (code, out) == (2, ""), words
        assert "--home" in err


def test_a_home_that_is_named_goes_before_the_server(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert str(tmp_path) in command("ls", "--home", str(tmp_path), over=True)[1]


def test_pages_and_files_are_the_same(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for words in ("show good-one --html", "artifacts good-one table -o", "artifacts good-one notes -o"):
        assert command(*words.split(), str(here))[0] == 0
        assert command(*words.split(), str(there), over=True)[0] == 0
        assert here.read_bytes() == there.read_bytes()
