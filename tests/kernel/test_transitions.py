"""The table, literally: what is in it happens, and nothing else."""

from __future__ import annotations

import pytest
from tests.kernel.harness import Run

from motet.errors import InvalidTransition
from motet.kernel import events as ev
from motet.kernel.fold import apply
from motet.kernel.moves import move
from motet.kernel.state import RunState
from motet.kernel.transitions import NEEDS_LOST, NEEDS_MET, RUN, STEP
from motet.rules import OnEvent

STEPS = ("pending", "ready", "running", "retrying", "succeeded", "failed", "cancelled", "skipped", "waiting")
RUNS = ("pending", "running", "cancelling", "succeeded", "failed", "cancelled")

# Rows: where a step is. Columns: what happens. A dot: that cannot be.
TABLE = """
          needs.met needs.lost started checkpointed succeeded failed retrying skipped stopping cancelled interrupted reset   redefined waiting
pending   ready     .          .       .            .         .      .        skipped pending  cancelled .           pending pending .
ready     .         pending    running .            succeeded failed .        skipped ready    cancelled .           pending pending waiting
running   .         .          .       running      succeeded failed retrying .       running  cancelled ready       pending . .
waiting   .         .          .       .            succeeded failed .        .       waiting  cancelled .           pending .        .
retrying  .         .          running .            .         .      .        skipped retrying cancelled .           pending pending .
succeeded .         .          .       .            .         .      .        .       .        .         .           pending . .
failed    .         .          .       .            .         .      .        .       .        .         .           pending . .
cancelled .         .          .       .            .         .      .        .       .        .         .           pending . .
skipped   .         .          .       .            .         .      .        .       .        .         .           pending . .
"""  # noqa: E501
RUN_TABLE = """
              started    cancelling  reopened  finishing  finished
  pending     running    cancelling  .         .          *
  running     running    cancelling  .         running    *
  cancelling  cancelling cancelling  .         .          *
  succeeded   .          .           .         .          .
  failed      .          .           running   .          .
  cancelled   .          .           running   .          .
"""


def read(table: str, prefix: str) -> dict[tuple[str, str], str]:
    head, *rows = table.strip("\n").splitlines()
    kinds = [kind if "." in kind else f"{prefix}.{kind}" for kind in head.split()]
    cells = ((row.split()[0], kind, to) for row in rows for kind, to in zip(kinds, row.split()[1:], strict=True))
    return {(was, kind): to for was, kind, to in cells}


def run_with_a_step(status: str) -> Run:
    """A run whose step "x" got to that status as steps do; it needs "a", and its policy allows a retry."""
    run = Run()
    run.add("a")
    until = OnEvent("go").to_json() if status in ("ready", "waiting") else None
    run.add("x", needs=["a"], policy={"retries": 1, "delays_s": [60]}, until=until)
    if status == "skipped":
        run.fail("a")
    elif status != "pending":
        if status == "ready":
            run.state.steps["x"].bound = False
        run.succeed("a")
    if status == "retrying":
        run.fail("x")
    elif status == "failed":
        run.fail("x", retry=False)
    elif status == "succeeded":
        run.succeed("x")
    elif status == "cancelled":
        run.end("x")
    assert run.status("x") == status
    return run


EVENTS: dict[str, ev.StepEvent] = {
    event.kind: event
    for event in (
        ev.StepStarted(1.0, "x", 7), ev.StepSucceeded(1.0, "x", 1), ev.StepFailed(1.0, "x", 1),
        ev.StepRetrying(1.0, "x", 1), ev.StepSkipped(1.0, "x"), ev.StepStopping(1.0, "x"),
        ev.StepWaiting(1.0, "x"), ev.StepCancelled(1.0, "x"), ev.StepInterrupted(1.0, "x"),
        ev.StepCheckpointed(1.0, "x", 1),
    )
}  # fmt: skip


def test_the_table_is_this_one() -> None:
    assert {pair: to for pair, to in read(TABLE, "step").items() if to != "."} == STEP
    assert {pair: to.strip("*") for pair, to in read(RUN_TABLE, "run").items() if to != "."} == RUN


