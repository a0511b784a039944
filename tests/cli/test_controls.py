"""What runs are called and say never steers a terminal, whatever command tells of it."""

from __future__ import annotations

import json
import unicodedata

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_live import Tty

EVIL = "\x1b]0;owned\x07\x1b]52;c;Zm9v\x07\x1b[2J\x9b1A\r\nforged\x0b\x85\u2028\u202efdp"

FLOW = f"""
    import os
    import sys

    from motet import artifact, flow, publish, task

    EVIL = {EVIL!a}

    @task(retries=1)
    def bad():
        print("printed", EVIL)
        raise ValueError("said " + EVIL)

    @flow
    def evil(text: str = EVIL):
        publish("told", {{"text": EVIL, EVIL: 1}})
        artifact.markdown("text", "# head " + EVIL + "\\n\\nbody", "about " + EVIL)
        artifact.table("table", [{{"a" + EVIL: EVIL}}])
        artifact.link("link", "https://example.org/" + EVIL)
        bad()
"""

FLOW_OF = "from motet import flow, task\n\n@task\ndef f():\n    {}\n\n@flow\ndef whole():\n    f()\n"

COMMANDS = (
    ("ls",), ("show", "mine"), ("show", "mine", "bad-0"), ("why", "mine", "bad-0"), ("events",),
    ("events", "--run", "mine"), ("artifacts", "mine"), ("artifacts", "mine", "text"), ("artifacts", "mine", "table"),
    ("artifacts", "mine", "link"), ("show", "no" + EVIL), ("why", "mine", EVIL), ("run", "no" + EVIL),
    ("publish", "key", EVIL), ("limit",), ("limit", "set", EVIL, "2"), ("ls", "--status", EVIL), (EVIL,),
    ("resume", "mine"),
)  # fmt: skip


def steering(text: str) -> set[str]:
    """The control characters in the text, but for line ends, tabs and the colours that Motet sets."""
    for each in ("0", "31", "32", "33", "34", "90", "1"):
        text = text.replace(f"\x1b[{each}m", "")
    text = text.replace("\r\n", "\n")  # as a terminal ends lines
    return {each for each in text if unicodedata.category(each) in ("Cc", "Zl", "Zp") or each == "\u202e"} - {
        "\n",
        "\t",
    }


@pytest.fixture
def evil(cli: Cli) -> Cli:
    cli.write("evil.py", FLOW)
    return cli


def test_no_command_prints_what_steers(evil: Cli) -> None:
    evil.env["FORCE_COLOR"] = "1"
    done = evil("run", "evil.py", "--name", "mine", code=1)
    assert steering(done.err) == set()
    assert "\\x1b]0;owned" in done.err
    for args in COMMANDS:
        process = evil.start(*args)
        out, err = process.communicate()
        out = out.replace("printed " + EVIL.replace("\r", ""), "")  # what the program itself prints is its own
        assert steering(out + err) == set(), args


def test_nor_does_it_on_a_terminal(evil: Cli) -> None:
    """Logs are as they were written where no terminal is; there, they too are written out."""
    evil("run", "evil.py", "--name", "mine", code=1)
    assert EVIL.split("\r")[0] in evil("logs", "mine").out
    for args in (("logs", "mine"), ("show", "mine"), ("ls",)):
        tty = Tty(evil, *args, columns=1000)
        tty.end()
        assert steering(tty.raw.decode()) == set(), args
    assert "\\x1b]52;c;Zm9v" in Tty(evil, "logs", "mine", columns=1000).end()


def test_the_colours_of_programs_are_seen_on_a_terminal(cli: Cli) -> None:
    cli.write("colours.py", FLOW_OF.format("print('\\x1b[35mpink\\x1b[0m', '\\x1b[1mbold')"))
    cli("run", "colours.py", "--name", "mine")
    tty = Tty(cli, "logs", "mine")
    tty.end()
    assert b"\x1b[35mpink\x1b[0m \x1b[1mbold\x1b[0m" in tty.raw
    assert b"\x1b[35m" not in Tty(cli, "logs", "mine", NO_COLOR="1").end().encode()


def test_a_message_with_a_line_break_forges_no_row(cli: Cli) -> None:
    cli.write("two.py", FLOW_OF.format("raise ValueError('a\\nFAKE  01m  fake  succeeded')"))
    cli("run", "two.py", "--name", "mine", code=1)
    for args in (("ls",), ("events",), ("why", "mine", "f-0")):
        assert not any(line.startswith("FAKE") for line in cli(*args).out.splitlines())


def test_json_is_json_whatever_it_tells(cli: Cli) -> None:
    cli.write(
        "odd.py",
        """
        from motet import flow, publish, task

        @task
        def numbers():
            return [float("nan"), float("inf"), 1.5]

        @flow
        def odd():
            publish("odd", {"nan": float("nan"), "lone": "\\udcff"})
            return numbers()
        """,
    )

    def refuse(name: str) -> None:
        raise AssertionError(name)

    for args in (
        ("run", "odd.py", "--name", "mine"),
        ("show", "mine"),
        ("events",),
        ("ls",),
        ("show", "mine", "numbers-0"),
    ):
        json.loads(cli(*args, "--json").out, parse_constant=refuse)
