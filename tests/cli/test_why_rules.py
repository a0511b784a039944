"""`motet why` of rules: what they lack, what fired them, what came of it; and of limits that wait for one another."""

from __future__ import annotations

import time
from typing import Any

from tests.cli.conftest import PATIENCE_S, Cli

from motet.ports import Publication
from motet.questions import in_words
from motet.rules import AllOf, AnyOf, Count, OnEvent, Sequence
from motet.stores.sqlite import SqliteStore

RULES = """
    from motet import flow, task
    from motet.reactions import finish, react, start
    from motet.rules import Absence, AllOf, Count, OnEvent, Sequence

    @task
    def train():
        pass

    react(
        start(train, on=Count(OnEvent("data", namespace="team"), 2), while_alive="queue"),
        start(train, on=AllOf((OnEvent("a"), OnEvent("b"), OnEvent("c")))),
        start(train, on=Sequence((OnEvent("x"), OnEvent("y")))),
        start(train, on=Absence(OnEvent("tick"), 86400)),
        finish(on="enough"),
        name="rules",
        ends=False,
    )
"""


def rules(cli: Cli) -> dict[str, Any]:
    return {each["rule"]: each for each in cli.json("why", "rules")}


def test_what_a_rule_lacks_and_what_came_of_it(cli: Cli) -> None:
    file = cli.write("rules.py", RULES)
    running = cli.start("run", str(file))
    until = time.monotonic() + PATIENCE_S
    while not cli.recorded() or not cli.recorded()[0].started_at:
        assert time.monotonic() < until
        time.sleep(0.02)
    said = (("data", ""), ("data", "team"), ("a", ""), ("c", ""), ("x", ""), ("data", "team"))
    store = SqliteStore(cli.env["MOTET_HOME"])
    store.publish([Publication(key, None, namespace) for key, namespace in said])
    store.close()
    cli.wait_for_steps("rules", "train#1")
    found = rules(cli)
    lacks = {rule.partition("/")[2]: each["lacks"] for rule, each in found.items()}
    assert lacks["0"] == ["2 of 2 times event data"]
    assert lacks["1"] == ["event b"]
    assert lacks["2"] == ["event y (part 2 of 2)"]
    assert lacks["3"][0].startswith("silence of event tick until")
    (firing,) = found["start train/0"]["firings"]
    assert [each["event"] for each in firing["causes"]] == ["data", "data"]
    assert firing["did"] == "started train#1"
    told = cli("why", "rules").out
    assert "Event data at offset" in told
    assert "its namespace is '', not 'team'" in told
    assert "has no rules of the name 'nothing'" in cli("why", "rules", "nothing", code=2).err
    assert "It was started by rule start train/0: event data" in cli("why", "rules", "train#1").out
    cli("publish", "enough")
    assert running.wait(PATIENCE_S) == 0
    assert "It listens no longer." in cli("why", "rules", "finish").out


def test_what_belongs_together_in_a_rule_stands_in_brackets() -> None:
    a, b, c = map(OnEvent, "abc")
    assert in_words(AllOf((AnyOf((a, b)), c))) == "(event a or event b) and event c"
    assert in_words(AnyOf((a, Sequence((b, c))))) == "event a or (event b, then event c)"
    assert in_words(Count(AllOf((a, b)), 2)) == "2 times (event a and event b)"
    assert in_words(AllOf((AnyOf((a,)), c))) == "event a and event c"


CIRCLE = """
    import os, time
    from motet import concurrency, flow

    @flow
    def main(first, second):
        with concurrency(first):
            open(first, "w").close()
            while not os.path.exists(second):
                time.sleep(0.01)
            with concurrency(second):
                pass
"""


def test_limits_that_wait_for_one_another_are_told(cli: Cli) -> None:
    cli.write("circle.py", CIRCLE)
    for name in ("left", "right"):
        cli("limit", "set", name, "1")
    cli("submit", "circle.py", "-p", "first=left", "-p", "second=right", "--name", "one")
    cli("submit", "circle.py", "-p", "first=right", "-p", "second=left", "--name", "two")
    until = time.monotonic() + PATIENCE_S
    while "will never get it" not in (told := cli("why", "one", "main", code=None).out):
        assert time.monotonic() < until, told
    assert "one main for right, two main for left" in told
    for run in ("one", "two"):
        cli("stop", run)
