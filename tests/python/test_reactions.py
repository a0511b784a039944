"""Tasks and flows that rules start, stop and start anew: in a flow, in a run of their own, from a file of flows."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from tests.cli.conftest import PATIENCE_S, Cli, cli

from motet import flow, task
from motet.errors import UsageError
from motet.ports import Publication, Store
from motet.reacting.plan import Plan
from motet.reactions import finish, plan_of, restart, start, stop
from motet.rules import AllOf, Count, OnEvent
from motet.stores.sqlite import SqliteStore

__all__ = ["cli"]

ONLINE = """
    import time
    from motet import flow, publish, task
    from motet.reactions import caused, finish, react, restart, start, stop
    from motet.rules import Count, OnEvent

    def note(*words):
        with open("notes", "a") as file:
            print(*words, file=file)

    @task
    def predict():
        note("predict")
        try:
            while True:
                time.sleep(0.02)
        finally:
            note("predict ends")

    @task
    def train(event):
        note("train", event.value)
        publish("deployed", event.value)

    @task
    def validate(cause):
        note("validate", *[each["step"] for each in cause])

    def odd(event, state):
        if event.value == "broken":
            raise ValueError("it cannot be told")
        count = state.get("count", 0) + 1
        return count % 2 == 1, {"count": count}

    @flow
    def report(cause):
        note("report", *[each["event"] for each in cause["causes"]])

    @flow
    def online():
        react(
            start(predict),
            start(train, on=Count(OnEvent("data"), 2), while_alive="queue"),
            start(validate, after=train),
            restart(predict, on="deployed"),
            start(report, on="tell_*", given=odd, while_alive="another"),
            finish(on="enough"),
        )
        return "done"

    @flow(on="data_*")
    def count(cause):
        note("count", *[each["event"] for each in cause["causes"]])
"""


def write(cli: Cli) -> None:
    (cli.folder / "online.py").write_text("\n".join(line[4:] for line in ONLINE.splitlines()))


def noted(cli: Cli, *lines: str) -> None:
    """Wait until all of the lines were noted."""
    until = time.monotonic() + PATIENCE_S
    while not set(lines) <= set(notes(cli)):
        assert time.monotonic() < until, (lines, notes(cli))
        time.sleep(0.02)


def notes(cli: Cli) -> list[str]:
    file = cli.folder / "notes"
    return file.read_text().splitlines() if file.exists() else []


def tell(store: Store, *events: tuple[str, Any]) -> None:
    store.publish([Publication(key, value, at=time.time()) for key, value in events])


def test_a_flow_reacts_and_its_engine_is_killed_meanwhile(cli: Cli) -> None:
    """Each event is acted on once; what ran until it was stopped runs again; what a condition remembers stays."""
    write(cli)
    store = SqliteStore(cli.env["MOTET_HOME"])
    cli("submit", "online.py:online", "--name", "mine")
    noted(cli, "predict")
    tell(store, ("data", 1), ("data", 2), ("tell_a", 1))
    noted(cli, "validate train#1", "report tell_a")
    kill(store)
    tell(store, ("tell_b", "broken"), ("tell_b", 2), ("data", 3), ("data", 4), ("tell_c", 3))
    cli.start("resume", "mine")
    noted(cli, "validate train#2", "report tell_c")
    tell(store, ("enough", None))
    until = time.monotonic() + PATIENCE_S
    while store.find_runs("mine")[0].status == "running":
        assert time.monotonic() < until
        time.sleep(0.02)
    found = notes(cli)
    assert {line for line in found if not line.startswith("predict")} == {
        "report tell_a", "report tell_c", "train 2", "train 4", "validate train#1", "validate train#2",
    }  # fmt: skip
    # What was under way at the kill may have been noted twice.
    assert (found.count("train 2"), found.count("train 4"), found.count("report tell_c")) == (1, 1, 1)
    assert found.count("predict") >= 2
    assert store.find_runs("mine")[0].status == "succeeded"
    store.close()


def kill(store: Store) -> None:
    """Kill whoever drives the run."""
    owner = store.find_runs("mine")[0].owner
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)


def test_flows_of_a_file_begin_when_their_rules_fire(cli: Cli) -> None:
    write(cli)
    store = SqliteStore(cli.env["MOTET_HOME"])
    told = cli.json("react", "online.py", "--name", "begins", "--background")
    assert told["flows"] == ["count"]
    tell(store, ("data_a", 1), ("other", 1), ("data_b", 2))
    noted(cli, "count data_a", "count data_b")
    cli("stop", "begins")
    runs = {row.id: row for row in store.runs()}
    begun = [row for row in runs.values() if row.workflow == "count"]
    assert [row.parent for row in begun] == [told["id"]] * 2
    assert "no flow" in cli("react", "online.py:online", code=2).err.lower()
    store.close()


def test_plans_say_what_was_written() -> None:
    plan = plan_of([start(at_the_top), stop(at_the_top, on="halt"), restart(at_the_top, on=AllOf((OnEvent("a"),)))])
    assert plan.tasks["at_the_top"].starts
    assert [each.do for each in plan.reactions.values()] == ["stop", "restart"]
    chained = plan_of([start(at_the_top, on="a*"), start(flow_at_the_top, after=[at_the_top]), finish(on="end")])
    assert [each.latest for each in chained.reactions.values()] == [None, {"at_the_top": "succeeded"}, None]
    assert not chained.tasks["at_the_top"].starts
    assert chained.tasks["flow-at-the-top"].run["target"].endswith(":flow_at_the_top")


def test_each_start_says_by_itself_what_it_comes_to_while_the_task_runs() -> None:
    plan = plan_of([
        start(at_the_top, again_s=5), start(at_the_top, on="a", while_alive="queue"), start(at_the_top, on="b"),
        start(at_the_top, on="c", while_alive="another"),
    ])  # fmt: skip
    assert [each.while_alive for each in plan.reactions.values()] == ["queue", "ignore", "another"]
    assert (plan.tasks["at_the_top"].again_s, plan.tasks["at_the_top"].starts) == (5, True)
    assert Plan.from_json(plan.to_json()) == plan


def test_what_makes_no_sense_is_refused() -> None:
    @task
    def within() -> None: ...

    for wrong, told in (
        (lambda: plan_of([start(within)]), "cannot be found by another process"),
        (lambda: plan_of([start(at_the_top, on="a", while_alive="cry")]), "while_alive 'cry' cannot be"),
        (lambda: start(at_the_top, on="a", after=at_the_top), "has `on` and `after`"),
        (lambda: plan_of([start(at_the_top), stop(namesake, on="a")]), "Two tasks are called at_the_top"),
        (lambda: plan_of([start(at_the_top, after=flow_at_the_top)]), "cannot be"),
    ):
        with pytest.raises(UsageError, match=told):
            wrong()
    with pytest.raises(ValueError, match="would never be over"):
        Count(OnEvent("a"), 0)


@task
def at_the_top() -> None: ...


@task(name="at_the_top")
def namesake() -> None: ...


@flow
def flow_at_the_top() -> None: ...
