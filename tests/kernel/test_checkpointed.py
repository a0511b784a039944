"""What an attempt has kept: known to the next attempt at its step or element, and forgotten when that runs anew."""

from __future__ import annotations

import pytest
from tests.kernel.harness import Run

from motet.errors import InvalidTransition
from motet.kernel import checkpoint
from motet.kernel import events as ev
from motet.kernel.state import MOST_CHECKPOINTS

RETRIED = {"retries": 1, "delays_s": [0]}


def keep(run: Run, key: str, number: int, attempt: int = 1, element: int = -1) -> bool:
    return run.feed(ev.StepCheckpointed(run.now, key, attempt, element, number))


def kept(run: Run, key: str = "x") -> object:
    return run.state.steps[key].checkpoints


def test_they_are_known_until_the_step_is_another() -> None:
    run = Run()
    run.add("x", policy=RETRIED)
    assert keep(run, "x", 1) and keep(run, "x", 2)
    run.fail("x")
    run.pass_time(1)
    assert kept(run) == {"x": [1, 2]}
    assert keep(run, "x", 3, attempt=2)
    run.fail("x")
    run.act(ev.StepReset(run.now, "x", reason="reopened"))
    assert kept(run) == {"x": [1, 2, 3]}
    run.fail("x", retry=False)
    run.act(ev.StepReset(run.now, "x", anew=True))
    assert kept(run) is None


@pytest.mark.parametrize("how", [{"anew": True}, {"fingerprint": "other"}])
def test_what_runs_anew_begins_anew(how: dict[str, object]) -> None:
    run = Run()
    run.add("x")
    keep(run, "x", 1)
    run.succeed("x")
    run.act(ev.StepReset(run.now, "x", **how))  # type: ignore[arg-type]
    assert kept(run) is None


def test_a_former_attempt_keeps_nothing() -> None:
    run = Run()
    run.add("x", policy={"retries": 1, "delays_s": [60]})
    run.fail("x")
    assert not keep(run, "x", 1)
    run.pass_time(60)
    assert not keep(run, "x", 1, attempt=1)
    assert keep(run, "x", 1, attempt=2)
    run.succeed("x")
    assert not keep(run, "x", 2, attempt=2)
    with pytest.raises(InvalidTransition):
        run.apply(ev.StepCheckpointed(run.now, "x", 2, number=2))


def test_elements_have_their_own_and_lose_none_when_their_map_goes_on() -> None:
    run = Run()
    run.add("m", size=3, policy=RETRIED)
    assert keep(run, "m", 1, element=1) and keep(run, "m", 2, element=1) and keep(run, "m", 1, element=2)
    assert not keep(run, "m", 1, element=7)
    run.fail("m", 1)
    run.act(ev.StepInterrupted(run.now, "m"))
    assert kept(run, "m") == {"m[1]": [1, 2], "m[2]": [1]}


def test_the_newest_are_known_and_stand_in_checkpoints_of_the_run() -> None:
    run = Run()
    run.add("x")
    run.add("y")
    for number in range(1, 31):
        keep(run, "x", number)
    assert kept(run) == {"x": [*range(31 - MOST_CHECKPOINTS, 31)]}
    again = checkpoint.from_json(checkpoint.to_json(run.state))
    assert again.steps["x"].checkpoints == kept(run)
    assert again.steps["y"].checkpoints is None
