"""The short kill -9 campaign: every failpoint is hit, and nothing that was acknowledged is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.faults.kills import Campaign

import motet
from motet import failpoints
from motet.failpoints import NAMES

KILLS = 60


def test_nothing_acknowledged_is_lost(seed: str, tmp_path: Path) -> None:
    tally = Campaign(seed, tmp_path, KILLS).run(2)
    print(tally.report())
    assert tally.kills >= KILLS
    assert {name for name in NAMES if not tally.at[name]} == set()


def test_each_failpoint_is_passed_somewhere_and_no_other() -> None:
    source = Path(motet.__file__).parent
    passed = re.compile(r"\bhit\(\"([\w.]+)\"\)")
    found = {name for path in source.rglob("*.py") for name in passed.findall(path.read_text())}
    assert found == set(NAMES)


def test_what_cannot_be_meant_is_refused() -> None:
    for text in ("nowhere=kill@1", "append.before=jump@1", "append.before=kill", "append.before=kill@x", "x"):
        with pytest.raises(ValueError, match=re.escape(text)):
            failpoints.armed(text)


def test_a_failpoint_acts_at_its_pass() -> None:
    hit = failpoints.armed("append.before=raise@2, claim.after=raise@1")
    hit("append.before")
    hit("append.after")
    with pytest.raises(failpoints.FailpointError):
        hit("append.before")
    hit("append.before")
