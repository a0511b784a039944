"""What others ask of a run that goes on: each kind, of programs and of flows, once, and by those who may."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.engine.hands import HAND, Bench, add
from tests.engine.test_waiting import Said

from motet import requests
from motet.engine.driver import Driver
from motet.kernel.policy import Policy
from motet.kernel.program import AddStep
from motet.ports import STEERING, Publication
from motet.rules import OnEvent

CALL = {"target": "builtins:len", "args": [[]]}
SLOWLY = Policy(executor="hand", retries=1, delays_s=(60.0,))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench()
    made.host.home = str(tmp_path)
    return made


def program(bench: Bench) -> Driver:
    never = AddStep("never", "never", until=OnEvent("never"))
    return bench.begin(
        program=Said(AddStep("a", "a", CALL, policy=SLOWLY), AddStep("b", "b", CALL, needs=("a",), policy=HAND), never)
    )


def flow(bench: Bench) -> Driver:
    driver = bench.begin()
    add(driver, "a", policy=SLOWLY)
    add(driver, "b", needs=("a",))
    return driver


def ask(bench: Bench, key: str, value: Any, *, run: str = "r1", by: str | None = None) -> int:
    token = requests.token(bench.host.home, run) if by is None else by
    asked = {**value, "token": token} if isinstance(value, dict) else value
    offset = bench.store.publish([Publication(key, asked, STEERING, "client", run, "", bench.clock.now())])[0]
    for listener in list(bench.tender.listeners.values()):
        listener()
    return offset


def refusals(bench: Bench) -> list[Any]:
    return [each.value for each in bench.store.read(0, published=True) if each.key == requests.REFUSED]


VOICES = pytest.mark.parametrize("voice", [program, flow])


@VOICES
def test_a_step_is_stopped(bench: Bench, voice: Callable[[Bench], Driver]) -> None:
    driver = voice(bench)
    ask(bench, "step.stop", {"step": "a", "reason": "enough"})
    assert (driver.state.steps["a"].status, driver.state.steps["b"].status) == ("cancelled", "skipped")
    assert driver.state.steps["a"].error["message"] == "enough"


@VOICES
def test_a_step_that_waits_for_its_retry_is_tried_at_once(bench: Bench, voice: Callable[[Bench], Driver]) -> None:
    driver = voice(bench)
    bench.executor.fail("a")
    assert driver.state.steps["a"].status == "retrying"
    ask(bench, "step.retry", {"step": "a"})
    assert driver.state.steps["a"].status == "running"
    bench.executor.succeed("a")
    assert driver.state.steps["b"].status == "running"


def test_a_step_of_a_program_that_failed_runs_again_with_what_was_skipped(bench: Bench) -> None:
    driver = program(bench)
    for _ in range(2):
        bench.executor.fail("a")
        bench.tender.advance(61.0)
    assert (driver.state.steps["a"].status, driver.state.steps["b"].status) == ("failed", "skipped")
    ask(bench, "step.retry", {"step": "a"})
    assert (driver.state.steps["a"].status, driver.state.steps["b"].status) == ("running", "pending")
    bench.executor.succeed("a")
    assert driver.state.steps["b"].status == "running"


def test_a_map_that_failed_runs_again_with_what_was_skipped_because_of_an_element(bench: Bench) -> None:
    call = {**CALL, "over": [1, 2]}
    later = (AddStep("b", "b", CALL, needs=("m[1]",), policy=HAND), AddStep("c", "c", CALL, needs=("b",), policy=HAND))
    never = AddStep("never", "never", until=OnEvent("never"))
    driver = bench.begin(program=Said(AddStep("m", "m", call, size=2, policy=HAND), *later, never))
    bench.executor.succeed("m", element=0)
    bench.executor.fail("m", element=1)
    assert [driver.state.steps[key].status for key in ("m", "b", "c")] == ["failed", "skipped", "skipped"]
    ask(bench, "step.retry", {"step": "m"})
    assert [driver.state.steps[key].status for key in ("m", "b", "c")] == ["running", "pending", "pending"]
    bench.executor.succeed("m", element=1)
    bench.executor.succeed("b")
    assert driver.state.steps["c"].status == "running"


@VOICES
def test_a_step_is_added(bench: Bench, voice: Callable[[Bench], Driver]) -> None:
    driver = voice(bench)
    value = {
        "step": "c",
        "call": {"target": "builtins:len", "args": [[]]},
        "needs": ["a"],
        "policy": {"executor": "hand"},
    }
    ask(bench, "step.add", value)
    assert driver.state.steps["c"].status == "pending"
    bench.executor.succeed("a")
    assert driver.state.steps["c"].status == "running"


@VOICES
def test_what_is_asked_is_done_once_whoever_reads_it_again(bench: Bench, voice: Callable[[Bench], Driver]) -> None:
    driver = voice(bench)
    bench.executor.fail("a")
    ask(bench, "step.retry", {"step": "a"})
    bench.executor.fail("a")
    assert driver.state.steps["a"].status == "retrying"
    driver.session.cursor = 0
    driver.look()
    assert driver.state.steps["a"].status == "retrying"


@VOICES
@pytest.mark.parametrize(
    ("key", "value", "by", "why"),
    [
        ("step.stop", {"step": "a"}, "", "token"),
        ("step.stop", {"step": "a"}, "0" * 32, "token"),
        ("step.add", {"step": "c"}, "another", "token"),
        ("step.stop", {"step": "a"}, "\u00fc", "token"),
        ("step.stop", {"step": "a"}, "\ud800", "token"),
        ("step.stop", None, None, "token"),
        ("step.stop", {}, None, "names no step"),
        ("step.stop", {"step": "x"}, None, "no step x"),
        ("step.retry", {"step": "a"}, None, "is running"),
        ("step.add", {"step": "c", "needs": ["x"]}, None, "x"),
        ("step.add", {"step": "c[1]"}, None, "element of a map"),
        ("step.add", {"step": "c", "policy": {"no": 1}}, None, "cannot be done"),
        ("step.add", {"step": "c", "needs": 3}, None, "needs of step c cannot be 3"),
        ("step.add", {"step": "c", "needs": [["a"]]}, None, "cannot be done"),
        ("step.add", {"step": "c", "needs": "a"}, None, "needs of step c cannot be 'a'"),
        ("step.add", {"step": "c", "size": -1}, None, "size of step c cannot be -1"),
        ("step.add", {"step": "c", "size": 10**12}, None, "size of step c cannot be 1000000000000"),
        ("step.add", {"step": "c", "size": 1.5}, None, "size of step c cannot be 1.5"),
        ("step.add", {"step": "c", "call": "f"}, None, "call of step c cannot be 'f'"),
        ("step.add", {"step": "c", "task": None}, None, "task of step c cannot be None"),
        ("step.add", {"step": "c\ud800"}, None, "cannot be done"),
        ("step.add", {"step": "c", "policy": {"retries": "1"}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"timeout_s": "1"}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"timeout_s": -1}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"delays_s": ["1"], "retries": 1}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"demands": {"cpu": "1"}}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"demands": ["cpu"]}}, None, "cannot be done"),
        ("step.add", {"step": "c", "policy": {"retries": None}}, None, "in place of a number"),
        ("step.add", {"step": "c", "policy": {"executor": [1]}}, None, "names no executor"),
        ("step.add", {"step": "c", "policy": {"executor": ""}}, None, "names no executor"),
        ("step.add", {"step": "c", "policy": 1}, None, "policy of step c cannot be 1"),
    ],
)
def test_what_cannot_be_or_may_not_is_refused(
    bench: Bench, voice: Callable[[Bench], Driver], key: str, value: Any, by: str | None, why: str
) -> None:
    """Another run's token is a wrong one."""
    driver = voice(bench)
    before = {each: step.status for each, step in driver.state.steps.items()}
    token = requests.token(bench.host.home, "another") if by == "another" else by
    offset = ask(bench, key, value, by=token)
    (told,) = refusals(bench)
    assert told["offset"] == offset and why in told["why"]
    assert {each: step.status for each, step in driver.state.steps.items()} == before
    assert driver.session.broken is None


def test_threads_that_ask_for_the_first_token_at_once_are_told_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(50):
            home = tmp_path / str(number)
            home.mkdir()
            told = set(pool.map(lambda run, home=str(home): requests.token(home, run), ["r"] * 8))
            assert len(told) == 1
            assert os.listdir(home) == ["requests.key"]