@pytest.mark.parametrize("status", STEPS)
@pytest.mark.parametrize("kind", EVENTS)
def test_steps_move_by_the_table_and_by_nothing_else(status: str, kind: str) -> None:
    run = run_with_a_step(status)
    to = read(TABLE, "step")[status, kind]
    if to == ".":
        with pytest.raises(InvalidTransition, match=f"x is {status}, and {kind} cannot follow"):
            run.apply(EVENTS[kind])
    else:
        run.apply(EVENTS[kind])
        assert run.status("x") == to


@pytest.mark.parametrize("status", STEPS)
@pytest.mark.parametrize("kind", [NEEDS_MET, NEEDS_LOST])
def test_derived_moves_are_in_the_table_too(status: str, kind: str) -> None:
    run = run_with_a_step(status)
    to = read(TABLE, "step")[status, kind]
    if to == ".":
        with pytest.raises(InvalidTransition):
            move(run.state, run.state.steps["x"], kind, 1.0)
    else:
        move(run.state, run.state.steps["x"], kind, 1.0)
        assert run.status("x") == to


@pytest.mark.parametrize("status", STEPS)
def test_a_reset_leads_back_to_the_start_from_everywhere_but_a_running_attempt(status: str) -> None:
    run = run_with_a_step(status)
    if status == "running":
        with pytest.raises(InvalidTransition):  # the table means a map of which nothing is in hand
            run.apply(ev.StepReset(1.0, "x"))
        return
    run.apply(ev.StepReset(1.0, "x"))
    # Reset means pending; where nothing stands in the way, the next move follows at once.
    assert run.status("x") == ("pending" if status in ("pending", "skipped") else "ready")


def run_in(status: str) -> RunState:
    state = RunState("r")
    if status != "pending":
        apply(state, ev.RunStarted(1.0, 1, "test"))
    if status == "cancelling":
        apply(state, ev.RunCancelling(2.0, "enough"))
    elif status not in ("pending", "running"):
        apply(state, ev.RunFinished(2.0, status))
    assert state.status == status
    return state


@pytest.mark.parametrize("status", RUNS)
@pytest.mark.parametrize(
    "event",
    [
        ev.RunStarted(3.0, 2, "test"),
        ev.RunCancelling(3.0, ""),
        ev.RunReopened(3.0),
        ev.RunFinishing(3.0, "failed"),
        ev.RunFinished(3.0, "failed"),
    ],
)
def test_runs_move_by_their_table(status: str, event: ev.Event) -> None:
    to = read(RUN_TABLE, "run")[status, event.kind]
    state = run_in(status)
    if to == ".":
        with pytest.raises(InvalidTransition, match=f"the run is {status}"):
            apply(state, event)
    else:
        apply(state, event)
        assert state.status == (to if to != "*" else "failed")


@pytest.mark.parametrize("status", ["running", "skipped", "waiting", ""])
def test_a_run_ends_only_with_what_is_an_end(status: str) -> None:
    with pytest.raises(InvalidTransition):
        apply(run_in("running"), ev.RunFinished(3.0, status))


@pytest.mark.parametrize("event", [*EVENTS.values(), ev.StepReset(1.0, "x"), ev.ElementsStarted(1.0, "x", [0])])
def test_an_unknown_step_has_no_story(event: ev.Event) -> None:
    with pytest.raises(InvalidTransition, match="x is unknown"):
        apply(run_in("running"), event)


def test_a_key_is_added_once() -> None:
    run = run_with_a_step("running")
    with pytest.raises(InvalidTransition, match=r"x is running, and step\.added"):
        run.add("x")


def test_an_event_that_does_not_fit_is_not_counted() -> None:
    run = run_with_a_step("ready")
    seq = run.state.seq
    with pytest.raises(InvalidTransition):
        run.apply(ev.StepRetrying(1.0, "x", 1))
    assert run.state.seq == seq
