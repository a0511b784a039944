"""What would steer a terminal is written out, and nothing else is touched."""

from __future__ import annotations

import io
import random
import unicodedata

import pytest

from motet.values import visible


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


STEERING = [
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]52;c;Zm9v\x1b\\", "\x1bP1$r\x1b\\", "\x9b2J", "\x9d0;t\x9c", "\x08", "\x7f",
    "\r", "\x0b", "\x0c", "\x00", "\x85", "\u2028", "\u2029", "\u202e", "\u2066", "\u2069", "\u200f", "\u061c",
    "\ufeff", "\U000e0041",
]  # fmt: skip


@pytest.mark.parametrize("text", STEERING, ids=ascii)
def test_what_steers_is_written_out(text: str) -> None:
    for shown in (visible.line, visible.block, visible.coloured):
        told = shown(f"a{text}b")
        assert not set(told) & set(text) - set(map(chr, range(32, 127)))
        assert told.startswith("a\\")
        assert told.endswith("b")


@pytest.mark.parametrize("text", ["", "plain", "naïve Ω 漢字 עברית", "👩\u200d💻", "a\\x1b[0m", "\u200b\u00ad"])
def test_what_does_not_steer_is_as_it_is(text: str) -> None:
    for shown in (visible.line, visible.block, visible.coloured):
        assert shown(text) == text


def test_lines_and_tabs_stand_in_blocks_alone() -> None:
    assert visible.line("a\n\tb") == "a\\n\\tb"
    assert visible.block("a\n\tb\r\n") == "a\n\tb\\r\n"


def test_colours_stay_and_end_with_the_text() -> None:
    assert visible.coloured("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert visible.coloured("\x1b[38;5;8mred\x1b[0m on") == "\x1b[38;5;8mred\x1b[0m on"
    assert visible.coloured("\x1b[31mred\x1b[2J") == "\x1b[31mred\\x1b[2J\x1b[0m"
    assert visible.uncoloured("\x1b[31mred\x1b[0m") == "red"


def test_a_program_says_what_it_likes_where_no_terminal_is() -> None:
    text = "\x1b]0;t\x07\r\n\tx\x1b[31m"
    assert visible.on(io.StringIO(), text) == text
    assert visible.on(Terminal(), text) == "\\x1b]0;t\\x07\\r\n\tx\x1b[31m\x1b[0m"


def test_whatever_is_given_nothing_steers(rng: random.Random) -> None:
    pool = [chr(code) for code in (*range(0x250), *range(0x2000, 0x2070), 0x61C, 0xFEFF, 0xFFF9)] + [
        "\x1b[",
        "31m",
        "\x1b[0m",
    ]
    for _ in range(3000):
        text = "".join(rng.choices(pool, k=12))
        assert all(unicodedata.category(each) not in ("Cc", "Zl", "Zp") for each in visible.line(text))
        left = visible.uncoloured(visible.coloured(text))
        assert "\x1b" not in left
